"""Without a model a zone keeps its own timetable, or what its own days have shown to be enough."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bms.model.assets.point import Role
from bms.model.planning.problem import LearnedStart, Lever, ZoneTask
from bms.model.readings.units import Unit
from optimizer.setpoints.optimum_start import LONGEST_STOP_H
from optimizer.setpoints.timetable import LONGEST_RULE_H, ZoneNow, timetable_setpoints

STEP_H = 0.25
FIRST = 48
LEVER = Lever(point="p", role=Role.ZONE_SETPOINT, unit=Unit.DEG_C, minimum=10.0, maximum=25.0)
USED = (False,) * FIRST + (True,) * 32
TASK = ZoneTask(
    id="changing",
    area_m2=100.0,
    occupied=USED,
    low_c=tuple(21.0 if used else 16.0 for used in USED),
    high_c=(26.0,) * len(USED),
    own_setpoint_c=(21.5,) * len(USED),
    lever=LEVER,
)


LEARNED = LearnedStart(
    dead_h=0.25,
    h_per_k=0.5,
    h_per_k2=0.0,
    long_h_per_k=0.0,
    margin_h=0.25,
    deepest_k=4.0,
    hold_k=0.1,
)
EVENING = (True,) * 24 + (False,) * 24


def lead_h(short_k: float | None) -> float:
    """How long before use the setpoint of a zone that was cold at its starts rises, at 5 degC
    outdoors [h]."""
    own = tuple(21.5 if used else 17.0 for used in USED)
    task = replace(TASK, start_backoff_k=short_k, own_setpoint_c=own)
    values = timetable_setpoints(
        task, LEVER, np.full(len(USED), 5.0), STEP_H, ZoneNow(starts_late=True)
    )
    return (FIRST - int(np.argmax(values > values[0]))) * STEP_H


@pytest.mark.parametrize(
    ("short_k", "longer_h"), [(None, 0.0), (-0.4, 0.0), (0.0, 0.0), (0.5, 0.75), (1.0, 1.5)]
)
def test_the_record_of_starts_moves_the_warm_up(short_k: float | None, longer_h: float) -> None:
    assert lead_h(short_k) == 2.0 + longer_h


def test_no_warm_up_is_endless() -> None:
    assert lead_h(50.0) == LONGEST_RULE_H


@pytest.mark.parametrize("out_c", [-20.0, 0.0, 12.0, np.nan])
@pytest.mark.parametrize("night_c", [13.0, 17.0, 21.5])
def test_a_zone_of_which_nothing_is_known_keeps_the_buildings_own_timetable(
    out_c: float, night_c: float
) -> None:
    """Also where that is set back below the floor, which the plan is not."""
    own = np.where(np.arange(len(USED)) >= FIRST - 21, 21.5, night_c)
    task = replace(TASK, own_setpoint_c=tuple(own.tolist()))
    values = timetable_setpoints(task, LEVER, np.full(len(USED), out_c), STEP_H)
    assert values == pytest.approx(np.maximum(own, 16.0))


def test_a_night_to_learn_from_has_the_lead_of_the_buildings_own_programme_at_least() -> None:
    own = np.where(np.arange(len(USED)) >= FIRST - 21, 21.5, 18.0)
    task = replace(TASK, own_setpoint_c=tuple(own.tolist()))
    values = timetable_setpoints(
        task, LEVER, np.full(len(USED), 10.0), STEP_H, ZoneNow(excited=True)
    )
    assert values[0] == 16.5
    assert values[FIRST - 21 :] == pytest.approx(own[FIRST - 21 :])


def evening(learned: LearnedStart | None, out_c: float = 0.0) -> list[float]:
    """The setpoints of a use of six hours and the night after it, at 21.5 degC of its own."""
    task = replace(
        TASK,
        occupied=EVENING,
        low_c=tuple(21.0 if used else 16.0 for used in EVENING),
        high_c=(26.0,) * len(EVENING),
        own_setpoint_c=(22.0,) * len(EVENING),
        learned_start=learned,
    )
    out = np.full(len(EVENING), out_c)
    return [float(v) for v in timetable_setpoints(task, LEVER, out, STEP_H)]


class TestHold:
    def test_a_room_is_asked_for_what_its_thermostat_has_been_seen_to_need(self) -> None:
        assert evening(LEARNED)[0] == pytest.approx(21.2)
        assert evening(replace(LEARNED, hold_k=0.7))[0] == pytest.approx(21.8)

    def test_never_for_more_than_the_building_itself_asks(self) -> None:
        assert evening(replace(LEARNED, hold_k=3.0))[0] == pytest.approx(22.0)

    def test_a_room_whose_thermostat_nobody_has_seen_holding_has_its_own_setpoint(self) -> None:
        assert evening(replace(LEARNED, hold_k=None))[0] == pytest.approx(22.0)


class TestStop:
    def test_the_setpoint_is_lowered_to_the_band_as_long_before_the_end_as_the_room_holds(
        self,
    ) -> None:
        """0.2 K above the band at 21.2 K to outdoors and 1 % an hour: 0.94 h."""
        values = evening(replace(LEARNED, hourly_fall=0.01))
        assert values[:21] == pytest.approx([21.2] * 21)
        assert values[21:24] == pytest.approx([21.0] * 3)
        assert max(values[24:]) < 20.0

    def test_earlier_in_mild_weather_and_by_two_hours_at_most(self) -> None:
        mild = evening(replace(LEARNED, hourly_fall=0.01), out_c=15.0)
        assert mild.index(21.0) == 24 - round(LONGEST_STOP_H / STEP_H)

    def test_not_where_the_evenings_do_not_tell(self) -> None:
        assert evening(LEARNED)[:24] == pytest.approx([21.2] * 24)
        assert evening(None)[:24] == pytest.approx([22.0] * 24)

    def test_not_in_weather_that_nobody_knows(self) -> None:
        unknown = evening(replace(LEARNED, hourly_fall=0.01), out_c=np.nan)
        assert unknown[:24] == pytest.approx([21.2] * 24)
