"""Special events in a Schedule object that hold one value from now to the end of a lease.

A special event overlays the weekly schedule while its own value is not Null, so that one which ends
in Null relinquishes by itself, as with a watchdog in the device. The events of others keep their
octets. Source: ANSI/ASHRAE 135, clauses 12.24.4, 12.24.8 and 21 (BACnetSpecialEvent).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.encoding import primitives
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.primitives import DatePattern
from drivers.bacnet.encoding.services import Reference
from drivers.bacnet.encoding.tags import Tag, encode_tag
from drivers.bacnet.objects.schedule import (
    SpecialEvent,
    SpecialEventPeriod,
    TimeValue,
    datatype_of,
    decode_exceptions,
    encode_event,
    tags_or_empty,
)
from drivers.bacnet.read_multiple import PropertyAnswer, read_tags
from drivers.bacnet.session import BacnetSession
from drivers.fieldbus.errors import InvalidReply, PermanentRefusal

_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)
_WHOLE = (primitives.BOOLEAN, primitives.UNSIGNED, primitives.SIGNED, primitives.ENUMERATED)
_DEFAULT_PRIORITY = 16


@dataclass(frozen=True, slots=True)
class ExceptionEntry:
    """One special event of the exception schedule; ``day`` is None where it cannot be decoded.

    ``nulls`` and ``numbers`` count its time-value pairs with Null and with a number.
    """

    octets: bytes
    priority: int
    day: SpecialEvent | None
    nulls: int
    numbers: int

    def is_ours(self, priority: int) -> bool:
        """Whether it has the form of our events at this priority: one calendar day, one number,
        and Null before or after it."""
        day = self.day
        ours = day is not None and day.period.day is not None and day.period.day.exact is not None
        return ours and (self.priority, self.numbers) == (priority, 1) and 1 <= self.nulls <= 2

    def equals(self, other: SpecialEvent) -> bool:
        """Whether it has the same date, time-value pairs and priority; the weekday is ignored."""
        day = self.day
        if day is None or day.period.day is None or other.period.day is None:
            return False
        same_day = day.period.day.exact == other.period.day.exact
        return same_day and day.time_values == other.time_values and day.priority == other.priority


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """State of a Schedule object before a write: its special events, present value, datatype of
    values, and priority for writing."""

    entries: tuple[ExceptionEntry, ...]
    value: float | None
    datatype: int
    commands_at: int

    def others(self, priority: int) -> tuple[ExceptionEntry, ...]:
        """The events that are not of our form at this priority."""
        return tuple(entry for entry in self.entries if not entry.is_ours(priority))


def lease_events(
    start: datetime, end: datetime, value: float, priority: int
) -> tuple[SpecialEvent, ...]:
    """Special events that hold ``value`` from ``start`` to ``end``, one for each calendar day.

    Both are local times of the device, extended to whole minutes, because many devices ignore
    seconds. They must be less than a day apart, so that every event has a Null.
    """
    first = start.replace(second=0, microsecond=0)
    last = first + -(-(end - first) // _MINUTE) * _MINUTE
    found: list[SpecialEvent] = []
    midnight = datetime.combine(first.date(), time())
    while midnight < last:
        begin, stop = max(first, midnight), min(last, midnight + _DAY)
        time_values = [TimeValue(time(), None)] if begin > midnight else []
        time_values.append(TimeValue(begin.time(), value))
        if stop < midnight + _DAY:
            time_values.append(TimeValue(stop.time(), None))
        day = SpecialEventPeriod(day=DatePattern.of(midnight.date()))
        found.append(SpecialEvent(day, tuple(time_values), priority))
        midnight += _DAY
    return tuple(found)


async def read_state(session: BacnetSession, instance: int) -> ScheduleState:
    """The state of Schedule object ``instance``.

    Raises ``DeviceError``; ``PermanentRefusal`` for a schedule without an exception schedule.
    """
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
    weekly, default, value, at = (tags_or_empty(answer) for answer in answers[1:])
    number = values.decode_number(at).value
    return ScheduleState(
        _entries(exceptions),
        values.decode_number(value).value,
        datatype_of(value, weekly, exceptions, default),
        _DEFAULT_PRIORITY if number is None else int(number),
    )


async def read_entries(session: BacnetSession, instance: int) -> tuple[ExceptionEntry, ...]:
    """The special events of Schedule object ``instance``. Raises ``DeviceError``."""
    return _entries(await session.read_property(_list_of(instance)))


async def write_entries(
    session: BacnetSession, instance: int, octets: Sequence[bytes]
) -> tuple[ExceptionEntry, ...]:
    """Write the whole exception schedule and read it back. Raises ``DeviceError``."""
    await session.write_property(_list_of(instance), b"".join(octets))
    return await read_entries(session, instance)


def encode_events(days: Sequence[SpecialEvent], datatype: int) -> list[bytes]:
    """The octets of special events. Raises ValueError for values that ``datatype`` cannot hold."""
    for time_value in (time_value for day in days for time_value in day.time_values):
        if time_value.value is not None and datatype in _WHOLE and time_value.value % 1:
            raise ValueError(f"the schedule holds whole numbers, not {time_value.value:g}")
    return [encode_event(day, datatype) for day in days]


def _list_of(instance: int) -> Reference:
    return Reference(codec.SCHEDULE, instance, codec.EXCEPTION_SCHEDULE)


def _required(answer: PropertyAnswer, instance: int) -> list[Tag]:
    if isinstance(answer, list):
        return answer
    if isinstance(answer, Exception):
        raise answer
    raise PermanentRefusal(
        f"schedule {instance} has no exceptions that could be read", "unknown-property"
    )


def _entries(tags: Sequence[Tag]) -> tuple[ExceptionEntry, ...]:
    """The events of an exception schedule; each ends with context tag 3, its priority."""
    found: list[ExceptionEntry] = []
    first = depth = 0
    for at, tag in enumerate(tags):
        depth += {"opening": 1, "closing": -1}.get(tag.kind, 0)
        if depth == 0 and (tag.kind, tag.number) == ("context", 3):
            found.append(_entry(tags[first : at + 1]))
            first = at + 1
    if first != len(tags):
        raise InvalidReply("a list of exceptions that is cut short")
    return tuple(found)


def _entry(tags: Sequence[Tag]) -> ExceptionEntry:
    try:
        (day,) = decode_exceptions(tags)
    except (InvalidReply, ValueError):
        day = None
    held = [tag for tag in tags if tag.kind == "application" and tag.number != primitives.TIME]
    nulls = sum(tag.number == primitives.NULL for tag in held)
    numbers = sum(tag.number in (*_WHOLE, primitives.REAL, primitives.DOUBLE) for tag in held)
    if nulls + numbers != len(held):
        day = None
    priority = int.from_bytes(tags[-1].data, "big")
    return ExceptionEntry(b"".join(map(encode_tag, tags)), priority, day, nulls, numbers)
