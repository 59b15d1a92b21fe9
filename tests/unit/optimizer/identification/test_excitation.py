"""Which records excite a room: heating that varies, and days on which something moves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimizer.identification.excitation import (
    DataSplit,
    Excitation,
    excitation_of,
    heating_varied,
    last_training_step,
)
from optimizer.model.zone_record import ZoneRecord
from tests.rigs.buildings.made_room import made_room

AREA_M2 = 160.0
DAY = 96


def held(days: float = 28.0) -> ZoneRecord:
    return replace(made_room(days=days, held_days=28.0), area_m2=AREA_M2)


@pytest.mark.parametrize(
    ("heat", "varied"),
    [
        ([3.0, 3.0, 3.0], False),
        ([3.0, 3.01, np.nan], False),
        ([0.0, 0.0, 0.0], False),
        ([np.nan, np.nan], False),
        ([], False),
        ([3.0, np.nan, 2.0], True),
    ],
)
def test_heating_varied(heat: list[float], varied: bool) -> None:
    assert heating_varied(np.array(heat)) is varied


class TestTheClock:
    def test_of_an_even_record_is_the_calendar(self) -> None:
        record = made_room(days=28)
        split = excitation_of(record).split(len(record), 0.75)
        assert split.by_calendar
        assert split.step(0.5, 1001) == round(0.5 * 1001)
        assert np.all(split.weights(np.array([0, 5]), np.array([96, 101])) == 1.0)

    @pytest.mark.slow
    def test_lets_both_sides_of_the_cut_see_moving_days(self) -> None:
        record = held(days=38.0)
        moves = excitation_of(record)
        split = moves.split(len(record), 0.75)
        cut = last_training_step(record, split, 0.75)
        assert not split.by_calendar
        before, after = moves.moving[: cut // DAY].sum(), moves.moving[cut // DAY :].sum()
        assert before >= 2 * after >= 4
        assert len(record) - cut >= 2.5 * DAY

    def test_counts_what_is_rare_as_much_as_the_rest(self) -> None:
        split = DataSplit(40, np.arange(40) >= 30)
        first, last = np.arange(0, 36, 4), np.arange(4, 40, 4)
        weights = split.weights(first, last)
        rare = weights > 1.0
        assert list(first[rare]) == [28, 32]  # the others end before anything moves
        assert weights[~rare].sum() == pytest.approx(weights[rare].sum())

    @pytest.mark.parametrize("part", [0.3, 0.5, 0.75])
    def test_goes_on_only_while_something_moves(self, part: float) -> None:
        split = DataSplit(1000, np.arange(1000) >= 800)
        assert split.step(part) == pytest.approx(800 + 200 * part, abs=16)


class TestMovingDays:
    @pytest.mark.slow
    def test_are_those_whose_setpoint_moves(self) -> None:
        record = held(days=35.0)
        moves = excitation_of(record)
        assert moves.by_setpoint
        assert not moves.moving[:27].any()
        assert moves.moving.sum() >= 5
        assert not moves.held
        settled = [*range(27), 34]  # and a Sunday, at the lower temperature since Friday
        assert list(np.flatnonzero(moves.steady_steps(len(record))[::DAY])) == settled

    @pytest.mark.slow
    def test_are_not_made_by_the_noise_of_a_sensor(self) -> None:
        record = held()
        noisy = record.temp + np.random.default_rng(1).normal(0.0, 0.4, len(record))
        assert not excitation_of(replace(record, temp=noisy, setpoint=None)).moving.any()

    @pytest.mark.slow
    def test_are_told_by_the_room_where_no_setpoint_is_known(self) -> None:
        moves = excitation_of(replace(held(days=35.0), setpoint=None))
        assert not moves.by_setpoint
        assert moves.moving[28:].sum() >= 4
        assert not moves.moving[2:27].any()
        assert not moves.held  # a room may be still by nature: the ladder is climbed

    @pytest.mark.slow
    def test_none_at_all_in_a_record_of_hours(self) -> None:
        moves = excitation_of(held().part(0, 50))
        assert isinstance(moves, Excitation)
        assert moves.split(50, 0.75).by_calendar
        assert moves.steady_steps(50).all()
