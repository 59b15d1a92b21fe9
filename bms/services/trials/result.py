"""What a trial shows: safety and compliance while it runs, its effects at its planned end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256

import numpy as np

from bms.model.assets.site import Site
from bms.model.fact import Fact
from bms.model.savings.trial import KeptTrial, Trial
from bms.model.savings.trial_result import (
    Arm,
    DayDose,
    Effect,
    Safety,
    Subject,
    TrialResult,
    TrialState,
)
from bms.savings.trials.analysis import allocations_of, analyse
from bms.savings.trials.daily_values import DailyRecord, learn_expectation
from bms.savings.trials.outcome import (
    carry_over_facts,
    caveats,
    findings,
    outcome_facts,
    unlisted_facts,
)
from bms.savings.trials.placebo import aa_check
from bms.savings.trials.power import BlockDesign
from bms.savings.trials.random_allocation import allocation_of, layout_of
from bms.savings.trials.unlisted_closures import unlisted_closures
from bms.services.periods import local_date
from bms.services.trials.comfort import discomfort
from bms.services.trials.daily_records import PAST_DAYS, day_flags, records, written_days
from bms.services.trials.design import sealed_site
from bms.services.trials.dose import arm_doses, daily_dose, fallback_of
from bms.services.trials.ports import TrialPorts

DAY = timedelta(days=1)
PATIENCE = 14 * DAY
"""So long after the end the readings of its last day are waited for."""

Inputs = tuple[tuple[Subject, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundResult:
    """A result, and digests of the daily values that it rests on."""

    result: TrialResult
    inputs: Inputs = ()


def find_result(ports: TrialPorts, site: Site, known: KeptTrial) -> FoundResult:
    """What a trial shows now, by its sealed design.

    Before the planned end that is the dose and the discomfort of our days alone, and of one that
    was stopped for good. Raises ``FeedError`` without weather where effects are due.
    """
    now, trial = ports.clock.now(), known.trial
    blinded = _blinded(ports, sealed_site(site, trial), known, now)
    if blinded.state is not TrialState.FINISHED:
        return FoundResult(result=replace(blinded, reasons=caveats(blinded)))
    first = trial.first - PAST_DAYS * DAY
    end = trial.first + trial.days * DAY
    found = records(
        sealed_site(site, trial), ports.readings, ports.feed, first, end, tariffs=ports.tariffs
    )
    if now < trial.end + PATIENCE and any(np.isnan(each.value[-1]) for each in found.values()):
        return FoundResult(result=_waiting(blinded))
    return _unblinded(ports, site, trial, blinded, found)


def unsealed_result(ports: TrialPorts, site: Site, known: KeptTrial) -> TrialResult:
    """What everybody may see before the result is sealed: the dose and the discomfort of our days,
    also between the planned end and the seal."""
    found = _blinded(ports, sealed_site(site, known.trial), known, ports.clock.now())
    if found.state is TrialState.FINISHED:
        return _waiting(found)
    return replace(found, reasons=caveats(found))


def _waiting(blinded: TrialResult) -> TrialResult:
    waiting = replace(blinded, state=TrialState.AWAITING_DATA)
    return replace(waiting, reasons=caveats(waiting))


def days_done(known: KeptTrial, now: datetime) -> int:
    """Whole local days of a trial that are over [d]."""
    last = local_date(min(now, known.until), known.trial.timezone)
    return min(max((last - known.trial.first).days, 0), known.trial.days)


def state_of_trial(known: KeptTrial, now: datetime) -> TrialState:
    """Where a trial is by the calendar."""
    if known.stopped:
        return TrialState.STOPPED
    if now < known.trial.start:
        return TrialState.COMING
    return TrialState.RUNNING if now < known.trial.end else TrialState.FINISHED


def _blinded(ports: TrialPorts, site: Site, known: KeptTrial, now: datetime) -> TrialResult:
    """What may be seen at any time."""
    trial, done = known.trial, days_done(known, now)
    receipts = ports.ledgers.receipts(site.id, trial.start) if done else []
    dose = daily_dose(trial, receipts, done, fallback_of(ports.plans))
    return TrialResult(
        trial=trial.id,
        site=site.id,
        state=state_of_trial(known, now),
        primary=trial.sealed.primary,
        confidence=trial.sealed.confidence,
        days=trial.days,
        days_done=done,
        dose=arm_doses(dose),
        dose_days=dose,
        safety=_safety(ports, site, trial, dose),
        effects=(),
        findings=(),
        checks=(),
        reasons=(),
    )


def _safety(
    ports: TrialPorts, site: Site, trial: Trial, dose: tuple[DayDose, ...]
) -> Safety | None:
    """The discomfort of our days that are over; None where no room was watched."""
    felt = discomfort(site, ports.readings, trial.first, len(dose)) if dose else None
    if felt is None:
        return None
    ours = np.array([each.arm is Arm.OPTIMISED for each in dose]) & np.isfinite(felt)
    if not ours.any():
        return None
    shown = felt[ours]
    return Safety(days=len(shown), mean_kh=float(shown.mean()), worst_kh=float(shown.max()))


def _unblinded(
    ports: TrialPorts,
    site: Site,
    trial: Trial,
    blinded: TrialResult,
    found: Mapping[Subject, DailyRecord],
) -> FoundResult:
    first = trial.first - PAST_DAYS * DAY
    written = written_days(site, ports.ledgers, first)
    effects = _effects(trial, found)
    closed = _unlisted(trial, found)
    result = replace(
        blinded,
        effects=tuple(effects.values()),
        findings=findings(trial.sealed, effects),
        checks=tuple(
            aa_check(
                record,
                day_flags(first, len(record), written),
                BlockDesign(trial.block_days, trial.washout_days),
                start=PAST_DAYS,
                days=trial.days,
                seed=trial.seed,
            )
            for record in found.values()
        ),
    )
    shown: tuple[Fact, ...] = (
        *outcome_facts(trial.sealed, effects),
        *caveats(result),
        *carry_over_facts(trial.sealed, effects),
        *unlisted_facts(closed),
    )
    inputs = tuple((subject, _digest(record)) for subject, record in found.items())
    return FoundResult(result=replace(result, reasons=shown), inputs=inputs)


def _effects(trial: Trial, found: Mapping[Subject, DailyRecord]) -> dict[Subject, Effect]:
    draws = allocations_of(layout_of(trial), allocation_of(trial), trial.seed)
    end = PAST_DAYS + trial.days
    analysed = {
        subject: analyse(
            record,
            learn_expectation(record, PAST_DAYS),
            draws,
            PAST_DAYS,
            end,
            confidence=trial.sealed.confidence,
        )
        for subject, record in found.items()
    }
    return {subject: effect for subject, effect in analysed.items() if effect is not None}


def _unlisted(trial: Trial, found: Mapping[Subject, DailyRecord]) -> tuple[date, ...]:
    """Days of the trial that were closed and are listed nowhere, by the primary outcome."""
    record = found.get(trial.sealed.primary)
    if record is None or trial.sealed.primary is Subject.COMFORT:
        return ()
    expectation = learn_expectation(record, PAST_DAYS)
    return unlisted_closures(record, expectation, PAST_DAYS, PAST_DAYS + trial.days)


def _digest(record: DailyRecord) -> str:
    """SHA-256 of the days' values to six digits, in hexadecimal digits."""
    text = ",".join(f"{value:.6g}" for value in record.value)
    return sha256(text.encode()).hexdigest()


def input_digests(ports: TrialPorts, site: Site, trial: Trial) -> Inputs:
    """Digests of the daily values as they are today. Raises ``FeedError``."""
    first: date = trial.first - PAST_DAYS * DAY
    end = trial.first + trial.days * DAY
    found = records(
        sealed_site(site, trial), ports.readings, ports.feed, first, end, tariffs=ports.tariffs
    )
    return tuple((subject, _digest(record)) for subject, record in found.items())
