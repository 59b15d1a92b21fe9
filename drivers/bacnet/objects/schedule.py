"""Reads and writes the weekly and the exception schedule of a Schedule object.

For sites that write the schedule instead of the present value: the device then follows it without
us. Source: ANSI/ASHRAE 135, clauses 12.24 and 21 (BACnetTimeValue, BACnetDailySchedule,
BACnetSpecialEvent).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time

from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.encoding import primitives
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.primitives import DatePattern, TimePattern
from drivers.bacnet.encoding.services import Reference
from drivers.bacnet.encoding.tags import Tag
from drivers.bacnet.read_multiple import PropertyAnswer, read_tags
from drivers.bacnet.session import BacnetSession
from drivers.fieldbus.errors import InvalidReply, PermanentRefusal

DAYS = 7
_EFFECTIVE_PERIOD = 32


@dataclass(frozen=True, slots=True)
class TimeValue:
    """From local time ``at`` the schedule has ``value``; None relinquishes (BACnetTimeValue)."""

    at: time
    value: float | None


DailySchedule = tuple[TimeValue, ...]


@dataclass(frozen=True, slots=True)
class SpecialEventPeriod:
    """Days of a special event: a date, a range of dates, (month, week of the month, weekday), or
    the (type, instance) of a Calendar object. Exactly one is given."""

    day: DatePattern | None = None
    between: tuple[DatePattern, DatePattern] | None = None
    pattern: tuple[int | None, int | None, int | None] | None = None
    calendar: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        given = (self.day, self.between, self.pattern, self.calendar)
        if sum(part is not None for part in given) != 1:
            raise ValueError("an exception has one kind of days")


@dataclass(frozen=True, slots=True)
class SpecialEvent:
    """Time-value pairs for special days, in place of the weekly schedule (BACnetSpecialEvent).

    Of several events of a day the one with the lowest ``priority`` (1 to 16) acts.
    """

    period: SpecialEventPeriod
    time_values: DailySchedule
    priority: int = 16


@dataclass(frozen=True, slots=True)
class ScheduleObject:
    """The properties of a Schedule object. ``weekly`` begins with Monday; absent ones are empty."""

    instance: int
    weekly: tuple[DailySchedule, ...]
    exceptions: tuple[SpecialEvent, ...]
    effective: tuple[DatePattern, DatePattern] | None
    default: float | None
    datatype: int


async def read_schedule(session: BacnetSession, instance: int) -> ScheduleObject:
    """The Schedule object ``instance``. Raises ``DeviceError``."""
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
    found = (
        tags_or_empty(weekly),
        tags_or_empty(exceptions),
        tags_or_empty(effective),
        tags_or_empty(default),
    )
    return ScheduleObject(
        instance,
        decode_week(found[0]) if found[0] else (),
        decode_exceptions(found[1]),
        _effective(found[2]),
        values.decode_number(found[3]).value,
        datatype_of(found[0], found[1], found[3]),
    )


async def write_weekly_schedule(
    session: BacnetSession, instance: int, weekly: Sequence[DailySchedule]
) -> ScheduleObject:
    """Write the weekly schedule, seven days from Monday on, and read it back.

    Raises ValueError for another number of days, ``DeviceError``, and ``PermanentRefusal`` when the
    read-back differs.
    """
    if len(weekly) != DAYS:
        raise ValueError(f"a week of {len(weekly)} days")
    before = await read_schedule(session, instance)
    week = tuple(tuple(day) for day in weekly)
    encoded = b"".join(
        b"\x0e" + _encode_time_values(day, before.datatype) + b"\x0f" for day in week
    )
    await session.write_property(
        Reference(codec.SCHEDULE, instance, codec.WEEKLY_SCHEDULE), encoded
    )
    after = await read_schedule(session, instance)
    if after.weekly != week:
        raise PermanentRefusal("the weekly schedule reads back differently", "read-back")
    return after


async def write_exceptions(
    session: BacnetSession, instance: int, exceptions: Sequence[SpecialEvent]
) -> ScheduleObject:
    """Replace the exception schedule, and read it back.

    Raises ``DeviceError``; ``PermanentRefusal`` when the read-back differs.
    """
    before = await read_schedule(session, instance)
    wanted = tuple(exceptions)
    encoded = b"".join(encode_event(each, before.datatype) for each in wanted)
    await session.write_property(
        Reference(codec.SCHEDULE, instance, codec.EXCEPTION_SCHEDULE), encoded
    )
    after = await read_schedule(session, instance)
    if after.exceptions != wanted:
        raise PermanentRefusal("the exceptions read back differently", "read-back")
    return after


def tags_or_empty(answer: PropertyAnswer) -> list[Tag]:
    """The tags of an answer; empty for a property that the object does not have.

    Raises ``DeviceError`` for an error that may be gone at the next try.
    """
    if isinstance(answer, list):
        return answer
    if isinstance(answer, Exception) and not isinstance(answer, PermanentRefusal):
        raise answer
    return []


# Reading


class _Cursor:
    """Reads the tags of a constructed value in order."""

    def __init__(self, tags: Sequence[Tag]) -> None:
        self._tags = tags
        self._at = 0

    def next(self, kind: str | None = None, number: int | None = None) -> Tag:
        if self._at >= len(self._tags):
            raise InvalidReply("a schedule that is cut short")
        tag = self._tags[self._at]
        if (kind is not None and tag.kind != kind) or (number is not None and tag.number != number):
            raise InvalidReply(
                f"{kind} tag {number} expected in a schedule, {tag.kind} {tag.number}"
            )
        self._at += 1
        return tag

    def peek(self) -> Tag | None:
        return self._tags[self._at] if self._at < len(self._tags) else None


def decode_week(tags: Sequence[Tag]) -> tuple[DailySchedule, ...]:
    """Decodes a weekly schedule. Raises ``InvalidReply`` when it does not have seven days."""
    cursor = _Cursor(tags)
    days: list[DailySchedule] = []
    while cursor.peek() is not None:
        days.append(_day(cursor, 0))
    if len(days) != DAYS:
        raise InvalidReply(f"a week of {len(days)} days")
    return tuple(days)


def decode_exceptions(tags: Sequence[Tag]) -> tuple[SpecialEvent, ...]:
    """Decodes an exception schedule. Raises ``InvalidReply`` where it is malformed."""
    cursor = _Cursor(tags)
    found: list[SpecialEvent] = []
    while cursor.peek() is not None:
        period = _period(cursor)
        time_values = _day(cursor, 2)
        priority = cursor.next("context", 3)
        found.append(SpecialEvent(period, time_values, int.from_bytes(priority.data, "big")))
    return tuple(found)


def _day(cursor: _Cursor, number: int) -> DailySchedule:
    cursor.next("opening", number)
    time_values: list[TimeValue] = []
    while True:
        tag = cursor.next()
        if tag.kind == "closing":
            return tuple(time_values)
        if (tag.kind, tag.number) != ("application", primitives.TIME):
            raise InvalidReply("a schedule whose entry does not begin with a time")
        at = primitives.decode_time(tag.data).exact or time()
        time_values.append(TimeValue(at, values.decode_number([cursor.next("application")]).value))


def _period(cursor: _Cursor) -> SpecialEventPeriod:
    tag = cursor.next()
    if (tag.kind, tag.number) == ("context", 1):
        number = int.from_bytes(tag.data, "big")
        return SpecialEventPeriod(calendar=(number >> 22, number & codec.ANY_INSTANCE))
    if (tag.kind, tag.number) != ("opening", 0):
        raise InvalidReply("an exception without days")
    entry = cursor.next()
    period = _calendar_entry(entry, cursor)
    cursor.next("closing", 0)
    return period


def _calendar_entry(entry: Tag, cursor: _Cursor) -> SpecialEventPeriod:
    if (entry.kind, entry.number) == ("context", 0):
        return SpecialEventPeriod(day=primitives.decode_date(entry.data))
    if (entry.kind, entry.number) == ("opening", 1):
        first, last = (
            primitives.decode_date(cursor.next("application", primitives.DATE).data)
            for _ in range(2)
        )
        cursor.next("closing", 1)
        return SpecialEventPeriod(between=(first, last))
    if (entry.kind, entry.number) == ("context", 2) and len(entry.data) == 3:
        month, week, weekday = (None if octet == 255 else octet for octet in entry.data)
        return SpecialEventPeriod(pattern=(month, week, weekday))
    raise InvalidReply("an exception whose days are of no known kind")


def _effective(tags: Sequence[Tag]) -> tuple[DatePattern, DatePattern] | None:
    if len(tags) != 2 or any(tag.number != primitives.DATE for tag in tags):
        return None
    return primitives.decode_date(tags[0].data), primitives.decode_date(tags[1].data)


def datatype_of(*properties: Sequence[Tag]) -> int:
    """Datatype (tag number) of the schedule's values: that of the first one found, else REAL."""
    kinds = (
        primitives.BOOLEAN,
        primitives.UNSIGNED,
        primitives.SIGNED,
        primitives.REAL,
        primitives.DOUBLE,
    )
    for tag in (tag for tags in properties for tag in tags):
        if tag.kind == "application" and tag.number in (*kinds, primitives.ENUMERATED):
            return tag.number
    return primitives.REAL


# Writing

_ENCODERS = {
    primitives.BOOLEAN: lambda value: bytes((0x10 | int(value != 0),)),
    primitives.UNSIGNED: values.unsigned,
    primitives.SIGNED: values.signed,
    primitives.REAL: values.real,
    primitives.DOUBLE: values.double,
    primitives.ENUMERATED: values.enumerated,
}


def _encode_time_values(day: DailySchedule, datatype: int) -> bytes:
    return b"".join(
        primitives.encode_application(primitives.TIME, TimePattern.of(time_value.at).encoded())
        + (values.NULL if time_value.value is None else _ENCODERS[datatype](time_value.value))
        for time_value in day
    )


def encode_event(exception: SpecialEvent, datatype: int) -> bytes:
    """Encodes a BACnetSpecialEvent. Raises ValueError for an impossible priority or value."""
    if not 1 <= exception.priority <= 16:
        raise ValueError(f"priority {exception.priority} of an exception")
    time_values = b"\x2e" + _encode_time_values(exception.time_values, datatype) + b"\x2f"
    return _days(exception.period) + time_values + bytes((0x39, exception.priority))


def _days(period: SpecialEventPeriod) -> bytes:
    if period.calendar is not None:
        kind, instance = period.calendar
        return b"\x1c" + (kind << 22 | instance).to_bytes(4, "big")
    if period.day is not None:
        entry = b"\x0c" + period.day.encoded()
    elif period.between is not None:
        ends = (
            primitives.encode_application(primitives.DATE, end.encoded()) for end in period.between
        )
        entry = b"\x1e" + b"".join(ends) + b"\x1f"
    else:
        assert period.pattern is not None
        entry = b"\x2b" + bytes(255 if part is None else part for part in period.pattern)
    return b"\x0e" + entry + b"\x0f"
