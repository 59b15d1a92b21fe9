"""The local days of a site in a trial: use of billed meters, discomfort, weather."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from bms.errors import FeedError
from bms.model.assets.site import Site
from bms.model.planning.grid import local_grid
from bms.model.readings.series import Floats, Series, grid_length
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Span
from bms.model.savings.trial_result import Subject
from bms.ports.feeds import Feed, Tariffs
from bms.ports.storage.ledgers import LedgerStore
from bms.ports.storage.readings import ReadingStore
from bms.savings.data.daily import daily
from bms.savings.data.screening import screen_temp, screen_use
from bms.savings.trials.daily_values import DailyRecord
from bms.services.assessment.site_savings import meter_use, outdoor_temperature
from bms.services.effective_control import effective_commands
from bms.services.periods import local_date, midnight
from bms.services.trials.comfort import discomfort

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
PAST_DAYS = 400
"""Days before a trial [d] from which it is planned, and its use expected."""

COMMODITIES: Mapping[Subject, Commodity] = {
    Subject.ELECTRICITY: Commodity.ELECTRICITY,
    Subject.HEAT: Commodity.HEAT,
    Subject.GAS: Commodity.GAS,
}


def records(
    site: Site,
    readings: ReadingStore,
    feed: Feed,
    first: date,
    last: date,
    *,
    tariffs: Tariffs | None = None,
    only: Set[Subject] = frozenset(Subject),
) -> dict[Subject, DailyRecord]:
    """The days from ``first`` to before ``last`` of every subject of ``only`` that the site has
    meters or rooms for; cost, emissions and peak need ``tariffs``. Raises ``FeedError`` where there
    is no weather."""
    span = Span(start=midnight(first, site.timezone), end=midnight(last, site.timezone))
    temp = screen_temp(outdoor_temperature(site, feed, span.start, span.end))
    rest = rest_days(site, first, (last - first).days)
    temp_c = daily(temp, temp, span, site.timezone).temp_c
    found = {
        subject: value
        for subject, commodity in COMMODITIES.items()
        if subject in only and (value := _energy(site, commodity, readings, temp, span)) is not None
    }
    found.update(_worth(site, readings, feed, tariffs, temp, span) if tariffs else {})
    comfort = None
    if Subject.COMFORT in only:
        comfort = discomfort(site, readings, first, (last - first).days)
    if comfort is not None:
        found[Subject.COMFORT] = comfort
    return {
        subject: DailyRecord(subject, first, value, temp_c, rest)
        for subject, value in found.items()
    }


def rest_days(site: Site, first: date, days: int) -> NDArray[np.bool_]:
    """Weekends and days on which the site is closed, shape (days,)."""
    dates = [first + i * DAY for i in range(days)]
    return np.array([day.weekday() >= 5 or site.closed(day) for day in dates], dtype=np.bool_)


def written_days(site: Site, ledgers: LedgerStore, first: date) -> frozenset[date]:
    """Local days from ``first`` on, on which a plan's value acted at a point."""
    since = midnight(first, site.timezone)
    return frozenset(
        local_date(at, site.timezone)
        for at, command in effective_commands(ledgers.receipts(site.id, since))
        if command.plan is not None
    )


def _energy(
    site: Site, commodity: Commodity, readings: ReadingStore, temp: Series, span: Span
) -> Floats | None:
    """Use of the billed meters together [kWh/day]; NaN where one of them is not known."""
    uses = _uses(site, commodity, readings, temp, span)
    parts = [daily(use, temp, span, site.timezone).rate for use in uses]
    return np.asarray(np.sum(parts, axis=0), dtype=np.float64) if parts else None


def _uses(
    site: Site, commodity: Commodity, readings: ReadingStore, temp: Series, span: Span
) -> list[Series]:
    """Hourly use of each billed meter [kWh], screened."""
    found = []
    for meter in site.meters:
        if not meter.billed or meter.commodity is not commodity:
            continue
        use = meter_use(site, meter, readings, span.start, span.end)
        if use is not None:
            found.append(screen_use(use, temp, commodity)[0])
    return found


def _worth(
    site: Site, readings: ReadingStore, feed: Feed, tariffs: Tariffs, temp: Series, span: Span
) -> dict[Subject, Floats]:
    """What electricity and heat of a day cost [DKK/day] and emit [kg CO2/day] by the hour, and the
    highest hour of electricity [kW]. Subjects of which a price or factor is unknown are left out.
    """
    uses = {
        commodity: _uses(site, commodity, readings, temp, span)
        for commodity in (Commodity.ELECTRICITY, Commodity.HEAT)
    }
    found: dict[Subject, Floats] = {}
    for subject, rates in _rates(site, feed, tariffs, span, {k for k, v in uses.items() if v}):
        worth = [
            daily(Series(use.start, use.step, use.values * rates[kind]), temp, span, site.timezone)
            for kind, each in uses.items()
            for use in each
        ]
        found[subject] = np.asarray(np.sum([day.rate for day in worth], axis=0), dtype=np.float64)
    if uses[Commodity.ELECTRICITY]:
        found[Subject.PEAK] = _peak(site, uses[Commodity.ELECTRICITY], temp, span)
    return found


Rates = Mapping[Commodity, Floats]


def _rates(
    site: Site, feed: Feed, tariffs: Tariffs, span: Span, kinds: Set[Commodity]
) -> Iterator[tuple[Subject, Rates]]:
    """Hourly prices [DKK/kWh] and emission factors [kg/kWh] of these commodities, where all of
    them are known."""
    n = grid_length(span.start, span.end, HOUR)
    if not kinds:
        return
    prices = {Commodity.HEAT: tariffs.heat(site.heat_tariff, span.start, HOUR, n).values}
    factors = {Commodity.HEAT: tariffs.heat_emissions(site.heat_tariff, span.start, HOUR, n).values}
    if Commodity.ELECTRICITY in kinds:
        try:
            spot = feed.spot(site.price_area, start=span.start, end=span.end, now=span.end)
            co2 = feed.emissions(site.price_area, start=span.start, end=span.end, now=span.end)
        except FeedError:
            return
        price = tariffs.electricity(site.electricity_tariff, spot.series)
        prices[Commodity.ELECTRICITY] = _hourly(price, n)
        factors[Commodity.ELECTRICITY] = _hourly(co2.series, n)
    for subject, rates in ((Subject.COST, prices), (Subject.CO2, factors)):
        if all(np.isfinite(rates[kind]).any() for kind in kinds):
            yield subject, rates


def _hourly(series: Series, n: int) -> Floats:
    """Means of the hours, shape (n,); NaN beyond the series."""
    per_hour = max(round(HOUR / series.step), 1)
    whole = np.full(n * per_hour, np.nan)
    known = series.values[: n * per_hour]
    whole[: len(known)] = known
    return np.asarray(whole.reshape(n, per_hour).mean(axis=1), dtype=np.float64)


def _peak(site: Site, uses: Sequence[Series], temp: Series, span: Span) -> Floats:
    """The highest hour of the meters together [kW] of each day; NaN on days that are not whole."""
    total = np.sum([use.values for use in uses], axis=0)
    whole = daily(Series(uses[0].start, uses[0].step, total), temp, span, site.timezone)
    grid = local_grid(site.timezone, span.start, int(HOUR.total_seconds()), len(total))
    day = grid.day - grid.day[0]
    known = np.isfinite(total)
    peak = np.full(len(whole), -np.inf)
    np.maximum.at(peak, day[known], total[known])
    return np.where(whole.valid, peak, np.nan)


def day_flags(first: date, days: int, marked: Iterable[date]) -> NDArray[np.bool_]:
    """Which of the days from ``first`` on are ``marked``, shape (days,)."""
    chosen = frozenset(marked)
    return np.array([first + i * DAY in chosen for i in range(days)], dtype=np.bool_)
