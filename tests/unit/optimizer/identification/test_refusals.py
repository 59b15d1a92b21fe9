"""No model is better than a wrong one: what is refused, and what people are told is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bms.messages import translator
from optimizer.identification.holdout_score import HoldoutScore, score
from optimizer.identification.zone_study import ZoneStudy, study_zone
from optimizer.model.heat_shares import fit_shares
from optimizer.model.history import is_stuck, without_stuck_values
from optimizer.model.zone_record import ZoneRecord
from tests.rigs.buildings.made_room import made_room


def told(answer: ZoneStudy) -> list[str]:
    assert answer.fit is None
    assert answer.parameters() == {}
    for reason in answer.refused:
        da, en = (translator(language).describe(reason) for language in ("da", "en"))
        assert da.startswith("lokale")
        assert en.startswith("lokale")
        assert da != en
    return [reason.code for reason in answer.refused]


def repeated(record: ZoneRecord) -> ZoneRecord:
    """A room whose temperature is the same every week, whatever the heat does: a process heats it,
    which the meter does not see."""
    week = round(7 * 24 / record.step_h)
    hours = np.arange(len(record)) * record.step_h
    shape = np.random.default_rng(8).normal(0.0, 1.5, 15)
    temp = np.interp(hours % 168.0, np.arange(0, 180, 12.0), np.append(shape[:14], shape[0]))
    noise = np.random.default_rng(9).normal(0.0, 0.05, len(record))
    assert len(record) > 2 * week
    return replace(record, temp=21.0 + temp + noise)


class TestWhatIsRefused:
    def test_heat_that_flickers_around_one_value(self) -> None:
        record = made_room(days=14)
        flicker = 2.0 * (1.0 + np.random.default_rng(1).normal(0.0, 0.003, len(record)))
        assert told(study_zone(replace(record, heat=flicker), "lokale")) == ["no_excitation"]

    def test_no_heat_at_all(self) -> None:
        record = made_room(days=14)
        assert told(study_zone(replace(record, heat=0.0 * record.heat), "lokale")) == [
            "no_excitation"
        ]

    @pytest.mark.slow
    def test_a_room_where_last_week_is_the_better_prophet(self) -> None:
        record = made_room(days=28)
        answer = study_zone(repeated(record), "lokale")
        first = told(answer)[0]
        assert first in {"rivals_better", "too_uncertain"}
        assert answer.temperature.last_week < answer.temperature.model

    @pytest.mark.slow
    def test_a_record_that_is_mostly_holes(self) -> None:
        record = made_room(days=14)
        heat = record.heat.copy()
        heat[::40] = np.nan
        assert told(study_zone(replace(record, heat=heat), "lokale"))[0] == "too_many_gaps"

    @pytest.mark.slow
    def test_a_short_record_says_that_more_days_would_help(self) -> None:
        answer = study_zone(repeated(made_room(days=18)), "lokale")
        assert "more_days" in told(answer)

    @pytest.mark.slow
    def test_a_room_held_still_says_that_a_setback_would_help(self) -> None:
        record = made_room(days=28)
        rng = np.random.default_rng(6)
        heat = np.repeat(rng.uniform(0.5, 4.0, len(record) // 96 + 1), 96)[: len(record)]
        still = replace(record, temp=20.0 + rng.normal(0.0, 0.1, len(record)), heat=heat)
        answer = study_zone(still, "lokale")
        codes = told(answer)
        assert answer.temperature.beats_both  # as whoever always says the mean does
        assert codes[0] == "heat_no_better_than_mean"
        assert "held_still" in codes

    @pytest.mark.slow
    def test_a_model_that_says_no_more_than_the_mean(self) -> None:
        """Jumps that nothing explains: whoever says the mean beats both rivals."""
        record = made_room(days=28)
        rng = np.random.default_rng(12)
        jumps = np.repeat(rng.normal(0.0, 0.8, len(record) // 16 + 1), 16)[: len(record)]
        answer = study_zone(replace(record, temp=20.0 + jumps), "lokale")
        assert answer.temperature.beats_both
        assert told(answer)[0] == "no_better_than_mean"


class TestStuckSensors:
    def test_the_very_same_number_for_days_is_no_measurement(self) -> None:
        values = np.random.default_rng(0).normal(20.0, 0.2, 96 * 10)
        values[200:600] = values[200]
        cleaned = without_stuck_values(values, 0.25)
        assert np.isfinite(cleaned[:201]).all()
        assert np.isnan(cleaned[201:600]).all()
        assert np.isfinite(cleaned[600:]).all()

    def test_a_room_at_rest_over_a_weekend_is_believed(self) -> None:
        values = np.random.default_rng(0).normal(20.0, 0.2, 96 * 10)
        values[200 : 200 + 60 * 4] = 20.0
        assert without_stuck_values(values, 0.25) == pytest.approx(values)

    def test_gaps_are_not_the_same_number(self) -> None:
        values = np.full(96 * 5, np.nan)
        values[::50] = np.arange(10.0)
        assert np.array_equal(without_stuck_values(values, 0.25), values, equal_nan=True)

    def test_a_sensor_that_never_moves_is_stuck(self) -> None:
        assert is_stuck(np.full(500, 21.0))
        assert not is_stuck(np.array([21.0, 21.1, np.nan]))


class TestHowSureTheHeatIs:
    def rows(self, together: bool) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(2)
        n = 1200
        first = np.clip(np.repeat(rng.uniform(0, 100, n // 6), 6), 0, 100)
        second = first.copy() if together else np.repeat(rng.uniform(0, 100, n // 6), 6)
        heat = 6.0 * first / 100 + 4.0 * second / 100 + 1.0 + rng.normal(0.0, 0.3, n)
        return {
            "heat": heat,
            "valve_pct": np.stack([first, second]),
            "temp_out": rng.uniform(-2, 10, n),
            "run": np.zeros(n),
            "use": np.zeros(n),
            "area_m2": np.array([50.0, 50.0]),
            "coil_share": np.array([0.5, 0.5]),
        }

    def test_valves_that_move_apart_tell_it(self) -> None:
        shares = fit_shares(**self.rows(together=False))
        assert shares.part_error is not None
        assert shares.part_error[0] < 0.03

    def test_valves_that_move_together_leave_what_is_known_of_areas(self) -> None:
        shares = fit_shares(**self.rows(together=True))
        assert shares.part_error is not None
        assert 0.05 < shares.part_error[0] < 0.2

    def test_by_area_nothing_tells(self) -> None:
        rows = self.rows(together=False)
        rows["valve_pct"] = np.full_like(rows["valve_pct"], np.nan)
        shares = fit_shares(**rows)
        assert shares.part_error is None


@pytest.mark.slow
def test_rivals_are_worked_out_on_the_same_hours_as_the_model() -> None:
    record = made_room(days=21, step_h=1.0)
    answer = study_zone(record, "lokale")
    assert answer.training_fit is not None
    first = round(len(record) * 0.75)
    result: HoldoutScore = score(record, answer.training_fit, first)
    day = 24
    starts = np.arange(first, len(record) - day)
    like_now = np.sqrt(np.mean((record.temp[starts] - record.temp[starts + day]) ** 2))
    assert result.persistence == pytest.approx(float(like_now))
