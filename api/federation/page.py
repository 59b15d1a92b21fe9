"""The page of the portfolio of portfolios: the sum, and a row for each backend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from api.federation.answers import total_of
from api.pages.language import PageTranslator
from bms.messages import MISSING
from bms.model.savings.upstream import ToldSaving, UpstreamLook


@dataclass(frozen=True, slots=True, kw_only=True)
class FederatedSaving:
    """A saving in words."""

    saving: str
    interval: str
    verdict: str
    verdict_word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamRow:
    """An upstream in words; ``silent`` says since when it does not answer, and why."""

    name: str
    url: str
    buildings: str
    told: FederatedSaving | None
    age: str
    silent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FederationView:
    """The sum of all, and a row for each; ``silent`` are the names of those that do not answer."""

    total: FederatedSaving
    rows: tuple[UpstreamRow, ...]
    silent: tuple[str, ...]


def federation_view(
    looks: Sequence[UpstreamLook], now: datetime, t: PageTranslator
) -> FederationView:
    """Everything on the page."""
    rows = tuple(_row(look, now, t) for look in looks)
    return FederationView(
        total=_saving(total_of(looks), t),
        rows=rows,
        silent=tuple(row.name for row in rows if row.silent is not None),
    )


def _row(look: UpstreamLook, now: datetime, t: PageTranslator) -> UpstreamRow:
    numbers = look.numbers
    since = look.silent_since
    return UpstreamRow(
        name=look.name,
        url=look.url,
        buildings=MISSING if numbers is None else t.number(len(numbers.sites)),
        told=None if numbers is None else _saving(numbers.portfolio, t),
        age=t("upstream_never") if numbers is None else t.since(numbers.at, now),
        silent=None if since is None else t("upstream_silent", since=t.since(since, now)),
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
