"""Faults: what the rules found when they ran last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bms.faults.codes import LookFor
from bms.model.assets.address import SupplierAddress
from bms.model.assets.site import Site
from bms.model.work.detection import Detection
from bms.model.work.finding import Finding
from bms.model.work.item import Cause, WorkKind, cause_key
from bms.services.work.life import Look

CLEARS = timedelta(hours=30)
"""Two runs at night have to show that a fault is gone."""
LATELY = timedelta(days=3)
"""Rules see what a wrong meter does within so long of the meter itself."""
WRONG_METER = frozenset(
    {LookFor.METER_ITSELF.value, LookFor.METER_LINK.value, LookFor.SENSORS_EXCHANGED.value}
)
RESIDUAL = "RES-"
OLD = timedelta(days=2)
"""What was found longer ago says nothing of today."""


def fault_look(site: Site, detection: Detection | None, now: datetime) -> Look:
    """The findings as causes; rules that could not run leave their items as they are, and so does
    a detection that is too old."""
    if detection is None or now - detection.at > OLD:
        return Look(causes=(), kinds=frozenset())
    rows = detection.findings
    return Look(
        causes=tuple(replace(_cause(row), root=_root(site, row, rows)) for row in rows),
        kinds=frozenset({WorkKind.FAULT}),
        blind=frozenset((str(row.rule), row.subject) for row in detection.cannot),
    )


def _root(site: Site, row: Finding, rows: Sequence[Finding]) -> str | None:
    """The key of what explains a finding: another one of its subject, else its data or device."""
    first = min((each for each in rows if _explains(each, row)), key=_order, default=row)
    return _key(first) if first is not row else _silence(site, row)


def _explains(one: Finding, other: Finding) -> bool:
    """Whether one finding of a subject is the cause of another: a meter that counts wrongly, what
    the same look at the building repairs, or what a residual has seen without knowing why."""
    if one.subject != other.subject or one.rule == other.rule:
        return False
    if one.look_for.code in WRONG_METER and other.look_for.code not in WRONG_METER:
        return one.start <= other.start + LATELY
    if one.look_for.code == other.look_for.code:
        return _order(one) < _order(other)
    return other.rule.startswith(RESIDUAL) and (one.price.kwh_year or 0.0) > 0


def _order(row: Finding) -> tuple[bool, bool, datetime, str]:
    """Smaller for what leads: a wrong meter, what has a name, what began first."""
    wrong, residual = row.look_for.code in WRONG_METER, row.rule.startswith(RESIDUAL)
    return not wrong, residual, row.start, str(row.rule)


def _silence(site: Site, row: Finding) -> str | None:
    """The key of the missing data, or of the silent device, that would explain a finding."""
    name, _, place = row.subject.partition("/")
    points = [
        p for p in site.points if name in (p.meter, p.ventilation) or (place and p.zone == place)
    ]
    if row.look_for.code == LookFor.METER_LINK.value:
        bought = any(isinstance(p.address, SupplierAddress) for p in points)
        missing = f"{site.id}/{name}" if bought else next((p.id for p in points), None)
        return missing and cause_key(WorkKind.DATA_MISSING, site.id, missing)
    devices = {p.device for p in points if p.device}
    if len(devices) != 1:
        return None
    return cause_key(WorkKind.DEVICE_SILENT, site.id, devices.pop())


def _key(row: Finding) -> str:
    return cause_key(WorkKind.FAULT, row.site_id, row.subject, row.rule)


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
