"""What a device logged while we were away: trend logs read by sequence number.

Source: ANSI/ASHRAE 135, clauses 12.25 (Trend Log) and 15.8 (ReadRange).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from drivers import bacnet_codec as codec
from drivers import bacnet_plain as plain
from drivers.bacnet_bulk import read_tags
from drivers.bacnet_codec import Reference
from drivers.bacnet_refusals import TooLong
from drivers.bacnet_session import BacnetSession
from drivers.bacnet_tags import Tag, Tags
from drivers.codec import shortest_single
from drivers.refusals import Garbled

_RECORD_OCTETS, _HEAD_OCTETS = 32, 40
_LOST_AT_MOST = 2**32 - 1
_NUMBERS = {
    1: plain.UNSIGNED,
    2: plain.REAL,
    3: plain.ENUMERATED,
    4: plain.UNSIGNED,
    5: plain.SIGNED,
}
_STATUS, _NULL, _FAILURE, _TIME_CHANGE = 0, 7, 8, 9
_PURGED_BIT = 1
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One entry. ``value`` is None for what is no number; ``note`` says then what it is."""

    sequence: int
    time: datetime
    value: float | None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Backfill:
    """Entries after the last one known.

    ``lost`` is how many the device had already overwritten; ``purged`` that its buffer was
    emptied, so that more may be missing than can be counted.
    """

    records: tuple[LogRecord, ...]
    lost: int
    purged: bool
    last: int | None


@dataclass(slots=True)
class _Chunk:
    first: int
    records: list[LogRecord]
    more: bool


async def backfill(session: BacnetSession, log: int, after: int | None, zone: tzinfo) -> Backfill:
    """Entries of trend log ``log`` after sequence number ``after`` (None: all that is there).

    The device stamps in its local time ``zone``; the times here are UTC. Raises ``DeviceError``.
    """
    await session.identify()
    count, total = await _counts(session, log)
    oldest = total - count + 1
    reset = after is not None and after > total
    start = oldest if after is None or reset else max(oldest, after + 1)
    lost = 0 if after is None or reset else max(0, min(oldest - after - 1, _LOST_AT_MOST))
    records: list[LogRecord] = []
    most = max(1, (session.ability.max_apdu - _HEAD_OCTETS) // _RECORD_OCTETS)
    while start <= total:
        try:
            chunk = await _chunk(session, log, start, most, zone)
        except TooLong:
            if most == 1:
                raise
            most //= 2
            continue
        if not chunk.records:
            break
        if chunk.first > start:
            lost += chunk.first - start  # overwritten while we were reading
        records += chunk.records
        start = chunk.records[-1].sequence + 1
    purged = reset or any(record.note == "buffer purged" for record in records)
    return Backfill(tuple(_in_order(records)), lost, purged, start - 1 if total else None)


async def _counts(session: BacnetSession, log: int) -> tuple[int, int]:
    names = (codec.RECORD_COUNT, codec.TOTAL_RECORD_COUNT)
    found: list[int] = []
    for answer in await read_tags(
        session, [Reference(codec.TREND_LOG, log, name) for name in names]
    ):
        if isinstance(answer, Exception):
            raise answer
        if not isinstance(answer, list) or len(answer) != 1:
            raise Garbled("a trend log without its counts")
        number = plain.plain(answer[0])
        if not isinstance(number, int):
            raise Garbled("a trend log whose count is no number")
        found.append(number)
    return found[0], found[1]


async def _chunk(session: BacnetSession, log: int, start: int, most: int, zone: tzinfo) -> _Chunk:
    buffer = Reference(codec.TREND_LOG, log, codec.LOG_BUFFER)
    ack = await session.ask(codec.READ_RANGE, read_range(buffer, start, most))
    return _decoded(buffer, ack, zone)


def read_range(buffer: Reference, start: int, count: int) -> bytes:
    """ReadRange-Request for ``count`` entries from sequence number ``start``."""
    first = plain.application(plain.UNSIGNED, _octets(start))
    number = plain.application(plain.SIGNED, count.to_bytes(2, "big"))
    return codec.read_property(buffer) + b"\x6e" + first + number + b"\x6f"


def _octets(number: int) -> bytes:
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")


def _decoded(buffer: Reference, ack: bytes, zone: tzinfo) -> _Chunk:
    tags = Tags(ack)
    if (tags.unsigned(0), tags.unsigned(1)) != (buffer.object_id, buffer.property_id):
        raise Garbled("the log of another object")
    flags = tags.expect("context", 3).data
    count = tags.unsigned(4)
    data = tags.value(5)
    first = tags.unsigned(6) if not tags.empty else 0
    if len(flags) != 2:
        raise Garbled("a part of a log without its flags")
    records = _records(data, first, zone)
    if len(records) != count or (records and not first):
        raise Garbled(f"{len(records)} entries of a log, {count} announced")
    return _Chunk(first, records, bool(flags[1] & 0x20))


def _records(tags: list[Tag], first: int, zone: tzinfo) -> list[LogRecord]:
    found: list[LogRecord] = []
    at = 0
    while at < len(tags):
        entry, at = _entry(tags, at, first + len(found), zone)
        found.append(entry)
    return found


def _entry(tags: list[Tag], at: int, sequence: int, zone: tzinfo) -> tuple[LogRecord, int]:
    stamp, at = _between(tags, at, 0)
    datum, at = _between(tags, at, 1)
    if at < len(tags) and (tags[at].kind, tags[at].number) == ("context", 2):
        at += 1  # status flags of the value
    if [tag.number for tag in stamp] != [plain.DATE, plain.TIME] or not datum:
        raise Garbled("an entry of a log without a time or a value")
    moment = plain.moment_of(plain.date_of(stamp[0].data), plain.time_of(stamp[1].data), zone)
    if moment is None:
        raise Garbled("an entry of a log whose time is any")
    value, note = _datum(datum)
    return LogRecord(sequence, moment, value, note), at


def _between(tags: list[Tag], at: int, number: int) -> tuple[list[Tag], int]:
    if at >= len(tags) or (tags[at].kind, tags[at].number) != ("opening", number):
        raise Garbled("an entry of a log that is cut short")
    depth, end = 1, at + 1
    while depth:
        if end >= len(tags):
            raise Garbled("an entry of a log without its end")
        depth += {"opening": 1, "closing": -1}.get(tags[end].kind, 0)
        end += 1
    return tags[at + 1 : end - 1], end


def _datum(tags: list[Tag]) -> tuple[float | None, str | None]:
    tag = tags[0]
    if tag.kind == "context" and tag.number in _NUMBERS:
        number = plain.plain(Tag("application", _NUMBERS[tag.number], tag.length, tag.data))
        if not isinstance(number, (int, float)) or number != number or abs(number) == float("inf"):
            return None, "no finite number"
        return shortest_single(number) if tag.number == 2 else float(number), None
    if tag.kind == "context" and tag.number == _STATUS:
        bits = plain.plain(Tag("application", plain.BITS, tag.length, tag.data))
        purged = isinstance(bits, tuple) and len(bits) > _PURGED_BIT and bits[_PURGED_BIT]
        return None, "buffer purged" if purged else "log switched on or off"
    notes = {_NULL: "no value", _FAILURE: "the value could not be read"}
    return None, notes.get(tag.number, "clock changed" if tag.number == _TIME_CHANGE else "other")


def _in_order(records: list[LogRecord]) -> list[LogRecord]:
    """In UTC. Where the local clock goes back, the second pass of the hour is the later one."""
    found: list[LogRecord] = []
    for record in records:
        moment = record.time.astimezone(UTC)
        if found and moment < found[-1].time and found[-1].time - moment <= _HOUR:
            moment = record.time.replace(fold=1).astimezone(UTC)
        found.append(LogRecord(record.sequence, moment, record.value, record.note))
    return found
