"""What a trial shows: of one building, and of all buildings with a trial together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from bms.errors import NotFound
from bms.model.assets.site import Site
from bms.model.fact import Fact
from bms.model.savings.trial import Arm, Bounds, Effect, KeptTrial, Subject, Trial, TrialResult
from bms.savings.trials.analysis import AnalysedEffect, allocations_of, analyse
from bms.savings.trials.daily_values import DailyRecord, learn_expectation
from bms.savings.trials.effect import pooled_share
from bms.savings.trials.outcome import caveats, outcome, outcome_fact, pooled_fact
from bms.savings.trials.placebo import aa_check
from bms.savings.trials.power import BlockDesign
from bms.savings.trials.random_allocation import allocation_of, layout_of
from bms.services.periods import local_date
from bms.services.trials.daily_records import PAST_DAYS, day_flags, records, written_days
from bms.services.trials.ports import TrialPorts

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialAnalysis:
    """The result of a trial, with what buildings are pooled from, by subject."""

    result: TrialResult
    effects: Mapping[Subject, AnalysedEffect]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """What buildings show together; ``shares`` are fractions of the use, by subject."""

    sites: tuple[str, ...]
    shares: Mapping[Subject, Bounds]
    reasons: tuple[Fact, ...]


def analyse_trial(ports: TrialPorts, site: Site, trial_id: str | None = None) -> TrialAnalysis:
    """Returns what a trial shows so far; the newest one of the site where none is named.

    Raises ``NotFound``, and ``FeedError`` without weather.
    """
    known = _chosen(ports.trials.trials(site.id), site, trial_id)
    trial, done = known.trial, days_done(known, ports.clock.now())
    first = trial.first - PAST_DAYS * DAY
    found = records(site, ports.readings, ports.feed, first, trial.first + done * DAY)
    written = written_days(site, ports.ledgers, first)
    analysed = _analysed(trial, found, done)
    result = TrialResult(
        trial=trial.id,
        site=site.id,
        days=trial.days,
        days_done=done,
        effects=tuple(each.effect for each in analysed.values()),
        findings=tuple((each, outcome(_effect(analysed, each))) for each in found),
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
        disobeyed=_days_of(trial, Arm.OWN_CONTROL, done, written, were_written=True),
        idle=_days_of(trial, Arm.OPTIMISED, done, written, were_written=False),
        reasons=(),
    )
    shown = [outcome_fact(each, _effect(analysed, each)) for each in found]
    reasons = (*shown, *caveats(result))
    return TrialAnalysis(result=replace(result, reasons=reasons), effects=analysed)


def pool_trials(answers: Sequence[TrialAnalysis]) -> Pooled:
    """Returns the share that the buildings saved together, for each subject of two or more."""
    shares: dict[Subject, Bounds] = {}
    facts: list[Fact] = []
    for subject in Subject:
        effects = [answer.effects[subject] for answer in answers if subject in answer.effects]
        pairs = [(each.shares, each.regression) for each in effects if each.shares is not None]
        together = pooled_share(
            [scores for scores, _ in pairs],
            [bounds for _, bounds in pairs if bounds is not None],
        )
        if together is not None:
            shares[subject] = together
            facts.append(pooled_fact(subject, together, len(pairs)))
    return Pooled(
        sites=tuple(answer.result.site for answer in answers),
        shares=shares,
        reasons=tuple(facts) or (pooled_fact(None, None, 0),),
    )


def days_done(known: KeptTrial, now: datetime) -> int:
    """Whole local days of a trial that are over [d]."""
    last = local_date(min(now, known.until), known.trial.timezone)
    return min(max((last - known.trial.first).days, 0), known.trial.days)


def _analysed(
    trial: Trial, found: Mapping[Subject, DailyRecord], done: int
) -> dict[Subject, AnalysedEffect]:
    draws = allocations_of(layout_of(trial), allocation_of(trial), trial.seed)
    end = PAST_DAYS + done
    analysed = {
        subject: analyse(record, learn_expectation(record, PAST_DAYS), draws, PAST_DAYS, end)
        for subject, record in found.items()
    }
    return {subject: effect for subject, effect in analysed.items() if effect is not None}


def _effect(analysed: Mapping[Subject, AnalysedEffect], subject: Subject) -> Effect | None:
    return analysed[subject].effect if subject in analysed else None


def _chosen(kept: Sequence[KeptTrial], site: Site, trial_id: str | None) -> KeptTrial:
    chosen = [known for known in kept if trial_id in (None, known.trial.id)]
    if not chosen:
        known = ", ".join(each.trial.id for each in kept) or "none"
        raise NotFound(f"{site.id} has no such trial; there are: {known}")
    return chosen[-1]


def _days_of(
    trial: Trial, arm: Arm, done: int, written: Set[date], *, were_written: bool
) -> tuple[date, ...]:
    """Days of an arm that are over and on which a plan was written, or was not."""
    days = (trial.first + i * DAY for i in range(done) if trial.arms[i // trial.block_days] is arm)
    return tuple(day for day in days if (day in written) is were_written)
