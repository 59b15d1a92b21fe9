"""What a trial shows: of one building, and of all buildings with a trial together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from bms.errors import NotFound
from bms.model.assets.site import Site
from bms.model.savings.trial import Arm, Bounds, Effect, KeptTrial, Subject, Trial, TrialResult
from bms.model.words import Words
from bms.savings.trials.analysis import Told, drawn, tell
from bms.savings.trials.days import Record, expect
from bms.savings.trials.design import layout_of, lot_of
from bms.savings.trials.effect import pool
from bms.savings.trials.placebo import aa_check
from bms.savings.trials.power import Shape
from bms.savings.trials.wording import caveats, effect_words, finding, pooled_words
from bms.services.periods import local_date
from bms.services.trials.ports import TrialPorts
from bms.services.trials.records import PAST_DAYS, day_flags, records, written_days

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The result of a trial, with what buildings are pooled from, by subject."""

    result: TrialResult
    told: Mapping[Subject, Told]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """What buildings show together; ``shares`` are fractions of the use, by subject."""

    sites: tuple[str, ...]
    shares: Mapping[Subject, Bounds]
    words: tuple[Words, ...]


def tell_trial(ports: TrialPorts, site: Site, trial_id: str | None = None) -> Answer:
    """What a trial shows so far; the newest one of the site where none is named.

    Raises ``NotFound``, and ``FeedError`` without weather.
    """
    known = _chosen(ports.trials.trials(site.id), site, trial_id)
    trial, done = known.trial, days_done(known, ports.clock.now())
    first = trial.first - PAST_DAYS * DAY
    found = records(site, ports.readings, ports.feed, first, trial.first + done * DAY)
    written = written_days(site, ports.ledgers, first)
    told = _told(trial, found, done)
    result = TrialResult(
        trial=trial.id,
        site=site.id,
        days=trial.days,
        days_done=done,
        effects=tuple(answer.effect for answer in told.values()),
        findings=tuple((each, finding(_effect(told, each))) for each in found),
        checks=tuple(
            aa_check(
                record,
                day_flags(first, len(record), written),
                Shape(trial.block_days, trial.washout_days),
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
    said = [effect_words(each, _effect(told, each)) for each in found]
    reasons = (*said, *caveats(result, result.checks))
    return Answer(result=replace(result, reasons=reasons), told=told)


def pool_trials(answers: Sequence[Answer]) -> Pooled:
    """The share that the buildings saved together, for each subject that two of them tell."""
    shares: dict[Subject, Bounds] = {}
    words: list[Words] = []
    for subject in Subject:
        told = [answer.told[subject] for answer in answers if subject in answer.told]
        pairs = [(each.shares, each.regression) for each in told if each.shares is not None]
        together = pool(
            [scores for scores, _ in pairs],
            [bounds for _, bounds in pairs if bounds is not None],
        )
        if together is not None:
            shares[subject] = together
            words.append(pooled_words(subject, together, len(pairs)))
    return Pooled(
        sites=tuple(answer.result.site for answer in answers),
        shares=shares,
        words=tuple(words) or (pooled_words(None, None, 0),),
    )


def days_done(known: KeptTrial, now: datetime) -> int:
    """Whole local days of a trial that are over [d]."""
    last = local_date(min(now, known.until), known.trial.timezone)
    return min(max((last - known.trial.first).days, 0), known.trial.days)


def _told(trial: Trial, found: Mapping[Subject, Record], done: int) -> dict[Subject, Told]:
    draws = drawn(layout_of(trial), lot_of(trial), trial.seed)
    told = {
        subject: tell(record, expect(record, PAST_DAYS), draws, PAST_DAYS, PAST_DAYS + done)
        for subject, record in found.items()
    }
    return {subject: answer for subject, answer in told.items() if answer is not None}


def _effect(told: Mapping[Subject, Told], subject: Subject) -> Effect | None:
    return told[subject].effect if subject in told else None


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
