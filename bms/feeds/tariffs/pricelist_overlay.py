"""The tariff book overlaid by the newest DataHub price list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import partial

import numpy as np

from bms.errors import FeedError
from bms.feeds.client import notes as feed_notes
from bms.feeds.client.cached_fetch import Dataset, DatasetFetcher, FetchResult
from bms.feeds.client.check import DatasetCheck, Extent, dataset_check
from bms.feeds.tariffs import datahub_pricelist
from bms.feeds.tariffs.book import TariffBook
from bms.feeds.tariffs.datahub_pricelist import PriceListing, PriceRow, hourly_prices
from bms.model.fact import Fact
from bms.model.planning.cooling_fee import CoolingRule
from bms.model.planning.grid import local_grid
from bms.model.planning.heat_charges import PeakCharge
from bms.model.readings.series import Floats, Series
from bms.ports.clock import Clock

_REFRESH = timedelta(days=1)
AHEAD = timedelta(days=16)
"""How far ahead the list is asked for: further than any plan reaches until the next time."""
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
        self._until = date.min
        self._notes: tuple[Fact, ...] = ()

    def electricity(self, tariff: str, spot: Series) -> Series:
        """Returns the price of electricity [DKK/kWh] on the grid of ``spot`` [DKK/kWh].

        Raises ``ConfigError`` for an unknown tariff.
        """
        parts = self._book.parts(tariff, spot.start, spot.step, len(spot))
        last = (spot.start + spot.step * len(spot)).date()
        rows = self._rows(last) if any(name in self._book.listings for name in parts) else ()
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

    def list_notes(self) -> tuple[Fact, ...]:
        """Returns what has to be known of the newest list: that it is old, or could not be read."""
        return self._notes

    def check(self) -> Iterator[DatasetCheck]:
        """Asks for the price list once; returns what came of it. Complete is the share of the parts
        with a listing that have a price today."""
        dataset, now = self._dataset(), self._clock.now()
        listings = list(self._book.listings.values())
        if not listings:
            return
        url = datahub_pricelist.pricelist_url(self._base, listings, now.date() + AHEAD)
        known = self._fetcher.check(dataset, url)
        rows, today = known.value or (), now.date()
        priced = [np.isfinite(hourly_prices(rows, each, today)).all() for each in listings]
        extent = Extent(n=len(rows), complete=float(np.mean(priced)))
        yield dataset_check(dataset.name, known, extent, now)

    def _dataset(self) -> Dataset[tuple[PriceRow, ...]]:
        wanted = {
            (listing.gln, code.code)
            for listing in self._book.listings.values()
            for code in (*listing.codes, *listing.discounts)
        }
        return Dataset(
            key="eds_DatahubPricelist",
            name="DatahubPricelist",
            quota="eds_DatahubPricelist",
            quota_interval=_MINUTE,
            read=partial(datahub_pricelist.read_pricelist, wanted=wanted),
            fallback=datahub_pricelist.unfiltered_url,
        )

    def _rows(self, last: date) -> tuple[PriceRow, ...]:
        """Returns the rows that begin until ``last``."""
        dataset = self._dataset()
        now = self._clock.now()
        until = max(now.date() + AHEAD, last + timedelta(days=2))
        refresh = _REFRESH if last < self._until or self._until == date.min else timedelta(0)
        url = datahub_pricelist.pricelist_url(self._base, self._book.listings.values(), until)
        try:
            delivery = self._fetcher.fetch(dataset, url, refresh=refresh)
        except FeedError as error:
            self._notes = (feed_notes.tariffs_of_book(str(error)),)
            return ()
        self._until = max(self._until, until)
        self._notes = tuple(self._told(delivery, now.date()))
        return delivery.value

    def _told(self, delivery: FetchResult[tuple[PriceRow, ...]], today: date) -> Iterator[Fact]:
        if delivery.trouble:
            yield feed_notes.tariffs_stale(delivery.fetched_at, [delivery.trouble])
        unclear = datahub_pricelist.ambiguous(delivery.value, today)
        if unclear:
            yield feed_notes.tariffs_ambiguous(unclear)

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
