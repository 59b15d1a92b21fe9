"""What a person has to look at now, building by building, from what stands.

The list is made of overrides, silent devices and meters, failed writes, plans by fixed rules and
rooms that are too cold while in use. ``AttentionSource`` is the one way in: a list that is kept
elsewhere takes the place of ``attention_now`` by standing behind the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bms.model.assets.point import Role
from bms.model.assets.site import Mode
from bms.model.control.command import Failed
from bms.model.control.local_override import LOCAL
from bms.model.fact import Fact, MessageCode, Moment, fact
from bms.model.planning.plan import PlanStatus
from bms.ports.drivers import DeviceHealth
from bms.services.overview.buildings import BuildingNow
from bms.services.overview.plan_worth import override_cost

TOO_COLD_K = 0.5
"""A room in use that is less below its band is no matter for a person [K]."""
DEVICE_SILENT = timedelta(hours=1)
METER_SILENT = timedelta(hours=48)
"""Suppliers' files come a day late."""
SUPPLIED_SILENT = timedelta(days=5)
"""A meter without a device of ours comes in files, whose supplier may rest over a weekend."""


class AttentionCode(MessageCode):
    """What is wrong, or stands, at a building."""

    ROOM_COLD = "attention_room_cold"
    DEVICE_SILENT = "attention_device_silent"
    METER_SILENT = "attention_meter_silent"
    OVERRIDDEN = "attention_overridden"
    OVERRIDDEN_UNTIL = "attention_overridden_until"
    AT_BUILDING = "attention_at_building"
    WRITE_FAILED = "attention_write_failed"
    STILL_HELD = "attention_still_held"
    PLAN_FALLBACK = "attention_plan_fallback"
    PLAN_OBJECTED = "attention_plan_objected"
    PLAN_MISSING = "attention_plan_missing"


class Topic(StrEnum):
    """Which part of a building's pages says more."""

    NOW = "now"
    USE = "use"
    TRAIL = "trail"
    WORK = "work"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """One matter. ``point``, ``meter`` and ``device`` are ids of what it is about, where it is
    about one; ``urgent``: people feel it, or nobody is in control. ``dkk`` is what it costs a day
    [DKK/d], None where that is not known."""

    site: str
    what: Fact
    topic: Topic
    urgent: bool = False
    since: datetime | None = None
    dkk: float | None = None
    point: str | None = None
    meter: str | None = None
    device: str | None = None


AttentionSource = Callable[
    [Sequence[BuildingNow], Mapping[str, DeviceHealth], datetime], Sequence[Attention]
]
"""From the buildings, the health of devices and the moment to what needs a person, worst first."""


def attention_now(
    buildings: Sequence[BuildingNow], health: Mapping[str, DeviceHealth], now: datetime
) -> list[Attention]:
    """Every matter that stands, worst first: urgent ones, then what costs most, then the oldest."""
    found = [each for building in buildings for each in _of(building, health, now)]
    return sorted(found, key=lambda each: rank(each, now))


def rank(matter: Attention, now: datetime) -> tuple[bool, float, float, str]:
    """The place of a matter in the list, small first."""
    age = 0.0 if matter.since is None else (now - matter.since).total_seconds()
    return (not matter.urgent, -(matter.dkk or 0.0), -age, matter.site)


def _of(
    building: BuildingNow, health: Mapping[str, DeviceHealth], now: datetime
) -> Iterable[Attention]:
    yield from _cold(building)
    yield from _failed(building)
    yield from _silent_devices(building, health, now)
    yield from _silent_meters(building, now)
    yield from _overridden(building)
    yield from _plan(building)


def _cold(building: BuildingNow) -> Iterator[Attention]:
    room = building.coldest
    if room is None or not room.in_use or room.short_k <= TOO_COLD_K:
        return
    what = fact(AttentionCode.ROOM_COLD, zone=room.name, temp=room.temp_c, low=room.low_c)
    yield Attention(site=building.site.id, what=what, topic=Topic.NOW, urgent=True)


def _failed(building: BuildingNow) -> Iterator[Attention]:
    for at, receipt in building.failed:
        written = isinstance(receipt, Failed)
        point = receipt.command.point if isinstance(receipt, Failed) else receipt.point
        code = AttentionCode.WRITE_FAILED if written else AttentionCode.STILL_HELD
        what = fact(code, error=receipt.error)
        yield Attention(
            site=building.site.id,
            what=what,
            topic=Topic.TRAIL,
            urgent=not written,
            since=at,
            point=point,
        )


def _silent_devices(
    building: BuildingNow, health: Mapping[str, DeviceHealth], now: datetime
) -> Iterator[Attention]:
    """Devices that did not answer for an hour, or are left alone by now."""
    for device in building.site.devices:
        here = [p.id for p in building.site.points if p.device == device.id]
        seen = [building.latest[p].time for p in here if p in building.latest]
        known = health.get(device.id)
        if known is not None and known.last_good is not None:
            seen.append(known.last_good)
        last = max(seen, default=None)
        alone = known is not None and known.left_alone
        if last is None and known is None:
            continue  # nobody has asked it yet
        if not alone and last is not None and now - last <= DEVICE_SILENT:
            continue
        yield Attention(
            site=building.site.id,
            what=fact(AttentionCode.DEVICE_SILENT),
            topic=Topic.NOW,
            urgent=building.controlled > 0,
            since=last,
            device=device.id,
        )


def _silent_meters(building: BuildingNow, now: datetime) -> Iterator[Attention]:
    for meter in building.site.meters:
        point = building.site.meter_point(meter.id, Role.METER_ENERGY)
        reading = None if point is None else building.latest.get(point.id)
        if point is None or reading is None:
            continue
        if now - reading.time <= (METER_SILENT if point.device else SUPPLIED_SILENT):
            continue
        yield Attention(
            site=building.site.id,
            what=fact(AttentionCode.METER_SILENT),
            topic=Topic.USE,
            since=reading.time,
            meter=meter.id,
        )


def _overridden(building: BuildingNow) -> Iterator[Attention]:
    local = {each.id for each in building.at_building}
    for each in building.overrides:
        if each.actor == LOCAL or each.id in local:
            continue
        code = AttentionCode.OVERRIDDEN if each.until is None else AttentionCode.OVERRIDDEN_UNTIL
        until = None if each.until is None else Moment(each.until)
        what = fact(code, actor=each.actor, reason=each.reason, until=until)
        yield _hold(building, each.point, what, each.since)
    for found in building.at_building:
        what = fact(AttentionCode.AT_BUILDING, by=found.by)
        yield _hold(building, found.point, what, found.since)


def _hold(building: BuildingNow, point: str | None, what: Fact, since: datetime) -> Attention:
    plan = building.plan
    cost = None if plan is None else override_cost(building.site, point, plan.worth).dkk
    return Attention(
        site=building.site.id,
        what=what,
        topic=Topic.NOW,
        since=since,
        dkk=None if cost is None else max(0.0, cost),
        point=point,
    )


def _plan(building: BuildingNow) -> Iterator[Attention]:
    if building.mode is Mode.OBSERVE:
        return
    plan = building.plan
    if plan is None:
        what = fact(AttentionCode.PLAN_MISSING)
    elif plan.objection is not None:
        what = fact(AttentionCode.PLAN_OBJECTED, why=plan.objection)
    elif plan.status is PlanStatus.FALLBACK:
        what = fact(AttentionCode.PLAN_FALLBACK, why=plan.why)
    else:
        return
    since = None if plan is None else plan.made
    yield Attention(site=building.site.id, what=what, topic=Topic.NOW, since=since)
