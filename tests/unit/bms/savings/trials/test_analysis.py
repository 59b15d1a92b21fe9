"""What a trial tells of a building: planted effects, nothing planted, gaps, weeks it takes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from bms.model.savings.trial import (
    AaCheck,
    Bounds,
    DetectableEffect,
    Subject,
    TrialOutcome,
    TrialResult,
)
from bms.savings.trials.analysis import Allocations, allocations_of, analyse
from bms.savings.trials.days import DailyRecord, learn_expectation, observe
from bms.savings.trials.design import allocate, layout
from bms.savings.trials.effect import pool
from bms.savings.trials.outcome import caveats, duration_fact, outcome, outcome_fact, pooled_fact
from bms.savings.trials.placebo import aa_check, failed
from bms.savings.trials.power import BlockDesign, detectable_effects, weeks_for
from tests.rigs.fakes.trial import a_record
from tests.rigs.sentences import danish, english

AT, DAYS = 400, 54
DESIGN = BlockDesign(3, 1)


def draws_of(record: DailyRecord, seed: int = 3) -> Allocations:
    here = slice(AT, AT + DAYS)
    blocks = layout(record.temp_c[here].tolist(), record.rest[here].tolist(), 3, 1)
    return allocations_of(blocks, allocate(blocks, seed), seed)


def with_effect(record: DailyRecord, draws: Allocations, share: float) -> DailyRecord:
    value = record.value.copy()
    value[AT : AT + DAYS] *= 1.0 - share * draws.made[draws.layout.block_of]
    return replace(record, value=value)


def analysed(share: float, *, seed: int = 1, record: DailyRecord | None = None):
    known = record or a_record(seed=seed)
    draws = draws_of(known, seed)
    treated = with_effect(known, draws, share)
    return analyse(treated, learn_expectation(treated, AT), draws, AT, AT + DAYS)


class TestAnEffect:
    def test_eight_percent_is_found(self) -> None:
        told = analysed(0.08, record=a_record(noise=0.02))
        assert told is not None
        share = told.effect.share
        assert share is not None
        assert share.holds(0.08)
        assert share.value == pytest.approx(0.08, abs=0.02)
        assert told.effect.saving.above_zero
        assert outcome(told.effect) is TrialOutcome.LESS
        assert told.effect.p_value <= 0.05

    def test_where_nothing_was_done_nothing_is_found(self) -> None:
        told = analysed(0.0)
        assert told is not None
        assert told.effect.saving.holds(0.0)
        assert outcome(told.effect) is TrialOutcome.NOT_TOLD

    def test_a_control_that_uses_more_is_told_so(self) -> None:
        told = analysed(-0.15)
        assert told is not None
        assert outcome(told.effect) is TrialOutcome.MORE

    def test_every_day_is_accounted_for(self) -> None:
        record = a_record()
        record.value[AT + 4 : AT + 9] = np.nan  # places 4, 5, 7, 8 are used; 6 is washed out
        told = analysed(0.0, record=record)
        assert told is not None
        effect = told.effect
        assert (effect.washed_out, effect.missing) == (18, 4)
        assert effect.days_own + effect.days_optimised + effect.missing + effect.washed_out == DAYS

    def test_only_days_that_are_over_count(self) -> None:
        record = a_record()
        draws = draws_of(record)
        told = analyse(record, learn_expectation(record, AT), draws, AT, AT + 30)
        assert told is not None
        assert told.effect.days_own + told.effect.days_optimised == 20

    def test_an_arm_with_hardly_a_day_tells_nothing(self) -> None:
        record = a_record()
        assert analyse(record, learn_expectation(record, AT), draws_of(record), AT, AT + 5) is None
        assert outcome(None) is TrialOutcome.NO_DATA

    def test_a_building_that_rests_has_no_share(self) -> None:
        record = a_record()
        record.value[AT:] *= 0.01
        told = analysed(0.08, record=record)
        assert told is not None
        assert told.effect.share is None
        assert told.shares is None

    def test_comfort_is_told_in_kelvin_hours(self) -> None:
        record = a_record(subject=Subject.COMFORT)
        told = analysed(0.0, record=record)
        assert told is not None
        assert told.effect.unit == "K·h/day"
        assert told.effect.share is None

    def test_without_a_past_the_days_themselves_have_to_do(self) -> None:
        record = a_record()
        record.value[:AT] = np.nan
        told = analysed(0.08, record=record)
        assert told is not None
        assert told.effect.share is not None
        assert told.effect.share.holds(0.08)

    def test_what_is_expected_sees_no_day_of_the_trial(self) -> None:
        record = a_record()
        other = replace(record, value=record.value.copy())
        other.value[AT:] = 1e6
        assert np.allclose(learn_expectation(record, AT).value, learn_expectation(other, AT).value)

    def test_washed_out_and_unknown_days_are_not_observed(self) -> None:
        record = a_record()
        record.temp_c[AT + 1] = np.nan
        draws = draws_of(a_record())
        seen = observe(record, learn_expectation(record, AT), draws.layout, AT, len(record))
        assert seen.day[:4].tolist() == [2, 4, 5, 7]
        assert seen.block[:4].tolist() == [0, 1, 1, 2]


@pytest.fixture(scope="module")
def table() -> tuple[DetectableEffect, ...]:
    return detectable_effects(a_record(), DESIGN, AT, (4, 8))


class TestPower:
    def test_longer_trials_see_smaller_effects(self, table: tuple[DetectableEffect, ...]) -> None:
        four, eight = table
        assert four.share is not None
        assert eight.share is not None
        assert 0.0 < eight.share < four.share < 0.2
        assert (four.blocks, eight.blocks) == (9, 18)

    def test_what_it_promises_is_shown_four_times_of_five(
        self, table: tuple[DetectableEffect, ...]
    ) -> None:
        eight = table[1]
        assert eight.share is not None
        told = [analysed(eight.share, seed=seed) for seed in range(40)]
        shown = np.mean([each is not None and each.effect.saving.above_zero for each in told])
        assert 0.65 <= shown <= 0.98

    def test_a_quiet_building_needs_fewer_weeks(self) -> None:
        quiet = detectable_effects(a_record(noise=0.01), DESIGN, AT, (4,))
        noisy = detectable_effects(a_record(noise=0.2), DESIGN, AT, (4,))
        assert weeks_for(quiet, 0.08) == 4
        assert weeks_for(noisy, 0.08) is None

    def test_a_short_past_tells_nothing(self) -> None:
        (row,) = detectable_effects(a_record(), DESIGN, 30, (8,))
        assert (row.share, row.per_day) == (None, None)

    def test_discomfort_has_no_share(self) -> None:
        (row,) = detectable_effects(a_record(subject=Subject.COMFORT), DESIGN, AT, (8,))
        assert row.share is None
        assert row.per_day is not None


class TestTheAaCheck:
    def test_a_year_without_a_switch_holds_no_effect(self) -> None:
        record = a_record()
        nobody = np.zeros(len(record), dtype=bool)
        check = aa_check(record, nobody, DESIGN, start=AT, days=DAYS, seed=1)
        assert check.windows == 6
        assert not failed(check)

    def test_stretches_in_which_the_control_changed_do_not_count(self) -> None:
        record = a_record()
        written = np.arange(len(record)) >= AT - 60
        check = aa_check(record, written, DESIGN, start=AT, days=DAYS, seed=1)
        assert check.windows == 5

    def test_a_chain_that_finds_effects_everywhere_fails(self) -> None:
        assert failed(AaCheck(subject=Subject.HEAT, windows=6, covered=3))
        assert not failed(AaCheck(subject=Subject.HEAT, windows=6, covered=4))
        assert not failed(AaCheck(subject=Subject.HEAT, windows=0, covered=0))


class TestBuildingsTogether:
    def test_ten_noisy_buildings_show_what_one_does_not(self) -> None:
        told = [analysed(0.06, record=a_record(seed=seed, noise=0.15)) for seed in range(10)]
        found = [each for each in told if each is not None and each.shares is not None]
        together = pool(
            [each.shares for each in found if each.shares],
            [each.regression for each in found if each.regression],
        )
        assert together is not None
        assert together.above_zero
        assert together.holds(0.06)
        assert sum(each.effect.saving.above_zero for each in found) < 5

    def test_one_building_is_none(self) -> None:
        told = analysed(0.06)
        assert told is not None
        assert told.shares is not None
        assert told.regression is not None
        assert pool([told.shares], [told.regression]) is None


def a_result(**changes: object) -> TrialResult:
    made = TrialResult(
        trial="t",
        site="hut",
        days=56,
        days_done=56,
        effects=(),
        findings=(),
        checks=(),
        disobeyed=(),
        idle=(),
        reasons=(),
    )
    return replace(made, **changes)


class TestTheOutcome:
    def test_a_saving_is_said_with_its_interval(self) -> None:
        told = analysed(0.08)
        assert told is not None
        effect = replace(
            told.effect, share=Bounds(0.081, 0.052, 0.11), saving=Bounds(31.24, 20.0, 42.0)
        )
        found = outcome_fact(Subject.HEAT, effect)
        assert found.code == "trial_less"
        assert english(found).startswith(
            "Heat: our control used 8.1 % (31.2 kWh a day) less than the building's own "
            "(90 % interval 5.2 % to 11.0 % less)."
        )
        assert danish(found).startswith(
            "Varme: vores styring brugte 8,1 % (31,2 kWh pr. døgn) mindre end bygningens egen "
            "(90 %-interval 5,2 % til 11,0 % mindre)."
        )

    def test_nothing_certain_is_said_as_that(self) -> None:
        told = analysed(0.0)
        found = outcome_fact(Subject.HEAT, None if told is None else told.effect)
        assert found.code == "trial_not_told"
        assert "no certain difference" in english(found)
        assert outcome_fact(Subject.GAS, None).code == "trial_no_data"

    def test_less_discomfort_is_called_that(self) -> None:
        told = analysed(0.2, record=a_record(subject=Subject.COMFORT, noise=0.02))
        assert told is not None
        found = outcome_fact(Subject.COMFORT, told.effect)
        assert "K·h a day less discomfort" in english(found)
        assert "mindre ubehag" in danish(found)

    def test_caveats_name_what_a_reader_has_to_know(self) -> None:
        told = analysed(0.0)
        assert told is not None
        day = date(2019, 1, 14)
        check = AaCheck(subject=Subject.HEAT, windows=6, covered=2)
        result = a_result(
            days_done=30,
            effects=(replace(told.effect, missing=10),),
            disobeyed=(day,),
            idle=(day, day),
            checks=(check,),
        )
        assert [each.code for each in caveats(result)] == [
            "trial_aa_failed",
            "trial_missing",
            "trial_part",
            "trial_disobeyed",
            "trial_idle",
        ]
        assert caveats(a_result()) == ()

    def test_weeks_that_are_needed(self) -> None:
        assert english(duration_fact(Subject.HEAT, 0.08, 6, 12)) == (
            "Heat: with this building's noise you need 6 weeks to see 8.0 %."
        )
        assert "Pool several buildings" in english(duration_fact(Subject.HEAT, 0.08, None, 12))

    def test_buildings_together(self) -> None:
        assert english(pooled_fact(Subject.HEAT, Bounds(0.05, 0.02, None), 3)) == (
            "Heat, 3 buildings together: 5.0 % less use (90 % interval 2.0 % to unbounded)."
        )
        assert pooled_fact(None, None, 0).code == "trial_pool_few"
