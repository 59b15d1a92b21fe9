"""How heat meters cool the district heating water, and what poor cooling costs."""

from __future__ import annotations

from dataclasses import dataclass

from api.pages.language import PageTranslator
from api.pages.panels.fresh import fresh_city_line
from api.pages.panels.points import meter_name
from api.pages.panels.standing import name_of
from api.ports import ApiPorts
from bms.messages import MISSING
from bms.model.planning.cooling_fee import CoolingRule
from bms.model.savings.kept_answer import AnswerKind
from bms.services.assessment.cooling_fees import MeterCooling, portfolio_cooling
from bms.services.assessment.savings_cache import SavingsCache


@dataclass(frozen=True, slots=True, kw_only=True)
class CoolingRow:
    """A meter in words; ``poor`` where it cools less than the rule asks for."""

    site: str
    name: str
    cooling: str
    wanted: str
    poor: bool
    energy: str
    fee: str
    at_end: str
    interval: str
    months: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoolingView:
    """``months`` are the heads of the months' columns; ``sources`` say whose rules they are.

    ``fees`` and ``at_end`` are the sums so far and by the year's end [DKK].
    """

    year: int | None
    until: str | None
    months: tuple[str, ...]
    rows: tuple[CoolingRow, ...]
    sources: tuple[str, ...]
    fees: float | None
    at_end: float | None
    fresh: str | None


def cooling_page(ports: ApiPorts, cache: SavingsCache, t: PageTranslator) -> CoolingView:
    """Everything on the page of cooling."""
    rows = portfolio_cooling(cache)
    known = [row.forecast.fee_dkk for row in rows if row.forecast is not None]
    fees = [row.fee_dkk for row in rows if row.fee_dkk is not None]
    return CoolingView(
        year=rows[0].year if rows else None,
        until=t.day(rows[0].until, weekday=False) if rows else None,
        months=tuple(t.month(month.first) for month in rows[0].months) if rows else (),
        rows=tuple(_row(ports, row, t) for row in rows),
        sources=tuple(dict.fromkeys(_source(row.rule, t) for row in rows if row.rule is not None)),
        fees=sum(fees) if fees else None,
        at_end=sum(known) if known else None,
        fresh=fresh_city_line(cache.freshness(AnswerKind.COOLING), 0, t),
    )


def _source(rule: CoolingRule, t: PageTranslator) -> str:
    return rule.source_da if t.language == "da" and rule.source_da else rule.source


def _row(ports: ApiPorts, row: MeterCooling, t: PageTranslator) -> CoolingRow:
    year, end, rule = row.to_date, row.forecast, row.rule
    site = ports.sites[row.site]
    return CoolingRow(
        site=row.site,
        name=f"{name_of(site, t)} · {meter_name(site, row.meter.partition('/')[2], t)}",
        cooling=t.number(None if year is None else year.cooling_k, 1),
        wanted=t.number(None if rule is None else rule.below_k),
        poor=year is not None and rule is not None and year.cooling_k < rule.below_k,
        energy=t.number(None if year is None else year.energy_mwh, 1),
        fee=t.number(row.fee_dkk),
        at_end=t.number(None if end is None else end.fee_dkk),
        interval=MISSING
        if end is None
        else t("cooling_interval", low=end.fee_low_dkk, high=end.fee_high_dkk),
        months=tuple(t.number(month.cooling_k, 1) for month in row.months),
        notes=tuple(t.describe(note) for note in row.notes),
    )
