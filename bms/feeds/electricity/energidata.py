"""Energi Data Service of Energinet (CC BY 4.0): day-ahead prices and CO2 of electricity.

https://api.energidataservice.dk allows one request per dataset and minute, so both price areas are
requested at once. Rows are keyed by their UTC time: local time is ambiguous in October.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any
from urllib.parse import urlencode

import numpy as np

from bms.errors import FeedError
from bms.feeds.client.cached_fetch import CachedValue
from bms.feeds.client.check import DatasetCheck, Extent, dataset_check
from bms.feeds.client.payload import (
    Samples,
    epoch_second,
    json_object,
    number_within,
    parsing,
    samples_of,
    utc_time,
)

BASE = "https://api.energidataservice.dk"
CREDIT = "Energinet (www.energidataservice.dk), CC BY 4.0"
AREAS = ("DK1", "DK2")
QUARTER_S = 900
QUARTER = timedelta(seconds=QUARTER_S)
FIRST_DAY_AHEAD = datetime(2025, 9, 30, 22, tzinfo=UTC)
"""From here on prices are quarter-hourly, in DayAheadPrices; before hourly, in Elspotprices."""

_PER_MWH = 1000.0
_MAX_PRICE = 1e5
"""Plausible absolute price [DKK/MWh or EUR/MWh]."""
_MIN_EUR_FOR_RATE = 5.0
"""Smallest price that an exchange rate is derived from [EUR/MWh]: prices are rounded."""
_RATE_RANGE = (7.0, 8.0)
CENTRAL_RATE = 7.46038
"""Central rate of the krone in ERM II [DKK/EUR] (ECB, 1999-01-01)."""
_MAX_G_PER_KWH = 2000.0
_VALUES_PER_QUARTER = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Day-ahead prices [DKK/kWh] by area, on quarter-hours.

    ``dkk_per_eur`` is the rate by which missing DKK prices were converted from EUR, None where none
    was missing; ``rate`` is that of the last prices in both [DKK/EUR].
    """

    by_area: Mapping[str, Samples]
    dkk_per_eur: float | None
    rate: float


def require_area(area: str) -> None:
    """Raises ``FeedError`` for a price area that is not Danish."""
    if area not in AREAS:
        raise FeedError(f"unknown price area {area!r}; known: {', '.join(AREAS)}")


def samples_check(
    name: str, known: CachedValue[Any], samples: Samples | None, now: datetime, due: datetime | None
) -> DatasetCheck:
    """Returns the check of values by quarter-hour, which are expected from now until ``due``."""
    there = np.isfinite(samples.values) if samples is not None else np.zeros(0, bool)
    if samples is None or not there.any():
        return dataset_check(name, known, Extent(), now)
    complete = None
    if due is not None:
        first = int(now.timestamp()) // QUARTER_S * QUARTER_S
        wanted = np.arange(first, int(due.timestamp()), QUARTER_S)
        complete = float(np.isin(wanted, samples.seconds[there]).mean())
    extent = Extent(
        n=int(there.sum()),
        since=utc_time(samples.seconds[there][0]),
        until=utc_time(samples.seconds[there][-1] + QUARTER_S),
        complete=complete,
    )
    return dataset_check(name, known, extent, now)


def url(base: str, dataset: str, start: datetime, end: datetime, sort: str) -> str:
    """Returns the address of all records of both areas from ``start`` to ``end`` (exclusive)."""
    query = {
        "start": f"{start.astimezone(UTC):%Y-%m-%dT%H:%M}",
        "end": f"{end.astimezone(UTC):%Y-%m-%dT%H:%M}",
        "timezone": "UTC",
        "filter": json.dumps({"PriceArea": list(AREAS)}),
        "sort": f"{sort} asc",
        "limit": "0",
    }
    return f"{base}/dataset/{dataset}?{urlencode(query)}"


def prices_url(base: str, start: datetime, end: datetime) -> str:
    """Returns the address of the prices of a period on one side of ``FIRST_DAY_AHEAD``."""
    if start < FIRST_DAY_AHEAD:
        return url(base, "Elspotprices", start, min(end, FIRST_DAY_AHEAD), "HourUTC")
    return url(base, "DayAheadPrices", start, end, "TimeUTC")


def records(body: bytes, name: str) -> list[dict[str, Any]]:
    """Returns the records of a response. Raises ``FeedError``, also where some are missing."""
    answer = json_object(body, name)
    with parsing(name):
        rows, total = answer["records"], answer.get("total")
        if not isinstance(rows, list):
            raise TypeError("records are no list")
        if total is not None and len(rows) < total:
            raise FeedError(f"{name}: only {len(rows)} of {total} records came")
        return rows


def read_day_ahead(body: bytes) -> Prices:
    """Returns the prices of a DayAheadPrices response. Raises ``FeedError``."""
    return _prices(body, "DayAheadPrices", ("TimeUTC", "DayAheadPriceDKK", "DayAheadPriceEUR"), 1)


def read_elspot(body: bytes) -> Prices:
    """Returns the prices of an Elspotprices response (until 2025-09-30), hours repeated as
    quarter-hours. Raises ``FeedError``."""
    return _prices(body, "Elspotprices", ("HourUTC", "SpotPriceDKK", "SpotPriceEUR"), 4)


def read_newest(body: bytes) -> Prices:
    """Returns the prices of a DayAheadPrices response of the last days, which are never none.
    Raises ``FeedError``."""
    prices = read_day_ahead(body)
    if not all(len(samples) for samples in prices.by_area.values()):
        raise FeedError("DayAheadPrices: there are no prices in the answer")
    return prices


def _refuse_mostly_unknown(name: str, known: int, rows: int) -> None:
    """Raises ``FeedError`` where less than half of the rows have a value that can be: columns that
    are renamed, or another unit than is told."""
    if rows and known < rows / 2:
        raise FeedError(f"{name}: only {known} of {rows} records have a plausible value")


def _prices(body: bytes, name: str, columns: tuple[str, str, str], quarters: int) -> Prices:
    time, in_dkk, in_eur = columns
    with parsing(name):
        rows = sorted(
            (
                epoch_second(row[time]),
                str(row["PriceArea"]),
                number_within(row.get(in_dkk), -_MAX_PRICE, _MAX_PRICE),
                number_within(row.get(in_eur), -_MAX_PRICE, _MAX_PRICE),
            )
            for row in records(body, name)
        )
        priced = sum(isfinite(dkk) or isfinite(eur) for _, _, dkk, eur in rows)
        _refuse_mostly_unknown(name, priced, len(rows))
        rate = _rate(rows)
        found: dict[str, dict[int, float]] = {area: {} for area in AREAS}
        filled = False
        for at, area, dkk, eur in rows:
            if area in found:
                filled |= not isfinite(dkk) and isfinite(eur * rate)
                price = (dkk if isfinite(dkk) else eur * rate) / _PER_MWH
                found[area].update({at + QUARTER_S * i: price for i in range(quarters)})
        return Prices(
            by_area={area: samples_of(pairs) for area, pairs in found.items()},
            dkk_per_eur=rate if filled else None,
            rate=rate,
        )


def _rate(rows: list[tuple[int, str, float, float]]) -> float:
    """Returns the median rate [DKK/EUR] of the last day with both prices; without one the central
    rate, from which the krone has not been further than 0.5 % since 1999."""
    rates = [
        (at, dkk / eur)
        for at, _, dkk, eur in rows
        if abs(eur) >= _MIN_EUR_FOR_RATE and _RATE_RANGE[0] < dkk / eur < _RATE_RANGE[1]
    ]
    if not rates:
        return CENTRAL_RATE
    since = rates[-1][0] - timedelta(days=1).total_seconds()
    return float(np.median([rate for at, rate in rates if at > since]))


def read_emissions(body: bytes, name: str) -> Mapping[str, Samples]:
    """Returns the values of CO2Emis or CO2EmisProg [kg CO2/kWh] by area: means of quarter-hours of
    which all three values are there. Raises ``FeedError``.
    """
    with parsing(name):
        found: dict[str, dict[int, dict[int, float]]] = {area: {} for area in AREAS}
        rows = records(body, name)
        grams = [number_within(row.get("CO2Emission"), 0.0, _MAX_G_PER_KWH) for row in rows]
        _refuse_mostly_unknown(name, sum(map(isfinite, grams)), len(rows))
        for row, gram in zip(rows, grams, strict=True):
            of_area = found.get(row["PriceArea"])
            if of_area is not None:
                at = epoch_second(row["Minutes5UTC"])
                of_area.setdefault(at // QUARTER_S * QUARTER_S, {})[at] = gram / _PER_MWH
        return {
            area: samples_of(
                {
                    at: float(np.mean(list(parts.values())))
                    for at, parts in quarters.items()
                    if len(parts) == _VALUES_PER_QUARTER
                }
            )
            for area, quarters in found.items()
        }
