"""The local days of a site in a trial: use of billed meters, discomfort, weather."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from bms.model.assets.site import Site
from bms.model.readings.series import Floats, Series
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Span
from bms.model.savings.trial import Subject
from bms.ports.feeds import Feed
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
PAST_DAYS = 400
"""Days before a trial [d] from which it is planned, and its use expected."""

COMMODITIES: Mapping[Subject, Commodity] = {
    Subject.ELECTRICITY: Commodity.ELECTRICITY,
    Subject.HEAT: Commodity.HEAT,
    Subject.GAS: Commodity.GAS,
}


def records(
    site: Site, readings: ReadingStore, feed: Feed, first: date, last: date
) -> dict[Subject, DailyRecord]:
    """The days from ``first`` to before ``last`` of every subject that the site has meters or
    rooms for. Raises ``FeedError`` where there is no weather."""
    span = Span(start=midnight(first, site.timezone), end=midnight(last, site.timezone))
    temp = screen_temp(outdoor_temperature(site, feed, span.start, span.end))
    rest = rest_days(site, first, (last - first).days)
    temp_c = daily(temp, temp, span, site.timezone).temp_c
    found = {
        subject: value
        for subject, commodity in COMMODITIES.items()
        if (value := _energy(site, commodity, readings, temp, span)) is not None
    }
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
    parts: list[Floats] = []
    for meter in site.meters:
        if not meter.billed or meter.commodity is not commodity:
            continue
        use = meter_use(site, meter, readings, span.start, span.end)
        if use is not None:
            clean, _ = screen_use(use, temp, commodity)
            parts.append(daily(clean, temp, span, site.timezone).rate)
    return np.asarray(np.sum(parts, axis=0), dtype=np.float64) if parts else None


def day_flags(first: date, days: int, marked: Iterable[date]) -> NDArray[np.bool_]:
    """Which of the days from ``first`` on are ``marked``, shape (days,)."""
    chosen = frozenset(marked)
    return np.array([first + i * DAY in chosen for i in range(days)], dtype=np.bool_)
