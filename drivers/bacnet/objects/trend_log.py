"""Reads Trend Log objects by sequence number or by time.

Source: ANSI/ASHRAE 135, clauses 12.25 (Trend Log) and 15.8 (ReadRange).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo

from drivers.bacnet.encoding import primitives
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.application_values import StatusFlags, flags_of
from drivers.bacnet.encoding.errors import ReplyTooLong
from drivers.bacnet.encoding.primitives import DatePattern, TimePattern
from drivers.bacnet.encoding.services import Reference
from drivers.bacnet.encoding.tags import Tag, TagReader
from drivers.bacnet.objects.device_clock import summer_time_changes
from drivers.bacnet.read_multiple import read_tags
from drivers.bacnet.session import BacnetSession
from drivers.fieldbus.errors import InvalidReply, NoReply
from drivers.fieldbus.reading import shortest_decimal

_RECORD_OCTETS, _HEAD_OCTETS = 32, 40
_LOST_AT_MOST = 2**32 - 1
_NUMBERS = {
    1: primitives.UNSIGNED,
    2: primitives.REAL,
    3: primitives.ENUMERATED,
    4: primitives.UNSIGNED,
    5: primitives.SIGNED,
}
_STATUS, _NULL, _FAILURE, _TIME_CHANGE = 0, 7, 8, 9
_PURGED_BIT = 1
PURGED = "buffer purged"
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One record. ``value`` is None for a status or an error, and ``note`` says which; ``flags``
    are those of the object at that time, None where the record has none."""

    sequence: int
    time: datetime
    value: float | None
    note: str | None = None
    flags: StatusFlags | None = None


@dataclass(frozen=True, slots=True)
class LogExtract:
    """Consecutive records of a log.

    ``lost`` is how many records before them were overwritten [1]; ``purged`` says that the buffer
    was emptied, so that an unknown number is missing. ``last`` is the last sequence number read;
    ``complete`` is False where the log has more than were requested at once.
    """

    records: tuple[LogRecord, ...]
    lost: int
    purged: bool
    last: int | None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class LoggedProperty:
    """The property that a log records; ``device`` is None for the device of the log itself."""

    object_id: int
    property_id: int
    device: int | None


@dataclass(slots=True)
class _ReadRangeAck:
    first: int
    records: list[LogRecord]
    more: bool


async def records_after(
    session: BacnetSession, log: int, after: int | None, zone: tzinfo
) -> LogExtract:
    """Records of trend log ``log`` after sequence number ``after`` (None: all records).

    The device's time stamps are local times of ``zone``; the result has UTC. Raises
    ``DeviceError``.
    """
    await session.identify()
    count, total = await _counts(session, log)
    oldest = total - count + 1
    reset = after is not None and after > total
    start = oldest if after is None or reset else max(oldest, after + 1)
    lost = 0 if after is None or reset else max(0, min(oldest - after - 1, _LOST_AT_MOST))
    found = _Collected(lost=lost)
    reader = _BufferReader(session, log, zone)
    while start <= total and (chunk := await reader.from_number(start)).records:
        start = found.take(chunk, start)
    purged = reset or found.purged
    return LogExtract(_in_order(found.records), found.lost, purged, start - 1 if total else None)


async def records_between(
    session: BacnetSession, log: int, after: datetime, before: datetime, most: int, zone: tzinfo
) -> LogExtract:
    """Records with ``after`` < time < ``before``, the oldest first; none are requested beyond
    ``most`` [1].

    ``lost`` is 1 where the log begins later than ``after``, because older records were overwritten.
    Raises ``DeviceError``.
    """
    await session.identify()
    count, total = await _counts(session, log)
    reader = _BufferReader(session, log, zone)
    # Local times of the hour that occurs twice are ambiguous: begin before it.
    early = _HOUR if summer_time_changes(zone, after, after) else timedelta()
    chunk = await reader.after_time(after - early) if count else _ReadRangeAck(0, [], False)
    oldest = total - count + 1
    found = _Collected(lost=int(chunk.first == oldest > 1))
    start = found.take(chunk, chunk.first)
    while _continues(chunk, before) and start <= total and found.later(after) < most:
        chunk = await reader.from_number(start)
        start = found.take(chunk, start)
    records = tuple(r for r in _in_order(found.records) if after < r.time < before)
    complete = start > total or not _continues(chunk, before)
    return LogExtract(records, found.lost, found.purged, start - 1 if total else None, complete)


def _continues(chunk: _ReadRangeAck, before: datetime) -> bool:
    return bool(chunk.records) and chunk.records[-1].time < before


@dataclass(slots=True)
class _Collected:
    """The records that were read so far."""

    lost: int
    records: list[LogRecord] = field(default_factory=list)

    @property
    def purged(self) -> bool:
        return any(record.note == PURGED for record in self.records)

    def later(self, moment: datetime) -> int:
        return sum(record.time > moment for record in self.records)

    def take(self, chunk: _ReadRangeAck, asked: int) -> int:
        """Add the records of a reply that should begin with ``asked``; the next number to read."""
        if not chunk.records:
            return asked
        self.lost += max(0, chunk.first - asked)  # overwritten while we were reading
        self.records += chunk.records
        return chunk.records[-1].sequence + 1


class _BufferReader:
    """Reads the log buffer by ReadRange, as many records at once as fit the device's messages."""

    def __init__(self, session: BacnetSession, log: int, zone: tzinfo) -> None:
        self._session = session
        self._buffer = Reference(codec.TREND_LOG, log, codec.LOG_BUFFER)
        self._zone = zone
        self._most = max(1, (session.capabilities.max_apdu - _HEAD_OCTETS) // _RECORD_OCTETS)

    async def from_number(self, start: int) -> _ReadRangeAck:
        """Records from sequence number ``start`` on."""
        return await self._chunk(lambda most: read_range(self._buffer, start, most))

    async def after_time(self, moment: datetime) -> _ReadRangeAck:
        """The first records after a time."""
        local = moment.astimezone(self._zone)
        return await self._chunk(lambda most: read_range_after(self._buffer, local, most))

    async def _chunk(self, request: Callable[[int], bytes]) -> _ReadRangeAck:
        while True:
            try:
                ack = await self._session.request(codec.READ_RANGE, request(self._most))
            except ReplyTooLong:
                if self._most == 1:
                    raise
                self._most //= 2
                continue
            return _decoded(self._buffer, ack, self._zone)


async def read_logged_property(session: BacnetSession, log: int) -> LoggedProperty | None:
    """The property that the log records; None where the device does not have it.

    Raises ``NoReply``.
    """
    reference = Reference(codec.TREND_LOG, log, codec.LOGGED_PROPERTY)
    (answer,) = await read_tags(session, [reference])
    if isinstance(answer, NoReply):
        raise answer
    if not isinstance(answer, list):
        return None
    numbers = {t.number: int.from_bytes(t.data, "big") for t in answer if t.kind == "context"}
    if not {0, 1} <= numbers.keys():
        return None
    device = numbers.get(3)
    return LoggedProperty(
        numbers[0], numbers[1], None if device is None else device & codec.ANY_INSTANCE
    )


async def _counts(session: BacnetSession, log: int) -> tuple[int, int]:
    names = (codec.RECORD_COUNT, codec.TOTAL_RECORD_COUNT)
    found: list[int] = []
    for answer in await read_tags(
        session, [Reference(codec.TREND_LOG, log, name) for name in names]
    ):
        if isinstance(answer, Exception):
            raise answer
        if not isinstance(answer, list) or len(answer) != 1:
            raise InvalidReply("a trend log without its counts")
        number = primitives.decode(answer[0])
        if not isinstance(number, int):
            raise InvalidReply("a trend log whose count is no number")
        found.append(number)
    return found[0], found[1]


def read_range(buffer: Reference, start: int, count: int) -> bytes:
    """ReadRange-Request for ``count`` records from sequence number ``start`` on."""
    first = primitives.encode_application(primitives.UNSIGNED, _octets(start))
    number = primitives.encode_application(primitives.SIGNED, count.to_bytes(2, "big"))
    return codec.read_property(buffer) + b"\x6e" + first + number + b"\x6f"


def read_range_after(buffer: Reference, local: datetime, count: int) -> bytes:
    """ReadRange-Request for ``count`` records after ``local``, a local time of the device."""
    moment = primitives.encode_application(primitives.DATE, DatePattern.of(local.date()).encoded())
    moment += primitives.encode_application(primitives.TIME, TimePattern.of(local.time()).encoded())
    number = primitives.encode_application(primitives.SIGNED, count.to_bytes(2, "big"))
    return codec.read_property(buffer) + b"\x7e" + moment + number + b"\x7f"


def _octets(number: int) -> bytes:
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")


def _decoded(buffer: Reference, ack: bytes, zone: tzinfo) -> _ReadRangeAck:
    tags = TagReader(ack)
    if (tags.unsigned(0), tags.unsigned(1)) != (buffer.object_id, buffer.property_id):
        raise InvalidReply("the log of another object")
    flags = tags.expect("context", 3).data
    count = tags.unsigned(4)
    data = tags.value(5)
    first = tags.unsigned(6) if not tags.empty else 0
    if len(flags) != 2:
        raise InvalidReply("a part of a log without its flags")
    records = _records(data, first, zone)
    if len(records) != count or (records and not first):
        raise InvalidReply(f"{len(records)} entries of a log, {count} announced")
    return _ReadRangeAck(first, records, bool(flags[1] & 0x20))


def _records(tags: list[Tag], first: int, zone: tzinfo) -> list[LogRecord]:
    found: list[LogRecord] = []
    at = 0
    while at < len(tags):
        entry, at = _entry(tags, at, first + len(found), zone)
        found.append(entry)
    return found


def _entry(tags: list[Tag], at: int, sequence: int, zone: tzinfo) -> tuple[LogRecord, int]:
    stamp, at = _enclosed(tags, at, 0)
    datum, at = _enclosed(tags, at, 1)
    flags = None
    if at < len(tags) and (tags[at].kind, tags[at].number) == ("context", 2):
        flags = flags_of(tags[at].data)
        at += 1
    if [tag.number for tag in stamp] != [primitives.DATE, primitives.TIME] or not datum:
        raise InvalidReply("an entry of a log without a time or a value")
    moment = primitives.datetime_of(
        primitives.decode_date(stamp[0].data), primitives.decode_time(stamp[1].data), zone
    )
    if moment is None:
        raise InvalidReply("an entry of a log whose time is any")
    value, note = _datum(datum)
    return LogRecord(sequence, moment, value, note, flags), at


def _enclosed(tags: list[Tag], at: int, number: int) -> tuple[list[Tag], int]:
    if at >= len(tags) or (tags[at].kind, tags[at].number) != ("opening", number):
        raise InvalidReply("an entry of a log that is cut short")
    depth, end = 1, at + 1
    while depth:
        if end >= len(tags):
            raise InvalidReply("an entry of a log without its end")
        depth += {"opening": 1, "closing": -1}.get(tags[end].kind, 0)
        end += 1
    return tags[at + 1 : end - 1], end


def _datum(tags: list[Tag]) -> tuple[float | None, str | None]:
    tag = tags[0]
    if tag.kind == "context" and tag.number in _NUMBERS:
        number = primitives.decode(Tag("application", _NUMBERS[tag.number], tag.length, tag.data))
        if not isinstance(number, (int, float)) or number != number or abs(number) == float("inf"):
            return None, "no finite number"
        return shortest_decimal(number) if tag.number == 2 else float(number), None
    if tag.kind == "context" and tag.number == _STATUS:
        bits = primitives.decode(Tag("application", primitives.BITS, tag.length, tag.data))
        purged = isinstance(bits, tuple) and len(bits) > _PURGED_BIT and bits[_PURGED_BIT]
        return None, PURGED if purged else "log switched on or off"
    notes = {_NULL: "no value", _FAILURE: "the value could not be read"}
    return None, notes.get(tag.number, "clock changed" if tag.number == _TIME_CHANGE else "other")


def _in_order(records: list[LogRecord]) -> tuple[LogRecord, ...]:
    """The records in UTC. Where the local time goes back, the second occurrence is the later."""
    found: list[LogRecord] = []
    for record in records:
        moment = record.time.astimezone(UTC)
        if found and moment < found[-1].time and found[-1].time - moment <= _HOUR:
            moment = record.time.replace(fold=1).astimezone(UTC)
        found.append(replace(record, time=moment))
    return tuple(found)
