"""What a controller made effective of the schedule that it fetched (clause W15).

Its report becomes receipts, as a read-back of our own writes does, so that the one rule of
``bms.services.effective_control`` judges both. A local override that it tells of suspends us at the
point, and ends with the report that no longer has it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bms.errors import ConfigError
from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.control.applied import AppliedReport, AppliedValue
from bms.model.control.command import (
    Accepted,
    AnyReceipt,
    Command,
    Failed,
    Overridden,
    Override,
    Released,
)
from bms.model.control.local_override import LOCAL
from bms.model.control.reasons import CommandReason, Holder, ReceiptReason
from bms.model.fact import fact
from bms.model.planning.plan import SetpointPlan
from bms.services.control.authority import Writer, withheld_site
from bms.services.control.ports import ControlPorts
from bms.services.control.site_state import SiteState, state_of
from bms.services.controllers.schedule import offered
from bms.services.local_overrides.people import LocalOverrideReason

FUTURE = timedelta(minutes=5)
"""How far the clock of a controller may be ahead."""
OLDEST = timedelta(days=7)
"""Reports from before are not taken: what follows from them has been reckoned already."""
SAID = "said-"
"""How the ids of overrides begin that a controller has reported: its next report ends them."""


@dataclass(frozen=True, slots=True)
class AppliedOutcomes:
    """What became of a report; not ``kept`` where it stood already."""

    report: AppliedReport
    outcomes: tuple[AnyReceipt, ...]
    kept: bool


def keep_applied(
    site: Site,
    report: AppliedReport,
    *,
    now: datetime,
    ports: ControlPorts,
    lease: timedelta,
    actor: str,
) -> AppliedOutcomes:
    """Keep what a controller applied; the same report again changes nothing.

    Raises ``NotFound`` for a plan that there is not, ``ConfigError`` for a report that cannot be
    true or contradicts one of the same moment, ``StoreUnavailable`` when the database is away.
    """
    device = site.device(report.device)
    points = _points(site, device, report)
    _check_time(report, now)
    rows = _rows(site, device, report, ports, lease)
    judge = _Judge(report, rows, lease)
    outcomes = tuple(judge.outcome(points[value.point], value) for value in report.values)
    kept = ports.ledgers.add_applied(report, outcomes, actor=actor, at=now)
    if kept:
        _keep_overrides(report, now, ports)
    return AppliedOutcomes(report, outcomes, kept)


def _points(site: Site, device: Device, report: AppliedReport) -> dict[str, Point]:
    """The controller's writable points by id. Raises ``ConfigError`` where a value is not of one
    of them, or given twice."""
    own = {p.id: p for p in site.points if p.device == device.id and p.write is not None}
    names = [value.point for value in report.values]
    for name in names:
        if name not in own:
            raise ConfigError(f"{name} is no writable point of {device.id}")
        if names.count(name) > 1:
            raise ConfigError(f"{name} has two values")
    return own


def _check_time(report: AppliedReport, now: datetime) -> None:
    if not now - OLDEST <= report.time <= now + FUTURE:
        raise ConfigError(
            f"time {report.time.isoformat()} is not within the last {OLDEST.days} days before "
            f"{now.isoformat()}, which is building time"
        )


def _rows(
    site: Site, device: Device, report: AppliedReport, ports: ControlPorts, lease: timedelta
) -> dict[str, SetpointPlan]:
    """What the controller may have fetched of the plan that it names, by point."""
    if report.plan is None:
        return {}
    plan = ports.plans.plan(report.plan)
    if plan.site != site.id:
        raise ConfigError(f"plan {plan.id} is not one of {site.id}")
    state: SiteState = replace(
        state_of(site, report.time, ports), plan=plan, plan_edited=ports.plan_check.edited(plan)
    )
    if withheld_site(state, Writer.CONTROLLER) is not None:
        return {}
    rows, _ = offered(state, device, report.time + lease)
    return {row.point: row for row in rows}


@dataclass(frozen=True, slots=True)
class _Judge:
    """Turns reported values into receipts; ``rows`` is what was to be applied."""

    report: AppliedReport
    rows: dict[str, SetpointPlan]
    lease: timedelta

    def outcome(self, point: Point, value: AppliedValue) -> AnyReceipt:
        """What the value at the point shows."""
        row = self.rows.get(point.id)
        wanted = None if row is None else row.value_at(self.report.time)
        command = self._command(point, value.effective if wanted is None else wanted)
        if value.local_override:
            return Overridden(command, None, value.effective, fact(Holder.LOCAL), at_device=False)
        if wanted is None:
            return Released(point.id, value.effective)
        if abs(value.effective - wanted) <= _tolerance(point):
            return Accepted(command, value.effective)
        found = fact(ReceiptReason.READS_BACK, wrote=wanted, seen=value.effective)
        return Failed(command, found, retryable=False)

    def _command(self, point: Point, value: float) -> Command:
        report = self.report
        return Command(
            id=uuid.uuid5(uuid.NAMESPACE_OID, f"{report.id} {point.id}").hex,
            point=point.id,
            value=value,
            issued_at=report.time,
            lease_end=report.time + self.lease,
            reason=fact(CommandReason.FETCHED, device=report.device, plan=report.plan or ""),
            actor=f"controller:{report.device}",
            plan=report.plan,
        )


def _tolerance(point: Point) -> float:
    """How far an effective value may lie from the planned one [unit of the point]."""
    assert point.write is not None
    return max(point.write.tolerance, point.write.resolution / 2) + 1e-9


def _keep_overrides(report: AppliedReport, now: datetime, ports: ControlPorts) -> None:
    """Put local overrides on record, and end those that the controller no longer has."""
    known = ports.decisions.overrides(report.site, now)
    said = {o.point: o for o in known if o.id.startswith(SAID)}
    for value in report.values:
        before = said.get(value.point)
        if value.local_override and before is None:
            ports.decisions.add_override(_override(report, value, now))
        if before is not None and not value.local_override and before.since <= report.time:
            ports.decisions.remove_override(before.id, actor=LOCAL, at=now)


def _override(report: AppliedReport, value: AppliedValue, now: datetime) -> Override:
    return Override(
        id=f"{SAID}{uuid.uuid5(uuid.NAMESPACE_OID, f'{report.id} {value.point}').hex}",
        site=report.site,
        point=value.point,
        since=min(report.time, now),
        until=None,
        reason=fact(LocalOverrideReason.SAID, found=value.effective),
        actor=LOCAL,
    )
