"""The buildings of a municipality beside their peers, by the last year of their meters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from bms.errors import FeedError
from bms.metering.bills import BilledUse
from bms.model.assets.site import Site
from bms.model.readings.series import Series
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Span
from bms.model.savings.kept_answer import AnswerKind
from bms.ports.feeds import Feed, Tariffs
from bms.ports.storage.readings import ReadingStore
from bms.savings.data.daily import DailyUse, daily
from bms.savings.models.degree_days import guf_share
from bms.savings.portfolio.key_figures import (
    LEAST_COVERAGE,
    YEAR_DAYS,
    KeyFigures,
    base_load,
    corrected_to_normal,
    night_and_weekend,
    normal_year_heat,
    weather_slope,
    yearly_use,
)
from bms.savings.portfolio.ranking import Metric, PeerComparison, ranked
from bms.services.answers.kept import Planned, Question
from bms.services.assessment.energy_value import energy_value
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.assessment.seldom_read import seldom_read_use
from bms.services.assessment.site_savings import meter_use, outdoor_temperature
from bms.services.periods import local_date, midnight, year_before

HEATING = (Commodity.HEAT, Commodity.GAS)
GROUPS = {"heat": HEATING, "electricity": (Commodity.ELECTRICITY,)}


def ranking(
    cache: SavingsCache, metric: Metric, *, worst_first: bool = True
) -> tuple[PeerComparison, ...]:
    """Every site among its peers by its last 365 whole local days."""
    return ranked(metric, figures_of_city(cache), worst_first=worst_first)


def figures_of_city(
    cache: SavingsCache, report: Callable[[float], None] = lambda share: None
) -> tuple[KeyFigures, ...]:
    """The key figures of every site, but those that are not made yet where the cache is that of a
    reader; ``report`` hears the share that is done, 0..1."""
    questions = [figures_question(cache, site, report) for site in cache.ports.sites.values()]
    return tuple(told.answer for told in cache.answers.many(questions) if told is not None)


def last_year(now: datetime, timezone: str) -> Span:
    """The last 365 whole local days."""
    return year_before(midnight(local_date(now, timezone), timezone), timezone)


def figures_question(
    cache: SavingsCache,
    site: Site,
    report: Callable[[float], None] = lambda share: None,
    year: Span | None = None,
) -> Question[KeyFigures]:
    """The question for the key figures of a site, over the last 365 whole days or ``year``;
    ``report`` hears its share of all sites."""
    ports = cache.ports

    def plan() -> Planned[KeyFigures]:
        chosen = year or last_year(ports.clock.now(), site.timezone)
        names = [*ports.sites]
        report((names.index(site.id) + 1) / len(names) if site.id in ports.sites else 1.0)

        def work() -> KeyFigures:
            return key_figures(
                site, readings=ports.readings, feed=ports.feed, year=chosen, tariffs=ports.tariffs
            )

        return Planned(chosen, repr(chosen), work)

    question = "" if year is None else f"{year.start.isoformat()}..{year.end.isoformat()}"
    return cache.ask(AnswerKind.FIGURES, site, KeyFigures, plan, question)


def key_figures(
    site: Site, *, readings: ReadingStore, feed: Feed, year: Span, tariffs: Tariffs
) -> KeyFigures:
    """The figures of a building's billed meters over ``year``; without weather, heat is left out.

    Gas counts as heat.
    """
    hourly = [_use(site, readings, year, group) for group in GROUPS.values()]
    billed = [_billed(site, readings, year, group) for group in GROUPS.values()]
    heat, electricity = (
        None if by_month is not None else use for use, by_month in zip(hourly, billed, strict=True)
    )
    heat_year, electricity_year = (
        None if by_month is None else _year_of(by_month, use)
        for use, by_month in zip(hourly, billed, strict=True)
    )
    coverages = {
        name: use.coverage
        for name, use in zip(GROUPS, (heat, electricity), strict=True)
        if use is not None
    } | {
        name: by_month.coverage
        for name, by_month in zip(GROUPS, billed, strict=True)
        if by_month is not None
    }
    days = None if heat is None else _days(site, heat, feed, year)
    night, weekend = (
        (None, None) if electricity is None else night_and_weekend(electricity, site.timezone)
    )
    return KeyFigures(
        site=site.id,
        use=site.use,
        area_m2=site.area_m2,
        coverage=float(np.mean([*coverages.values()])) if coverages else 0.0,
        coverages=coverages,
        heat_kwh=_billed_heat(site, heat_year, billed[0], feed, year)
        if days is None
        else normal_year_heat(days, guf_share(site.use)),
        electricity_kwh=electricity_year
        if electricity is None
        else _yearly(electricity, year, site),
        night_share=night,
        weekend_share=weekend,
        base_load_w=None if electricity is None else base_load(electricity, site.timezone),
        weather_slope_w_k=None if days is None else weather_slope(days, site.closed),
        prices_dkk_per_kwh=_prices(site, year, feed, tariffs),
    )


def _use(
    site: Site, readings: ReadingStore, year: Span, commodities: Sequence[Commodity]
) -> Series | None:
    """Hourly use of the billed meters together [kWh]: known where all of them are; None without
    any."""
    uses = [
        use
        for meter in site.meters
        if meter.billed
        and meter.commodity in commodities
        and seldom_read_use(site, meter, readings, year.start, year.end) is None
        and (use := meter_use(site, meter, readings, year.start, year.end)) is not None
    ]
    if not uses:
        return None
    return Series(uses[0].start, uses[0].step, np.sum([use.values for use in uses], axis=0))


@dataclass(frozen=True, slots=True)
class _Billed:
    """Use of a year [kWh] by the bills of the meters that are read by the month, the least share of
    it that one of them covers, and the days that all cover."""

    kwh: float | None
    coverage: float
    spans: tuple[tuple[float, float], ...]


def _billed(
    site: Site, readings: ReadingStore, year: Span, commodities: Sequence[Commodity]
) -> _Billed | None:
    """The bills of a group of meters; None where none is read by the month."""
    found = [
        _year_of_bills(use, year)
        for meter in site.meters
        if meter.billed
        and meter.commodity in commodities
        and (use := seldom_read_use(site, meter, readings, year.start, year.end)) is not None
    ]
    if not found:
        return None
    known = [each.kwh for each in found if each.kwh is not None]
    whole = sum(known) if len(known) == len(found) else None
    return _Billed(whole, min(each.coverage for each in found), found[0].spans)


def _year_of_bills(use: BilledUse, year: Span) -> _Billed:
    """Bills that lie in the year by half and more, their use by day times the days of a year."""
    first, last = year.start.timestamp(), year.end.timestamp()
    starts, ends = use.edges_s[:-1], use.edges_s[1:]
    inside = np.minimum(ends, last) - np.maximum(starts, first)
    chosen = np.isfinite(use.kwh) & (inside >= (ends - starts) / 2.0)
    covered = float((ends - starts)[chosen].sum())
    coverage = min(covered / (last - first), 1.0)
    kwh = float(use.kwh[chosen].sum()) / covered * (last - first) if covered else None
    spans = tuple(zip(starts[chosen].tolist(), ends[chosen].tolist(), strict=True))
    return _Billed(kwh if coverage >= LEAST_COVERAGE else None, coverage, spans)


def _year_of(billed: _Billed, hourly: Series | None) -> float | None:
    """The use of a year of all meters of a group [kWh], whichever way they are read."""
    if billed.kwh is None or hourly is None:
        return billed.kwh
    if hourly.coverage < LEAST_COVERAGE:
        return None
    return billed.kwh + float(np.nanmean(hourly.values)) * YEAR_DAYS * 24.0


def _billed_heat(
    site: Site, kwh: float | None, billed: _Billed | None, feed: Feed, year: Span
) -> float | None:
    """Heat of a normal year [kWh] by the degree days of the days that bills cover."""
    if kwh is None or billed is None:
        return None
    try:
        temp = outdoor_temperature(site, feed, year.start, year.end)
    except FeedError:
        return None
    known = daily(Series(temp.start, temp.step, np.zeros(len(temp))), temp, year, site.timezone)
    days = known.only_valid()
    noon = [midnight(day, site.timezone).timestamp() + 43_200.0 for day in days.dates]
    inside = np.array([any(a <= at < b for a, b in billed.spans) for at in noon], dtype=bool)
    return corrected_to_normal(kwh, days.temp_c[inside], guf_share(site.use))


def _days(site: Site, use: Series, feed: Feed, year: Span) -> DailyUse | None:
    try:
        temp = outdoor_temperature(site, feed, year.start, year.end)
    except FeedError:
        return None
    return daily(use, temp, year, site.timezone)


def _yearly(use: Series, year: Span, site: Site) -> float | None:
    """Electricity needs no weather: any temperature makes its days whole."""
    mild = Series(use.start, use.step, np.zeros(len(use)))
    return yearly_use(daily(use, mild, year, site.timezone))


def _prices(site: Site, year: Span, feed: Feed, tariffs: Tariffs) -> dict[str, float]:
    """Mean price of the year by commodity [DKK/kWh]; those that are not known are left out."""
    known = energy_value(site, year, feed=feed, tariffs=tariffs).prices
    found = {}
    for name, group in GROUPS.items():
        prices = [
            known[f"{site.id}/{meter.id}"]
            for meter in site.meters
            if meter.commodity in group and f"{site.id}/{meter.id}" in known
        ]
        found.update({name: float(np.mean(prices))} if prices else {})
    return found
