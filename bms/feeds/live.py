"""Composition of the live feed: weather, prices and emission factors from their providers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from bms.feeds.client.cached_fetch import DatasetFetcher
from bms.feeds.client.check import DatasetCheck
from bms.feeds.client.disk_cache import DiskCache
from bms.feeds.client.series_archive import SeriesArchive
from bms.feeds.electricity import energidata, entsoe, nordpool
from bms.feeds.electricity.day_ahead import LivePrices
from bms.feeds.electricity.emissions import LiveEmissions
from bms.feeds.electricity.nordpool import MarketDataLogin
from bms.feeds.electricity.second_sources import PriceSource
from bms.feeds.suppliers import eloverblik_api
from bms.feeds.tariffs.book import TariffBook
from bms.feeds.tariffs.pricelist_overlay import LiveTariffs
from bms.feeds.weather import dmi, metno, open_meteo
from bms.feeds.weather.blending import LiveWeather
from bms.feeds.weather.observations import StationObservations
from bms.feeds.weather.providers import providers
from bms.model.planning.feed import FeedSeries, ForecastScore, WeatherSeries
from bms.model.readings.series import Series
from bms.outgoing.http import HttpClient, HttpxClient, PostingClient
from bms.ports.clock import Clock

ADDRESSES: Mapping[str, str] = {
    "dmi": dmi.BASE,
    "metno": metno.BASE,
    "open_meteo": open_meteo.BASE,
    "energidata": energidata.BASE,
    "entsoe": entsoe.BASE,
    "nordpool": nordpool.BASE,
    "nordpool_token": nordpool.TOKEN_BASE,
    "eloverblik": eloverblik_api.BASE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceKeys:
    """Keys of the second sources of prices; one without a key is not asked."""

    entsoe: str | None = field(default=None, repr=False)
    nordpool: MarketDataLogin | None = None


@dataclass(frozen=True, slots=True)
class LiveFeed:
    """Implements ``bms.ports.feeds.RememberingFeed``.

    Serves the newest data that are known; the ``now`` of a call is the time of the call.
    """

    weather_of: LiveWeather
    prices: LivePrices
    emissions_of: LiveEmissions

    def weather(
        self, latitude: float, longitude: float, *, start: datetime, end: datetime, now: datetime
    ) -> WeatherSeries:
        """Returns hourly temperature [degC] and global irradiance [W/m2]. Raises ``FeedError``."""
        return self.weather_of.weather(latitude, longitude, start=start, end=end)

    def spot(self, area: str, *, start: datetime, end: datetime, now: datetime) -> FeedSeries:
        """Returns quarter-hourly prices [DKK/kWh]. Raises ``FeedError``."""
        return self.prices.spot(area, start=start, end=end)

    def emissions(self, area: str, *, start: datetime, end: datetime, now: datetime) -> FeedSeries:
        """Returns quarter-hourly emission factors [kg CO2/kWh]. Raises ``FeedError``."""
        return self.emissions_of.emissions(area, start=start, end=end)

    def forecasts(
        self, latitude: float, longitude: float, *, start: datetime, end: datetime
    ) -> Mapping[int, Series]:
        """Returns hourly temperature [degC] as it was forecast, by lead time [h]."""
        return self.weather_of.forecasts(latitude, longitude, start=start, end=end)

    def check(self, latitude: float, longitude: float, area: str) -> Iterator[DatasetCheck]:
        """Asks each provider of weather, prices and emission factors once."""
        yield from self.weather_of.check(latitude, longitude)
        yield from self.prices.check(area)
        yield from self.emissions_of.check(area)

    def scores(self, latitude: float, longitude: float) -> tuple[ForecastScore, ...]:
        """Returns what each provider foresaw at a position against what came."""
        return self.weather_of.scores(latitude, longitude)


def live_feed(
    folder: Path,
    clock: Clock,
    *,
    contact: str | None = None,
    open_meteo_too: bool = False,
    client: PostingClient | None = None,
    addresses: Mapping[str, str] = ADDRESSES,
    keys: PriceKeys = PriceKeys(),
) -> LiveFeed:
    """Returns a feed with its cache and archive in ``folder``. No request before the first call.

    ``contact`` (an e-mail address or URL) goes into the User-Agent; without it MET Norway, whose
    terms of use ask for one, is left out.
    """
    cache, client = DiskCache(folder), client or _client(contact)
    fetcher, archive = DatasetFetcher(client, cache, clock), SeriesArchive(cache)

    def with_key(keyed: HttpClient) -> DatasetFetcher:
        return DatasetFetcher(keyed, cache, clock)

    return LiveFeed(
        LiveWeather(
            fetcher,
            archive,
            clock,
            providers(addresses, contact=contact is not None, open_meteo_too=open_meteo_too),
            StationObservations(fetcher, archive, clock, addresses["dmi"]),
        ),
        LivePrices(
            fetcher,
            archive,
            clock,
            addresses["energidata"],
            list(_second_sources(keys, client, addresses, with_key)),
        ),
        LiveEmissions(fetcher, archive, clock, addresses["energidata"]),
    )


def _second_sources(
    keys: PriceKeys,
    client: PostingClient,
    addresses: Mapping[str, str],
    with_key: Callable[[HttpClient], DatasetFetcher],
) -> Iterator[PriceSource]:
    if keys.entsoe is not None:
        yield PriceSource(
            id="entsoe",
            credit=entsoe.CREDIT,
            in_dkk=False,
            fetcher=with_key(entsoe.KeyedClient(client, keys.entsoe)),
            url=partial(entsoe.prices_url, addresses["entsoe"]),
            read=entsoe.read_prices,
        )
    if keys.nordpool is not None:
        signed = nordpool.TokenClient(client, keys.nordpool, addresses["nordpool_token"])
        yield PriceSource(
            id="nordpool",
            credit=nordpool.CREDIT,
            in_dkk=True,
            fetcher=with_key(signed),
            url=lambda area, start, _: nordpool.prices_url(
                addresses["nordpool"], (area,), start.date()
            ),
            read=nordpool.read_prices,
        )


def live_tariffs(
    folder: Path,
    clock: Clock,
    book: TariffBook,
    *,
    contact: str | None = None,
    client: HttpClient | None = None,
    addresses: Mapping[str, str] = ADDRESSES,
) -> LiveTariffs:
    """Returns the tariff book overlaid by the newest price list, fetched at the first price."""
    fetcher = DatasetFetcher(client or _client(contact), DiskCache(folder), clock)
    return LiveTariffs(book, fetcher, clock, addresses["energidata"])


def _client(contact: str | None) -> HttpxClient:
    return HttpxClient(user_agent=f"bms/0.1 ({contact})" if contact else "bms/0.1")
