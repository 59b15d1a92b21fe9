"""Buckets of readings: fold them, fold them again, and pack a month of them into bytes. Pure.

A reading is a bucket of one. Buckets fold into longer ones without the readings, so that days are
made of hours, and hours outlive the readings that they were made of. As in
``bms.store.rollups.readings_per_step`` only good readings count.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bms.model.readings.rollup import NO_MOMENT, Level, Rollups
from bms.model.readings.series import Floats, Micros
from bms.store.rollups.local_days import HOUR

#: One bucket; ``total`` is the sum of its values. Without a reading every field is 0.
BUCKET = np.dtype(
    [
        ("n", "<i4"),
        ("falls", "<i4"),
        ("total", "<f8"),
        ("minimum", "<f8"),
        ("maximum", "<f8"),
        ("first", "<f8"),
        ("last", "<f8"),
        ("first_at", "<i8"),
        ("last_at", "<i8"),
    ]
)
Buckets = NDArray[Any]
#: Row of the point, first moment and the moment after the last [us], each of shape (s,).
Spans = tuple[Micros, Micros, Micros]
#: Row of the point, time [us] and value of good readings, in this order, each of shape (k,).
Readings = tuple[Micros, Micros, Floats]


def no_buckets(*shape: int) -> Buckets:
    """Buckets without a reading."""
    return np.zeros(shape, BUCKET)


def of_readings(times: Micros, values: Floats) -> Buckets:
    """Each good reading as a bucket of its own; shape (k,)."""
    buckets = no_buckets(len(times))
    buckets["n"] = 1
    for moment in ("first_at", "last_at"):
        buckets[moment] = times
    for value in ("total", "minimum", "maximum", "first", "last"):
        buckets[value] = values
    return buckets


def fold(groups: Micros, parts: Buckets) -> tuple[Micros, Buckets]:
    """Put parts of the same group together: the groups, shape (g,), and a bucket for each.

    ``groups`` has shape (k,) and ascends, ``parts`` has shape (k,), ascends in time inside of a
    group and has no bucket without a reading. Sums are taken from the first part to the last.
    """
    if not len(groups):
        return groups, parts
    begins = np.concatenate(([True], np.diff(groups) != 0))
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], len(groups)) - 1
    at = np.cumsum(begins) - 1
    between = np.zeros(len(groups), dtype=np.int64)
    between[1:] = (parts["first"][1:] < parts["last"][:-1]) & ~begins[1:]
    folded = no_buckets(len(starts))
    folded["n"] = np.bincount(at, weights=parts["n"])
    folded["falls"] = np.bincount(at, weights=parts["falls"] + between)
    folded["total"] = np.bincount(at, weights=parts["total"])
    folded["minimum"] = np.minimum.reduceat(parts["minimum"], starts)
    folded["maximum"] = np.maximum.reduceat(parts["maximum"], starts)
    for name in ("first", "first_at"):
        folded[name] = parts[name][starts]
    for name in ("last", "last_at"):
        folded[name] = parts[name][ends]
    return groups[starts], folded


def readings_left(hours: Buckets) -> tuple[Micros, Floats]:
    """The first and last reading of each of ``hours``, shape (h,), as times and values."""
    known = hours[hours["n"] > 0]
    ends = np.stack((known["first_at"], known["last_at"]), axis=1).reshape(-1)
    values = np.stack((known["first"], known["last"]), axis=1).reshape(-1)
    fresh = np.diff(ends, prepend=ends[:1] - 1) != 0
    return ends[fresh], values[fresh]


def pack(buckets: Buckets, starts: Micros) -> bytes:
    """Buckets as bytes; ``starts`` [us] are where they begin, and have their shape (b,).

    Moments are kept as distances from the bucket's start, and the bytes are sorted by their place
    in the bucket: a month of hours then takes 8 to 24 bytes per hour.
    """
    kept = moved(buckets, -starts)
    return zlib.compress(kept.view(np.uint8).reshape(len(kept), BUCKET.itemsize).T.tobytes(), 1)


def unpack(body: bytes) -> Buckets:
    """The buckets that ``pack`` packed, shape (b,); their moments are distances still."""
    flat = np.frombuffer(zlib.decompress(body), np.uint8).reshape(BUCKET.itemsize, -1)
    buckets: Buckets = flat.T.copy().view(BUCKET).reshape(-1)
    return buckets


def moved(buckets: Buckets, by: Micros) -> Buckets:
    """The same buckets with other moments: later by ``by`` [us], of the shape of the last axis."""
    shifted = buckets.copy()
    known = buckets["n"] > 0
    for moment in ("first_at", "last_at"):
        shifted[moment] += np.where(known, by, 0)
    return shifted


def overlay(
    buckets: Buckets, edges: Micros, spans: Spans, readings: Readings, level: Level
) -> None:
    """Replace what ``buckets``, shape (p, b), say about ``spans`` by what the readings say.

    Buckets that end or begin outside of ``edges`` [us], shape (b + 1,), are left alone.
    """
    rows, firsts, untils = spans
    lows, highs = (np.searchsorted(edges, moments).tolist() for moments in (firsts, untils))
    for row, low, high in zip(rows.tolist(), lows, highs, strict=True):
        buckets[row, low:high] = no_buckets(1)
    places, folded = _placed(edges, readings, level)
    buckets.reshape(-1)[places] = folded


def _placed(edges: Micros, readings: Readings, level: Level) -> tuple[Micros, Buckets]:
    """Readings as buckets, and the place of each in the flat array. Days are made of hours."""
    rows, times, values = readings
    inside = (times >= edges[0]) & (times < edges[-1])
    rows, times = rows[inside], times[inside]
    parts = of_readings(times, values[inside])
    if level is Level.DAY:
        hours = times // HOUR
        groups, parts = fold(rows << 32 | hours, parts)
        rows, times = groups >> 32, (groups & 0xFFFF_FFFF) * HOUR
    columns = np.searchsorted(edges, times, side="right") - 1
    return fold(rows * (len(edges) - 1) + columns, parts)


def coarser(buckets: Buckets, starts: Micros, edges: Micros) -> Buckets:
    """Buckets that begin at ``starts`` [us], shape (b,), folded between ``edges`` [us]."""
    known = np.flatnonzero(buckets["n"])
    columns = np.searchsorted(edges, starts[known], side="right") - 1
    places, folded = fold(columns, buckets[known])
    out = no_buckets(len(edges) - 1)
    out[places] = folded
    return out


def rollups(points: tuple[str, ...], level: Level, edges: Micros, buckets: Buckets) -> Rollups:
    """The noun of ``buckets``, shape (p, b); what has no reading becomes NaN and no moment."""
    n = buckets["n"].astype(np.int64)
    known = n > 0

    def values(name: str) -> Floats:
        return np.where(known, buckets[name], np.nan)

    def moments(name: str) -> Micros:
        return np.where(known, buckets[name], NO_MOMENT)

    return Rollups(
        points=points,
        level=level,
        edges=edges,
        n=n,
        mean=values("total") / np.maximum(n, 1),
        minimum=values("minimum"),
        maximum=values("maximum"),
        first=values("first"),
        last=values("last"),
        first_at=moments("first_at"),
        last_at=moments("last_at"),
        falls=buckets["falls"].astype(np.int64),
    )
