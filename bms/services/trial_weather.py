"""The weather that a trial is balanced by before anybody has seen it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np

from bms.errors import FeedError
from bms.model.assets.site import Site
from bms.model.readings.series import Floats
from bms.model.savings.savings import Span
from bms.ports.store import Feed
from bms.savings.data.daily import daily
from bms.services.periods import midnight

DAY = timedelta(days=1)
YEAR = 364 * DAY
"""The same weekday a year before."""


def expected_temperature(site: Site, feed: Feed, first: date, days: int, now: datetime) -> Floats:
    """Mean outdoor temperature of the coming days [degC] as far as it is forecast, beyond that of
    the same days a year before; where neither is known, the mean of those that are (or 0: then the
    draw is balanced by weekday and time alone)."""
    ahead = _daily_means(site, feed, first, days, now)
    before = _daily_means(site, feed, first - YEAR, days, now)
    filled = np.where(np.isfinite(ahead), ahead, before)
    known = np.isfinite(filled)
    return np.where(known, filled, filled[known].mean() if known.any() else 0.0)


def _daily_means(site: Site, feed: Feed, first: date, days: int, now: datetime) -> Floats:
    start, end = (midnight(first + n * DAY, site.timezone) for n in (0, days))
    try:
        found = feed.weather(site.latitude, site.longitude, start=start, end=end, now=now)
    except FeedError:
        return np.full(days, np.nan)
    temp = found.temp_out_c.series
    return daily(temp, temp, Span(start=start, end=end), site.timezone).temp_c
