"""Eloverblik: hours, quarters, days or months of electricity meters, as JSON.

The answer of ``GetTimeSeries`` in the customer and third party interfaces of Energinet's DataHub
(``result[].MyEnergyData_MarketDocument.TimeSeries[].Period[].Point[]``). The shape and the tail
(``success``, ``errorCode``, ``errorText``) are as in recorded answers of public clients. What the
quality and business codes mean stands in Energinet, *Customer and third party API for DataHub
(Eloverblik) - data description*; it was read in the quotations of the public client
eddie-energy/eddie, not in the document itself.

Interval lengths are those of the calendar: a local day has 23 to 25 hours and a month its days.
The ``line`` of a row is its place among all points of the file, counted from 1: the answer comes
as one line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from bms.errors import FeedError, MistakeList
from bms.feeds.suppliers.decoding import decoded_json, list_items, object_entries, text_or_none
from bms.feeds.suppliers.numbers_and_units import UnitScale, parse_number, unit_scale
from bms.feeds.suppliers.timestamps import YEARS
from bms.model.outside_text import printable
from bms.model.readings.measurement import Quality
from bms.model.readings.metering import MeterRow, Quantity, SupplierFile

ZONE = ZoneInfo("Europe/Copenhagen")

QUALITIES: Mapping[str, Quality] = MappingProxyType(
    {
        "A01": Quality.CALCULATED,
        "A02": Quality.ABSENT,
        "A03": Quality.ESTIMATED,
        "A04": Quality.GOOD,
        "A05": Quality.ABSENT,
    }
)
"""A01 adjusted: computed by the DataHub, until February 2020. A02 not available: the grid company
reported that the value is missing. A03 estimated and A04 as provided (measured), both by the grid
company. A05 incomplete: a sum of which a part is missing; it would look like a saving, so it
counts as missing. A code that is not listed leaves its value ``UNCERTAIN``."""

CONSUMPTION = "A04"
PRODUCTION = "A01"
"""Business types of a series (data description, as above)."""
FIXED_BLOCKS = "A01"
"""The curve type in which a position that is left out is a gap (IEC 62325-451)."""

_FIXED_S = {"PT15M": 900, "PT30M": 1800, "PT1H": 3600, "PT60M": 3600}
_CALENDAR = ("P1D", "P1M", "P1Y")
MAX_EDGES = 3700
"""Largest number of calendar intervals in a period: ten years of days."""
MAX_CALENDAR = 500_000
"""Largest number of calendar intervals of all different periods of a file: a year of days for each
of 1 300; meters mostly share theirs."""


def read_eloverblik(content: bytes, name: str) -> SupplierFile:
    """Returns the use of metering points [kWh per interval]; ``name`` stands in messages.

    A series of production becomes rows of export. Left out, as a mistake, are series of another
    business or curve type,
    other units than energy, and metering points that the DataHub gave an error for. A position
    that is left out is a gap and makes no row. Raises ``FeedError`` when the file as a whole is no
    such answer.
    """
    return _read(decoded_json(content, name), name)


def _read(document: object, name: str) -> SupplierFile:
    results = object_entries(document).get("result")
    if not isinstance(results, list):
        raise FeedError(
            f"{name}: not an answer of Eloverblik's GetTimeSeries: it has no list 'result'"
        )
    reader = _EloverblikReader(MistakeList(name))
    for result in results:
        reader.result(object_entries(result))
    if results and not reader.documents and not reader.mistakes.kept:
        raise FeedError(
            f"{name}: not an answer of Eloverblik's GetTimeSeries: no result has a"
            " MyEnergyData_MarketDocument"
        )
    found = reader.mistakes
    return SupplierFile(tuple(reader.rows), tuple(found.kept), (), found.unnamed)


@dataclass(slots=True)
class _EloverblikReader:
    """Reads one response and collects its rows and mistakes."""

    mistakes: MistakeList
    rows: list[MeterRow] = field(default_factory=list)
    points: int = 0
    documents: int = 0
    calendar: int = 0
    """Calendar intervals [1] that were laid out."""
    _grids: dict[tuple[str | None, ...], _PeriodGrid] = field(default_factory=dict)

    def refuse(self, message: str) -> None:
        self.mistakes.add(max(self.points, 1), printable(message))

    def result(self, result: Mapping[str, object]) -> None:
        """Reads one metering point, or the error in its place."""
        if result.get("success") is False:
            self.refuse(_error(result))
            return
        if "MyEnergyData_MarketDocument" in result:
            self.documents += 1
        document = object_entries(result.get("MyEnergyData_MarketDocument"))
        for series in list_items(document.get("TimeSeries")):
            self.series(object_entries(series), text_or_none(result.get("id")))

    def series(self, series: Mapping[str, object], fallback: str | None) -> None:
        """Reads one time series of a metering point."""
        mark = object_entries(object_entries(series.get("MarketEvaluationPoint")).get("mRID"))
        number = text_or_none(mark.get("name")) or text_or_none(series.get("mRID")) or fallback
        count = sum(len(_points(period)) for period in list_items(series.get("Period")))
        why = _no_use(series, number)
        unit = text_or_none(series.get("measurement_Unit.name")) or ""
        scale = unit_scale(Quantity.ENERGY, unit)
        if why is None and scale is None:
            why = f"its unit is {unit!r} and not energy; ask for the active energy of this point"
        if why is not None or scale is None or number is None:
            self.points += count
            self.refuse(f"{number or 'a metering point'}: {count} values left out: {why}")
            return
        produced = text_or_none(series.get("businessType")) == PRODUCTION
        quantity = Quantity.EXPORT if produced else Quantity.ENERGY
        for period in list_items(series.get("Period")):
            self.period(object_entries(period), number, quantity, scale)

    def period(
        self, period: Mapping[str, object], number: str, quantity: Quantity, scale: UnitScale
    ) -> None:
        """Reads the points of a period."""
        points = _points(period)
        if not points:
            return
        try:
            grid = self._grid(period)
        except (ValueError, OverflowError) as error:
            self.points += len(points)
            self.refuse(f"{number}: {len(points)} values left out: {error}")
            return
        place = self.points
        for point in points:
            place += 1
            try:
                row = _row(object_entries(point), number, grid, scale, place)
                self.rows.append(row._replace(quantity=quantity))
            except ValueError as error:
                self.points = place
                self.refuse(f"{number}: {error}")
        self.points = place

    def _grid(self, period: Mapping[str, object]) -> _PeriodGrid:
        """Returns the grid of a period, shared by equal periods. Raises ValueError."""
        between = object_entries(period.get("timeInterval"))
        parts = (between.get("start"), between.get("end"), period.get("resolution"))
        key = tuple(text_or_none(part) for part in parts)
        if key not in self._grids:
            if self.calendar > MAX_CALENDAR:
                raise ValueError("the file has too many different periods; ask for fewer at a time")
            grid = self._grids[key] = _grid_of(*(part or "nothing" for part in key))
            self.calendar += len(grid.edges)
        return self._grids[key]


def _grid_of(start_text: str, end_text: str, resolution: str) -> _PeriodGrid:
    start, end = _moment(start_text), _moment(end_text)
    if not start < end:
        raise ValueError("the period ends before it begins")
    if resolution in _FIXED_S:
        return _PeriodGrid(int(start.timestamp()), int(end.timestamp()), _FIXED_S[resolution])
    if resolution not in _CALENDAR:
        known = ", ".join((*_FIXED_S, *_CALENDAR))
        raise ValueError(f"the resolution is {resolution[:20]!r}; known are {known}")
    return _PeriodGrid(0, 0, 0, tuple(_calendar_edges(start, end, resolution)))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no time of its period") from None
    if moment.tzinfo is None or moment.year not in YEARS:
        raise ValueError(f"{text[:40]!r} has no offset, or lies outside the years of meters")
    return moment.astimezone(UTC)


@dataclass(slots=True)
class _PeriodGrid:
    """Start of each position of a period [epoch s]: every ``step`` [s], or ``edges``."""

    start: int
    end: int
    step: int
    edges: tuple[int, ...] = ()
    _known: dict[str, tuple[int, int]] = field(default_factory=dict)

    def span(self, position: str) -> tuple[int, int]:
        """Returns start [epoch s] and length [s] of a position from 1 on. Raises ValueError."""
        known = self._known.get(position)
        return known or self._known.setdefault(position, self._span(position))

    def _span(self, text: str) -> tuple[int, int]:
        if not (text.isascii() and text.isdigit() and len(text) <= 6):
            raise ValueError(f"position {text[:20]!r} is no number")
        position = int(text)
        if self.edges:
            if not 1 <= position < len(self.edges):
                raise ValueError(f"position {position} lies outside its period")
            first, last = self.edges[position - 1 : position + 1]
            return first, last - first
        start = self.start + (position - 1) * self.step
        if position < 1 or start >= self.end:
            raise ValueError(f"position {position} lies outside its period")
        return start, self.step


def _row(
    point: Mapping[str, object], number: str, grid: _PeriodGrid, scale: UnitScale, place: int
) -> MeterRow:
    """Returns the row of a point. Raises ValueError with the reason."""
    position = text_or_none(point.get("position")) or "nothing"
    start, length = grid.span(position)
    quality = QUALITIES.get(text_or_none(point.get("out_Quantity.quality")) or "")
    text = text_or_none(point.get("out_Quantity.quantity"))
    value = None
    if quality is not Quality.ABSENT and text is not None:
        try:
            value = parse_number(text, scale)
        except ValueError as error:
            raise ValueError(f"position {position}: {error}") from None
    quality = Quality.ABSENT if value is None else quality or Quality.UNCERTAIN
    return MeterRow(number, Quantity.ENERGY, start, value, scale.unit, length, quality, place)


def _points(period: object) -> list[object]:
    return list_items(object_entries(period).get("Point"))


def _no_use(series: Mapping[str, object], number: str | None) -> str | None:
    """Returns why a series is not the use of a metering point, None where it is."""
    business = text_or_none(series.get("businessType"))
    curve = text_or_none(series.get("curveType"))
    if number is None or not number.isprintable():
        return "the series names no metering point"
    if business not in (CONSUMPTION, PRODUCTION):
        return f"businessType is {business!r} and not A04, consumption, or A01, production"
    if curve not in (FIXED_BLOCKS, None):
        return f"curveType is {curve!r}; only A01, blocks of fixed length, is known"
    return None


def _error(result: Mapping[str, object]) -> str:
    number = text_or_none(result.get("id")) or "a metering point"
    code = text_or_none(result.get("errorCode")) or "no code"
    text = text_or_none(result.get("errorText")) or "no reason"
    return (
        f"{number}: Eloverblik gave no data: {text[:200]} ({code[:20]}); see whether the"
        " authorisation still covers this metering point and period"
    )


def _calendar_edges(start: datetime, end: datetime, resolution: str) -> Iterator[int]:
    """Yields local midnights, firsts of a month or of a year between both [epoch s]."""
    moment = start
    for _ in range(MAX_EDGES):
        yield int(moment.timestamp())
        if moment >= end:
            return
        local = moment.astimezone(ZONE).date()
        following = _next(local, resolution)
        midnight = datetime(following.year, following.month, following.day, tzinfo=ZONE)
        moment = min(midnight.astimezone(UTC), end)


def _next(day: date, resolution: str) -> date:
    if resolution == "P1D":
        return day + timedelta(days=1)
    if resolution == "P1M":
        return date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return date(day.year + 1, 1, 1)
