"""How each building stands at a moment, asked of the stores in portions of many sites."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bms.model.assets.point import Role
from bms.model.assets.site import Mode, Site, Zone
from bms.model.control.booking import Booking
from bms.model.control.command import AnyReceipt, Failed, Override, Released, StillHeld
from bms.model.control.local_override import LocalOverride
from bms.model.fact import Fact
from bms.model.planning.plan import Plan, PlanStatus
from bms.model.readings.measurement import Reading
from bms.services.control.ports import ControlPorts
from bms.services.held_points import held_points
from bms.services.occupancy import Use
from bms.services.overview.plan_worth import PlanWorth, plan_worth
from bms.services.points_by_role import point_of

PORTION = 50
"""Sites that are asked about at once."""
RECENT = timedelta(hours=6)
"""How far back the newest receipt of a point is looked for."""
FRESH = timedelta(hours=1)
"""A temperature that is older says nothing about a room now."""
STEP_S = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomNow:
    """A room with its newest temperature [degC], its band [degC], and whether it is in use."""

    zone: str
    name: str
    temp_c: float
    low_c: float
    high_c: float
    in_use: bool

    @property
    def short_k(self) -> float:
        """How far it is below its band [K]; negative where it is warm enough."""
        return self.low_c - self.temp_c


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanNow:
    """What is shown of the plan in force. ``objection`` is the first of the checker's, ``why`` the
    first reason of the plan, ``worth`` what it spares a day."""

    made: datetime
    status: PlanStatus
    objection: Fact | None
    why: Fact | None
    worth: PlanWorth


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildingNow:
    """One building. ``coldest`` is the room that is furthest below its band; None: none was seen
    lately. ``overrides`` are words of people, ``at_building`` what was found there; ``failed`` the
    points whose newest receipt is a failure. ``latest`` are newest readings by point."""

    site: Site
    mode: Mode
    plan: PlanNow | None
    controlled: int
    held: int
    overrides: tuple[Override, ...]
    at_building: tuple[LocalOverride, ...]
    failed: tuple[tuple[datetime, Failed | StillHeld], ...]
    in_use: bool
    coldest: RoomNow | None
    latest: Mapping[str, Reading]

    @property
    def newest(self) -> datetime | None:
        """When the newest reading was made."""
        return max((reading.time for reading in self.latest.values()), default=None)


def buildings_now(
    sites: Iterable[Site], ports: ControlPorts, now: datetime
) -> Iterator[BuildingNow]:
    """Yields each of the sites in their order. Raises ``StoreUnavailable``."""
    local = defaultdict[str, list[LocalOverride]](list)
    for each in ports.journal.local_overrides().values():
        if not each.taken_back:
            local[each.site].append(each)
    at = ports.clock.reading()
    leases = Counter(
        lease.point.site for lease in ports.journal.leases().values() if not lease.ended(at)
    )
    chosen = list(sites)
    for first in range(0, len(chosen), PORTION):
        yield from _portion(chosen[first : first + PORTION], ports, now, local, leases)


def _portion(
    sites: Sequence[Site],
    ports: ControlPorts,
    now: datetime,
    local: Mapping[str, list[LocalOverride]],
    leases: Counter[str],
) -> Iterator[BuildingNow]:
    ids = [site.id for site in sites]
    modes = ports.decisions.modes(ids)
    overrides = ports.decisions.overrides_of(ids, now)
    bookings = ports.decisions.bookings_of(ids, now)
    receipts = ports.ledgers.receipts_of(ids, now - RECENT)
    plans = ports.plans.plans_in_force(ids, now)
    latest = ports.readings.latest([point.id for site in sites for point in site.points])
    for site in sites:
        here = tuple(local.get(site.id, ()))
        said = overrides.get(site.id, [])
        rooms = rooms_now(site, bookings.get(site.id, []), latest, now)
        plan = plans.get(site.id)
        yield BuildingNow(
            site=site,
            mode=site.mode_by(modes.get(site.id)),
            plan=None if plan is None else _plan_now(plan),
            controlled=leases[site.id],
            held=len(held_points(site, overrides=said, local_overrides=here)),
            overrides=tuple(said),
            at_building=here,
            failed=tuple(failed_now(receipts.get(site.id, []))),
            in_use=any(_in_use(site, zone, bookings.get(site.id, []), now) for zone in site.zones),
            coldest=max(rooms, key=lambda room: (room.in_use, room.short_k), default=None),
            latest={p.id: latest[p.id] for p in site.points if p.id in latest},
        )


def _plan_now(plan: Plan) -> PlanNow:
    reasons = (*plan.schedule.reasons, *plan.problem.notes)
    return PlanNow(
        made=plan.created_at,
        status=plan.schedule.status,
        objection=next(iter(plan.objections), None),
        why=next(iter(reasons), None),
        worth=plan_worth(plan),
    )


def rooms_now(
    site: Site, bookings: Sequence[Booking], latest: Mapping[str, Reading], now: datetime
) -> list[RoomNow]:
    """The rooms whose temperature was measured within the last hour."""
    found = []
    for zone in site.zones:
        point = point_of(site, Role.ZONE_TEMP, zone=zone.id)
        reading = None if point is None else latest.get(point.id)
        if reading is None or reading.good_value is None or now - reading.time > FRESH:
            continue
        found.append(
            RoomNow(
                zone=zone.id,
                name=zone.name,
                temp_c=reading.good_value,
                low_c=zone.comfort.low_c,
                high_c=zone.comfort.high_c,
                in_use=_in_use(site, zone, bookings, now),
            )
        )
    return found


def failed_now(
    receipts: Iterable[tuple[datetime, AnyReceipt]],
) -> list[tuple[datetime, Failed | StillHeld]]:
    """The points whose newest receipt is a failed write, or a give-back that did not work."""
    newest: dict[str, tuple[datetime, AnyReceipt]] = {}
    for at, receipt in receipts:
        newest[_point(receipt)] = (at, receipt)
    return [
        (at, each)
        for at, each in newest.values()
        if isinstance(each, Failed) or (isinstance(each, StillHeld) and not each.given_up)
    ]


def _point(receipt: AnyReceipt) -> str:
    if isinstance(receipt, Released | StillHeld):
        return receipt.point
    return receipt.command.point


def _in_use(site: Site, zone: Zone, bookings: Sequence[Booking], now: datetime) -> bool:
    return Use(site, tuple(bookings)).in_use(zone, now, STEP_S, 1)[0]
