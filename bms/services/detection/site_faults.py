"""The faults of a site as they stand: its rules on what is stored, each night."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bms.faults.run import Answers, detect
from bms.model.assets.site import Site
from bms.model.work.detection import Detection
from bms.ports.feeds import Feed, Tariffs
from bms.ports.storage.readings import ReadingStore
from bms.services.detection.papers import fault_context
from bms.services.detection.subjects import METER_DAYS, control_subjects, meter_subjects

STANDS = timedelta(days=3)
"""A fault stands whose last confirmed interval is no older: weekends come and go within it."""


def detect_site(
    site: Site,
    now: datetime,
    readings: ReadingStore,
    tariffs: Tariffs,
    feed: Feed,
    *,
    raised: Mapping[str, float] | None = None,
    meters_only: bool = False,
) -> Answers:
    """The findings of a site that stand at ``now``, and the rules that could not look.

    ``raised`` are factors on tolerances by rule, where people said that there was no fault.
    """
    start = now - timedelta(days=METER_DAYS)
    context = fault_context(site, start, now, feed=feed, tariffs=tariffs)
    context = replace(context, raised=raised or {})
    answers = Answers((), (), 0)
    for subject in meter_subjects(site, now, readings, feed, context):
        answers += detect(subject)
    if not meters_only:
        for subject in control_subjects(site, now, readings, feed, context):
            answers += detect(subject)
    stands = tuple(row for row in answers.findings if row.end >= now - STANDS)
    return Answers(stands, answers.cannot, answers.ran)


def detection(site: Site, now: datetime, answers: Answers) -> Detection:
    """The answers as they are kept for the work list."""
    return Detection(site=site.id, at=now, findings=answers.findings, cannot=answers.cannot)
