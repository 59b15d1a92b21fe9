"""Savings that are asked for again and again, computed once for each hour of new readings."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from bms.errors import FeedError
from bms.model.command import Accepted, Clamped
from bms.model.savings import SiteSavings
from bms.model.site import Site
from bms.model.words import Words
from bms.savings.combine import combine, portfolio
from bms.services.assess import assess_site
from bms.services.city import City
from bms.services.counterfactual import MeterDays, meter_days
from bms.services.periods import Periods, chosen_periods, default_periods

PORTFOLIO = "portfolio"
LOOK_BACK = timedelta(days=1100)
HOUR_S = 3600

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The saving of a site with the periods that it is told for."""

    periods: Periods
    savings: SiteSavings


class SavingsBook:
    """Savings of the city's sites. Thread-safe; at most ``size`` answers are kept.

    An answer is computed anew when a meter has brought a reading of a later hour.
    """

    def __init__(self, city: City, size: int = 256) -> None:
        self._city = city
        self._size = size
        self._kept: OrderedDict[tuple[object, ...], object] = OrderedDict()
        self._control: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def periods(
        self, site: Site, baseline: str | None = None, reporting: str | None = None
    ) -> Periods:
        """The periods that were asked for, else the default ones. Raises ``ConfigError``."""
        now = self._city.clock.now()
        default = default_periods(self._control_start(site, now), now, site.timezone)
        return chosen_periods(default, site.timezone, baseline, reporting)

    def site(self, site: Site, baseline: str | None = None, reporting: str | None = None) -> Told:
        """The saving of a site; without weather it is not assessed, and says so.

        Raises ``ConfigError`` for a wrong period.
        """
        periods = self.periods(site, baseline, reporting)
        city = self._city

        def assess() -> SiteSavings:
            return assess_site(
                site,
                store=city.store,
                feed=city.feed,
                baseline=periods.baseline,
                reporting=periods.reporting,
                tariffs=city.tariffs,
            )

        try:
            savings = self._once("site", site, periods, assess)
        except FeedError as error:
            savings = _not_assessed(site, error)
        return Told(periods=periods, savings=savings)

    def days(self, site: Site) -> tuple[MeterDays, ...]:
        """Daily use and adjusted baseline of every billed meter over the default periods.

        Empty without weather.
        """
        periods = self.periods(site)
        city = self._city

        def compare() -> tuple[MeterDays, ...]:
            return meter_days(site, store=city.store, feed=city.feed, periods=periods)

        try:
            return self._once("days", site, periods, compare)
        except FeedError:
            return ()

    def sites(self, baseline: str | None = None, reporting: str | None = None) -> tuple[Told, ...]:
        """The saving of every site."""
        return tuple(self.site(site, baseline, reporting) for site in self._city.sites.values())

    def portfolio(self, told: Sequence[Told]) -> SiteSavings:
        """The sum over sites."""
        return portfolio(PORTFOLIO, [row.savings for row in told])

    def _once(self, kind: str, site: Site, periods: Periods, work: Callable[[], T]) -> T:
        key = (kind, site.id, periods, self._newest_hour(site))
        with self._lock:  # one at a time: these are the heaviest answers that we give
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]  # type: ignore[return-value]
            answer = work()
            self._kept[key] = answer
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
            return answer

    def _newest_hour(self, site: Site) -> int:
        meters = [point.id for m in site.meters if (point := site.meter_point(m.id)) is not None]
        latest = self._city.store.latest(meters).values()
        newest = max((r.time for r in latest), default=datetime.min.replace(tzinfo=UTC))
        return int(newest.timestamp() // HOUR_S)

    def _control_start(self, site: Site, now: datetime) -> datetime | None:
        """When we first wrote to the site; it never changes once it has been seen."""
        if site.id not in self._control:
            for at, receipt in self._city.store.receipts(site.id, now - LOOK_BACK):
                if isinstance(receipt, Accepted | Clamped):
                    self._control[site.id] = at
                    break
        return self._control.get(site.id)


def _not_assessed(site: Site, error: FeedError) -> SiteSavings:
    words = Words(
        "no_weather",
        f"Uden vejrdata kan forbruget ikke sammenlignes: {error}",
        f"Without weather the use cannot be compared: {error}",
    )
    return replace(combine(site.id, ()), reasons=(words,))
