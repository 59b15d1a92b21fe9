"""Faults: what the rules found when they ran last."""

from __future__ import annotations

from datetime import datetime, timedelta

from bms.model.work.detection import Detection
from bms.model.work.finding import Finding
from bms.model.work.item import Cause, WorkKind
from bms.services.work.life import Look

CLEARS = timedelta(hours=30)
"""Two runs at night have to show that a fault is gone."""
OLD = timedelta(days=2)
"""What was found longer ago says nothing of today."""


def fault_look(detection: Detection | None, now: datetime) -> Look:
    """The findings as causes; rules that could not run leave their items as they are, and so does
    a detection that is too old."""
    if detection is None or now - detection.at > OLD:
        return Look(causes=(), kinds=frozenset())
    return Look(
        causes=tuple(map(_cause, detection.findings)),
        kinds=frozenset({WorkKind.FAULT}),
        blind=frozenset((str(row.rule), row.subject) for row in detection.cannot),
    )


def _cause(finding: Finding) -> Cause:
    return Cause(
        kind=WorkKind.FAULT,
        site=finding.site_id,
        subject=finding.subject,
        rule=finding.rule,
        what=finding.fact,
        look_for=finding.look_for,
        since=finding.start,
        severity=finding.severity,
        clears=CLEARS,
        price=finding.price,
        confidence=finding.confidence,
        comfort_kh_year=finding.comfort_kh_year,
        risk=finding.risk,
        evidence=finding.evidence,
    )
