"""Every trial of a site: its sealed design, who ended it and why, and what it shows."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bms.errors import NotFound
from bms.model.assets.site import Site
from bms.model.codec import from_json, to_json
from bms.model.fact import Day, Fact, fact
from bms.model.savings.trial import KeptTrial, Trial, TrialEnd
from bms.model.savings.trial_result import (
    Bounds,
    Regression,
    SealedResult,
    Subject,
    TrialResult,
    TrialState,
)
from bms.savings.trials.effect import CONFIDENCE
from bms.savings.trials.outcome import agreeing_fact, incomplete_fact, pooled_fact, subject_term
from bms.savings.trials.pool import agree, agreeing_confidence, common_effect, pooled_share
from bms.services.trials.design import DesignChange, changed_inputs
from bms.services.trials.input_watch import days_of_other_inputs
from bms.services.trials.ports import TrialPorts
from bms.services.trials.proof import lost_trials, unproven_trials
from bms.services.trials.readings_check import (
    ReadingsCheck,
    compare_readings,
    note_as_sealed,
    readings_checks,
)
from bms.services.trials.result import FoundResult, find_result, unsealed_result
from bms.services.trials.sealed_rates import changed_rates


def design_digest(known: KeptTrial) -> str:
    """SHA-256 of the JSON of what was drawn and sealed, as it is stored, in hexadecimal digits. Who
    started it and in which words is left out: names are removed after a year."""
    return _digest(known.design_text)


def sealed_result(result: SealedResult) -> SealedResult:
    """Returns the result as a store gives it back, with its digest."""
    stored = from_json(SealedResult, to_json(replace(result, digest="")))
    return replace(stored, digest=_digest(to_json(stored)))


def is_unchanged(known: KeptTrial) -> bool:
    """Whether the sealed result of a trial is what it was when it was sealed."""
    digest = "" if known.result is None else known.result.digest
    blank = known.result_text.replace(f'"digest":"{digest}"', '"digest":""')
    return digest == _digest(blank)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


SHOWN_DIGITS = 12
"""Digits of a digest that a sentence shows."""
OVER = (TrialState.STOPPED, TrialState.FINISHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialReport:
    """A trial as everybody may see it. ``digest`` is that of its design, ``sealed_at`` when the
    result was sealed under ``result_digest``; ``proven`` whether trial, end and result are as the
    evidence says; ``changes`` name what differs from it today, and trials that the building had
    under another name. ``compared_at`` is when the readings were compared with those that the
    result rests on, None where they never were."""

    trial: Trial
    digest: str
    ended: TrialEnd | None
    result: TrialResult
    sealed_at: datetime | None
    result_digest: str | None
    proven: bool
    changes: tuple[Fact, ...]
    compared_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteTrials:
    """Every trial of a site in the order in which they were started, the stopped ones included;
    ``lost`` are those that stand in the evidence and no longer, or not readably, in the
    database."""

    site: str
    reports: tuple[TrialReport, ...]
    lost: tuple[str, ...]

    @property
    def notes(self) -> tuple[Fact, ...]:
        """What has to be known beside the trials that are shown."""
        return (fact(DesignChange.LOST, trials=self.lost),) if self.lost else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """What buildings show together; ``shares`` are fractions of the use, by subject. Those of
    ``primary`` subjects are findings, all others prove nothing."""

    sites: tuple[str, ...]
    shares: Mapping[Subject, Bounds]
    primary: tuple[Subject, ...]
    reasons: tuple[Fact, ...]


def site_trials(ports: TrialPorts, site: Site, *, gone: bool = False) -> SiteTrials:
    """The trials of a site as the page, the API and the command show them.

    ``gone``: whether the site is no longer in the files. Each is compared with the evidence now;
    of the readings it is told what ``compare_readings`` found last. Effects are those of sealed
    results alone: nobody sees one that could still be changed.
    """
    kept = ports.trials.trials(site.id)
    unproven = unproven_trials(ports, site.id, kept)
    checks = readings_checks(ports, site.id) if kept else {}
    reports = []
    for known in kept:
        missing = (fact(DesignChange.SITE_GONE, site=site.id),)
        today = missing if gone else changed_inputs(site, known.trial)
        rates = changed_rates(ports.tariffs, site, known.trial)
        changes = (*today, *rates, *_meanwhile(ports, known.trial))
        report = _report(ports, site, known, changes, checks.get(known.trial.id))
        reports.append(report if known.trial.id not in unproven else _not_proven(report))
    lost = lost_trials(kept, unproven)
    return SiteTrials(site=site.id, reports=tuple(reports), lost=lost)


def trial_reports(ports: TrialPorts, site: Site, *, gone: bool = False) -> list[TrialReport]:
    """The reports of ``site_trials``."""
    return list(site_trials(ports, site, gone=gone).reports)


def _not_proven(report: TrialReport) -> TrialReport:
    changes = (fact(DesignChange.UNPROVEN), *report.changes)
    return replace(report, proven=False, changes=changes)


def newest_report(reports: Sequence[TrialReport], site: Site) -> TrialReport:
    """The trial that was started last. Raises ``NotFound`` where there is none."""
    if not reports:
        raise NotFound(f"{site.id} has no trial; start one with `bms trial {site.id} start`")
    return reports[-1]


def seal_and_compare(ports: TrialPorts, site: Site) -> None:
    """Seal what is due of a site, and compare the readings with what is sealed. Raises
    ``FeedError`` without weather where effects are due."""
    compare_readings(ports, site)
    seal_results(ports, site)


def seal_results(ports: TrialPorts, site: Site) -> list[SealedResult]:
    """Seal the results of the trials of a site that are over, and return those that are new.

    Of what is not as it was written nothing is sealed, nor a second result where one was removed.
    """
    now, sealed = ports.clock.now(), []
    due = [k for k in ports.trials.trials(site.id) if k.result is None and not k.open(now)]
    unproven = unproven_trials(ports, site.id, due) if due else frozenset()
    for known in due:
        if known.trial.id not in unproven:
            found = find_result(ports, site, known)
            if found.result.state in OVER:
                sealed.append(_sealed(ports, known, found))
                ports.trials.seal_trial(sealed[-1])
    note_as_sealed(ports, sealed)
    return sealed


def pool_trials(reports: Sequence[TrialReport], lost: Collection[str] = ()) -> Pooled:
    """The share that the buildings saved together, for each subject of two buildings or more, at
    the strictest confidence that one of them was sealed with.

    Every trial that ran to its planned end counts; nothing is told while one is under way. A
    subject that is the primary outcome of two buildings or more is a finding of these, unless a
    building is missing: one whose trial was stopped after its first day, is not as the evidence
    says or is ``lost``. Whoever chooses which buildings count chooses the result.
    """
    waiting = (TrialState.COMING, TrialState.RUNNING, TrialState.AWAITING_DATA)
    shares: dict[Subject, Bounds] = {}
    primary: list[Subject] = []
    facts: list[Fact] = []
    proven = [each for each in reports if each.proven]
    done = [each for each in proven if each.result.state is TrialState.FINISHED]
    open_yet = any(each.result.state in waiting for each in proven)
    confidence = max((each.trial.sealed.confidence for each in done), default=CONFIDENCE)
    buildings = _buildings([each.trial for each in reports])
    missing = [*_missing(reports, done, buildings), *lost]
    for subject in () if open_yet else Subject:
        aimed = [each for each in done if each.trial.sealed.primary is subject]
        found = _by_building(aimed, subject, buildings)
        is_primary = len(found) > 1 and not missing
        found = found if is_primary else _by_building(done, subject, buildings)
        share = pooled_share(found, confidence)
        if share is not None:
            shares[subject] = share
            primary += [subject] if is_primary else []
            facts.append(
                pooled_fact(subject, share, len(found), confidence=confidence, primary=is_primary)
            )
            if agree(found):
                covered = agreeing_confidence(len(found), confidence)
                facts.append(agreeing_fact(subject, len(found), covered))
    if facts and missing:
        facts.append(incomplete_fact(missing))
    return Pooled(
        sites=tuple(dict.fromkeys(each.trial.site for each in done)),
        shares=shares,
        primary=tuple(primary),
        reasons=tuple(facts) or (pooled_fact(None, None, 0, open_yet=open_yet),),
    )


def _missing(
    reports: Sequence[TrialReport], done: Sequence[TrialReport], buildings: Mapping[str, str]
) -> list[str]:
    """Trials that began and count for nothing, of buildings of which no trial counts."""
    counted = {buildings[each.trial.site] for each in done}
    return [
        each.trial.id
        for each in reports
        if buildings[each.trial.site] not in counted
        and (not each.proven or (each.result.state is TrialState.STOPPED and _began(each)))
    ]


def _began(report: TrialReport) -> bool:
    return report.ended is None or report.ended.at > report.trial.start


def _by_building(
    done: Sequence[TrialReport], subject: Subject, buildings: Mapping[str, str]
) -> list[Regression]:
    """What each building shows of a subject, by all of its trials."""
    found: dict[str, list[Regression]] = defaultdict(list)
    for each in done:
        for effect in each.result.effects:
            if effect.subject is subject and effect.relative is not None:
                found[buildings[each.trial.site]].append(effect.relative)
    return [common_effect(estimates) for estimates in found.values()]


def _buildings(trials: Sequence[Trial]) -> dict[str, str]:
    """The building of each site: two are one where a trial of one names a trial of the other."""
    sites = {trial.id: trial.site for trial in trials}
    found = {trial.site: trial.site for trial in trials}
    for trial in trials:
        for other in sites.keys() & set(trial.sealed.elsewhere):
            mine, former = found[trial.site], found[sites[other]]
            found = {site: former if name == mine else name for site, name in found.items()}
    return found


def _report(
    ports: TrialPorts,
    site: Site,
    known: KeptTrial,
    changes: tuple[Fact, ...],
    check: ReadingsCheck | None,
) -> TrialReport:
    kept = known.result
    if kept is None or check is None or check.seal != kept.digest:
        check = None
    return TrialReport(
        trial=known.trial,
        digest=design_digest(known),
        ended=known.ended,
        result=unsealed_result(ports, site, known) if kept is None else kept.result,
        sealed_at=None if kept is None else kept.at,
        result_digest=None if kept is None else kept.digest,
        proven=True,
        changes=(*_elsewhere(known.trial), *_edited(known), *changes, *_readings(check)),
        compared_at=None if check is None else check.at,
    )


def _meanwhile(ports: TrialPorts, trial: Trial) -> list[Fact]:
    """The days of a trial on which the site file said something else."""
    days = days_of_other_inputs(ports, trial)
    return [fact(DesignChange.MEANWHILE, days=tuple(map(Day, days)))] if days else []


def _elsewhere(trial: Trial) -> list[Fact]:
    """The trials that the building had under another name before."""
    named = trial.sealed.elsewhere
    return [fact(DesignChange.ELSEWHERE, trials=named)] if named else []


def _edited(known: KeptTrial) -> list[Fact]:
    """Whether the sealed result, or the design that it was found by, is no longer what it was."""
    kept = known.result
    if kept is None:
        return []
    if not is_unchanged(known):
        return [fact(DesignChange.EDITED)]
    same = kept.design in ("", design_digest(known))
    return [] if same else [fact(DesignChange.DESIGN, sealed=kept.design[:SHOWN_DIGITS])]


def _readings(check: ReadingsCheck | None) -> list[Fact]:
    """Subjects whose daily values are no longer those that the sealed result rests on."""
    changed = () if check is None else check.changed
    return [fact(DesignChange.READINGS, subject=subject_term(subject)) for subject in changed]


def _sealed(ports: TrialPorts, known: KeptTrial, found: FoundResult) -> SealedResult:
    result = found.result
    return sealed_result(
        SealedResult(
            trial=result.trial,
            site=result.site,
            at=ports.clock.now(),
            result=result,
            inputs=found.inputs,
            design=design_digest(known),
            digest="",
        )
    )
