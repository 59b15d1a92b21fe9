"""The faults of a site as they stand: its rules on what is stored, each night."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Protocol

from bms.faults.observations import Equipment, Observations
from bms.faults.run import RULES, Answers, detect, detect_all
from bms.model.assets.site import Site
from bms.model.readings.units import Commodity
from bms.model.work.detection import Detection
from bms.model.work.finding import Finding, Severity
from bms.model.work.item import GROWN, fault_of
from bms.ports.feeds import Feed, Tariffs
from bms.ports.storage.readings import ReadingStore
from bms.ports.storage.work import WorkStore
from bms.services.detection.papers import fault_context
from bms.services.detection.subjects import METER_DAYS, control_subjects, meter_subjects

URGENT = tuple(rule for rule in RULES if rule.severity is Severity.CRITICAL)
"""Rules of what does damage by the hour."""
URGENT_DAYS = 60
"""Days of water that they look at."""
STANDS = timedelta(days=3)
"""A fault stands whose last confirmed interval is no older: weekends come and go within it."""


def detect_site(
    site: Site,
    now: datetime,
    readings: ReadingStore,
    tariffs: Tariffs,
    feed: Feed,
    *,
    raised: Mapping[tuple[str, str], float] | None = None,
    meters_only: bool = False,
) -> Answers:
    """The findings of a site that stand at ``now``, and the rules that could not look.

    ``raised`` are factors on tolerances and delays by subject and rule, where people said that
    there was no fault.
    """
    start = now - timedelta(days=METER_DAYS)
    context = fault_context(site, start, now, feed=feed, tariffs=tariffs)
    subjects = meter_subjects(site, now, readings, feed, context)
    if not meters_only:
        subjects = chain(subjects, control_subjects(site, now, readings, feed, context))
    answers = Answers((), (), 0)
    for subject in subjects:
        answers += detect(_raised(subject, raised or {}))
    stands = tuple(row for row in answers.findings if row.end >= now - STANDS)
    return Answers(stands, answers.cannot, answers.ran)


def _raised(subject: Observations, raised: Mapping[tuple[str, str], float]) -> Observations:
    here = {rule: factor for (name, rule), factor in raised.items() if name == subject.subject}
    return replace(subject, context=replace(subject.context, raised=here)) if here else subject


class DetectionPorts(Protocol):
    """What a nightly run reads."""

    @property
    def readings(self) -> ReadingStore: ...
    @property
    def tariffs(self) -> Tariffs: ...
    @property
    def feed(self) -> Feed: ...


def keep_faults(site: Site, now: datetime, work: WorkStore, ports: DetectionPorts) -> Detection:
    """Run the rules of a site and keep what they answered for the work list; what people have
    called no fault raises the tolerance of its rule there."""
    no_faults = filter(None, map(fault_of, work.dismissed(site.id)))
    raised = dict.fromkeys(no_faults, GROWN)
    answers = detect_site(site, now, ports.readings, ports.tariffs, ports.feed, raised=raised)
    kept = Detection(site=site.id, at=now, findings=_standing(answers), cannot=answers.cannot)
    work.keep_detection(kept)
    return kept


def keep_urgent(site: Site, now: datetime, work: WorkStore, ports: DetectionPorts) -> None:
    """Run what cannot wait for the night on the water meters of a site, and keep what it answers
    in the place of what it did; what other rules found stays."""
    if not any(meter.commodity is Commodity.WATER for meter in site.meters):
        return
    start = now - timedelta(days=URGENT_DAYS)
    context = fault_context(site, start, now, feed=ports.feed, tariffs=ports.tariffs)
    meters = meter_subjects(site, now, ports.readings, ports.feed, context, days=URGENT_DAYS)
    water = [each for each in meters if each.equipment is Equipment.WATER_METER]
    answers = detect_all(water, URGENT)
    blind = {(row.rule, row.subject) for row in answers.cannot}
    looked = {(rule.id, each.subject) for rule in URGENT for each in water} - blind
    before = next(iter(work.detections([site.id])), Detection(site=site.id, at=now))
    others = [row for row in before.findings if (row.rule, row.subject) not in looked]
    stands = [row for row in answers.findings if row.end >= now - STANDS]
    found = _standing(Answers((*others, *stands), (), 0))
    work.keep_detection(replace(before, findings=found))


def _standing(answers: Answers) -> tuple[Finding, ...]:
    """One finding for each fault: the latest of those with the same key."""
    by_key = {row.key: row for row in sorted(answers.findings, key=lambda row: row.end)}
    return tuple(by_key.values())
