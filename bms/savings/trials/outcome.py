"""What a trial shows, and what a reader has to know beside its numbers: facts, no sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from bms.model.fact import Day, Fact, MessageCode, Parameter, Term, TermCode, fact
from bms.model.savings.trial import SealedDesign
from bms.model.savings.trial_result import (
    AaCheck,
    Arm,
    Bounds,
    DetectableEffect,
    Effect,
    EffectUnit,
    Subject,
    TrialOutcome,
    TrialResult,
    TrialState,
)
from bms.savings.trials.placebo import UNLIKELY, failed
from bms.savings.trials.power import WeeksRange

MUCH_MISSING = 0.1
"""Share of the days without data from which on it is said."""
USUAL_CONFIDENCE = 0.9
STRAY = 0.05
"""Share of a day of own control [1] from which on our control there is told."""
HALF = 0.5
"""Share of a day of ours [1] below which it is told."""


class OutcomeCode(MessageCode):
    """What a trial shows of a subject, of energy or of comfort."""

    LESS = "trial_less"
    MORE = "trial_more"
    NOT_WORSE = "trial_not_worse"
    WORSE = "trial_worse"
    LESS_DISCOMFORT = "trial_less_discomfort"
    MORE_DISCOMFORT = "trial_more_discomfort"
    COMFORT_NOT_TOLD = "trial_comfort_not_told"
    NOT_TOLD = "trial_not_told"
    NO_DATA = "trial_no_data"


class OutcomePhrase(MessageCode):
    """Amounts and intervals inside the sentence of an outcome."""

    AMOUNT = "trial_amount"
    SHARE = "trial_share"
    INTERVAL = "trial_interval"
    INTERVAL_OF_SHARE = "trial_interval_of_share"
    INTERVAL_MORE = "trial_interval_more"
    INTERVAL_OF_SHARE_MORE = "trial_interval_of_share_more"
    INTERVAL_OF_DISCOMFORT = "trial_interval_of_discomfort"
    INTERVAL_OF_LESS_DISCOMFORT = "trial_interval_of_less_discomfort"


class CaveatCode(MessageCode):
    """What limits the result of a trial."""

    AA_FAILED = "trial_aa_failed"
    MISSING = "trial_missing"
    COMING = "trial_blind_coming"
    RUNNING = "trial_blind_running"
    STOPPED = "trial_stopped"
    AWAITING_DATA = "trial_awaiting_data"
    REPEATED = "trial_repeated"
    SECONDARY = "trial_secondary"
    SECONDARY_MORE = "trial_secondary_more"
    DOSE = "trial_dose"
    DISOBEYED = "trial_disobeyed"
    LOW_DOSE = "trial_low_dose"
    PEOPLE = "trial_people"
    CARRY_OVER = "trial_carry_over"
    NO_CARRY_OVER = "trial_no_carry_over"
    UNLISTED = "trial_unlisted"
    SAFETY = "trial_safety"


class PoolCode(MessageCode):
    """What the trials of several buildings show together."""

    LESS = "trial_pool"
    MORE = "trial_pool_more"
    SECONDARY_LESS = "trial_pool_secondary"
    SECONDARY_MORE = "trial_pool_secondary_more"
    AGREEING = "trial_pool_agreeing"
    TOO_FEW = "trial_pool_few"
    OPEN = "trial_pool_open"
    NOT_TOLD = "trial_pool_not_told"
    INCOMPLETE = "trial_pool_incomplete"


class DurationCode(MessageCode):
    """How long a trial has to run."""

    WEEKS = "trial_weeks"
    RANGE = "trial_weeks_range"
    AT_LEAST = "trial_weeks_at_least"
    TOO_NOISY = "trial_too_noisy"
    LEAST = "trial_least_effect"
    LEAST_RANGE = "trial_least_effect_range"
    TOO_SHORT_A_PAST = "trial_past_too_short"


class SubjectTerm(TermCode):
    """Names of the subjects of a trial."""

    ELECTRICITY = "trial_electricity"
    HEAT = "trial_heat"
    GAS = "trial_gas"
    COMFORT = "trial_comfort"
    COST = "trial_cost"
    CO2 = "trial_co2"
    PEAK = "trial_peak"


class BoundTerm(TermCode):
    """Ends of intervals, and their units."""

    UNBOUNDED = "trial_unbounded"
    KWH_PER_DAY = "trial_kwh_per_day"
    KELVIN_HOURS_PER_DAY = "trial_kelvin_hours_per_day"
    DKK_PER_DAY = "trial_dkk_per_day"
    KG_PER_DAY = "trial_kg_per_day"
    KW = "trial_kw"


_NAMES = {
    Subject.ELECTRICITY: SubjectTerm.ELECTRICITY,
    Subject.HEAT: SubjectTerm.HEAT,
    Subject.GAS: SubjectTerm.GAS,
    Subject.COMFORT: SubjectTerm.COMFORT,
    Subject.COST: SubjectTerm.COST,
    Subject.CO2: SubjectTerm.CO2,
    Subject.PEAK: SubjectTerm.PEAK,
}
_UNITS = {
    EffectUnit.KWH_PER_DAY: BoundTerm.KWH_PER_DAY,
    EffectUnit.KELVIN_HOURS_PER_DAY: BoundTerm.KELVIN_HOURS_PER_DAY,
    EffectUnit.DKK_PER_DAY: BoundTerm.DKK_PER_DAY,
    EffectUnit.KG_PER_DAY: BoundTerm.KG_PER_DAY,
    EffectUnit.KW: BoundTerm.KW,
}
_ENERGY = {TrialOutcome.LESS: OutcomeCode.LESS, TrialOutcome.MORE: OutcomeCode.MORE}
_DISCOMFORT = {
    TrialOutcome.LESS: OutcomeCode.LESS_DISCOMFORT,
    TrialOutcome.MORE: OutcomeCode.MORE_DISCOMFORT,
}
_COMFORT = {
    TrialOutcome.NOT_WORSE: OutcomeCode.NOT_WORSE,
    TrialOutcome.WORSE: OutcomeCode.WORSE,
    TrialOutcome.NOT_TOLD: OutcomeCode.COMFORT_NOT_TOLD,
}
_STATES = {
    TrialState.COMING: CaveatCode.COMING,
    TrialState.RUNNING: CaveatCode.RUNNING,
    TrialState.STOPPED: CaveatCode.STOPPED,
    TrialState.AWAITING_DATA: CaveatCode.AWAITING_DATA,
}


def findings(
    design: SealedDesign, effects: Mapping[Subject, Effect]
) -> tuple[tuple[Subject, TrialOutcome], ...]:
    """Returns the finding of the primary outcome and, where rooms were watched, of comfort."""
    primary = design.primary
    found = [(primary, outcome(effects.get(primary)))]
    comfort = effects.get(Subject.COMFORT)
    if comfort is not None and primary is not Subject.COMFORT:
        found.append((Subject.COMFORT, comfort_outcome(comfort, design.comfort_margin_kh)))
    return tuple(found)


def outcome(effect: Effect | None) -> TrialOutcome:
    """Returns what an effect shows: less or more only where its whole interval says so."""
    if effect is None:
        return TrialOutcome.NO_DATA
    if effect.saving.above_zero:
        return TrialOutcome.LESS
    return TrialOutcome.MORE if effect.saving.below_zero else TrialOutcome.NOT_TOLD


def comfort_outcome(effect: Effect, margin_kh: float) -> TrialOutcome:
    """Returns whether the discomfort is proven to be no more than ``margin_kh`` [K h/day] higher
    (non-inferiority), or proven to be more than that."""
    saving = effect.saving
    if saving.low is not None and saving.low > -margin_kh:
        return TrialOutcome.NOT_WORSE
    worse = saving.high is not None and saving.high < -margin_kh
    return TrialOutcome.WORSE if worse else TrialOutcome.NOT_TOLD


def outcome_facts(design: SealedDesign, effects: Mapping[Subject, Effect]) -> tuple[Fact, ...]:
    """Returns the facts about the primary outcome, about comfort, and about all others."""
    facts = [outcome_fact(design.primary, effects.get(design.primary))]
    for subject, effect in effects.items():
        if subject is design.primary:
            continue
        if subject is Subject.COMFORT:
            facts.append(_comfort_fact(effect, design.comfort_margin_kh))
            continue
        facts.append(_secondary_fact(effect))
    return tuple(facts)


def _secondary_fact(effect: Effect) -> Fact:
    more = effect.saving.value < 0.0
    return fact(
        CaveatCode.SECONDARY_MORE if more else CaveatCode.SECONDARY,
        subject=subject_term(effect.subject),
        amount=_amount(effect),
        interval=_interval(effect),
    )


def carry_over_facts(design: SealedDesign, effects: Mapping[Subject, Effect]) -> tuple[Fact, ...]:
    """Returns the fact about carry-over beyond the order that was supposed, of the primary
    outcome; none where it cannot be told."""
    effect = effects.get(design.primary)
    if effect is None or effect.carry_over_p is None:
        return ()
    found = effect.carry_over_p < UNLIKELY
    code = CaveatCode.CARRY_OVER if found else CaveatCode.NO_CARRY_OVER
    return (fact(code, count=design.carry_over_days, p=effect.carry_over_p),)


def unlisted_facts(days: Sequence[date]) -> tuple[Fact, ...]:
    """Returns the fact about days that were closed and are listed nowhere."""
    return (fact(CaveatCode.UNLISTED, days=tuple(map(Day, days))),) if days else ()


def outcome_fact(subject: Subject, effect: Effect | None) -> Fact:
    """Returns the fact about the primary outcome."""
    name, found = subject_term(subject), outcome(effect)
    if effect is None:
        return fact(OutcomeCode.NO_DATA, subject=name)
    interval = _interval(effect)
    if found is TrialOutcome.NOT_TOLD:
        return fact(OutcomeCode.NOT_TOLD, subject=name, interval=interval)
    if subject is Subject.COMFORT:
        return fact(_DISCOMFORT[found], amount=_amount(effect), interval=interval)
    return fact(
        _ENERGY[found],
        subject=name,
        amount=_amount(effect),
        interval=interval,
    )


def _comfort_fact(effect: Effect, margin_kh: float) -> Fact:
    return fact(
        _COMFORT[comfort_outcome(effect, margin_kh)],
        margin=margin_kh,
        interval=_interval(effect),
    )


def caveats(result: TrialResult) -> tuple[Fact, ...]:
    """Returns what a reader has to know beside the numbers of a result."""
    found = []
    if result.state in _STATES:
        found.append(fact(_STATES[result.state], done=result.days_done, days=result.days))
    found += [_failed_check(check) for check in result.checks if failed(check)]
    found += [_missing(effect) for effect in result.effects if _gappy(effect)]
    if result.confidence > USUAL_CONFIDENCE:
        found.append(fact(CaveatCode.REPEATED, confidence=result.confidence))
    return (*found, *_compliance(result))


def _compliance(result: TrialResult) -> list[Fact]:
    """How much of each arm was our control, days that went another way, and our discomfort."""
    found = []
    doses = {each.arm: each.share for each in result.dose}
    ours, own = doses.get(Arm.OPTIMISED), doses.get(Arm.OWN_CONTROL)
    if ours is not None and own is not None:
        found.append(fact(CaveatCode.DOSE, optimised=ours, own=own))
    odd = [d.day for d in result.dose_days if d.arm is Arm.OWN_CONTROL and d.share > STRAY]
    if odd:
        found.append(fact(CaveatCode.DISOBEYED, days=tuple(map(Day, odd))))
    low = [d.day for d in result.dose_days if d.arm is Arm.OPTIMISED and d.share < HALF]
    if low:
        found.append(fact(CaveatCode.LOW_DOSE, count=len(low)))
    led = [d.day for d in result.dose_days if d.arm is Arm.OWN_CONTROL and d.people > STRAY]
    if led:
        found.append(fact(CaveatCode.PEOPLE, days=tuple(map(Day, led))))
    if result.safety is not None:
        safe = result.safety
        found.append(fact(CaveatCode.SAFETY, mean=safe.mean_kh, worst=safe.worst_kh))
    return found


_POOLED = {
    (True, False): PoolCode.LESS,
    (True, True): PoolCode.MORE,
    (False, False): PoolCode.SECONDARY_LESS,
    (False, True): PoolCode.SECONDARY_MORE,
}
"""Of a primary outcome or another one, and of a saving or more use."""


def pooled_fact(
    subject: Subject | None,
    share: Bounds | None,
    buildings: int,
    *,
    confidence: float = USUAL_CONFIDENCE,
    primary: bool = False,
    open_yet: bool = False,
) -> Fact:
    """Returns the fact about all buildings together, of which ``subject`` is the ``primary``
    outcome or another one; None where nothing can be pooled, or not yet."""
    if subject is None or share is None:
        return fact(PoolCode.OPEN if open_yet else PoolCode.TOO_FEW)
    name, interval = subject_term(subject), _interval_of_share(share, confidence)
    if primary and share.holds(0.0):
        return fact(PoolCode.NOT_TOLD, subject=name, buildings=buildings, interval=interval)
    return fact(
        _POOLED[primary, share.value < 0.0],
        subject=name,
        buildings=buildings,
        share=abs(share.value),
        interval=interval,
    )


def incomplete_fact(trials: Sequence[str]) -> Fact:
    """Returns that these trials began and count for nothing, so that what is left is no finding."""
    return fact(PoolCode.INCOMPLETE, trials=tuple(trials))


def agreeing_fact(subject: Subject, buildings: int, covered: float) -> Fact:
    """Returns that the buildings agree closely, and the share of such pools that is covered."""
    return fact(
        PoolCode.AGREEING, subject=subject_term(subject), buildings=buildings, covered=covered
    )


def duration_fact(subject: Subject, share: float, weeks: WeeksRange, longest: int) -> Fact:
    """Returns how long a trial has to run to show an effect of ``share``, as a range; ``longest``
    is the longest that was tried."""
    name = subject_term(subject)
    if weeks.usual is None:
        return fact(DurationCode.TOO_NOISY, subject=name, share=share, weeks=longest)
    if weeks.at_most is None:
        return fact(
            DurationCode.AT_LEAST, subject=name, share=share, weeks=weeks.usual, longest=longest
        )
    if weeks.usual == weeks.at_most:
        return fact(DurationCode.WEEKS, subject=name, share=share, weeks=weeks.usual)
    return fact(
        DurationCode.RANGE, subject=name, share=share, weeks=weeks.usual, most=weeks.at_most
    )


def least_effect_fact(row: DetectableEffect) -> Fact:
    """Returns the least effect that a trial of so many weeks shows four times of five."""
    name = subject_term(row.subject)
    if row.share is None or row.share_high is None:
        return fact(DurationCode.TOO_SHORT_A_PAST, subject=name, count=row.weeks)
    if row.share == row.share_high:
        return fact(DurationCode.LEAST, subject=name, count=row.weeks, share=row.share)
    return fact(
        DurationCode.LEAST_RANGE,
        subject=name,
        count=row.weeks,
        share=row.share,
        most=row.share_high,
    )


def subject_term(subject: Subject) -> Term:
    """Returns the name of a subject."""
    return Term(_NAMES[subject].value)


def _gappy(effect: Effect) -> bool:
    return effect.missing > MUCH_MISSING * (
        effect.missing + effect.days_own + effect.days_optimised
    )


def _missing(effect: Effect) -> Fact:
    return fact(CaveatCode.MISSING, subject=subject_term(effect.subject), count=effect.missing)


def _failed_check(check: AaCheck) -> Fact:
    return fact(
        CaveatCode.AA_FAILED,
        subject=subject_term(check.subject),
        covered=check.covered,
        windows=check.windows,
    )


def _amount(effect: Effect) -> Fact:
    value = abs(effect.saving.value)
    amount = fact(OutcomePhrase.AMOUNT, value=value, unit=_unit(effect))
    if effect.share is None:
        return amount
    return fact(OutcomePhrase.SHARE, share=abs(effect.share.value), amount=amount)


_INTERVALS = {
    (False, False): OutcomePhrase.INTERVAL,
    (False, True): OutcomePhrase.INTERVAL_MORE,
    (True, False): OutcomePhrase.INTERVAL_OF_LESS_DISCOMFORT,
    (True, True): OutcomePhrase.INTERVAL_OF_DISCOMFORT,
}
"""Of discomfort or something else, and of more or less of it."""


def _interval(effect: Effect) -> Fact:
    """Of what there is less, or more where that is what was found; of more discomfort, as its
    margin is, unless less of it was found."""
    if effect.share is not None:
        return _interval_of_share(effect.share, effect.confidence)
    discomfort = effect.subject is Subject.COMFORT
    more = not effect.saving.above_zero if discomfort else effect.saving.value < 0.0
    return fact(
        _INTERVALS[discomfort, more],
        **_ends(effect.saving, more=more),
        unit=_unit(effect),
        confidence=effect.confidence,
    )


def _interval_of_share(share: Bounds, confidence: float) -> Fact:
    more = share.value < 0.0
    code = OutcomePhrase.INTERVAL_OF_SHARE_MORE if more else OutcomePhrase.INTERVAL_OF_SHARE
    return fact(code, **_ends(share, more=more), confidence=confidence)


def _ends(bounds: Bounds, *, more: bool) -> dict[str, Parameter]:
    """The ends of what there is less; of what there is ``more``, they change place and sign."""
    low, high = bounds.low, bounds.high
    if more:
        low, high = (None if end is None else 0.0 - end for end in (high, low))
    return {"low": _end(low), "high": _end(high)}


def _unit(effect: Effect) -> Term:
    return Term(_UNITS[effect.unit].value)


def _end(end: float | None) -> Parameter:
    return Term(BoundTerm.UNBOUNDED.value) if end is None else end
