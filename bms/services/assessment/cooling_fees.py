"""Cooling of every heat meter of a municipality: this year's months, and the fee at stake."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bms.errors import ConfigError, NotFound
from bms.model.assets.equipment import Meter
from bms.model.assets.point import Role
from bms.model.assets.site import Site
from bms.model.fact import Fact, MessageCode, fact
from bms.model.planning.cooling_fee import CoolingRule
from bms.model.savings.avoided_use import Span
from bms.model.savings.kept_answer import AnswerKind
from bms.ports.storage.readings import ReadingStore
from bms.savings.portfolio.cooling_year_end import (
    CoolingMonth,
    CoolingTotal,
    YearEndForecast,
    total_cooling,
    year_end_forecast,
)
from bms.services.answers.kept import Planned, Question
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.consumption import HOUR, consumption
from bms.services.cooling import cooling, settled_by_cooling
from bms.services.periods import local_date, midnight

KWH_PER_MWH = 1000.0
FIRST_YEAR = 1990
"""No reading is older."""


class CoolingNote(MessageCode):
    """What is not known about the cooling of a meter, and why."""

    NO_RULE = "no_cooling_rule"
    UNKNOWN = "cooling_unknown"
    NO_LAST_YEAR = "no_last_year"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterCooling:
    """How a heat meter cools in ``year``: its months so far, all of them together, and the fee by
    the supplier's rule [DKK, without VAT], so far and by the year's end."""

    site: str
    meter: str
    year: int
    until: date
    months: tuple[CoolingMonth, ...]
    to_date: CoolingTotal | None
    rule: CoolingRule | None
    fee_dkk: float | None
    forecast: YearEndForecast | None
    notes: tuple[Fact, ...]


def portfolio_cooling(cache: SavingsCache, year: int | None = None) -> tuple[MeterCooling, ...]:
    """Every district heating meter with a volume, the largest fee at stake first, in ``year`` or in
    the present one. Raises ``ConfigError`` for a year that has not begun."""
    settled = [site for site in cache.ports.sites.values() if settled_by_cooling(site)]
    told = cache.answers.many([cooling_question(cache, site, year) for site in settled])
    rows = [row for each in told if each is not None for row in each.answer]
    return tuple(sorted(rows, key=lambda row: (-_at_stake(row), row.meter)))


def _at_stake(row: MeterCooling) -> float:
    fees = (row.forecast.fee_dkk if row.forecast is not None else None, row.fee_dkk)
    return next((fee for fee in fees if fee is not None), float("-inf"))


def cooling_question(
    cache: SavingsCache, site: Site, year: int | None = None
) -> Question[tuple[MeterCooling, ...]]:
    """The question for the cooling of a site's meters. Raises ``ConfigError`` for a year that has
    not begun."""
    ports = cache.ports
    this_day = local_date(ports.clock.now(), site.timezone)
    _last_day(this_day, year)
    year = None if year == this_day.year else year

    def plan() -> Planned[tuple[MeterCooling, ...]]:
        now = ports.clock.now()
        present = local_date(now, site.timezone)
        today = _last_day(present, year)
        over = today.year < present.year
        begun = today > date(today.year, 1, 1)
        span = Span(
            start=midnight(date(today.year - 1, 1, 1), site.timezone),
            end=midnight(_cut(today, over=over), site.timezone) if begun else now,
        )

        def work() -> tuple[MeterCooling, ...]:
            rule = ports.tariffs.cooling_rule(site.heat_tariff, today)
            return tuple(
                meter_cooling(site, meter, ports.readings, today, rule, over=over)
                for meter in settled_by_cooling(site)
            )

        return Planned(span, repr((today, over)), work)

    returns = tuple[MeterCooling, ...]
    return cache.ask(AnswerKind.COOLING, site, returns, plan, "" if year is None else str(year))


def meter_cooling(
    site: Site,
    meter: Meter,
    readings: ReadingStore,
    today: date,
    rule: CoolingRule | None,
    *,
    over: bool = False,
) -> MeterCooling:
    """The year of ``today`` until the day before it, by whole local days; all of the year where it
    is ``over``."""
    year, cut = today.year, _cut(today, over=over)
    before = _a_year_before(cut)

    def months(first: date, end: date) -> tuple[CoolingMonth, ...]:
        return tuple(
            _month(site, meter, readings, start, stop) for start, stop in _months(first, end)
        )

    so_far = months(date(year, 1, 1), cut)
    same = months(date(year - 1, 1, 1), before)
    rest = months(before, date(year, 1, 1)) if cut <= date(year, 12, 31) else ()
    to_date = total_cooling(so_far)
    forecast = None if rule is None else year_end_forecast(rule, so_far, same, rest)
    return MeterCooling(
        site=site.id,
        meter=f"{site.id}/{meter.id}",
        year=year,
        until=cut,
        months=so_far,
        to_date=to_date,
        rule=rule,
        fee_dkk=None
        if rule is None or to_date is None
        else rule.fee_dkk(to_date.cooling_k, to_date.energy_mwh),
        forecast=forecast,
        notes=_notes(site, to_date, rule, forecast),
    )


def _last_day(today: date, year: int | None) -> date:
    """The day of ``year`` up to which it is told: its last one, or today."""
    if year is None or year == today.year:
        return today
    if not FIRST_YEAR <= year < today.year:
        raise ConfigError(f"year {year}: give one from {FIRST_YEAR} to {today.year}")
    return date(year, 12, 31)


def _cut(today: date, *, over: bool) -> date:
    """The day before which days are told: today, or the end of a year that is over."""
    return date(today.year + 1, 1, 1) if over else max(today, date(today.year, 1, 2))


def _a_year_before(day: date) -> date:
    """The same day of the year before; 28 February before a leap day."""
    return date(day.year - 1, day.month, 28 if (day.month, day.day) == (2, 29) else day.day)


def _months(first: date, end: date) -> list[tuple[date, date]]:
    """The calendar months, whole or in part, from ``first`` until before ``end``."""
    found = []
    while first < end:
        after = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        found.append((first, min(after, end)))
        first = after
    return found


def _month(
    site: Site, meter: Meter, readings: ReadingStore, first: date, end: date
) -> CoolingMonth:
    start, stop = (midnight(day, site.timezone) for day in (first, end))
    try:
        found = cooling(site, meter.id, readings, start, stop)
    except NotFound:
        return CoolingMonth(
            first=first, cooling_k=None, volume_m3=0.0, energy_mwh=None, coverage=0.0
        )
    return CoolingMonth(
        first=first,
        cooling_k=found.mean,
        volume_m3=found.volume_m3,
        energy_mwh=_energy_mwh(site, meter, readings, start, stop),
        coverage=found.coverage,
    )


def _energy_mwh(
    site: Site, meter: Meter, readings: ReadingStore, start: datetime, end: datetime
) -> float | None:
    if site.meter_point(meter.id, Role.METER_ENERGY) is None:
        return None
    total = consumption(site, meter, readings, start, end, HOUR).total
    return None if total is None else total / KWH_PER_MWH


def _notes(
    site: Site,
    to_date: CoolingTotal | None,
    rule: CoolingRule | None,
    forecast: YearEndForecast | None,
) -> tuple[Fact, ...]:
    found = []
    if rule is None:
        found.append(fact(CoolingNote.NO_RULE, tariff=site.heat_tariff))
    if to_date is None:
        found.append(fact(CoolingNote.UNKNOWN))
    elif rule is not None and forecast is None:
        found.append(fact(CoolingNote.NO_LAST_YEAR))
    return tuple(found)
