"""Every trial of a site: its sealed design, who ended it and why, and what it shows."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bms.errors import FeedError, NotFound
from bms.model.assets.site import Site
from bms.model.codec import from_json, to_json
from bms.model.control.evidence import EvidenceKind
from bms.model.fact import Fact, fact
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
from bms.savings.trials.outcome import agreeing_fact, pooled_fact, subject_term
from bms.savings.trials.pool import agree, agreeing_confidence, common_effect, pooled_share
from bms.services.trials.design import DesignChange, changed_inputs
from bms.services.trials.ports import TrialPorts
from bms.services.trials.result import (
    FoundResult,
    find_result,
    input_digests,
    unsealed_result,
)


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
PROVEN = (EvidenceKind.TRIAL, EvidenceKind.TRIAL_END, EvidenceKind.TRIAL_RESULT)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialReport:
    """A trial as everybody may see it. ``digest`` is that of its design, ``sealed_at`` when the
    result was sealed under ``result_digest``; ``proven`` whether trial, end and result are as the
    evidence says, where it was asked; ``changes`` name what differs from it today, and
    trials that the building had under another name."""

    trial: Trial
    digest: str
    ended: TrialEnd | None
    result: TrialResult
    sealed_at: datetime | None
    result_digest: str | None
    proven: bool
    changes: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """What buildings show together; ``shares`` are fractions of the use, by subject. Those of
    ``primary`` subjects are findings, all others prove nothing."""

    sites: tuple[str, ...]
    shares: Mapping[Subject, Bounds]
    primary: tuple[Subject, ...]
    reasons: tuple[Fact, ...]


def trial_reports(
    ports: TrialPorts, site: Site, *, gone: bool = False, thorough: bool = True
) -> list[TrialReport]:
    """Every trial of a site in the order in which they were started, the stopped ones included.

    ``gone``: whether the site is no longer in the files; ``thorough``: whether each is compared
    with the evidence, and readings with those that a sealed result rests on. Effects are those of
    sealed results alone: nobody sees one that could still be changed.
    """
    kept = ports.trials.trials(site.id)
    unproven = ports.evidence.unproven(site.id, PROVEN) if thorough and kept else frozenset()
    reports = []
    for known in kept:
        missing = (fact(DesignChange.SITE_GONE, site=site.id),)
        readings = _changed_readings(ports, site, known) if thorough else []
        changes = (*(missing if gone else changed_inputs(site, known.trial)), *readings)
        report = _report(ports, site, known, changes)
        reports.append(report if known.trial.id not in unproven else _not_proven(report))
    return reports


def _not_proven(report: TrialReport) -> TrialReport:
    changes = (fact(DesignChange.UNPROVEN), *report.changes)
    return replace(report, proven=False, changes=changes)


def newest_report(reports: Sequence[TrialReport], site: Site) -> TrialReport:
    """The trial that was started last. Raises ``NotFound`` where there is none."""
    if not reports:
        raise NotFound(f"{site.id} has no trial; start one with `bms trial {site.id} start`")
    return reports[-1]


def seal_results(ports: TrialPorts, site: Site) -> list[SealedResult]:
    """Seal the results of the trials of a site that are over, and return those that are new.

    Of what is not as it was written nothing is sealed, nor a second result where one was removed.
    """
    now, sealed = ports.clock.now(), []
    due = [k for k in ports.trials.trials(site.id) if k.result is None and not k.open(now)]
    unproven = ports.evidence.unproven(site.id, PROVEN) if due else frozenset()
    for known in due:
        if known.trial.id not in unproven:
            found = find_result(ports, site, known)
            if found.result.state in OVER:
                sealed.append(_sealed(ports, known, found))
                ports.trials.seal_trial(sealed[-1])
    return sealed


def pool_trials(reports: Sequence[TrialReport]) -> Pooled:
    """The share that the buildings saved together, for each subject of two buildings or more, at
    the strictest confidence that one of them was sealed with.

    Every trial that ran to its planned end counts; nothing is told while one is under way. A
    subject that is the primary outcome of two buildings or more is a finding of these.
    """
    waiting = (TrialState.COMING, TrialState.RUNNING, TrialState.AWAITING_DATA)
    shares: dict[Subject, Bounds] = {}
    primary: list[Subject] = []
    facts: list[Fact] = []
    proven = [each for each in reports if each.proven]
    done = [each for each in proven if each.result.state is TrialState.FINISHED]
    open_yet = any(each.result.state in waiting for each in proven)
    confidence = max((each.trial.sealed.confidence for each in done), default=CONFIDENCE)
    for subject in () if open_yet else Subject:
        aimed = [each for each in done if each.trial.sealed.primary is subject]
        found = _by_building(aimed, subject)
        is_primary = len(found) > 1
        found = found if is_primary else _by_building(done, subject)
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
    return Pooled(
        sites=tuple(dict.fromkeys(each.trial.site for each in done)),
        shares=shares,
        primary=tuple(primary),
        reasons=tuple(facts) or (pooled_fact(None, None, 0, open_yet=open_yet),),
    )


def _by_building(done: Sequence[TrialReport], subject: Subject) -> list[Regression]:
    """What each building shows of a subject, by all of its trials."""
    found: dict[str, list[Regression]] = defaultdict(list)
    buildings = _buildings([each.trial for each in done])
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
    ports: TrialPorts, site: Site, known: KeptTrial, changes: tuple[Fact, ...]
) -> TrialReport:
    kept = known.result
    return TrialReport(
        trial=known.trial,
        digest=design_digest(known),
        ended=known.ended,
        result=unsealed_result(ports, site, known) if kept is None else kept.result,
        sealed_at=None if kept is None else kept.at,
        result_digest=None if kept is None else kept.digest,
        proven=True,
        changes=(*_elsewhere(known.trial), *_edited(known), *changes),
    )


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


def _changed_readings(ports: TrialPorts, site: Site, known: KeptTrial) -> list[Fact]:
    """Subjects whose daily values are no longer those that the sealed result rests on."""
    kept = known.result
    if kept is None or not is_unchanged(known):
        return []
    try:
        now = dict(input_digests(ports, site, known.trial)) if kept.inputs else {}
    except FeedError:
        return []
    return [
        fact(DesignChange.READINGS, subject=subject_term(subject))
        for subject, digest in kept.inputs
        if now.get(subject) != digest
    ]


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
