"""A device whose Schedule object 3 commands analog value 1: it follows its exceptions by itself.

What it makes of them is decoded by bacpypes3 and evaluated by the rule of the standard (ANSI/ASHRAE
135, 12.24.4), and shares nothing with the driver.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bacpypes3.basetypes import DailySchedule, SpecialEvent
from bacpypes3.constructeddata import ArrayOf
from bacpypes3.pdu import PDUData
from bacpypes3.primitivedata import TagList

from bms.clock import VirtualClock
from tests.rigs.fieldbus.bacnet_responder import Key, TinyDevice, real, simple_ack, unsigned

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
SCHEDULE, VALUE, DEVICE = (17, 3), (2, 1), (8, 77)
EXCEPTIONS, WEEKLY, PRESENT, SLOTS, COMMANDS_AT, DEFAULT = 38, 123, 85, 87, 88, 174
NULL = b"\x00"


def _from(hour: int, number: float) -> bytes:
    return b"\xb4" + bytes((hour, 0, 0, 0)) + real(number)


DAY = b"\x0e" + _from(0, 17.0) + _from(6, 19.0) + _from(20, 17.0) + b"\x0f"


def exception(day: datetime, number: float, priority: int, hour: int = 0) -> bytes:
    """Somebody's exception of one calendar day, from ``hour`` on."""
    date = bytes((day.year - 1900, day.month, day.day, day.isoweekday()))
    return b"\x0e\x0c" + date + b"\x0f\x2e" + _from(hour, number) + b"\x2f\x39" + bytes((priority,))


class SchedulingDevice(TinyDevice):
    """``clock`` is building time, ``ahead`` how far the device's own clock is before it."""

    clock: VirtualClock
    ahead = timedelta()
    in_effect = True
    slots: dict[int, float]
    swallows = False

    @classmethod
    def at(cls, clock: VirtualClock) -> SchedulingDevice:
        made = cls()
        made.clock, made.slots = clock, {}
        made.properties |= {
            (*SCHEDULE, EXCEPTIONS): b"",
            (*SCHEDULE, WEEKLY): DAY * 7,
            (*SCHEDULE, DEFAULT): real(16.0),
            (*SCHEDULE, COMMANDS_AT): unsigned(15),
            (*SCHEDULE, PRESENT): NULL,
            (*VALUE, PRESENT): NULL,
            (*VALUE, SLOTS): NULL * 16,
            (*DEVICE, 56): NULL,
            (*DEVICE, 57): NULL,
        }
        return made

    @property
    def local(self) -> datetime:
        return (self.clock.now() + self.ahead).astimezone(COPENHAGEN).replace(tzinfo=None)

    @property
    def exceptions(self) -> bytes:
        found = self.properties[*SCHEDULE, EXCEPTIONS]
        assert isinstance(found, bytes)
        return found

    @exceptions.setter
    def exceptions(self, octets: bytes) -> None:
        self.properties[*SCHEDULE, EXCEPTIONS] = octets

    @property
    def writes(self) -> list[tuple[int, ...]]:
        """The (object type, instance) that were written."""
        numbers = [int.from_bytes(p[1:5], "big") for service, p in self.requests if service == 15]
        return [(number >> 22, number & 0x3FFFFF) for number in numbers]

    def value(self, key: Key, index: int | None) -> bytes | None:
        if key not in self.properties:
            return super().value(key, index)
        moment = self.local
        shown = {
            (*DEVICE, 56): b"\xa4"
            + bytes((moment.year - 1900, moment.month, moment.day, moment.isoweekday())),
            (*DEVICE, 57): b"\xb4" + bytes((moment.hour, moment.minute, moment.second, 0)),
            (*SCHEDULE, PRESENT): real(self.scheduled()),
            (*VALUE, PRESENT): real(self.effective()),
            (*VALUE, SLOTS): b"".join(
                real(held[slot]) if slot in held else NULL
                for held in [{15: self.scheduled(), **self.slots}]
                for slot in range(1, 17)
            ),
        }
        return shown.get(key) or super().value(key, index)

    def write(self, invoke: int, payload: bytes) -> bytes | None:
        return simple_ack(invoke, 15) if self.swallows else super().write(invoke, payload)

    def effective(self) -> float:
        held = {15: self.scheduled(), **self.slots}
        return held[min(held)]

    def scheduled(self) -> float:
        """What the schedule asks for now."""
        best: tuple[int, float] | None = None
        for event in _array(SpecialEvent, self.exceptions) if self.in_effect else ():
            number = self._of_event(event)
            if number is not None and (best is None or event.eventPriority < best[0]):
                best = (event.eventPriority, number)
        if best is not None:
            return best[1]
        days = _array(DailySchedule, self.properties[*SCHEDULE, WEEKLY])
        today = self._latest(days[self.local.weekday()].daySchedule)
        return 16.0 if today is None else today

    def _of_event(self, event: SpecialEvent) -> float | None:
        entry = event.period.calendarEntry
        day = entry.date if entry is not None else None
        moment = self.local
        today = (moment.year - 1900, moment.month, moment.day)
        if day is None or tuple(day)[:3] != today:
            return None
        return self._latest(event.listOfTimeValues)

    def _latest(self, values: list[object]) -> float | None:
        moment = self.local
        now = (moment.hour, moment.minute, moment.second, moment.microsecond // 10_000)
        past = [each for each in values if tuple(each.time) <= now]  # type: ignore[attr-defined]
        number = past[-1].value.get_value() if past else None  # type: ignore[attr-defined]
        return float(number) if isinstance(number, float) else None


def _array(kind: type, octets: object) -> list[object]:
    assert isinstance(octets, bytes)
    return list(ArrayOf(kind).decode(TagList.decode(PDUData(octets))))
