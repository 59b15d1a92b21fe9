"""What a trial tells of a building: planted effects, nothing planted, gaps, weeks it takes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bms.model.savings.trial_result import Subject, TrialOutcome
from bms.savings.trials.analysis import analyse
from bms.savings.trials.daily_values import learn_expectation, observed_days
from bms.savings.trials.outcome import outcome
from bms.savings.trials.pool import pooled_share
from tests.rigs.fakes.trial import AT, DAYS, a_record, analysed, draws_of


class TestAnEffect:
    def test_eight_percent_is_found(self) -> None:
        told = analysed(0.08, record=a_record(noise=0.02))
        assert told is not None
        share = told.share
        assert share is not None
        assert share.holds(0.08)
        assert share.value == pytest.approx(0.08, abs=0.02)
        assert told.saving.above_zero
        assert outcome(told) is TrialOutcome.LESS
        assert told.p_value <= 0.05

    def test_where_nothing_was_done_nothing_is_found(self) -> None:
        told = analysed(0.0)
        assert told is not None
        assert told.saving.holds(0.0)
        assert outcome(told) is TrialOutcome.NOT_TOLD

    def test_a_control_that_uses_more_is_told_so(self) -> None:
        told = analysed(-0.15)
        assert told is not None
        assert outcome(told) is TrialOutcome.MORE

    def test_every_day_is_accounted_for(self) -> None:
        record = a_record()
        record.value[AT + 4 : AT + 9] = np.nan  # places 4, 5, 7, 8 are used; 6 is washed out
        told = analysed(0.0, record=record)
        assert told is not None
        effect = told
        assert (effect.washed_out, effect.missing) == (18, 4)
        assert effect.days_own + effect.days_optimised + effect.missing + effect.washed_out == DAYS

    def test_only_days_that_are_over_count(self) -> None:
        record = a_record()
        draws = draws_of(record)
        told = analyse(record, learn_expectation(record, AT), draws, AT, AT + 30)
        assert told is not None
        assert told.days_own + told.days_optimised == 20

    def test_an_arm_with_hardly_a_day_tells_nothing(self) -> None:
        record = a_record()
        assert analyse(record, learn_expectation(record, AT), draws_of(record), AT, AT + 5) is None
        assert outcome(None) is TrialOutcome.NO_DATA

    def test_a_building_that_rests_has_no_share(self) -> None:
        record = a_record()
        record.value[AT:] *= 0.01
        told = analysed(0.08, record=record)
        assert told is not None
        assert told.share is None
        assert told.relative is None

    def test_comfort_is_told_in_kelvin_hours(self) -> None:
        record = a_record(subject=Subject.COMFORT)
        told = analysed(0.0, record=record)
        assert told is not None
        assert told.unit == "K·h/day"
        assert told.share is None

    def test_without_a_past_the_days_themselves_have_to_do(self) -> None:
        record = a_record()
        record.value[:AT] = np.nan
        told = analysed(0.08, record=record)
        assert told is not None
        assert told.share is not None
        assert told.share.holds(0.08)

    def test_what_is_expected_sees_no_day_of_the_trial(self) -> None:
        record = a_record()
        other = replace(record, value=record.value.copy())
        other.value[AT:] = 1e6
        assert np.allclose(learn_expectation(record, AT).value, learn_expectation(other, AT).value)

    def test_washed_out_and_unknown_days_are_not_observed(self) -> None:
        record = a_record()
        record.temp_c[AT + 1] = np.nan
        draws = draws_of(a_record())
        seen = observed_days(record, learn_expectation(record, AT), draws.layout, AT, len(record))
        assert seen.day[:4].tolist() == [2, 4, 5, 7]
        assert seen.block[:4].tolist() == [0, 1, 1, 2]


class TestBuildingsTogether:
    @pytest.mark.slow
    def test_ten_noisy_buildings_show_what_one_does_not(self) -> None:
        told = [analysed(0.06, record=a_record(seed=seed, noise=0.15)) for seed in range(10)]
        found = [each for each in told if each is not None]
        together = pooled_share([each.relative for each in found if each.relative])
        assert together is not None
        assert together.above_zero
        assert together.holds(0.06)
        assert sum(each.saving.above_zero for each in found) < 5

    def test_one_building_is_none(self) -> None:
        told = analysed(0.06)
        assert told is not None
        assert told.relative is not None
        assert pooled_share([told.relative]) is None
