"""Alarms of control: writes that fail, points that are not given back, overrides that stand, rooms
that are too cold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from bms.model.assets.point import Role
from bms.model.assets.site import Site, Zone
from bms.model.control.command import AnyReceipt, Failed, Override, StillHeld
from bms.model.fact import Fact, MessageCode, Moment, fact
from bms.model.planning.plan import Plan
from bms.model.readings.units import Unit
from bms.model.work.finding import Severity
from bms.model.work.item import Cause, WorkKind, cause_key
from bms.services.occupancy import use_of
from bms.services.overview.plan_worth import override_cost, plan_worth
from bms.services.work.life import Look
from bms.services.work.ports import WorkPorts

BACK = timedelta(hours=6)
AHEAD = timedelta(hours=12)
FAILING = timedelta(minutes=40)
HELD = timedelta(minutes=25)
FORGOTTEN = timedelta(days=1)
"""An override of so long has been forgotten, or is a way of running the building."""
TOO_COLD_K = 1.0
COLD = timedelta(minutes=30)
CLEARS = timedelta(minutes=30)
QUARTER_S = 900
KINDS = frozenset(
    {
        WorkKind.WRITE_FAILED,
        WorkKind.NOT_GIVEN_BACK,
        WorkKind.OVERRIDE_STANDING,
        WorkKind.COMFORT_AT_RISK,
    }
)
Receipts = Sequence[tuple[datetime, AnyReceipt]]


class ControlCode(MessageCode):
    """What is wrong with what we write, and what to look for."""

    WRITE_FAILED = "work_write_failed"
    NOT_GIVEN_BACK = "work_not_given_back"
    OVERRIDE = "work_override_standing"
    OVERRIDE_SITE = "work_site_overridden"
    TOO_COLD = "work_room_too_cold"
    WILL_BE_COLD = "work_room_will_be_cold"
    LOOK_AT_WRITES = "look_at_failed_write"
    LOOK_AT_HELD = "look_at_held_point"
    LOOK_AT_OVERRIDE = "look_at_override"
    LOOK_AT_COLD = "look_at_cold_room"


def control_look(site: Site, now: datetime, ports: WorkPorts) -> Look:
    """Alarms of control of a site."""
    plan = ports.plans.plan_in_force(site.id, now)
    receipts = ports.ledgers.receipts(site.id, now - BACK)
    causes = (
        *_failing(site, receipts),
        *_overrides(site, ports.decisions.overrides(site.id, now), plan),
        *_cold_rooms(site, plan, now, ports),
    )
    return Look(causes=causes, kinds=KINDS)


def _failing(site: Site, receipts: Receipts) -> Iterator[Cause]:
    """Points whose last receipts, one after another, are failures or that they are still held."""
    devices = {point.id: point.device for point in site.points}
    runs: dict[str, tuple[type, datetime]] = {}
    for at, receipt in receipts:
        point = receipt.command.point if hasattr(receipt, "command") else receipt.point
        if isinstance(receipt, StillHeld) and receipt.given_up:
            runs.pop(point, None)
            continue
        known, kind = runs.get(point), type(receipt)
        runs[point] = known if known is not None and known[0] is kind else (kind, at)
    for point, (kind, since) in sorted(runs.items()):
        if point not in devices or kind not in (Failed, StillHeld):
            continue
        failed, name = kind is Failed, point.rpartition("/")[2]
        code = ControlCode.WRITE_FAILED if failed else ControlCode.NOT_GIVEN_BACK
        look = ControlCode.LOOK_AT_WRITES if failed else ControlCode.LOOK_AT_HELD
        root = cause_key(WorkKind.DEVICE_SILENT, site.id, devices[point])
        yield Cause(
            kind=WorkKind.WRITE_FAILED if failed else WorkKind.NOT_GIVEN_BACK,
            site=site.id,
            subject=point,
            what=fact(code, point=name, since=Moment(since)),
            look_for=fact(look),
            since=since,
            severity=Severity.MEDIUM if failed else Severity.HIGH,
            delay=FAILING if failed else HELD,
            clears=CLEARS,
            root=root if failed else None,
        )


def _overrides(site: Site, overrides: Sequence[Override], plan: Plan | None) -> Iterator[Cause]:
    """Overrides by what they hold; who made them and why stands in the list of overrides."""
    standing: dict[str, datetime] = {}
    for each in overrides:
        held = each.point or site.id
        standing[held] = min(each.since, standing.get(held, each.since))
    for held, since in standing.items():
        whole = held == site.id
        code = ControlCode.OVERRIDE_SITE if whole else ControlCode.OVERRIDE
        named = {} if whole else {"point": held.rpartition("/")[2]}
        yield Cause(
            kind=WorkKind.OVERRIDE_STANDING,
            site=site.id,
            subject=held,
            what=fact(code, since=Moment(since), **named),
            look_for=fact(ControlCode.LOOK_AT_OVERRIDE),
            since=since,
            severity=Severity.LOW,
            delay=FORGOTTEN,
            dkk_day=_cost(None if whole else held, site, plan),
        )


def _cost(held: str | None, site: Site, plan: Plan | None) -> float | None:
    """What an override forgoes a day [DKK/d]; None without a plan that could say."""
    if plan is None or not plan.schedule.setpoints:
        return None
    found = override_cost(site, held, plan_worth(plan)).dkk
    return None if found is None else max(0.0, found)


def _cold_rooms(site: Site, plan: Plan | None, now: datetime, ports: WorkPorts) -> Iterator[Cause]:
    """Rooms in use that are too cold, and those of which the plan says that they will be."""
    points = {p.zone: p for p in site.points_by_role(Role.ZONE_TEMP) if p.zone}
    start = now - BACK - timedelta(seconds=now.timestamp() % QUARTER_S)
    use = use_of(site, ports.decisions, start, now)
    steps = BACK // timedelta(seconds=QUARTER_S) + 1
    for zone in site.zones:
        busy = use.in_use(zone, start, QUARTER_S, steps)
        point = points.get(zone.id)
        if point is not None and busy[-1]:
            began = start + timedelta(seconds=QUARTER_S) * (steps - _last_run(busy))
            rows = ports.readings.readings(point.id, began, now)
            values = [(r.time, r.good_value) for r in rows if r.good_value is not None]
            yield from _cold_now(site, zone, values)
        elif plan is not None:
            yield from _cold_later(site, zone, plan, now)


def _last_run(busy: Sequence[bool]) -> int:
    """How many steps at the end are in use [1]."""
    free = [i for i, each in enumerate(busy) if not each]
    return len(busy) - 1 - free[-1] if free else len(busy)


def _cold_now(site: Site, zone: Zone, values: Sequence[tuple[datetime, float]]) -> Iterator[Cause]:
    since: datetime | None = None
    for at, value in values:
        since = (since or at) if value < zone.comfort.low_c - TOO_COLD_K else None
    if since is not None:
        what = fact(
            ControlCode.TOO_COLD,
            zone=zone.name,
            value=values[-1][1],
            low=zone.comfort.low_c,
            since=Moment(since),
        )
        yield _cold(site, zone, since, what)


def _cold_later(site: Site, zone: Zone, plan: Plan, now: datetime) -> Iterator[Cause]:
    """By the forecast of the plan in force for the coming hours of use."""
    problem = plan.problem
    task = next((each for each in problem.zones if each.id == zone.id), None)
    found = next((each for each in plan.schedule.forecast if each.zone == zone.id), None)
    if task is None or found is None or problem.temperature_unit is not Unit.DEG_C:
        return
    step = timedelta(seconds=problem.step_s)
    for i, (value, low, busy) in enumerate(
        zip(found.temp_c, task.low_c, task.occupied, strict=False)
    ):
        at = problem.start + i * step
        if value is None or low is None or not busy or not now <= at < now + AHEAD:
            continue
        if value < low - TOO_COLD_K:
            what = fact(
                ControlCode.WILL_BE_COLD, zone=zone.name, value=value, low=low, at=Moment(at)
            )
            yield _cold(site, zone, now - COLD, what)
            return


def _cold(site: Site, zone: Zone, since: datetime, what: Fact) -> Cause:
    return Cause(
        kind=WorkKind.COMFORT_AT_RISK,
        site=site.id,
        subject=f"{site.id}/{zone.id}",
        what=what,
        look_for=fact(ControlCode.LOOK_AT_COLD),
        since=since,
        severity=Severity.HIGH,
        delay=COLD,
        clears=CLEARS,
    )
