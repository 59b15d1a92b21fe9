"""Whether the readings are still those that sealed results rest on.

A job compares them every day, and so does the command; whoever looks at a trial, by the command,
the page or the API, is told what was found last, and nothing is computed for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bms.errors import FeedError
from bms.model.assets.site import Site
from bms.model.codec import from_json, to_json
from bms.model.savings.kept_answer import AnswerHead, AnswerKind, AnswerVersion, KeptAnswer
from bms.model.savings.trial import KeptTrial
from bms.model.savings.trial_result import SealedResult, Subject
from bms.services.trials.ports import TrialPorts
from bms.services.trials.result import input_digests

QUESTION = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingsCheck:
    """Of which subjects the daily values were not those of the result sealed under ``seal`` at
    ``at``."""

    trial: str
    seal: str
    at: datetime
    changed: tuple[Subject, ...]


def compare_readings(ports: TrialPorts, site: Site) -> None:
    """Compare the readings of a site with those that its sealed results rest on, and keep what was
    found. Without weather the trial's comparison of before stays."""
    before = readings_checks(ports, site.id)
    found = [
        _compared(ports, site, known, known.result) or before.get(known.trial.id)
        for known in ports.trials.trials(site.id)
        if known.result is not None and known.result.inputs
    ]
    if found:
        _keep(ports, site.id, [check for check in found if check is not None])


def note_as_sealed(ports: TrialPorts, results: Iterable[SealedResult]) -> None:
    """Keep that results rest on the readings as they are: they were sealed just now."""
    for sealed in results:
        fresh = ReadingsCheck(trial=sealed.trial, seal=sealed.digest, at=sealed.at, changed=())
        known = {**readings_checks(ports, sealed.site), sealed.trial: fresh}
        _keep(ports, sealed.site, known.values())


def readings_checks(ports: TrialPorts, site: str) -> Mapping[str, ReadingsCheck]:
    """What was found last, by trial; nothing where another version of the product kept it."""
    kept = ports.answers.answer(AnswerKind.TRIAL_READINGS, site, QUESTION)
    try:
        found = from_json(tuple[ReadingsCheck, ...], kept.body) if kept else ()
    except ValueError:
        return {}
    return {check.trial: check for check in found}


def _compared(
    ports: TrialPorts, site: Site, known: KeptTrial, sealed: SealedResult
) -> ReadingsCheck | None:
    try:
        now = dict(input_digests(ports, site, known.trial))
    except FeedError:
        return None
    changed = tuple(subject for subject, digest in sealed.inputs if now.get(subject) != digest)
    at = ports.clock.now()
    return ReadingsCheck(trial=sealed.trial, seal=sealed.digest, at=at, changed=changed)


def _keep(ports: TrialPorts, site: str, checks: Iterable[ReadingsCheck]) -> None:
    head = AnswerHead(
        kind=AnswerKind.TRIAL_READINGS,
        subject=site,
        question=QUESTION,
        made_at=ports.clock.now(),
        version=AnswerVersion(),
    )
    body = to_json(tuple(checks), tuple[ReadingsCheck, ...])
    ports.answers.keep_answer(KeptAnswer(head=head, body=body))
