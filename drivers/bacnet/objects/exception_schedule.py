"""Our exception in a Schedule object: one value from now to the end of a lease.

An exception overlays the weekly schedule while its own value is not Null, so that one which ends in
Null hands over by itself: a watchdog in the device. What others have put into the list stays octet
for octet as it is. Source: ANSI/ASHRAE 135, clauses 12.24.4, 12.24.8 and 21 (BACnetSpecialEvent).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.encoding import primitives as plain
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.primitives import AnyDate
from drivers.bacnet.encoding.services import Reference
from drivers.bacnet.encoding.tags import Tag, encoded
from drivers.bacnet.objects.schedule import (
    ExceptionDay,
    Period,
    Switch,
    datatype_of,
    decode_exceptions,
    encoded_exception,
    present,
)
from drivers.bacnet.read_multiple import Answer, read_tags
from drivers.bacnet.session import BacnetSession
from drivers.fieldbus.errors import Garbled, RefusedForGood

_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)
_WHOLE = (plain.BOOLEAN, plain.UNSIGNED, plain.SIGNED, plain.ENUMERATED)
_USUAL_PRIORITY = 16


@dataclass(frozen=True, slots=True)
class Entry:
    """One exception of the list. ``day`` is None where it holds what we cannot read."""

    octets: bytes
    priority: int
    day: ExceptionDay | None
    nulls: int
    numbers: int

    def is_of(self, priority: int) -> bool:
        """Whether it has the form of those that we write at this priority: one calendar day, one
        number, and Null before or after it."""
        day = self.day
        ours = day is not None and day.period.day is not None and day.period.day.exact is not None
        return ours and (self.priority, self.numbers) == (priority, 1) and 1 <= self.nulls <= 2

    def says(self, other: ExceptionDay) -> bool:
        """Whether it has the same day and switches, whatever it makes of the weekday."""
        day = self.day
        if day is None or day.period.day is None or other.period.day is None:
            return False
        same_day = day.period.day.exact == other.period.day.exact
        return same_day and day.switches == other.switches and day.priority == other.priority


@dataclass(frozen=True, slots=True)
class ScheduleNow:
    """What bears on a write: the exceptions, the value now, the type of values, and the priority
    at which the schedule commands its points."""

    entries: tuple[Entry, ...]
    value: float | None
    datatype: int
    commands_at: int

    def others(self, priority: int) -> tuple[Entry, ...]:
        """The exceptions that are not of our form at this priority."""
        return tuple(entry for entry in self.entries if not entry.is_of(priority))


def lease_days(
    start: datetime, end: datetime, value: float, priority: int
) -> tuple[ExceptionDay, ...]:
    """Exceptions that hold ``value`` from ``start`` to ``end``, one for each calendar day.

    Both are wall times of the device; whole minutes around them are taken, because many devices
    know no seconds. They must be less than a day apart, so that every exception has a Null.
    """
    first = start.replace(second=0, microsecond=0)
    last = first + -(-(end - first) // _MINUTE) * _MINUTE
    found: list[ExceptionDay] = []
    midnight = datetime.combine(first.date(), time())
    while midnight < last:
        begin, stop = max(first, midnight), min(last, midnight + _DAY)
        switches = [Switch(time(), None)] if begin > midnight else []
        switches.append(Switch(begin.time(), value))
        if stop < midnight + _DAY:
            switches.append(Switch(stop.time(), None))
        day = Period(day=AnyDate.of(midnight.date()))
        found.append(ExceptionDay(day, tuple(switches), priority))
        midnight += _DAY
    return tuple(found)


async def look_at(session: BacnetSession, instance: int) -> ScheduleNow:
    """Raises ``DeviceError``; ``RefusedForGood`` for a schedule that has no exceptions."""
    names = (
        codec.EXCEPTION_SCHEDULE,
        codec.WEEKLY_SCHEDULE,
        codec.SCHEDULE_DEFAULT,
        codec.PRESENT_VALUE,
        codec.PRIORITY_FOR_WRITING,
    )
    answers = await read_tags(
        session, [Reference(codec.SCHEDULE, instance, name) for name in names]
    )
    exceptions = _required(answers[0], instance)
    weekly, default, value, at = (present(answer) for answer in answers[1:])
    number = values.decoded(at).value
    return ScheduleNow(
        _entries(exceptions),
        values.decoded(value).value,
        datatype_of(value, weekly, exceptions, default),
        _USUAL_PRIORITY if number is None else int(number),
    )


async def entries_of(session: BacnetSession, instance: int) -> tuple[Entry, ...]:
    """The exceptions alone. Raises ``DeviceError``."""
    return _entries(await session.look(_list_of(instance)))


async def put_entries(
    session: BacnetSession, instance: int, octets: Sequence[bytes]
) -> tuple[Entry, ...]:
    """Write the whole list and read what it is then. Raises ``DeviceError``."""
    await session.put(_list_of(instance), b"".join(octets))
    return await entries_of(session, instance)


def encoded_days(days: Sequence[ExceptionDay], datatype: int) -> list[bytes]:
    """The octets of exceptions. Raises ValueError for values that the schedule cannot hold."""
    for switch in (switch for day in days for switch in day.switches):
        if switch.value is not None and datatype in _WHOLE and switch.value % 1:
            raise ValueError(f"the schedule holds whole numbers, not {switch.value:g}")
    return [encoded_exception(day, datatype) for day in days]


def _list_of(instance: int) -> Reference:
    return Reference(codec.SCHEDULE, instance, codec.EXCEPTION_SCHEDULE)


def _required(answer: Answer, instance: int) -> list[Tag]:
    if isinstance(answer, list):
        return answer
    if isinstance(answer, Exception):
        raise answer
    raise RefusedForGood(
        f"schedule {instance} has no exceptions that could be read", "unknown-property"
    )


def _entries(tags: Sequence[Tag]) -> tuple[Entry, ...]:
    """The list taken apart. An exception ends with its priority, context tag 3 outside brackets."""
    found: list[Entry] = []
    first = depth = 0
    for at, tag in enumerate(tags):
        depth += {"opening": 1, "closing": -1}.get(tag.kind, 0)
        if depth == 0 and (tag.kind, tag.number) == ("context", 3):
            found.append(_entry(tags[first : at + 1]))
            first = at + 1
    if first != len(tags):
        raise Garbled("a list of exceptions that is cut short")
    return tuple(found)


def _entry(tags: Sequence[Tag]) -> Entry:
    try:
        (day,) = decode_exceptions(tags)
    except (Garbled, ValueError):
        day = None
    held = [tag for tag in tags if tag.kind == "application" and tag.number != plain.TIME]
    nulls = sum(tag.number == plain.NULL for tag in held)
    numbers = sum(tag.number in (*_WHOLE, plain.REAL, plain.DOUBLE) for tag in held)
    if nulls + numbers != len(held):
        day = None
    priority = int.from_bytes(tags[-1].data, "big")
    return Entry(b"".join(map(encoded, tags)), priority, day, nulls, numbers)
