"""Devices in memory behind the ports ``Drivers`` and ``Driver``, with faults that can be switched.

``FakeDrivers().device("site/device")`` is a device whose points hold numbers. Its own control has
a value per point (``own``), a writer may hold the point (``held``), somebody may sit at a higher
priority (``override``), and it may be dead, refuse, or swallow what it acknowledged.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.write_rule import ReleaseKind
from bms.model.control.command import (
    Accepted,
    Clamped,
    Command,
    Failed,
    Overridden,
    Receipt,
    Refused,
    Released,
    ReleaseReceipt,
    StillHeld,
)
from bms.model.control.command_state import CommandState, NoCommandState, OccupiedSlot
from bms.model.control.reasons import Holder, ReceiptReason, RefusalReason
from bms.model.fact import Fact, fact
from bms.model.readings.measurement import Quality, Reading
from bms.ports.drivers import DeviceHealth, Exchange

MINIMUM_S = 1800.0
"""Minimum on and off time of the points in ``minimum_times`` [s]."""


def device_said(text: str) -> Fact:
    """The reason of a receipt with a device's own text."""
    return fact(ReceiptReason.DEVICE_ERROR, device="device", text=text)


@dataclass
class FakeDevice:
    """A device. Everything is public: tests turn its knobs."""

    own: dict[str, float] = field(default_factory=dict)
    held: dict[str, float] = field(default_factory=dict)
    override: dict[str, tuple[int, float]] = field(default_factory=dict)
    dead: bool = False
    swallows_writes: bool = False
    swallows_releases: bool = False
    bad_points: set[str] = field(default_factory=set)
    doubted: set[str] = field(default_factory=set)
    writes: list[Command] = field(default_factory=list)
    releases: list[tuple[str, datetime]] = field(default_factory=list)
    beats: list[datetime] = field(default_factory=list)
    reads: int = 0
    looks: int = 0
    minimum_times: set[str] = field(default_factory=set)
    boot: str | None = None
    silent_at: datetime | None = None
    closed: bool = False

    def effective(self, point: str) -> float | None:
        """The value that stands: of the one above, of us, or of the building's own control."""
        if point in self.override:
            return self.override[point][1]
        return self.held.get(point, self.own.get(point))

    async def read(self, points: Sequence[Point], at: datetime) -> list[Reading]:
        self.reads += 1
        return [self._reading(point, at) for point in points]

    async def command_states(
        self, points: Sequence[Point], at: datetime
    ) -> list[CommandState | NoCommandState]:
        self.looks += 1
        return [self._command_state(point, at) for point in points]

    def _command_state(self, point: Point, at: datetime) -> CommandState | NoCommandState:
        if self.dead:
            return NoCommandState(point.id, device_said("no reply"))
        if point.id in self.bad_points:
            return NoCommandState(point.id, device_said("illegal data address"), retryable=False)
        kind = point.write.release.kind if point.write is not None else None
        own = self.held.get(point.id)
        enabled = None
        if kind is ReleaseKind.REMOTE_ENABLE:
            own, enabled = self.held.get(point.id, self.own.get(point.id)), own is not None
        elif kind in (ReleaseKind.TIMETABLE, ReleaseKind.CONSTANT):
            own = self.held.get(point.id, self.own.get(point.id))
        above = self.override.get(point.id)
        return CommandState(
            point=point.id,
            at=at,
            effective=self.effective(point.id),
            doubt="uncertain: out of service" if point.id in self.doubted else None,
            own=own,
            home=(self.own[point.id],) if point.id in self.own else (),
            enabled=enabled,
            above=() if above is None else (OccupiedSlot(*above),),
            minimum_times=point.id in self.minimum_times,
            minimum_on_s=MINIMUM_S if point.id in self.minimum_times else 0.0,
            minimum_off_s=MINIMUM_S if point.id in self.minimum_times else 0.0,
            boot=self.boot,
            silent_at=self.silent_at,
        )

    async def write(self, point: Point, command: Command) -> Receipt:
        if point.write is None:
            return Refused(command, fact(RefusalReason.NOT_WRITABLE, point=point.id))
        if self.dead:
            return Failed(command, device_said("no reply"), retryable=True)
        if point.id in self.bad_points:
            return Failed(command, device_said("illegal data address"), retryable=False)
        if point.id in self.override:
            priority, value = self.override[point.id]
            return Overridden(command, priority, value, fact(Holder.OPERATOR))
        self.writes.append(command)
        value = min(max(command.value, point.write.minimum), point.write.maximum)
        if self.swallows_writes and point.write.release.kind is ReleaseKind.REMOTE_ENABLE:
            shown = self.effective(point.id)  # as the Modbus driver says it
            return Overridden(command, None, shown, fact(Holder.LOCAL))
        if self.swallows_writes:
            return Failed(
                command, fact(ReceiptReason.READS_BACK, wrote=value, seen=None), retryable=True
            )
        self.held[point.id] = value
        if value != command.value:
            limit = ReceiptReason.AT_MAXIMUM if value < command.value else ReceiptReason.AT_MINIMUM
            return Clamped(command, value, value, fact(limit, limit=value))
        return Accepted(command, value)

    async def release(self, point: Point, at: datetime) -> ReleaseReceipt:
        if self.dead:
            return StillHeld(point.id, device_said("no reply"))
        self.releases.append((point.id, at))
        if self.swallows_releases and point.id in self.held:
            return StillHeld(point.id, device_said("it still holds a value"))
        self.held.pop(point.id, None)
        return Released(point.id, self.effective(point.id))

    async def beat(self, at: datetime) -> None:
        self.beats.append(at)

    async def keep_only(self, devices: Collection[Device]) -> None:
        self.kept = frozenset(device.id for device in devices)

    async def close(self) -> None:
        self.closed = True

    def _reading(self, point: Point, at: datetime) -> Reading:
        if self.dead:
            return Reading(point.id, at, None, Quality.NO_REPLY, at, "no reply")
        if point.id in self.bad_points:
            return Reading(point.id, at, None, Quality.DEVICE_ERROR, at, "illegal data address")
        if point.id in self.doubted:
            value = self.effective(point.id)
            return Reading(point.id, at, value, Quality.UNCERTAIN, at, "out of service")
        value = self.effective(point.id)
        quality = Quality.ABSENT if value is None else Quality.GOOD
        return Reading(point.id, at, value, quality, at)


class FakeDrivers:
    """``bms.ports.drivers.Drivers`` over fake devices, made when they are first asked for."""

    def __init__(self, devices: dict[str, FakeDevice] | None = None) -> None:
        self.devices = devices if devices is not None else {}
        self.well: dict[str, DeviceHealth] = {}
        self.exchanges: dict[str, tuple[Exchange, ...]] = {}
        self.closed = False
        self.kept: frozenset[str] | None = None
        """The devices that were kept, after others were let go."""

    def device(self, device_id: str) -> FakeDevice:
        return self.devices.setdefault(device_id, FakeDevice())

    def driver(self, device: Device) -> FakeDevice:
        return self.device(device.id)

    def health(self) -> dict[str, DeviceHealth]:
        return dict(self.well)

    def trace(self, device_id: str) -> tuple[Exchange, ...]:
        return self.exchanges.get(device_id, ())

    async def keep_only(self, devices: Collection[Device]) -> None:
        self.kept = frozenset(device.id for device in devices)

    async def close(self) -> None:
        self.closed = True
        for device in self.devices.values():
            await device.close()


def held(drivers: FakeDrivers) -> set[str]:
    """The points at which our value stands."""
    return {point for device in drivers.devices.values() for point in device.held}
