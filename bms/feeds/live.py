"""The feed of a real municipality: weather, prices and emission factors from their providers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bms.feeds.client.datasets import Courier
from bms.feeds.client.disk_cache import Shelf
from bms.feeds.client.http import HttpClient, HttpxClient
from bms.feeds.client.series_archive import Record
from bms.feeds.electricity import energidata
from bms.feeds.electricity.day_ahead import LivePrices
from bms.feeds.electricity.emissions import LiveEmissions
from bms.feeds.tariffs.book import TariffBook
from bms.feeds.tariffs.live import LiveTariffs
from bms.feeds.weather import dmi, metno, open_meteo
from bms.feeds.weather.live import LiveWeather
from bms.feeds.weather.observations import ObservedWeather
from bms.feeds.weather.providers import providers
from bms.model.planning.feed import FeedSeries, WeatherSeries
from bms.model.readings.series import Series
from bms.ports.clock import Clock

ADDRESSES: Mapping[str, str] = {
    "dmi": dmi.BASE,
    "metno": metno.BASE,
    "open_meteo": open_meteo.BASE,
    "energidata": energidata.BASE,
}


@dataclass(frozen=True, slots=True)
class LiveFeed:
    """Implements ``bms.ports.feeds.RememberingFeed``.

    What is served is the newest that is known; ``now`` of the questions is when they are asked.
    """

    weather_of: LiveWeather
    prices: LivePrices
    emissions_of: LiveEmissions

    def weather(
        self, latitude: float, longitude: float, *, start: datetime, end: datetime, now: datetime
    ) -> WeatherSeries:
        """Hours [degC] and [W/m2]. Raises ``FeedError``."""
        return self.weather_of.weather(latitude, longitude, start=start, end=end)

    def spot(self, area: str, *, start: datetime, end: datetime, now: datetime) -> FeedSeries:
        """Quarter-hours [DKK/kWh]. Raises ``FeedError``."""
        return self.prices.spot(area, start=start, end=end)

    def emissions(self, area: str, *, start: datetime, end: datetime, now: datetime) -> FeedSeries:
        """Quarter-hours [kg/kWh]. Raises ``FeedError``."""
        return self.emissions_of.emissions(area, start=start, end=end)

    def forecasts(
        self, latitude: float, longitude: float, *, start: datetime, end: datetime
    ) -> Mapping[int, Series]:
        """Hours [degC] as they were forecast, by lead time [h]."""
        return self.weather_of.forecasts(latitude, longitude, start=start, end=end)


def live_feed(
    folder: Path,
    clock: Clock,
    *,
    contact: str | None = None,
    open_meteo_too: bool = False,
    web: HttpClient | None = None,
    addresses: Mapping[str, str] = ADDRESSES,
) -> LiveFeed:
    """A feed that keeps its data in ``folder``. Nothing is asked for before it is needed.

    ``contact`` (an e-mail address or a page) is how providers can reach whoever runs this.
    """
    shelf = Shelf(folder)
    courier, record = Courier(web or _web(contact), shelf, clock), Record(shelf)
    return LiveFeed(
        LiveWeather(
            courier,
            record,
            clock,
            providers(addresses, contact=contact is not None, open_meteo_too=open_meteo_too),
            ObservedWeather(courier, record, clock, addresses["dmi"]),
        ),
        LivePrices(courier, record, clock, addresses["energidata"]),
        LiveEmissions(courier, record, clock, addresses["energidata"]),
    )


def live_tariffs(
    folder: Path,
    clock: Clock,
    book: TariffBook,
    *,
    contact: str | None = None,
    web: HttpClient | None = None,
    addresses: Mapping[str, str] = ADDRESSES,
) -> LiveTariffs:
    """The tariff book with the newest price list; it is asked for when a price is needed."""
    courier = Courier(web or _web(contact), Shelf(folder), clock)
    return LiveTariffs(book, courier, clock, addresses["energidata"])


def _web(contact: str | None) -> HttpxClient:
    return HttpxClient(user_agent=f"bms/0.1 ({contact})" if contact else "bms/0.1")
