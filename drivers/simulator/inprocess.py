"""Drivers that reach the simulated buildings without sockets: season-long benches, fast tests.

The same rules as over the wire (slots, enables, timetable registers, limits, read-back), minus
the ways in which a network fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from bms.model.control.reasons import Holder, ReceiptReason, RefusalReason
from bms.model.fact import Fact, fact
from bms.model.readings.reading import Quality, Reading
from bms.ports.drivers import DeviceHealth, Exchange
from drivers.fieldbus.receipts import refused
from drivers.fieldbus.write_limits import clamp, matches, write_receipt
from drivers.simulator.control_points import (
    Lever,
    LeverPanel,
    PlainRegister,
    PrioritySlots,
    RemoteSetpoint,
    TimetableRegister,
)
from drivers.simulator.interfaces import Physics

_LEVERS: dict[ReleaseKind, Callable[[], Lever]] = {
    ReleaseKind.NULL: PrioritySlots,
    ReleaseKind.REMOTE_ENABLE: RemoteSetpoint,
    ReleaseKind.TIMETABLE: TimetableRegister,
    ReleaseKind.CONSTANT: PlainRegister,
    ReleaseKind.SCHEDULE: PrioritySlots,  # an exception of ours is taken away like a slot
}


class InProcessDrivers:
    """Implements ``bms.ports.drivers.Drivers`` on the physics of a municipality.

    A point ``site/signal`` is the signal of that name; its write rule says what kind of control
    stands behind it. Let time pass with ``advance``. ``timezone`` is the one of timetables.
    """

    def __init__(self, physics: Physics, timezone: str = "Europe/Copenhagen") -> None:
        self._physics = physics
        self._panel = LeverPanel(physics)
        self._zone = ZoneInfo(timezone)
        self._seen: dict[str, tuple[datetime, dict[str, float]]] = {}

    def driver(self, device: Device) -> InProcessDriver:
        return InProcessDriver(self, device)

    def health(self) -> dict[str, DeviceHealth]:
        """None: there is no network to be well or ill."""
        return {}

    def trace(self, device_id: str) -> tuple[Exchange, ...]:
        """None: nothing is exchanged."""
        return ()

    async def close(self) -> None:
        """Nothing is open."""

    def advance(self, seconds: int) -> None:
        """Let ``seconds`` [s] pass, a multiple of 60."""
        self._panel.advance(seconds)

    def occupy(self, point: Point, priority: int, value: float | None) -> None:
        """What somebody else does: fill a priority slot (1..16) of a point, or clear it.

        Raises TypeError for a point without slots.
        """
        lever = self.lever(point)
        if not isinstance(lever, PrioritySlots):
            raise TypeError(f"{point.id} has no priority slots")
        lever.write(priority, value)
        self.act()

    def sensors(self, site: str) -> dict[str, float]:
        """Every signal of a site; the sensors are looked at once for each moment."""
        now = self._physics.now
        seen = self._seen.get(site)
        if seen is None or seen[0] != now:
            seen = self._seen[site] = (now, self._physics.sensors(site))
        return seen[1]

    def standing(self, point: Point) -> float | None:
        """The value that a point shows now; None when the building has no such signal."""
        signal = signal_of(point)
        lever = self._panel.lever(point.site, signal)
        if lever is None:
            return self.sensors(point.site).get(signal)
        lever.own_asks(self._physics.own_value(point.site, signal))
        return lever.effective

    def lever(self, point: Point) -> Lever | None:
        """The lever behind a writable point, as of now; None where there is none."""
        signal = signal_of(point)
        if point.write is None or signal not in self.sensors(point.site):
            return None
        lever = self._panel.lever(point.site, signal)
        if lever is None:
            lever = _LEVERS[point.write.release.kind]()
            self._panel.attach(point.site, signal, lever)
        lever.own_asks(self._physics.own_value(point.site, signal))
        return lever

    def act(self) -> None:
        """Let the building feel what was just written."""
        self._panel.act()

    def state(self, site: str) -> dict[str, object]:
        """Who holds what, of the points that were written so far."""
        return self._panel.state(site)

    def home_value(self, release: Release, at: datetime) -> float | None:
        """The value that gives a register back at ``at``; None where no value does."""
        if release.kind is ReleaseKind.TIMETABLE and release.timetable is not None:
            return release.timetable.value_at(at.astimezone(self._zone))
        return release.value


class InProcessDriver:
    """One device of the simulated building (``bms.ports.drivers.Driver``)."""

    def __init__(self, drivers: InProcessDrivers, device: Device) -> None:
        self._drivers = drivers
        self._device = device

    async def read(self, points: Sequence[Point], at: datetime) -> list[Reading]:
        return [self._reading(point, at) for point in points]

    def _reading(self, point: Point, at: datetime) -> Reading:
        value = self._drivers.standing(point)
        if value is None:
            detail = f"the building has no signal {signal_of(point)}"
            return Reading(point.id, at, None, Quality.DEVICE_ERROR, at, detail)
        return Reading(point.id, at, value, Quality.GOOD, at)

    async def write(self, point: Point, command: Command) -> Receipt:
        if point.write is None:
            return Refused(command, fact(RefusalReason.NOT_WRITABLE, point=point.id))
        lever = self._drivers.lever(point)
        if lever is None:
            return Failed(command, fact(ReceiptReason.NO_SIGNAL, signal=signal_of(point)), False)
        other = _other(lever, point.write)
        if other is not None:
            slot, value = other
            by = Holder.OPERATOR if slot <= 8 else Holder.PROGRAM
            return Overridden(command, slot, value, fact(by))
        try:
            clamped = clamp(point.write, command.value)
        except ValueError as error:
            return refused(command, error)
        _take(lever, point.write, clamped.value)
        self._drivers.act()
        if not matches(point.write, clamped.value, lever.effective):
            seen = fact(ReceiptReason.READS_BACK, wrote=clamped.value, seen=lever.effective)
            return Failed(command, seen, True)
        return write_receipt(command, clamped, lever.effective)

    async def release(self, point: Point, at: datetime) -> ReleaseReceipt:
        lever = self._drivers.lever(point)
        if point.write is None or lever is None:
            return StillHeld(point.id, fact(RefusalReason.NOT_WRITABLE, point=point.id), False)
        home = self._drivers.home_value(point.write.release, at)
        problem = _give_back(lever, point.write, home)
        if problem is not None:
            return StillHeld(point.id, problem, False)
        self._drivers.act()
        return Released(point.id, lever.effective)

    async def close(self) -> None:
        """Nothing is open."""


def signal_of(point: Point) -> str:
    """The signal behind a point id ``site/signal``."""
    return point.id.split("/", 1)[1]


def _other(lever: Lever, rule: WriteRule) -> tuple[int, float] | None:
    """The slot above ours that somebody else holds, and its value."""
    if not isinstance(lever, PrioritySlots):
        return None
    above = [slot for slot in lever.slots if slot < rule.priority]
    return (min(above), lever.slots[min(above)]) if above else None


def _take(lever: Lever, rule: WriteRule, value: float) -> None:
    match lever:
        case PrioritySlots():
            lever.write(rule.priority, value)
        case RemoteSetpoint():
            lever.remote, lever.enabled = value, True
        case PlainRegister():
            lever.value = value


def _give_back(lever: Lever, rule: WriteRule, home: float | None) -> Fact | None:
    """Give a lever back the declared way; the reason when that cannot be done."""
    match lever:
        case PrioritySlots():
            lever.write(rule.priority, None)
        case RemoteSetpoint():
            lever.enabled = False
        case PlainRegister() if home is not None:
            lever.value = home
        case _:
            text = f"no value is declared that gives it back ({rule.release.kind})"
            return fact(ReceiptReason.NOT_RELEASABLE, text=text)
    return None
