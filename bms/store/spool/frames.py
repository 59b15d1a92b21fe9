"""Readings as bytes in a file that is only appended to, and back: pure.

A frame is a header (mark, length [bytes] and CRC-32 of the payload, readings in it, readings in
the file before it, CRC-32 of the header itself) and a payload: the names and details of the batch
as JSON, then one column per field of ``Reading``, all of it compressed. The count of what came
before tells how many readings a damaged stretch had held.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bms.model.epoch import MICROSECOND, from_micros, to_micros
from bms.model.readings.measurement import Reading
from bms.store.corrections import sanitise
from bms.store.database.tables import QUALITY_CODES, QUALITY_OF_CODE

MARK = b"BMS\x01"
HEADER = struct.Struct("<4sIIIQ")
CHECK = struct.Struct("<I")
HEADER_BYTES = HEADER.size + CHECK.size
LENGTH = struct.Struct("<II")
NO_RECEIPT = np.iinfo(np.int64).min
NO_DETAIL = np.iinfo(np.uint32).max
WITH_VALUE = {code for code, quality in QUALITY_OF_CODE.items() if quality.has_value}
COLUMNS = ("<u4", "<i8", "<f8", "u1", "<i8", "<u4")


@dataclass(frozen=True, slots=True)
class Content:
    """What the bytes of a file hold.

    ``payloads`` can be unpacked; ``lost`` readings [1] were there and are damaged; ``end`` is where
    the last whole frame ends [bytes], and what follows was never written to its end.
    """

    payloads: tuple[bytes, ...]
    readings: int
    lost: int
    end: int


def frame(payload: bytes, readings: int, before: int) -> bytes:
    """The payload of ``readings`` [1] behind its header; ``before`` are in the file already."""
    header = HEADER.pack(MARK, len(payload), zlib.crc32(payload), readings, before)
    return header + CHECK.pack(zlib.crc32(header)) + payload


def content(data: bytes) -> Content:
    """Every frame that is whole. Damage costs the frames that it hits and no others."""
    payloads: list[bytes] = []
    good, known, end = 0, 0, 0
    for stop, readings, before, payload in _frames(data):
        known = max(known, before) + readings
        end = stop
        if payload is not None:
            payloads.append(payload)
            good += readings
    return Content(tuple(payloads), good, known - good, end)


def _frames(data: bytes) -> Iterator[tuple[int, int, int, bytes | None]]:
    """Where each frame ends, its readings, those before it, and its payload unless damaged."""
    at = data.find(MARK)
    while at >= 0:
        header = data[at : at + HEADER_BYTES]
        if not _is_header(header):
            at = data.find(MARK, at + 1)
            continue
        _, length, check, readings, before = HEADER.unpack_from(header)
        stop = at + HEADER_BYTES + length
        if stop > len(data):
            return
        payload = data[at + HEADER_BYTES : stop]
        whole = zlib.crc32(payload) == check
        yield stop, readings, before, payload if whole else None
        at = data.find(MARK, stop)


def _is_header(header: bytes) -> bool:
    if len(header) < HEADER_BYTES:
        return False
    (check,) = CHECK.unpack_from(header, HEADER.size)
    return zlib.crc32(header[: HEADER.size]) == int(check)


def pack(readings: Sequence[Reading]) -> bytes:
    """The payload of a batch. Raises ValueError for a naive time of receipt.

    A value that is no number becomes a missing one, as in every store.
    """
    names: dict[str, int] = {}
    details: dict[str, int] = {}
    rows = [_row(sanitise(reading), names, details) for reading in readings]
    texts = json.dumps([list(names), list(details)], separators=(",", ":")).encode()
    columns = zip(*rows, strict=True) if rows else ((),) * len(COLUMNS)
    body = b"".join(
        np.array(column, dtype=kind).tobytes()
        for column, kind in zip(columns, COLUMNS, strict=True)
    )
    return zlib.compress(LENGTH.pack(len(texts), len(rows)) + texts + body, level=1)


def _row(
    reading: Reading, names: dict[str, int], details: dict[str, int]
) -> tuple[int, int, float, int, int, int]:
    time, detail = to_micros(reading.time), reading.detail
    return (
        names.setdefault(reading.point, len(names)),
        time,
        np.nan if reading.value is None else reading.value,
        QUALITY_CODES[reading.quality],
        NO_RECEIPT if reading.received is None else to_micros(reading.received) - time,
        NO_DETAIL if detail is None else details.setdefault(detail, len(details)),
    )


def unpack(payload: bytes) -> list[Reading]:
    """The readings of a payload, in the order in which they were packed."""
    data = zlib.decompress(payload)
    size, count = LENGTH.unpack_from(data)
    at = LENGTH.size + size
    names, details = json.loads(data[LENGTH.size : at])
    columns = []
    for kind in COLUMNS:
        column = np.frombuffer(data, kind, count, at)
        columns.append(column.tolist())
        at += column.nbytes
    moments = {time: from_micros(time) for time in set(columns[1])}
    return [
        Reading(
            names[name],
            moments[time],
            value if quality in WITH_VALUE else None,
            QUALITY_OF_CODE[quality],
            None if lag == NO_RECEIPT else moments[time] + lag * MICROSECOND,
            None if detail == NO_DETAIL else details[detail],
        )
        for name, time, value, quality, lag, detail in zip(*columns, strict=True)
    ]
