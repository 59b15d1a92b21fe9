"""Readings that somebody pushes: each goes to its point, or comes back with the reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bms.model.assets.address import SupplierAddress
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.readings.measurement import Ingested, Quality, Reading
from bms.model.readings.metering import Quantity
from bms.model.readings.units import Unit
from bms.ports.storage.readings import ReadingStore
from bms.services.collect.file_ingest import FUTURE, SKEW
from bms.services.collect.plausibility import plausible
from bms.services.collect.supplier_points import SupplierBook

FIRST_YEAR = 1990
"""Readings from before are slips of a clock."""

Convert = Callable[[Quantity, str, float], tuple[float, Unit] | None]
"""A supplier's unit and value → the value in our unit; None for a unit that does not measure the
quantity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """One value for a ``point``, or for a ``meter`` (its supplier's number, or ``site/meter``).

    ``time`` is aware: the moment of a register or state, the start of an interval. Without a
    ``unit`` the value is in the unit of the point; without a ``quality`` it is good, or absent.
    """

    index: int
    time: datetime
    value: float | None
    point: str | None = None
    meter: str | None = None
    quantity: Quantity | None = None
    unit: str | None = None
    quality: Quality | None = None


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was not stored, by its place among the rows, and why."""

    index: int
    message: str


@dataclass(frozen=True, slots=True)
class PushReport:
    """What became of the rows of a push."""

    stored: Ingested
    refused: tuple[RejectedRow, ...]


def push_readings(
    rows: Iterable[Pushed],
    *,
    sites: Iterable[Site],
    may: Callable[[Point], bool],
    readings: ReadingStore,
    now: datetime,
    convert: Convert,
) -> PushReport:
    """Store the rows; when it returns, what was accepted outlives a power cut.

    ``may`` says to which points the sender may push; others are for him not there. Raises
    ``StoreError`` when nothing can be kept.
    """
    allowed = _Allowed(tuple(sites), may, convert, now)
    found: list[Reading] = []
    refused: list[RejectedRow] = []
    for row in rows:
        try:
            found.append(allowed.reading(row))
        except ValueError as error:
            refused.append(RejectedRow(row.index, str(error)))
    stored = readings.add_readings(found, durable=True) if found else Ingested()
    return PushReport(stored, tuple(refused))


def ahead_of(point: Point) -> timedelta:
    """How far a reading of a point may lie ahead of the clock."""
    address = point.address
    amounts = isinstance(address, SupplierAddress) and address.interval
    return FUTURE if amounts else SKEW


class _Allowed:
    """The points that a sender may push to. Its methods raise ValueError with the way out."""

    def __init__(
        self,
        sites: Sequence[Site],
        may: Callable[[Point], bool],
        convert: Convert,
        now: datetime,
    ) -> None:
        self._points = {p.id: p for site in sites for p in site.points if may(p)}
        self._book = SupplierBook.of(sites, may)
        self._convert = convert
        self._now = now

    def reading(self, row: Pushed) -> Reading:
        point = self._point(row)
        if row.time.year < FIRST_YEAR or row.time > self._now + ahead_of(point):
            raise ValueError(f"{row.time.isoformat()} lies before {FIRST_YEAR} or in the future")
        moment = row.time.astimezone(UTC)
        quality = row.quality or (Quality.ABSENT if row.value is None else Quality.GOOD)
        if (row.value is None) == quality.has_value:
            raise ValueError(f"quality {quality} does not go with value {row.value}")
        value = None if row.value is None else self._value(row, row.value, point)
        return plausible(point, Reading(point.id, moment, value, quality, self._now))

    def _point(self, row: Pushed) -> Point:
        if (row.point is None) == (row.meter is None):
            raise ValueError("name either a point or a meter")
        if row.point is not None:
            found = self._points.get(row.point)
            if found is None:
                raise ValueError(f"no point {row.point!r} that this key may push to")
            return found
        known = {
            quantity: target.point
            for quantity, target in self._book.by_number.get(row.meter or "", {}).items()
        }
        if not known:
            raise ValueError(
                f"no meter {row.meter!r} that this key may push to; a site file has its number "
                "under supplier"
            )
        if row.quantity is None and len(known) == 1:
            return next(iter(known.values()))
        if row.quantity not in known:
            names = ", ".join(known)
            raise ValueError(f"meter {row.meter!r}: name a quantity of its site file: {names}")
        return known[row.quantity]

    def _value(self, row: Pushed, value: float, point: Point) -> float:
        if not math.isfinite(value):
            raise ValueError(f"{value} is no measurement; a missing value is null")
        if row.unit is None or row.unit == point.unit:
            return value
        quantity = _QUANTITY_IN.get(point.unit)
        found = self._convert(quantity, row.unit, value) if quantity else None
        if found is None or found[1] != point.unit:
            raise ValueError(
                f"unit {row.unit!r} does not go with {point.id}, which is in {point.unit}"
            )
        return found[0]


_QUANTITY_IN = {
    Unit.KWH: Quantity.ENERGY,
    Unit.M3: Quantity.VOLUME,
    Unit.KW: Quantity.POWER,
    Unit.M3_PER_H: Quantity.FLOW,
    Unit.DEG_C: Quantity.FLOW_TEMP,
    Unit.M3_DEG_C: Quantity.FLOW_ENERGY,
}
