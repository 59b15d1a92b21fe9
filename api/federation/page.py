"""The page of the portfolio of portfolios: the sum, and a row for each backend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from api.federation.answers import total_of, use_of
from api.pages.language import PageTranslator
from bms.messages import MISSING
from bms.model.savings.upstream import ToldSaving, UpstreamLook
from bms.savings.portfolio.federation import FederatedUse, told_twice


@dataclass(frozen=True, slots=True, kw_only=True)
class FederatedSaving:
    """A saving in words."""

    saving: str
    interval: str
    verdict: str
    verdict_word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamRow:
    """An upstream in words; ``silent`` says since when it does not answer, ``again`` which other
    one it is."""

    name: str
    url: str
    buildings: str
    told: FederatedSaving | None
    age: str
    silent: str | None
    again: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MunicipalityUse:
    """What all used of a commodity in a year, in words."""

    year: str
    commodity: str
    use: str
    co2: str
    upstreams: str
    buildings: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FederationView:
    """The sum of all, a row for each, and what they used together; ``silent`` are the names of
    those that do not answer."""

    total: FederatedSaving
    rows: tuple[UpstreamRow, ...]
    use: tuple[MunicipalityUse, ...]
    silent: tuple[str, ...]


def federation_view(
    looks: Sequence[UpstreamLook], now: datetime, t: PageTranslator
) -> FederationView:
    """Everything on the page."""
    twice = told_twice(looks)
    rows = tuple(_row(look, twice.get(look.url), now, t) for look in looks)
    return FederationView(
        total=_saving(total_of(looks), t),
        rows=rows,
        use=tuple(_use(row, t) for row in use_of(looks)),
        silent=tuple(row.name for row in rows if row.silent is not None),
    )


def _row(look: UpstreamLook, same_as: str | None, now: datetime, t: PageTranslator) -> UpstreamRow:
    numbers = look.numbers
    since = look.silent_since
    return UpstreamRow(
        name=look.name,
        url=look.url,
        buildings=MISSING if numbers is None else t.number(len(numbers.sites)),
        told=None if numbers is None else _saving(numbers.portfolio, t),
        age=t("upstream_never") if numbers is None else t.since(numbers.at, now),
        silent=None if since is None else t("upstream_silent", since=t.since(since, now)),
        again=None if same_as is None else t("upstream_again", name=same_as),
    )


def _use(row: FederatedUse, t: PageTranslator) -> MunicipalityUse:
    return MunicipalityUse(
        year=str(row.year),
        commodity=t.one_of(f"meter_{row.commodity}", row.commodity),
        use=MISSING if row.use is None else f"{t.number(row.use)} {row.unit}",
        co2=MISSING if row.co2_kg is None else f"{t.number(row.co2_kg)} kg",
        upstreams=t.number(row.upstreams),
        buildings=t.number(row.buildings),
    )


def _saving(row: ToldSaving, t: PageTranslator) -> FederatedSaving:
    low, high = row.saving_low_kwh, row.saving_high_kwh
    known = low is not None and high is not None
    return FederatedSaving(
        saving=MISSING if row.saving_kwh is None else f"{t.number(row.saving_kwh)} kWh",
        interval=f"{t.number(low)} – {t.number(high)} kWh" if known else MISSING,
        verdict=row.verdict.value,
        verdict_word=t(f"verdict_{row.verdict.value}"),
    )
