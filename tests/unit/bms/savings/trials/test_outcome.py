"""What a trial shows, and what is said beside it, in sentences that a council can read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from bms.model.fact import Day
from bms.model.savings.trial_result import (
    AaCheck,
    Arm,
    ArmDose,
    Bounds,
    DayDose,
    Safety,
    Subject,
    TrialOutcome,
    TrialResult,
    TrialState,
)
from bms.savings.trials.outcome import (
    agreeing_fact,
    carry_over_facts,
    caveats,
    comfort_outcome,
    duration_fact,
    findings,
    outcome_fact,
    outcome_facts,
    pooled_fact,
    unlisted_facts,
)
from bms.savings.trials.power import WeeksRange
from tests.rigs.fakes.trial import SEALED, a_record, analysed
from tests.rigs.sentences import danish, english


def a_result(**changes: object) -> TrialResult:
    made = TrialResult(
        trial="t",
        site="hut",
        state=TrialState.FINISHED,
        primary=Subject.HEAT,
        confidence=0.9,
        days=56,
        days_done=56,
        dose=(),
        dose_days=(),
        safety=None,
        effects=(),
        findings=(),
        checks=(),
        reasons=(),
    )
    return replace(made, **changes)


class TestTheOutcome:
    def test_a_saving_is_said_with_its_interval(self) -> None:
        told = analysed(0.08)
        assert told is not None
        effect = replace(told, share=Bounds(0.081, 0.052, 0.11), saving=Bounds(31.24, 20.0, 42.0))
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
        found = outcome_fact(Subject.HEAT, told)
        assert found.code == "trial_not_told"
        assert "no certain difference" in english(found)
        assert outcome_fact(Subject.GAS, None).code == "trial_no_data"

    def test_comfort_is_not_worse_by_a_margin_that_was_set_before(self) -> None:
        told = analysed(0.0, record=a_record(subject=Subject.COMFORT, noise=0.02))
        assert told is not None
        effect = replace(told, saving=Bounds(-0.2, -0.9, 0.5), share=None)
        assert comfort_outcome(effect, 1.0) is TrialOutcome.NOT_WORSE
        assert comfort_outcome(effect, 0.5) is TrialOutcome.NOT_TOLD
        worse = replace(effect, saving=Bounds(-3.0, -4.0, -2.0))
        assert comfort_outcome(worse, 1.0) is TrialOutcome.WORSE
        said = [outcome_facts(SEALED, {Subject.COMFORT: each})[1].code for each in (effect, worse)]
        assert said == ["trial_not_worse", "trial_worse"]

    def test_more_has_an_interval_of_more(self) -> None:
        told = analysed(0.08)
        assert told is not None
        worse = replace(told, share=Bounds(-0.05, -0.08, None), saving=Bounds(-20.0, -32.0, -8.0))
        said = outcome_fact(Subject.HEAT, worse)
        assert "more than the building's own (90 % interval unbounded to 8.0 % more)" in english(
            said
        )
        amounts = outcome_fact(Subject.HEAT, replace(worse, share=None))
        assert "(90 % interval 8.0 to 32.0 kWh a day more)" in english(amounts)
        assert "(90 %-interval 8,0 til 32,0 kWh pr. døgn mere)" in danish(amounts)

    def test_comfort_is_told_as_discomfort(self) -> None:
        """ "Comfort: used less" could be read either way."""
        told = analysed(0.0, record=a_record(subject=Subject.COMFORT, noise=0.02))
        assert told is not None
        design = replace(SEALED, primary=Subject.COMFORT)
        better = replace(told, saving=Bounds(2.0, 1.0, 3.0), share=None)
        worse = replace(told, saving=Bounds(-2.0, -3.0, -1.0), share=None)
        for effect, said_en, said_da in (
            (
                better,
                (
                    "With our control there was 2.0 K·h a day less discomfort than with the "
                    "building's own (90 % interval 1.0 to 3.0 K·h a day less discomfort)."
                ),
                "Med vores styring var der 2,0 K·h pr. døgn mindre ubehag end med bygningens egen ",
            ),
            (
                worse,
                (
                    "With our control there was 2.0 K·h a day more discomfort than with the "
                    "building's own (90 % interval 1.0 to 3.0 K·h a day more discomfort)."
                ),
                "Med vores styring var der 2,0 K·h pr. døgn mere ubehag end med bygningens egen ",
            ),
        ):
            (said,) = outcome_facts(design, {Subject.COMFORT: effect})
            assert english(said).startswith(said_en)
            assert danish(said).startswith(said_da)
        (_, margin) = outcome_facts(SEALED, {Subject.HEAT: told, Subject.COMFORT: worse})
        assert "1.0 to 3.0 K·h a day more discomfort" in english(margin)

    def test_values_of_people_on_days_of_own_control_are_said(self) -> None:
        """They make the other side of the comparison, and no dose tells of them."""
        days = tuple(
            DayDose(day=date(2019, 1, 14 + i), arm=arm, share=0.0, people=people)
            for i, (arm, people) in enumerate(
                [(Arm.OWN_CONTROL, 0.0), (Arm.OWN_CONTROL, 0.6), (Arm.OPTIMISED, 0.6)]
            )
        )
        said = [each for each in caveats(a_result(dose_days=days)) if each.code == "trial_people"]
        assert [each.parameters["days"] for each in said] == [(Day(date(2019, 1, 15)),)]
        assert "2019-01-15" in danish(said[0])

    def test_one_outcome_is_primary_and_the_others_prove_nothing(self) -> None:
        heat = analysed(0.2)
        assert heat is not None
        effects = {Subject.HEAT: heat, Subject.COST: replace(heat, subject=Subject.COST)}
        assert findings(SEALED, effects) == ((Subject.HEAT, TrialOutcome.LESS),)
        assert [each.code for each in outcome_facts(SEALED, effects)] == [
            "trial_less",
            "trial_secondary",
        ]

    def test_a_secondary_outcome_that_got_worse_is_more(self) -> None:
        heat = analysed(0.2)
        assert heat is not None
        worse = replace(
            heat,
            subject=Subject.ELECTRICITY,
            saving=Bounds(-20.0, -30.0, -10.0),
            share=Bounds(-0.2, -0.3, -0.1),
        )
        (_, said) = outcome_facts(SEALED, {Subject.HEAT: heat, Subject.ELECTRICITY: worse})
        assert english(said).startswith("Electricity: 20.0 % (20.0 kWh a day) more (90 % interval")
        assert danish(said).startswith("El: 20,0 % (20,0 kWh pr. døgn) mere (90 %-interval")

    def test_no_dose_is_told_before_each_arm_had_a_day(self) -> None:
        early = a_result(
            dose=(
                ArmDose(arm=Arm.OPTIMISED, days=0, share=None),
                ArmDose(arm=Arm.OWN_CONTROL, days=2, share=0.0),
            ),
        )
        assert "trial_dose" not in {each.code for each in caveats(early)}

    def test_caveats_name_what_a_reader_has_to_know(self) -> None:
        told = analysed(0.0)
        assert told is not None
        day = date(2019, 1, 14)
        check = AaCheck(subject=Subject.HEAT, windows=6, covered=2)
        shares = ((Arm.OWN_CONTROL, 0.3), (Arm.OPTIMISED, 0.1), (Arm.OPTIMISED, 0.9))
        result = a_result(
            effects=(replace(told, missing=10),),
            confidence=0.99,
            dose=(
                ArmDose(arm=Arm.OPTIMISED, days=2, share=0.5),
                ArmDose(arm=Arm.OWN_CONTROL, days=2, share=0.1),
            ),
            dose_days=tuple(DayDose(day=day, arm=arm, share=share) for arm, share in shares),
            checks=(check,),
            safety=Safety(days=2, mean_kh=0.5, worst_kh=1.0),
        )
        assert [each.code for each in caveats(result)] == [
            "trial_aa_failed",
            "trial_missing",
            "trial_repeated",
            "trial_dose",
            "trial_disobeyed",
            "trial_low_dose",
            "trial_safety",
        ]
        assert caveats(a_result()) == ()

    def test_a_trial_that_was_stopped_tells_no_effect(self) -> None:
        (said,) = caveats(a_result(state=TrialState.STOPPED, days_done=30))
        assert "stopped after 30/56 days" in english(said)

    def test_weeks_that_are_needed_are_a_range(self) -> None:
        said = {
            pair: english(duration_fact(Subject.HEAT, 0.08, WeeksRange(*pair), 26))
            for pair in ((6, 6), (6, 10), (20, None), (None, None))
        }
        assert said[6, 6] == "Heat: with this building's noise you need 6 weeks to see 8.0 %."
        assert "6 to 10 weeks to see 8.0 %; plan for 10" in said[6, 10]
        assert "at least 20 weeks" in said[20, None]
        assert "26 weeks do not show 8.0 %. Pool several buildings" in said[None, None]

    def test_carry_over_and_days_that_nobody_listed_are_said(self) -> None:
        told = analysed(0.1)
        assert told is not None
        for p, code in ((0.01, "trial_carry_over"), (0.4, "trial_no_carry_over")):
            (said,) = carry_over_facts(SEALED, {Subject.HEAT: replace(told, carry_over_p=p)})
            assert said.code == code
        (closed,) = unlisted_facts([date(2019, 2, 12)])
        assert "2019-02-12" in english(closed)

    def test_buildings_together(self) -> None:
        share = Bounds(0.05, 0.02, None)
        assert english(pooled_fact(Subject.HEAT, share, 3, confidence=0.9, primary=True)) == (
            "Heat, 3 buildings together: 5.0 % less (90 % interval 2.0 % to unbounded less)."
        )
        worse = Bounds(-0.05, -0.09, -0.01)
        assert english(pooled_fact(Subject.PEAK, worse, 3, confidence=0.99, primary=False)) == (
            "Peak power, 3 buildings together: 5.0 % more (99 % interval 1.0 % to 9.0 % more). "
            "A secondary outcome, no proof."
        )
        said = danish(pooled_fact(Subject.HEAT, worse, 2, confidence=0.9, primary=True))
        assert said.startswith("Varme, 2 bygninger samlet: 5,0 % mere (90 %-interval")
        assert english(agreeing_fact(Subject.HEAT, 2, 0.76)) == (
            "Heat: the 2 buildings agree more closely than most alike buildings do; of pools that "
            "do, the interval covers 76 %."
        )
        assert pooled_fact(None, None, 0).code == "trial_pool_few"
