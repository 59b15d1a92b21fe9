"""Where the parts of a tariff stand in the DataHub price list: ``datahub`` in a tariff file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from bms.feeds.tariffs.datahub_pricelist import Code, Listing


def listings_of(raw: Mapping[str, Any] | None) -> dict[str, Listing]:
    """A listing for each part. Raises ValueError, KeyError or TypeError."""
    return {part: _listing(part, row) for part, row in (raw or {}).items()}


def _listing(part: str, raw: Mapping[str, Any]) -> Listing:
    codes = tuple(sorted((_code(row) for row in raw["codes"]), key=_beginning))
    for earlier, later in pairwise(codes):
        if earlier.end is None or earlier.end > _beginning(later):
            raise ValueError(f"{part}: {earlier.code} and {later.code} hold at the same time")
    discounts: Sequence[Mapping[str, Any]] = raw.get("discounts", ())
    return Listing(
        gln=str(raw["gln"]), codes=codes, discounts=tuple(_code(row) for row in discounts)
    )


def _code(raw: Mapping[str, Any]) -> Code:
    first, end = raw.get("from"), raw.get("to")
    if not isinstance(first, date | None) or not isinstance(end, date | None):
        raise TypeError(f"{raw['code']}: from and to are days")
    return Code(code=str(raw["code"]), first=first, end=end)


def _beginning(code: Code) -> date:
    return code.first or date.min
