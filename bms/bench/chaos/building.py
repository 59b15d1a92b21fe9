"""A building behind real sockets that keeps its own record: who wrote what, where and when.

Two controllers, BACnet/IP and Modbus TCP, with one setpoint for each of three ways back. What comes
in over the network is ours; what people do at the building goes past the network. So the record
needs nothing of what we know about ourselves.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from bms.bench.chaos.controllers import Controller, RegisterDevice, SetpointDevice
from bms.model.assets.write_rule import ReleaseKind
from bms.ports.clock import Clock
from drivers.simulator.control_points import ConstantRegister, ControlPoint, RemoteSetpoint
from drivers.simulator.servers.modbus_registers import RegisterImage, hall_controller

OUR_SLOT = 13
OFFICE_INSTANCE = 101
OFFICE, HALL, CURVE = "office.setpoint", "hall.setpoint", "plant.curve_shift"
SIGNALS = (OFFICE, HALL, CURVE)
KINDS = {
    OFFICE: ReleaseKind.NULL,
    HALL: ReleaseKind.REMOTE_ENABLE,
    CURVE: ReleaseKind.CONSTANT,
}
OWN = {OFFICE: 19.0, HALL: 17.0, CURVE: 0.0}
"""What the building's own control has [unit of the signal]."""
LIMITS = {OFFICE: (16.0, 24.0), HALL: (14.0, 23.0), CURVE: (-5.0, 5.0)}
"""Those of the site file."""
MINUTE = timedelta(minutes=1)


class Obedience(StrEnum):
    """What a controller does with a write."""

    NORMAL = "normal"
    IGNORES = "ignores"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class NetworkWrite:
    """What came in: ``value`` None gives back (NULL, or enable bit 0); ``before`` is what stood in
    that place, and ``word`` whether that was a person's."""

    at: datetime
    signal: str
    value: float | None
    before: float | None
    word: PersonWord | None
    under_way: bool = False
    """Whether it was sent before anybody could know that this building has the address now."""


@dataclass(frozen=True, slots=True)
class PersonWord:
    """A person's value at a signal since ``since``; ``slot`` is None at a register."""

    signal: str
    value: float
    since: datetime
    slot: int | None = None


OnWrite = Callable[["RecordingBuilding", str, float | None], Awaitable[None]]


@dataclass
class RecordingBuilding:
    """One building; ``number`` tells its devices and values from those of others."""

    name: str
    number: int
    clock: Clock
    temps: dict[str, float] = field(default_factory=lambda: {"office": 20.0, "hall": 18.0})
    obedience: Obedience = Obedience.NORMAL
    writes: list[NetworkWrite] = field(default_factory=list)
    words: dict[str, PersonWord] = field(default_factory=dict)
    on_write: OnWrite | None = None
    late: list[tuple[datetime, str, float | None]] = field(default_factory=list)
    strays: list[tuple[datetime, int]] = field(default_factory=list)
    """Writes that came in for a slot that is not ours."""
    watchdog: timedelta | None = None
    restarts: list[datetime] = field(default_factory=list)
    emptied: set[str] = field(default_factory=set)
    """What an undeclared watchdog has taken away, which is somebody's word to us (W7)."""
    strange: bool = False
    """Whether something was left in our places that is nobody's word, and cannot be told from one:
    what a person leaves who takes back his own, or a value that was meant for another building."""
    seen: Callable[[dict[str, float]], dict[str, float]] = dict
    """What the sensors show [degC] of what the rooms have."""

    def __post_init__(self) -> None:
        self._remote, self._shift = RemoteSetpoint(), ConstantRegister()
        registers: dict[str, ControlPoint] = {HALL: self._remote, CURVE: self._shift}
        self._image = RegisterImage(
            hall_controller(1, ["hall"], f"{self.number:04d}"), _all(registers)
        )
        self._image.on_write = self._on_register
        self._rooms = SetpointDevice(
            self.name, 1100 + self.number, (OFFICE_INSTANCE, OFFICE), self._on_slot
        )
        self.controllers: dict[str, Controller] = {
            "bacnet": self._rooms,
            "modbus": RegisterDevice(self._image),
        }
        self.points: dict[str, ControlPoint] = {OFFICE: self._rooms.slots, **registers}
        for signal in SIGNALS:
            self.points[signal].follow_programme(OWN[signal])
        self._rooms.restarted(self.clock.now())
        self.refresh()

    def refresh(self) -> None:
        """Show what the sensors have, and apply what was put off."""
        wave = math.sin(self.clock.now().timestamp() / 5000.0)
        rooms = {zone: round(value + wave, 1) for zone, value in self.temps.items()}
        sensors = {f"{zone}.temp": value for zone, value in self.seen(rooms).items()}
        self._rooms.inputs = {1: 3.0, OFFICE_INSTANCE: sensors["office.temp"]}
        self._image.refresh(sensors)

    async def apply_late(self, now: datetime) -> None:
        """What was acknowledged a minute ago or earlier takes effect."""
        due = [row for row in self.late if row[0] + MINUTE <= now]
        self.late = [row for row in self.late if row not in due]
        for _, signal, value in due:
            await self._put(signal, value)

    async def let_go(self, now: datetime) -> None:
        """A watchdog gives back what nobody has renewed for so long."""
        for signal in SIGNALS if self.watchdog is not None else ():
            last = next((row for row in reversed(self.writes) if row.signal == signal), None)
            stale = last is not None and self.watchdog is not None and last.at + self.watchdog < now
            if stale and signal not in self.words_in_place():
                if self.place(signal) is not None:
                    self.emptied.add(signal)
                await self._put(signal, None)

    def restarted_again(self) -> bool:
        """Whether it has started anew twice within a day: what the second takes away is somebody's
        word to us (W7)."""
        last = self.restarts[-2:]
        return len(last) == 2 and last[1] - last[0] < timedelta(days=1)

    def place(self, signal: str) -> float | None:
        """What stands in the place that is ours to write; None while own control acts."""
        if signal == OFFICE:
            return self.points[OFFICE].held().get(str(OUR_SLOT))
        return self.points[signal].command

    def slots(self) -> dict[int, float]:
        """The occupied slots of the office."""
        return {int(slot): value for slot, value in self.points[OFFICE].held().items()}

    def is_ours(self, signal: str) -> bool:
        """Whether what stands in our place is our own last write."""
        value, last = self.place(signal), self.last_value(signal)
        if value is None or last is None or signal in self.words_in_place():
            return False
        return abs(value - last) < 0.06

    def words_in_place(self) -> dict[str, PersonWord]:
        """Words of people in the very place that we write to."""
        return {s: word for s, word in self.words.items() if word.slot in (None, OUR_SLOT)}

    def last_value(self, signal: str) -> float | None:
        """The value that we wrote last; None after we have given the signal back."""
        rows = [row for row in self.writes if row.signal == signal]
        return rows[-1].value if rows else None

    async def say(self, signal: str, value: float, slot: int | None = None) -> None:
        """A person at the building writes a value: in a BACnet slot, or at the thermostat."""
        self.words[signal] = PersonWord(signal, value, self.clock.now(), slot)
        if slot is not None:
            self._rooms.slots.write(slot, value)
        elif signal == HALL:
            self._remote.remote, self._remote.enabled = value, True
        else:
            self._shift.value = value

    async def unsay(self) -> None:
        """People take back what they have said at the building."""
        self.strange = self.strange or bool(self.words_in_place())
        for word in list(self.words.values()):
            if word.slot is not None:
                self._rooms.slots.write(word.slot, None)
            elif word.signal == HALL:
                self._remote.enabled = False
            else:
                self._shift.value = OWN[CURVE]
        self.words.clear()

    async def reboot(self) -> None:
        """Both controllers start anew and have forgotten what was written to them."""
        for slot in self.slots():
            self._rooms.slots.write(slot, None)
        self._remote.enabled, self._remote.remote = False, None
        self._shift.value = OWN[CURVE]
        self.words.clear()
        self.restarts.append(self.clock.now())
        self._rooms.restarted(self.clock.now())

    async def _on_slot(self, slot: int, value: float | None, under_way: bool) -> bool:
        if slot != OUR_SLOT:
            self.strays.append((self.clock.now(), slot))
            return False
        return await self._arrived(OFFICE, value, under_way)

    def _on_register(self, signal: str, enable: bool, value: float) -> bool:
        """The setpoint comes before its bit, and the bit alone gives back."""
        if enable and value:
            return self.obedience is Obedience.NORMAL
        given_back = enable or (signal == CURVE and value == OWN[CURVE])
        wanted = None if given_back else value
        self._record(signal, wanted)
        if self.obedience is Obedience.LATE:
            self.late.append((self.clock.now(), signal, wanted))
        return self.obedience is Obedience.NORMAL

    async def _arrived(self, signal: str, value: float | None, under_way: bool) -> bool:
        if self.on_write is not None:
            await self.on_write(self, signal, value)
        self._record(signal, value, under_way)
        self.strange = self.strange or under_way
        if self.obedience is Obedience.LATE:
            self.late.append((self.clock.now(), signal, value))
        return self.obedience is Obedience.NORMAL

    def _record(self, signal: str, value: float | None, under_way: bool = False) -> None:
        now, word = self.clock.now(), self.words_in_place().get(signal)
        self.writes.append(NetworkWrite(now, signal, value, self.place(signal), word, under_way))
        if word is not None and word.since == now and self.obedience is Obedience.NORMAL:
            del self.words[signal]  # said while the write was on its way: nobody could know
            self.strange = True

    async def _put(self, signal: str, value: float | None) -> None:
        if signal == OFFICE:
            self._rooms.slots.write(OUR_SLOT, value)
        elif signal == HALL:
            self._remote.enabled = value is not None
            self._remote.remote = self._remote.remote if value is None else value
        else:
            self._shift.value = OWN[CURVE] if value is None else value


def _all(registers: dict[str, ControlPoint]) -> dict[str, ControlPoint]:
    """The registers of the hall controller that no point is about stand as they are."""
    rest = ("ahu1.run", "ahu1.flow", "ahu1.supply_air_setpoint")
    return {**registers, **{signal: ConstantRegister() for signal in rest}}
