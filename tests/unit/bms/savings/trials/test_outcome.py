"""What a trial shows, and what is said beside it, in sentences that a council can read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from bms.model.savings.trial import AaCheck, Bounds, Subject, TrialResult
from bms.savings.trials.outcome import caveats, duration_fact, outcome_fact, pooled_fact
from tests.rigs.fakes.trial import a_record, analysed
from tests.rigs.sentences import danish, english


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
