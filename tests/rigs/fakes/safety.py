"""A small building for the tests of safe writing: one site, two devices, every way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bms.errors import GuardError
from bms.model.assets.address import BacnetAddress, ModbusAddress, Table
from bms.model.assets.device import Device
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Mode, Site, Zone
from bms.model.assets.timetable import Period, WeekTimetable
from bms.model.assets.write_rule import Release, ReleaseKind, WriteRule
from bms.model.clock_reading import CALENDAR, Elapsed
from bms.model.control.command import Command
from bms.model.control.lease import Lease
from bms.model.control.local_override import LocalOverride
from bms.model.control.reasons import Holder
from bms.model.fact import Fact, fact
from bms.model.planning.plan import Expected, Plan, PlanStatus, Schedule, SetpointPlan, Step
from bms.model.planning.plan_digest import sealed
from bms.model.readings.units import Unit
from tests.rigs.buildings.any_problem import DISTRICT_HEAT, a_problem

NOW = datetime(2019, 1, 14, 7, 0, tzinfo=UTC)
LEASE = timedelta(minutes=30)
TICK = timedelta(minutes=15)

NULL, ENABLE, TIMETABLE, CONSTANT = (
    f"hut/{name}" for name in ("room.setpoint", "hall.setpoint", "ahu1.run", "plant.curve_shift")
)
LEVERS = (NULL, ENABLE, TIMETABLE, CONSTANT)
OWN = {NULL: 19.0, ENABLE: 17.0, TIMETABLE: 1.0, CONSTANT: 0.0}
WANTED = {NULL: 21.0, ENABLE: 18.0, TIMETABLE: 0.0, CONSTANT: -2.0}
WEEK_ROUND = WeekTimetable(periods=(Period(frozenset(range(7)), 0, 1440, 1.0),))
WEEK = WeekTimetable(periods=(Period(frozenset(range(7)), 360, 1440, 1.0),))


def point(point_id: str, write: WriteRule | None, *, device: str = "hut/modbus") -> Point:
    address = (
        BacnetAddress(object_type="analog-value", instance=1)
        if device == "hut/bacnet"
        else ModbusAddress(table=Table.HOLDING, address=100 + len(point_id))
    )
    return Point(
        id=point_id,
        site="hut",
        device=device,
        role=Role.ZONE_SETPOINT,
        unit=Unit.DEG_C,
        address=address,
        write=write,
    )


def rule(kind: ReleaseKind, low: float, high: float, *, resolution: float = 0.1) -> WriteRule:
    release = Release(
        kind=kind,
        enable=ModbusAddress(table=Table.HOLDING, address=50)
        if kind is ReleaseKind.REMOTE_ENABLE
        else None,
        timetable=WEEK if kind is ReleaseKind.TIMETABLE else None,
        value=0.0 if kind is ReleaseKind.CONSTANT else None,
    )
    return WriteRule(
        minimum=low,
        maximum=high,
        release=release,
        resolution=resolution,
        hold_safe=(low, high - 1.0) if high > 2 else (low, high),
    )


def hut(mode: Mode = Mode.AUTO) -> Site:
    """A site with one lever per way back, on a BACnet and a Modbus device."""
    return Site(
        id="hut",
        name_da="Hytten",
        name_en="The hut",
        use="other",
        area_m2=100.0,
        latitude=52.2,
        longitude=-0.5,
        timezone="Europe/Copenhagen",
        heat_source=DISTRICT_HEAT,
        zones=(),
        devices=(
            Device(id="hut/bacnet", site="hut", protocol="bacnet", host="127.0.0.1", port=1),
            Device(id="hut/modbus", site="hut", protocol="modbus", host="127.0.0.1", port=2),
        ),
        points=(
            point(NULL, rule(ReleaseKind.NULL, 15.0, 23.0), device="hut/bacnet"),
            point(ENABLE, rule(ReleaseKind.REMOTE_ENABLE, 13.0, 23.0)),
            point(TIMETABLE, rule(ReleaseKind.TIMETABLE, 0.0, 1.0, resolution=1.0)),
            point(CONSTANT, rule(ReleaseKind.CONSTANT, -5.0, 5.0, resolution=1.0)),
            point("hut/room.temp", None, device="hut/bacnet"),
        ),
        meters=(),
        mode=mode,
    )


def with_rule(site: Site, point_id: str, **changes: object) -> Site:
    """The site with another write rule on one point."""
    points = tuple(
        replace(p, write=replace(p.write, **changes)) if p.id == point_id and p.write else p
        for p in site.points
    )
    return replace(site, points=points)


def hut_with_room_at(point_id: str, timetable: WeekTimetable | None = None) -> Site:
    """The hut with a room that the point serves; by default it is in use all day."""
    use = timetable or WEEK_ROUND
    room = Zone(id="room", name="Room", area_m2=20.0, occupancy=use, own_setpoint=use)
    site = hut()
    points = tuple(replace(p, zone="room") if p.id == point_id else p for p in site.points)
    return replace(site, zones=(room,), points=points)


def plan_of(
    values: dict[str, float],
    *,
    site: str = "hut",
    plan_id: str = "p1",
    start: datetime = NOW,
    hours: float = 6.0,
    objections: Sequence[Fact] = (),
) -> Plan:
    """A plan that holds the same values over its whole horizon."""
    end = start + timedelta(hours=hours)
    nothing = Expected(energy_kwh=None, cost_dkk=None, co2_kg=None, comfort_kh=None)
    schedule = Schedule(
        site=site,
        start=start,
        step_s=900,
        status=PlanStatus.OPTIMAL,
        reasons=(),
        expected=nothing,
        own_control=nothing,
        setpoints=tuple(
            SetpointPlan(
                point=id_, unit=Unit.DEG_C, steps=(Step(start=start, end=end, value=value),)
            )
            for id_, value in values.items()
        ),
    )
    plan = Plan(
        id=plan_id,
        site=site,
        created_at=start,
        problem=a_problem(site=site, start=start),
        schedule=schedule,
        objections=tuple(objections),
    )
    return sealed(plan)


def command(
    point_id: str,
    value: float,
    *,
    at: datetime = NOW,
    lease: timedelta = LEASE,
    command_id: str = "c1",
    actor: str = "plan",
) -> Command:
    return Command(
        id=command_id,
        point=point_id,
        value=value,
        issued_at=at,
        lease_end=at + lease,
        reason="test",
        actor=actor,
    )


def lease_on(site: Site, made: Command) -> Lease:
    """The lease of a command, as the journal takes it."""
    target = next(p for p in site.points if p.id == made.point)
    return lease_of(made, target, site.device(target.device))


def lease_of(made: Command, target: Point, device: Device) -> Lease:
    """The lease of a command that was issued by a clock whose calendar nobody has set."""
    return Lease(made, target, device, Elapsed(CALENDAR, made.issued_at.timestamp()))


def a_hand(point_id: str, found: float | None, ours: float | None = 18.0) -> LocalOverride:
    """Somebody has put ``found`` in place of ours at a point of the hut."""
    return LocalOverride(
        id=f"hand at {point_id}",
        site="hut",
        point=point_id,
        since=NOW,
        found=found,
        ours=ours,
        by=fact(Holder.LOCAL),
    )


class Keeper:
    """A guard keeper that counts, and can be without a guard."""

    def __init__(self) -> None:
        self.asked = 0
        self.broken = False

    async def ensure(self) -> None:
        self.asked += 1
        if self.broken:
            raise GuardError("no guard can be started")

    async def close(self) -> None:
        """Nothing was started."""


class GoneOnceAnnounced(Keeper):
    """A guard that is there before the announcement of a tick, and not after it."""

    async def ensure(self) -> None:
        await super().ensure()
        self.broken = True
