"""The buildings of a municipality beside their peers, by the last year of their meters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np

from bms.errors import FeedError
from bms.model.assets.site import Site
from bms.model.readings.series import Series
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Span
from bms.ports.feeds import Feed, Tariffs
from bms.ports.storage.readings import ReadingStore
from bms.savings.data.daily import DailyUse, daily
from bms.savings.models.degree_days import guf_share
from bms.savings.portfolio.key_figures import (
    KeyFigures,
    base_load,
    night_and_weekend,
    normal_year_heat,
    weather_slope,
    yearly_use,
)
from bms.savings.portfolio.ranking import Metric, PeerComparison, ranked
from bms.services.assessment.energy_value import energy_value
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.assessment.site_savings import meter_use, outdoor_temperature
from bms.services.periods import Periods, local_date, midnight, year_before

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
    """The key figures of every site; ``report`` hears the share that is done, 0..1."""
    found: list[KeyFigures] = []
    sites = cache.ports.sites
    for site in sites.values():
        found.append(_kept(cache, site))
        report(len(found) / len(sites))
    return tuple(found)


def last_year(now: datetime, timezone: str) -> Span:
    """The last 365 whole local days."""
    return year_before(midnight(local_date(now, timezone), timezone), timezone)


def _kept(cache: SavingsCache, site: Site) -> KeyFigures:
    ports = cache.ports
    year = last_year(ports.clock.now(), site.timezone)

    def work() -> KeyFigures:
        return key_figures(
            site, readings=ports.readings, feed=ports.feed, year=year, tariffs=ports.tariffs
        )

    return cache.once("figures", site, Periods(baseline=year, reporting=year), work)


def key_figures(
    site: Site, *, readings: ReadingStore, feed: Feed, year: Span, tariffs: Tariffs
) -> KeyFigures:
    """The figures of a building's billed meters over ``year``; without weather, heat is left out.

    Gas counts as heat.
    """
    heat, electricity = (_use(site, readings, year, group) for group in GROUPS.values())
    coverages = {
        name: use.coverage
        for name, use in zip(GROUPS, (heat, electricity), strict=True)
        if use is not None
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
        heat_kwh=None if days is None else normal_year_heat(days, guf_share(site.use)),
        electricity_kwh=None if electricity is None else _yearly(electricity, year, site),
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
        and (use := meter_use(site, meter, readings, year.start, year.end)) is not None
    ]
    if not uses:
        return None
    return Series(uses[0].start, uses[0].step, np.sum([use.values for use in uses], axis=0))


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
