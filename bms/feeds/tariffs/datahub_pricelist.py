"""DatahubPricelist of Energi Data Service: charges of grid companies and the state per kWh.

Properties of the dataset: ``start`` and ``end`` select on ``ValidFrom``, so all rows of a code are
requested; future rows are included; ``Price2`` to ``Price24`` are empty where the price is
constant; discounts are rows of their own, to be added; codes are replaced by others, and both have
rows for some weeks, so that a price is a dated list of codes; ``ValidTo`` is an object in old
records; days and hours are local; reduced electricity tax is not in it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import numpy as np

from bms.errors import FeedError
from bms.feeds.client.payload import number_within, parsing
from bms.feeds.electricity.energidata import records
from bms.model.readings.series import Floats

_NAME = "DatahubPricelist"
_TARIFF = "D03"
_HOURS = 24
_MAX_DKK_PER_KWH = 100.0
"""Plausible absolute price [DKK/kWh]."""
_RESOLUTIONS = ("PT1H", "P1D")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeCode:
    """A charge code, used from ``first`` until ``end`` (exclusive); None: without a limit."""

    code: str
    first: date | None = None
    end: date | None = None

    def used_on(self, day: date) -> bool:
        return (self.first is None or self.first <= day) and (self.end is None or day < self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceListing:
    """The rows of one price: GLN of the charge owner, its codes, and the codes of discounts."""

    gln: str
    codes: tuple[ChargeCode, ...]
    discounts: tuple[ChargeCode, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PriceRow:
    """Prices by local hour [DKK/kWh], shape (24,), from ``first`` until ``end`` (exclusive)."""

    gln: str
    code: str
    first: date
    end: date | None
    hourly: Floats


def pricelist_url(base: str, listings: Iterable[PriceListing], until: date) -> str:
    """Returns the address of the rows of all codes that begin before ``until``."""
    chosen = list(listings)
    codes = {code.code for listing in chosen for code in (*listing.codes, *listing.discounts)}
    query = {
        "start": "2014-01-01",
        "end": until.isoformat(),
        "filter": json.dumps(
            {
                "GLN_Number": sorted({listing.gln for listing in chosen}),
                "ChargeType": [_TARIFF],
                "ChargeTypeCode": sorted(codes),
            }
        ),
        "sort": "ValidFrom asc",
        "limit": "0",
    }
    return f"{base}/dataset/DatahubPricelist?{urlencode(query)}"


def unfiltered_url(url: str) -> str:
    """Returns the same address without the filter, which the provider refuses at times."""
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name != "filter"]
    return urlunsplit(parts._replace(query=urlencode(kept)))


def read_pricelist(
    body: bytes, wanted: Collection[tuple[str, str]] | None = None
) -> tuple[PriceRow, ...]:
    """Returns the tariffs of a response by owner, code and first day.

    ``wanted`` are (owner, code); all others are left out. Raises ``FeedError``, also for a list
    without any of them and for prices of a resolution that is not known.
    """
    with parsing(_NAME):
        rows = [
            _row(raw)
            for raw in records(body, _NAME)
            if raw["ChargeType"] == _TARIFF
            and (wanted is None or (str(raw["GLN_Number"]), str(raw["ChargeTypeCode"])) in wanted)
        ]
    if not rows:
        raise FeedError(f"{_NAME}: there is no tariff in the list")
    return tuple(sorted(rows, key=lambda row: (row.gln, row.code, row.first)))


def _row(raw: Mapping[str, Any]) -> PriceRow:
    if raw.get("ResolutionDuration") not in _RESOLUTIONS:
        raise FeedError(f"{_NAME}: prices by {raw.get('ResolutionDuration')!r} cannot be read")
    prices = np.array(
        [
            number_within(raw.get(f"Price{i + 1}"), -_MAX_DKK_PER_KWH, _MAX_DKK_PER_KWH)
            for i in range(_HOURS)
        ]
    )
    if all(raw.get(f"Price{i + 1}") is None for i in range(1, _HOURS)):
        prices = np.full(_HOURS, prices[0])
    if not np.isfinite(prices).any():
        raise FeedError(f"{_NAME}: the prices of {raw['ChargeTypeCode']} are missing")
    end = raw.get("ValidTo")
    return PriceRow(
        gln=str(raw["GLN_Number"]),
        code=str(raw["ChargeTypeCode"]),
        first=datetime.fromisoformat(raw["ValidFrom"]).date(),
        end=datetime.fromisoformat(end).date() if isinstance(end, str) else None,
        hourly=prices,
    )


def hourly_prices(rows: Sequence[PriceRow], listing: PriceListing, day: date) -> Floats:
    """Returns the prices of a local day by hour [DKK/kWh] with discounts. Shape (24,).

    NaN without a price in force, or where not exactly one code applies.
    """
    codes = [code.code for code in listing.codes if code.used_on(day)]
    price = _in_force(rows, listing.gln, codes[0], day) if len(codes) == 1 else None
    if price is None:
        return np.full(_HOURS, np.nan)
    total: Floats = price.copy()
    for discount in listing.discounts:
        less = _in_force(rows, listing.gln, discount.code, day) if discount.used_on(day) else None
        total = total if less is None else total + less
    return total


def _in_force(rows: Sequence[PriceRow], gln: str, code: str, day: date) -> Floats | None:
    """Returns the prices of the newest row in force; None without one, and where several begin on
    that day and differ: nobody could tell which of them is charged."""
    holding = [
        row
        for row in rows
        if row.gln == gln
        and row.code == code
        and row.first <= day
        and (row.end is None or day < row.end)
    ]
    if not holding:
        return None
    first = max(row.first for row in holding)
    newest = [row.hourly for row in holding if row.first == first]
    return (
        newest[0]
        if all(np.array_equal(newest[0], each, equal_nan=True) for each in newest)
        else None
    )


def ambiguous(rows: Sequence[PriceRow], day: date) -> tuple[str, ...]:
    """Returns the codes of which several rows with other prices hold on a day, in order."""
    known = {(row.gln, row.code) for row in rows if row.first <= day}
    return tuple(
        sorted(
            code
            for gln, code in known
            if _in_force(rows, gln, code, day) is None
            and any(
                row.code == code and row.gln == gln and row.first <= day < (row.end or date.max)
                for row in rows
            )
        )
    )


def listings_of(raw: Mapping[str, Any] | None) -> dict[str, PriceListing]:
    """Returns the listing of each part. Raises ValueError, KeyError or TypeError."""
    return {part: _listing(part, row) for part, row in (raw or {}).items()}


def _listing(part: str, raw: Mapping[str, Any]) -> PriceListing:
    codes = tuple(sorted((_code(row) for row in raw["codes"]), key=_beginning))
    for earlier, later in pairwise(codes):
        if earlier.end is None or earlier.end > _beginning(later):
            raise ValueError(f"{part}: {earlier.code} and {later.code} hold at the same time")
    discounts: Sequence[Mapping[str, Any]] = raw.get("discounts", ())
    return PriceListing(
        gln=str(raw["gln"]), codes=codes, discounts=tuple(_code(row) for row in discounts)
    )


def _code(raw: Mapping[str, Any]) -> ChargeCode:
    first, end = raw.get("from"), raw.get("to")
    if not isinstance(first, date | None) or not isinstance(end, date | None):
        raise TypeError(f"{raw['code']}: from and to are days")
    return ChargeCode(code=str(raw["code"]), first=first, end=end)


def _beginning(code: ChargeCode) -> date:
    return code.first or date.min
