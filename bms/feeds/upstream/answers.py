"""What upstreams answer, as far as it is read. Nothing of it is believed that cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from itertools import pairwise
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bms.errors import FeedError
from bms.model.savings.upstream import ToldMonth, ToldSaving, ToldUse, ToldYear

MOST = 1e12
"""The largest number that is taken, whatever its unit: a thousand times what Denmark uses in a year
[kWh]."""
ROUNDING = 1.0
"""How far a saving may lie outside its interval [kWh]: both are rounded."""

Told = TypeVar("Told", bound=BaseModel)


class _Read(BaseModel):
    """The fields that are read; an upstream of a newer version may tell more. ``upstreams`` is what
    only the reading of several backends tells."""

    model_config = ConfigDict(allow_inf_nan=False)
    upstreams: object = None


class _Site(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)
    site: Annotated[str, Field(pattern=r"^[^/\x00-\x1f\x7f]{1,200}$")]
    savings: ToldSaving


class SavingsPage(_Read):
    """A page of ``/v1/portfolio/savings``."""

    portfolio: ToldSaving
    sites: list[_Site]
    next: str | None


class _WholeUse(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)
    totals: Annotated[list[ToldUse], Field(max_length=20)]


class _YearPage(_Read):
    year: Annotated[int, Field(ge=1990, le=2199)]
    until: date
    together: _WholeUse


def savings_page(body: bytes) -> SavingsPage:
    """A page of savings. Raises ``FeedError`` where it is none, or tells what cannot be."""
    page = _understood(SavingsPage, body, "savings")
    for saving in (page.portfolio, *(row.savings for row in page.sites)):
        _believed(saving)
        if not 0.0 <= saving.confidence <= 1.0:
            raise FeedError("the answer tells a confidence that cannot be")
        for month in saving.months:
            _believed(month)
    return page


def consumption_year(body: bytes) -> ToldYear:
    """What all buildings used in a year. Raises ``FeedError`` as ``savings_page`` does."""
    page = _understood(_YearPage, body, "consumption")
    for total in page.together.totals:
        _possible(total)
    return ToldYear(year=page.year, until=page.until, totals=tuple(page.together.totals))


def _understood(kind: type[Told], body: bytes, what: str) -> Told:
    try:
        page = kind.model_validate_json(body)
    except ValidationError as error:
        raise FeedError(f"the answer is none of this product's {what}") from error
    if isinstance(page, _Read) and page.upstreams is not None:
        raise FeedError("it is a region itself and would be counted over again; name its backends")
    return page


def _believed(told: ToldSaving | ToldMonth) -> None:
    _possible(told)
    row = (told.saving_low_kwh, told.saving_kwh, told.saving_high_kwh)
    known = [number for number in row if number is not None]
    if any(low > high + ROUNDING for low, high in pairwise(known)):
        raise FeedError("the answer tells a saving outside its interval")


def _possible(told: ToldSaving | ToldMonth | ToldUse) -> None:
    numbers: Sequence[object] = [getattr(told, field.name) for field in fields(told)]
    if any(isinstance(number, float) and abs(number) > MOST for number in numbers):
        raise FeedError(f"the answer tells a number that cannot be (beyond {MOST:.0e})")
