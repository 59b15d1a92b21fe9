"""Weekly and exception schedules of a BACnet device, read and written.

For sites that choose to write the schedule object instead of the present value: the building's own
control then follows our times by itself, also when we are gone. Source: ANSI/ASHRAE 135, clauses
12.24 and 21 (BACnetDailySchedule, BACnetSpecialEvent).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time

from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.encoding import primitives as plain
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.primitives import AnyDate, AnyTime
from drivers.bacnet.encoding.services import Reference
from drivers.bacnet.encoding.tags import Tag
from drivers.bacnet.read_multiple import Answer, read_tags
from drivers.bacnet.session import BacnetSession
from drivers.fieldbus.errors import Garbled, RefusedForGood

DAYS = 7
_EFFECTIVE_PERIOD = 32


@dataclass(frozen=True, slots=True)
class Switch:
    """From ``at`` [local] the schedule has ``value``; None hands over to the default."""

    at: time
    value: float | None


Day = tuple[Switch, ...]


@dataclass(frozen=True, slots=True)
class Period:
    """Days of an exception: a date, a range, a pattern (month, week of the month, weekday), or a
    calendar object's (type, instance). Exactly one is given."""

    day: AnyDate | None = None
    between: tuple[AnyDate, AnyDate] | None = None
    pattern: tuple[int | None, int | None, int | None] | None = None
    calendar: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        given = (self.day, self.between, self.pattern, self.calendar)
        if sum(part is not None for part in given) != 1:
            raise ValueError("an exception has one kind of days")


@dataclass(frozen=True, slots=True)
class ExceptionDay:
    """What holds on special days instead of the weekly schedule; priority 1 wins over 16."""

    period: Period
    switches: Day
    priority: int = 16


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule object. ``weekly`` begins with Monday; an absent part is empty."""

    instance: int
    weekly: tuple[Day, ...]
    exceptions: tuple[ExceptionDay, ...]
    effective: tuple[AnyDate, AnyDate] | None
    default: float | None
    datatype: int


async def read_schedule(session: BacnetSession, instance: int) -> Schedule:
    """Everything that decides what the schedule does. Raises ``DeviceError``."""
    await session.identify()
    weekly, exceptions, effective, default = await read_tags(
        session,
        [
            Reference(codec.SCHEDULE, instance, name)
            for name in (
                codec.WEEKLY_SCHEDULE,
                codec.EXCEPTION_SCHEDULE,
                _EFFECTIVE_PERIOD,
                codec.SCHEDULE_DEFAULT,
            )
        ],
    )
    found = present(weekly), present(exceptions), present(effective), present(default)
    return Schedule(
        instance,
        decode_week(found[0]) if found[0] else (),
        decode_exceptions(found[1]),
        _effective(found[2]),
        values.decoded(found[3]).value,
        datatype_of(found[0], found[1], found[3]),
    )


async def write_weekly_schedule(
    session: BacnetSession, instance: int, weekly: Sequence[Day]
) -> Schedule:
    """Write seven days, Monday first, and read them back.

    Raises ``DeviceError``; ``RefusedForGood`` when the device shows something else afterwards.
    """
    if len(weekly) != DAYS:
        raise ValueError(f"a week of {len(weekly)} days")
    before = await read_schedule(session, instance)
    week = tuple(tuple(day) for day in weekly)
    encoded = b"".join(b"\x0e" + _switches(day, before.datatype) + b"\x0f" for day in week)
    await session.put(Reference(codec.SCHEDULE, instance, codec.WEEKLY_SCHEDULE), encoded)
    after = await read_schedule(session, instance)
    if after.weekly != week:
        raise RefusedForGood("the weekly schedule reads back differently", "read-back")
    return after


async def write_exceptions(
    session: BacnetSession, instance: int, exceptions: Sequence[ExceptionDay]
) -> Schedule:
    """Write all exceptions, in place of those that are there, and read them back.

    Raises ``DeviceError``; ``RefusedForGood`` when the device shows something else afterwards.
    """
    before = await read_schedule(session, instance)
    wanted = tuple(exceptions)
    encoded = b"".join(encoded_exception(each, before.datatype) for each in wanted)
    await session.put(Reference(codec.SCHEDULE, instance, codec.EXCEPTION_SCHEDULE), encoded)
    after = await read_schedule(session, instance)
    if after.exceptions != wanted:
        raise RefusedForGood("the exceptions read back differently", "read-back")
    return after


def present(answer: Answer) -> list[Tag]:
    """The tags of an answer; a property that the object does not have is empty.

    Raises ``DeviceError`` for an answer that may come another time.
    """
    if isinstance(answer, list):
        return answer
    if isinstance(answer, Exception) and not isinstance(answer, RefusedForGood):
        raise answer
    return []


# Reading


class _Cursor:
    """Walks over the tags of a constructed value."""

    def __init__(self, tags: Sequence[Tag]) -> None:
        self._tags = tags
        self._at = 0

    def next(self, kind: str | None = None, number: int | None = None) -> Tag:
        if self._at >= len(self._tags):
            raise Garbled("a schedule that is cut short")
        tag = self._tags[self._at]
        if (kind is not None and tag.kind != kind) or (number is not None and tag.number != number):
            raise Garbled(f"{kind} tag {number} expected in a schedule, {tag.kind} {tag.number}")
        self._at += 1
        return tag

    def peek(self) -> Tag | None:
        return self._tags[self._at] if self._at < len(self._tags) else None


def decode_week(tags: Sequence[Tag]) -> tuple[Day, ...]:
    """A weekly-schedule property. Raises ``Garbled`` when it has not seven days."""
    cursor = _Cursor(tags)
    days: list[Day] = []
    while cursor.peek() is not None:
        days.append(_day(cursor, 0))
    if len(days) != DAYS:
        raise Garbled(f"a week of {len(days)} days")
    return tuple(days)


def decode_exceptions(tags: Sequence[Tag]) -> tuple[ExceptionDay, ...]:
    """An exception-schedule property."""
    cursor = _Cursor(tags)
    found: list[ExceptionDay] = []
    while cursor.peek() is not None:
        period = _period(cursor)
        switches = _day(cursor, 2)
        priority = cursor.next("context", 3)
        found.append(ExceptionDay(period, switches, int.from_bytes(priority.data, "big")))
    return tuple(found)


def _day(cursor: _Cursor, number: int) -> Day:
    cursor.next("opening", number)
    switches: list[Switch] = []
    while True:
        tag = cursor.next()
        if tag.kind == "closing":
            return tuple(switches)
        if (tag.kind, tag.number) != ("application", plain.TIME):
            raise Garbled("a schedule whose entry does not begin with a time")
        at = plain.time_of(tag.data).exact or time()
        switches.append(Switch(at, values.decoded([cursor.next("application")]).value))


def _period(cursor: _Cursor) -> Period:
    tag = cursor.next()
    if (tag.kind, tag.number) == ("context", 1):
        number = int.from_bytes(tag.data, "big")
        return Period(calendar=(number >> 22, number & codec.ANY_INSTANCE))
    if (tag.kind, tag.number) != ("opening", 0):
        raise Garbled("an exception without days")
    entry = cursor.next()
    period = _calendar_entry(entry, cursor)
    cursor.next("closing", 0)
    return period


def _calendar_entry(entry: Tag, cursor: _Cursor) -> Period:
    if (entry.kind, entry.number) == ("context", 0):
        return Period(day=plain.date_of(entry.data))
    if (entry.kind, entry.number) == ("opening", 1):
        first, last = (plain.date_of(cursor.next("application", plain.DATE).data) for _ in range(2))
        cursor.next("closing", 1)
        return Period(between=(first, last))
    if (entry.kind, entry.number) == ("context", 2) and len(entry.data) == 3:
        month, week, weekday = (None if octet == 255 else octet for octet in entry.data)
        return Period(pattern=(month, week, weekday))
    raise Garbled("an exception whose days are of no known kind")


def _effective(tags: Sequence[Tag]) -> tuple[AnyDate, AnyDate] | None:
    if len(tags) != 2 or any(tag.number != plain.DATE for tag in tags):
        return None
    return plain.date_of(tags[0].data), plain.date_of(tags[1].data)


def datatype_of(*properties: Sequence[Tag]) -> int:
    """Of which type the schedule's values are: that of any value in them, else REAL."""
    kinds = (plain.BOOLEAN, plain.UNSIGNED, plain.SIGNED, plain.REAL, plain.DOUBLE)
    for tag in (tag for tags in properties for tag in tags):
        if tag.kind == "application" and tag.number in (*kinds, plain.ENUMERATED):
            return tag.number
    return plain.REAL


# Writing

_ENCODERS = {
    plain.BOOLEAN: lambda value: bytes((0x10 | int(value != 0),)),
    plain.UNSIGNED: values.unsigned,
    plain.SIGNED: values.signed,
    plain.REAL: values.real,
    plain.DOUBLE: values.double,
    plain.ENUMERATED: values.enumerated,
}


def _switches(day: Day, datatype: int) -> bytes:
    return b"".join(
        plain.application(plain.TIME, AnyTime.of(switch.at).encoded())
        + (values.NULL if switch.value is None else _ENCODERS[datatype](switch.value))
        for switch in day
    )


def encoded_exception(exception: ExceptionDay, datatype: int) -> bytes:
    """A BACnetSpecialEvent. Raises ValueError for a priority or a value that does not fit."""
    if not 1 <= exception.priority <= 16:
        raise ValueError(f"priority {exception.priority} of an exception")
    switches = b"\x2e" + _switches(exception.switches, datatype) + b"\x2f"
    return _days(exception.period) + switches + bytes((0x39, exception.priority))


def _days(period: Period) -> bytes:
    if period.calendar is not None:
        kind, instance = period.calendar
        return b"\x1c" + (kind << 22 | instance).to_bytes(4, "big")
    if period.day is not None:
        entry = b"\x0c" + period.day.encoded()
    elif period.between is not None:
        ends = (plain.application(plain.DATE, end.encoded()) for end in period.between)
        entry = b"\x1e" + b"".join(ends) + b"\x1f"
    else:
        assert period.pattern is not None
        entry = b"\x2b" + bytes(255 if part is None else part for part in period.pattern)
    return b"\x0e" + entry + b"\x0f"
