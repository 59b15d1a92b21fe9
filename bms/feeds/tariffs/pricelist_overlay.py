"""The tariff book overlaid by the newest DataHub price list."""

from __future__ import annotations

import logging
from datetime import date, datetime, timedelta

import numpy as np

from bms.errors import FeedError
from bms.feeds.client.cached_fetch import Dataset, DatasetFetcher
from bms.feeds.tariffs import datahub_pricelist
from bms.feeds.tariffs.book import TariffBook
from bms.feeds.tariffs.datahub_pricelist import PriceListing, PriceRow, hourly_prices
from bms.model.planning.cooling_fee import CoolingRule
from bms.model.planning.grid import local_grid
from bms.model.planning.heat_charges import PeakCharge
from bms.model.readings.series import Floats, Series
from bms.ports.clock import Clock

log = logging.getLogger(__name__)

_REFRESH = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_EPOCH = date(1970, 1, 1)


class LiveTariffs:
    """Implements ``bms.ports.feeds.Tariffs``.

    A part of a tariff with a listing has the prices of the list; on days that the list does not
    cover, and without a list, those of the book. Heat is as in the book.
    """

    def __init__(self, book: TariffBook, fetcher: DatasetFetcher, clock: Clock, base: str) -> None:
        self._book = book
        self._fetcher = fetcher
        self._clock = clock
        self._base = base

    def electricity(self, tariff: str, spot: Series) -> Series:
        """Returns the price of electricity [DKK/kWh] on the grid of ``spot`` [DKK/kWh].

        Raises ``ConfigError`` for an unknown tariff.
        """
        parts = self._book.parts(tariff, spot.start, spot.step, len(spot))
        rows = self._rows() if any(name in self._book.listings for name in parts) else ()
        total = spot.values.copy()
        for name, own in parts.items():
            listing = self._book.listings.get(name)
            total += own if listing is None else self._listed(rows, listing, spot, own)
        return Series(spot.start, spot.step, total)

    def heat(self, tariff: str, start: datetime, step: timedelta, n: int) -> Series:
        """Returns the energy price of district heating [DKK/kWh]. Raises ``ConfigError``."""
        return self._book.heat(tariff, start, step, n)

    def heat_emissions(self, tariff: str, start: datetime, step: timedelta, n: int) -> Series:
        """Returns the emission factor of district heating [kg CO2/kWh]. Raises ``ConfigError``."""
        return self._book.heat_emissions(tariff, start, step, n)

    def cooling_rule(self, tariff: str, day: date) -> CoolingRule | None:
        """Returns the cooling rule (motivation tariff) in force on ``day``, None where unknown."""
        return self._book.cooling_rule(tariff, day)

    def peak_charge(self, tariff: str, day: date) -> PeakCharge | None:
        """Returns the charge on peak power on ``day``, None where unknown."""
        return self._book.peak_charge(tariff, day)

    def _rows(self) -> tuple[PriceRow, ...]:
        dataset = Dataset(
            key="eds_DatahubPricelist",
            name="DatahubPricelist",
            quota="eds_DatahubPricelist",
            quota_interval=_MINUTE,
            read=datahub_pricelist.read_pricelist,
        )
        until = self._clock.now().date() + timedelta(days=2)
        url = datahub_pricelist.pricelist_url(self._base, self._book.listings.values(), until)
        try:
            return self._fetcher.fetch(dataset, url, refresh=_REFRESH).value
        except FeedError as error:
            log.debug("the tariff book's own prices are used: %s", error)
            return ()

    def _listed(
        self, rows: tuple[PriceRow, ...], listing: PriceListing, spot: Series, own: Floats
    ) -> Floats:
        if not rows:
            return own
        grid = local_grid(
            self._book.timezone, spot.start, int(spot.step.total_seconds()), len(spot)
        )
        listed = np.full(len(spot), np.nan)
        hour = grid.minute // 60
        for day in grid.dates():
            on_day = grid.day == (day - _EPOCH).days
            listed[on_day] = hourly_prices(rows, listing, day)[hour[on_day]]
        return np.where(np.isfinite(listed), listed, own)
