"""What a trial shows, and what a reader has to know beside its numbers: facts, no sentences."""

from __future__ import annotations

from bms.model.fact import Day, Fact, MessageCode, Parameter, Term, TermCode, fact
from bms.model.savings.trial import (
    AaCheck,
    Bounds,
    Effect,
    EffectUnit,
    Subject,
    TrialOutcome,
    TrialResult,
)
from bms.savings.trials.placebo import failed

MUCH_MISSING = 0.1
"""Share of the days without data from which on it is said."""


class OutcomeCode(MessageCode):
    """What a trial shows of a subject, of energy or of comfort."""

    LESS = "trial_less"
    MORE = "trial_more"
    LESS_DISCOMFORT = "trial_less_discomfort"
    MORE_DISCOMFORT = "trial_more_discomfort"
    NOT_TOLD = "trial_not_told"
    NO_DATA = "trial_no_data"


class OutcomePhrase(MessageCode):
    """Amounts and intervals inside the sentence of an outcome."""

    AMOUNT = "trial_amount"
    SHARE = "trial_share"
    INTERVAL = "trial_interval"
    INTERVAL_OF_SHARE = "trial_interval_of_share"


class CaveatCode(MessageCode):
    """What limits the result of a trial."""

    AA_FAILED = "trial_aa_failed"
    MISSING = "trial_missing"
    PART = "trial_part"
    DISOBEYED = "trial_disobeyed"
    IDLE = "trial_idle"


class PoolCode(MessageCode):
    """What the trials of several buildings show together."""

    POOLED = "trial_pool"
    TOO_FEW = "trial_pool_few"


class DurationCode(MessageCode):
    """How long a trial has to run."""

    WEEKS = "trial_weeks"
    TOO_NOISY = "trial_too_noisy"


class SubjectTerm(TermCode):
    """Names of the subjects of a trial."""

    ELECTRICITY = "trial_electricity"
    HEAT = "trial_heat"
    GAS = "trial_gas"
    COMFORT = "trial_comfort"


class BoundTerm(TermCode):
    """Ends of intervals, and their units."""

    UNBOUNDED = "trial_unbounded"
    KWH_PER_DAY = "trial_kwh_per_day"
    KELVIN_HOURS_PER_DAY = "trial_kelvin_hours_per_day"


_NAMES = {
    Subject.ELECTRICITY: SubjectTerm.ELECTRICITY,
    Subject.HEAT: SubjectTerm.HEAT,
    Subject.GAS: SubjectTerm.GAS,
    Subject.COMFORT: SubjectTerm.COMFORT,
}
_UNITS = {
    EffectUnit.KWH_PER_DAY: BoundTerm.KWH_PER_DAY,
    EffectUnit.KELVIN_HOURS_PER_DAY: BoundTerm.KELVIN_HOURS_PER_DAY,
}
_ENERGY = {TrialOutcome.LESS: OutcomeCode.LESS, TrialOutcome.MORE: OutcomeCode.MORE}
_COMFORT = {
    TrialOutcome.LESS: OutcomeCode.LESS_DISCOMFORT,
    TrialOutcome.MORE: OutcomeCode.MORE_DISCOMFORT,
}


def outcome(effect: Effect | None) -> TrialOutcome:
    """Returns what an effect shows: less or more only where its whole interval says so."""
    if effect is None:
        return TrialOutcome.NO_DATA
    if effect.saving.above_zero:
        return TrialOutcome.LESS
    return TrialOutcome.MORE if effect.saving.below_zero else TrialOutcome.NOT_TOLD


def outcome_fact(subject: Subject, effect: Effect | None) -> Fact:
    """Returns the fact about one subject."""
    name, found = _name(subject), outcome(effect)
    if effect is None:
        return fact(OutcomeCode.NO_DATA, subject=name)
    if found is TrialOutcome.NOT_TOLD:
        return fact(OutcomeCode.NOT_TOLD, subject=name, interval=_interval(effect))
    codes = _COMFORT if subject is Subject.COMFORT else _ENERGY
    amount, interval = _amount(effect), _interval(effect)
    return fact(codes[found], subject=name, amount=amount, interval=interval)


def caveats(result: TrialResult) -> tuple[Fact, ...]:
    """Returns what a reader has to know beside the numbers of a result."""
    found = [_failed_check(check) for check in result.checks if failed(check)]
    found += [_missing(effect) for effect in result.effects if _gappy(effect)]
    if result.days_done < result.days:
        found.append(fact(CaveatCode.PART, done=result.days_done, days=result.days))
    if result.disobeyed:
        days = tuple(Day(day) for day in result.disobeyed)
        found.append(fact(CaveatCode.DISOBEYED, days=days))
    if result.idle:
        found.append(fact(CaveatCode.IDLE, count=len(result.idle)))
    return tuple(found)


def pooled_fact(subject: Subject | None, share: Bounds | None, buildings: int) -> Fact:
    """Returns the fact about all buildings together; ``subject`` None where nothing can be
    pooled."""
    if subject is None or share is None:
        return fact(PoolCode.TOO_FEW)
    return fact(
        PoolCode.POOLED,
        subject=_name(subject),
        buildings=buildings,
        share=share.value,
        low=_end(share.low),
        high=_end(share.high),
    )


def duration_fact(subject: Subject, share: float, weeks: int | None, longest: int) -> Fact:
    """Returns how long a trial has to run to show an effect of ``share``; ``weeks`` None where
    ``longest`` are not enough."""
    if weeks is None:
        return fact(DurationCode.TOO_NOISY, subject=_name(subject), share=share, weeks=longest)
    return fact(DurationCode.WEEKS, subject=_name(subject), share=share, weeks=weeks)


def _name(subject: Subject) -> Term:
    return Term(_NAMES[subject].value)


def _gappy(effect: Effect) -> bool:
    return effect.missing > MUCH_MISSING * (
        effect.missing + effect.days_own + effect.days_optimised
    )


def _missing(effect: Effect) -> Fact:
    return fact(CaveatCode.MISSING, subject=_name(effect.subject), count=effect.missing)


def _failed_check(check: AaCheck) -> Fact:
    return fact(
        CaveatCode.AA_FAILED,
        subject=_name(check.subject),
        covered=check.covered,
        windows=check.windows,
    )


def _amount(effect: Effect) -> Fact:
    value = abs(effect.saving.value)
    amount = fact(OutcomePhrase.AMOUNT, value=value, unit=_unit(effect))
    if effect.share is None:
        return amount
    return fact(OutcomePhrase.SHARE, share=abs(effect.share.value), amount=amount)


def _interval(effect: Effect) -> Fact:
    if effect.share is not None:
        ends = {"low": _end(effect.share.low), "high": _end(effect.share.high)}
        return fact(OutcomePhrase.INTERVAL_OF_SHARE, **ends)
    ends = {"low": _end(effect.saving.low), "high": _end(effect.saving.high)}
    return fact(OutcomePhrase.INTERVAL, **ends, unit=_unit(effect))


def _unit(effect: Effect) -> Term:
    return Term(_UNITS[effect.unit].value)


def _end(end: float | None) -> Parameter:
    return Term(BoundTerm.UNBOUNDED.value) if end is None else end
