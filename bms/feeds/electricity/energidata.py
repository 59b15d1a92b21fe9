"""Energi Data Service of Energinet (CC BY 4.0): day-ahead prices and CO2 of electricity.

https://api.energidataservice.dk; one request per dataset and minute, so both price areas are asked
for at once. Times are keyed on UTC: local ones are ambiguous when the clocks change.
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
from bms.feeds.client.payload import Samples, number, parsed, samples, second, taking_apart

BASE = "https://api.energidataservice.dk"
CREDIT = "Energinet (www.energidataservice.dk), CC BY 4.0"
AREAS = ("DK1", "DK2")
QUARTER_S = 900
FIRST_DAY_AHEAD = datetime(2025, 9, 30, 22, tzinfo=UTC)
"""From here on prices are of quarter-hours and in DayAheadPrices, before in Elspotprices."""

_PER_MWH = 1000.0
_HIGHEST = 1e5
"""No price of a MWh, in whichever currency, is further from zero."""
_CLEAREST_EUR = 5.0
"""A rate is not read off smaller prices: they are rounded [EUR/MWh]."""
_RATES = (7.0, 8.0)
_DIRTIEST_G = 2000.0
_PARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Day-ahead prices [DKK/kWh] by area, on quarter-hours.

    ``dkk_per_eur`` is the rate with which missing ones were filled, None where none was missing.
    """

    by_area: Mapping[str, Samples]
    dkk_per_eur: float | None


def url(base: str, dataset: str, start: datetime, end: datetime, sort: str) -> str:
    """All records of both areas from ``start`` up to ``end`` (exclusive)."""
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
    """The prices of a time that lies on one side of ``FIRST_DAY_AHEAD``."""
    if start < FIRST_DAY_AHEAD:
        return url(base, "Elspotprices", start, min(end, FIRST_DAY_AHEAD), "HourUTC")
    return url(base, "DayAheadPrices", start, end, "TimeUTC")


def records(body: bytes, name: str) -> list[dict[str, Any]]:
    """The records of an answer. Raises ``FeedError``, also when only a part of them came."""
    answer = parsed(body, name)
    with taking_apart(name):
        rows, total = answer["records"], answer.get("total")
        if not isinstance(rows, list):
            raise TypeError("records are no list")
        if total is not None and len(rows) < total:
            raise FeedError(f"{name}: only {len(rows)} of {total} records came")
        return rows


def read_day_ahead(body: bytes) -> Prices:
    """DayAheadPrices. Raises ``FeedError``."""
    return _prices(body, "DayAheadPrices", ("TimeUTC", "DayAheadPriceDKK", "DayAheadPriceEUR"), 1)


def read_elspot(body: bytes) -> Prices:
    """Elspotprices (until 2025-09-30): hours, told as quarter-hours. Raises ``FeedError``."""
    return _prices(body, "Elspotprices", ("HourUTC", "SpotPriceDKK", "SpotPriceEUR"), 4)


def _prices(body: bytes, name: str, columns: tuple[str, str, str], quarters: int) -> Prices:
    time, in_dkk, in_eur = columns
    with taking_apart(name):
        rows = sorted(
            (
                second(row[time]),
                str(row["PriceArea"]),
                number(row.get(in_dkk), -_HIGHEST, _HIGHEST),
                number(row.get(in_eur), -_HIGHEST, _HIGHEST),
            )
            for row in records(body, name)
        )
        rate = _rate(rows)
        found: dict[str, dict[int, float]] = {area: {} for area in AREAS}
        filled = False
        for at, area, dkk, eur in rows:
            if area in found:
                filled |= not isfinite(dkk) and isfinite(eur * rate)
                price = (dkk if isfinite(dkk) else eur * rate) / _PER_MWH
                found[area].update({at + QUARTER_S * i: price for i in range(quarters)})
        return Prices(
            by_area={area: samples(pairs) for area, pairs in found.items()},
            dkk_per_eur=rate if filled else None,
        )


def _rate(rows: list[tuple[int, str, float, float]]) -> float:
    """DKK for a EUR on the last day on which both are told, NaN where there is none."""
    rates = [
        (at, dkk / eur)
        for at, _, dkk, eur in rows
        if abs(eur) >= _CLEAREST_EUR and _RATES[0] < dkk / eur < _RATES[1]
    ]
    if not rates:
        return float("nan")
    since = rates[-1][0] - timedelta(days=1).total_seconds()
    return float(np.median([rate for at, rate in rates if at > since]))


def read_emissions(body: bytes, name: str) -> Mapping[str, Samples]:
    """CO2Emis or CO2EmisProg [kg/kWh] by area: means of the quarters of which all is there.

    Raises ``FeedError``.
    """
    with taking_apart(name):
        found: dict[str, dict[int, dict[int, float]]] = {area: {} for area in AREAS}
        for row in records(body, name):
            of_area = found.get(row["PriceArea"])
            if of_area is not None:
                at = second(row["Minutes5UTC"])
                gram = number(row.get("CO2Emission"), 0.0, _DIRTIEST_G)
                of_area.setdefault(at // QUARTER_S * QUARTER_S, {})[at] = gram / _PER_MWH
        return {
            area: samples(
                {
                    at: float(np.mean(list(parts.values())))
                    for at, parts in quarters.items()
                    if len(parts) == _PARTS
                }
            )
            for area, quarters in found.items()
        }
