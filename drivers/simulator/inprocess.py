"""Drivers of the simulated buildings without sockets, for season-long benches and fast tests.

Slots, enables, timetable registers, limits and read-back as over the network, without its failures.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.write_rule import Release, ReleaseKind, WriteRule
from bms.model.control.command import (
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
from drivers.fieldbus.read_back import matches, write_receipt
from drivers.fieldbus.receipts import refused
from drivers.fieldbus.release_values import home_values
from drivers.fieldbus.write_limits import clamp
from drivers.simulator.control_points import (
    ConstantRegister,
    ControlPoint,
    ControlPoints,
    PriorityArray,
    RemoteSetpoint,
    TimetableRegister,
)
from drivers.simulator.interfaces import SimulatedBuildings

_CONTROL_POINTS: dict[ReleaseKind, Callable[[], ControlPoint]] = {
    ReleaseKind.NULL: PriorityArray,
    ReleaseKind.REMOTE_ENABLE: RemoteSetpoint,
    ReleaseKind.TIMETABLE: TimetableRegister,
    ReleaseKind.CONSTANT: ConstantRegister,
    ReleaseKind.SCHEDULE: PriorityArray,  # an exception of ours is taken away like a slot
}


class InProcessDrivers:
    """Implements ``bms.ports.drivers.Drivers`` on the physics of a municipality.

    A point ``site/signal`` is the signal of that name; its write rule decides the kind of control
    point. ``advance`` advances time. ``timezone`` is that of timetables.
    """

    def __init__(self, physics: SimulatedBuildings, timezone: str = "Europe/Copenhagen") -> None:
        self._physics = physics
        self._points = ControlPoints(physics)
        self.zone = ZoneInfo(timezone)
        self._seen: dict[str, tuple[datetime, dict[str, float]]] = {}

    def driver(self, device: Device) -> InProcessDriver:
        """The driver of a device."""
        return InProcessDriver(self, device)

    def health(self) -> dict[str, DeviceHealth]:
        """Empty: there is no network."""
        return {}

    def trace(self, device_id: str) -> tuple[Exchange, ...]:
        """Empty: there is no network."""
        return ()

    async def keep_only(self, devices: Collection[Device]) -> None:
        """Nothing is open."""

    async def close(self) -> None:
        """Nothing is open."""

    def advance(self, seconds: int) -> None:
        """Advance time by ``seconds`` [s], a multiple of 60."""
        self._points.advance(seconds)

    def write_slot(self, point: Point, priority: int, value: float | None) -> None:
        """Write a priority slot (1 to 16) of a point as another client, or relinquish it (None).

        Raises TypeError for a point without a priority array.
        """
        control_point = self.control_point(point)
        if not isinstance(control_point, PriorityArray):
            raise TypeError(f"{point.id} has no priority slots")
        control_point.write(priority, value)
        self.apply_commands()

    def sensors(self, site: str) -> dict[str, float]:
        """Every signal of a site, sampled once for each building time."""
        now = self._physics.now
        seen = self._seen.get(site)
        if seen is None or seen[0] != now:
            seen = self._seen[site] = (now, self._physics.sensors(site))
        return seen[1]

    def present_value(self, point: Point) -> float | None:
        """The present value of a point; None when the building has no such signal."""
        signal = signal_of(point)
        control_point = self._points.control_point(point.site, signal)
        if control_point is None:
            return self.sensors(point.site).get(signal)
        control_point.follow_programme(self._physics.own_value(point.site, signal))
        return control_point.effective

    def control_point(self, point: Point) -> ControlPoint | None:
        """The control point of a writable point; None where there is none."""
        signal = signal_of(point)
        if point.write is None or signal not in self.sensors(point.site):
            return None
        control_point = self._points.control_point(point.site, signal)
        if control_point is None:
            control_point = _CONTROL_POINTS[point.write.release.kind]()
            self._points.attach(point.site, signal, control_point)
        control_point.follow_programme(self._physics.own_value(point.site, signal))
        return control_point

    def apply_commands(self) -> None:
        """Command the physics with what was just written."""
        self._points.apply_commands()

    def state(self, site: str) -> dict[str, object]:
        """The state of the control points that were written so far."""
        return self._points.state(site)

    def release_value(self, release: Release, at: datetime) -> float | None:
        """The value that releases a register at the time ``at``; None where none is declared."""
        if release.kind is ReleaseKind.TIMETABLE and release.timetable is not None:
            return release.timetable.value_at(at.astimezone(self.zone))
        return release.value


class InProcessDriver:
    """One device of the simulated building (``bms.ports.drivers.Driver``)."""

    def __init__(self, drivers: InProcessDrivers, device: Device) -> None:
        self._drivers = drivers
        self._device = device

    async def read(self, points: Sequence[Point], at: datetime) -> list[Reading]:
        return [self._reading(point, at) for point in points]

    def _reading(self, point: Point, at: datetime) -> Reading:
        value = self._drivers.present_value(point)
        if value is None:
            detail = f"the building has no signal {signal_of(point)}"
            return Reading(point.id, at, None, Quality.DEVICE_ERROR, at, detail)
        return Reading(point.id, at, value, Quality.GOOD, at)

    async def command_states(
        self, points: Sequence[Point], at: datetime
    ) -> list[CommandState | NoCommandState]:
        return [self._command_state(point, at) for point in points]

    def _command_state(self, point: Point, at: datetime) -> CommandState | NoCommandState:
        rule, control_point = point.write, self._drivers.control_point(point)
        if rule is None or control_point is None:
            missing = fact(ReceiptReason.NO_SIGNAL, signal=signal_of(point))
            return NoCommandState(point.id, missing, retryable=False)
        own: float | None = control_point.effective
        slots: list[OccupiedSlot] = []
        if isinstance(control_point, PriorityArray):
            own = control_point.slots.get(rule.priority)
            slots = [OccupiedSlot(*each) for each in sorted(control_point.slots.items())]
        enabled = control_point.enabled if isinstance(control_point, RemoteSetpoint) else None
        return CommandState(
            point=point.id,
            at=at,
            effective=control_point.effective,
            own=own,
            home=home_values(rule, at, self._drivers.zone),
            enabled=enabled,
            above=tuple(slot for slot in slots if slot.priority < rule.priority),
            below=tuple(slot for slot in slots if slot.priority > rule.priority),
        )

    async def write(self, point: Point, command: Command) -> Receipt:
        if point.write is None:
            return Refused(command, fact(RefusalReason.NOT_WRITABLE, point=point.id))
        control_point = self._drivers.control_point(point)
        if control_point is None:
            return Failed(command, fact(ReceiptReason.NO_SIGNAL, signal=signal_of(point)), False)
        other = _other(control_point, point.write)
        if other is not None:
            slot, value = other
            by = Holder.OPERATOR if slot <= 8 else Holder.PROGRAM
            return Overridden(command, slot, value, fact(by))
        try:
            clamped = clamp(point.write, command.value)
        except ValueError as error:
            return refused(command, error)
        _take(control_point, point.write, clamped.value)
        self._drivers.apply_commands()
        if not matches(point.write, clamped.value, control_point.effective):
            seen = fact(ReceiptReason.READS_BACK, wrote=clamped.value, seen=control_point.effective)
            return Failed(command, seen, True, read_back=control_point.effective)
        return write_receipt(command, clamped, control_point.effective)

    async def release(self, point: Point, at: datetime) -> ReleaseReceipt:
        control_point = self._drivers.control_point(point)
        if point.write is None or control_point is None:
            return StillHeld(point.id, fact(RefusalReason.NOT_WRITABLE, point=point.id), False)
        home = self._drivers.release_value(point.write.release, at)
        problem = _give_back(control_point, point.write, home)
        if problem is not None:
            return StillHeld(point.id, problem, False)
        self._drivers.apply_commands()
        return Released(point.id, control_point.effective)

    async def close(self) -> None:
        """Nothing is open."""


def signal_of(point: Point) -> str:
    """The signal behind a point id ``site/signal``."""
    return point.id.split("/", 1)[1]


def _other(control_point: ControlPoint, rule: WriteRule) -> tuple[int, float] | None:
    """The slot above ours that somebody else holds, and its value."""
    if not isinstance(control_point, PriorityArray):
        return None
    above = [slot for slot in control_point.slots if slot < rule.priority]
    return (min(above), control_point.slots[min(above)]) if above else None


def _take(control_point: ControlPoint, rule: WriteRule, value: float) -> None:
    match control_point:
        case PriorityArray():
            control_point.write(rule.priority, value)
        case RemoteSetpoint():
            control_point.remote, control_point.enabled = value, True
        case ConstantRegister():
            control_point.value = value


def _give_back(control_point: ControlPoint, rule: WriteRule, home: float | None) -> Fact | None:
    """Release a control point as declared; the reason where that is impossible, else None."""
    match control_point:
        case PriorityArray():
            control_point.write(rule.priority, None)
        case RemoteSetpoint():
            control_point.enabled = False
        case ConstantRegister() if home is not None:
            control_point.value = home
        case _:
            text = f"no value is declared that gives it back ({rule.release.kind})"
            return fact(ReceiptReason.NOT_RELEASABLE, text=text)
    return None
