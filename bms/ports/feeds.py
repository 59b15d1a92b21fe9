"""Weather, prices, emission factors and tariffs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Protocol, runtime_checkable

from bms.model.control.booking import BookedTime, BookingKind
from bms.model.fact import Fact
from bms.model.planning.cooling_fee import CoolingRule
from bms.model.planning.feed import FeedSeries, ForecastScore, WeatherSeries
from bms.model.planning.heat_charges import PeakCharge
from bms.model.readings.series import Series


class Feed(Protocol):
    """Weather, spot prices and emission factors; the past as observed, the future as forecast.

    Raises ``bms.errors.FeedError`` when nothing can be served.
    """

    def weather(
        self, latitude: float, longitude: float, *, start: datetime, end: datetime, now: datetime
    ) -> WeatherSeries:
        """Hourly or finer; [degC] and [W/m2]."""
        ...

    def spot(self, area: str, *, start: datetime, end: datetime, now: datetime) -> FeedSeries:
        """Day-ahead price of electricity [DKK/kWh], quarter-hours, without tariffs and VAT."""
        ...

    def emissions(self, area: str, *, start: datetime, end: datetime, now: datetime) -> FeedSeries:
        """Location-based emission factor of electricity [kg CO2/kWh]."""
        ...


@runtime_checkable
class RememberingFeed(Feed, Protocol):
    """A feed that also remembers what it foresaw."""

    def forecasts(
        self, latitude: float, longitude: float, *, start: datetime, end: datetime
    ) -> Mapping[int, Series]:
        """Outdoor temperatures [degC] of past hours as they were forecast, by lead time [h]: made
        at least so many hours ahead. NaN where nothing was."""
        ...

    def scores(self, latitude: float, longitude: float) -> tuple[ForecastScore, ...]:
        """What each provider foresaw at a position in the last weeks against what came."""
        ...


class HallCalendar(Protocol):
    """A calendar that says when a zone, or with ``zone`` None a site, is in use or closed.

    ``key`` tells it from others.
    """

    @property
    def site(self) -> str: ...

    @property
    def zone(self) -> str | None: ...

    @property
    def kind(self) -> BookingKind: ...

    @property
    def key(self) -> str: ...

    def spans(self, start: datetime, end: datetime) -> tuple[BookedTime, ...]:
        """What is booked in ``[start, end)``, without overlaps, in order; times alone.

        Raises ``FeedError`` where it cannot be read now.
        """
        ...


class Tariffs(Protocol):
    """Energy prices and factors of a site by time. Result on the grid asked for."""

    def electricity(self, tariff: str, spot: Series) -> Series:
        """Price to pay [DKK/kWh] on the grid of ``spot``: spot, grid, transmission, tax."""
        ...

    def heat(self, tariff: str, start: datetime, step: timedelta, n: int) -> Series:
        """Energy price of district heating [DKK/kWh]."""
        ...

    def heat_emissions(self, tariff: str, start: datetime, step: timedelta, n: int) -> Series:
        """Emission factor of district heating [kg CO2/kWh]."""
        ...

    def cooling_rule(self, tariff: str, day: date) -> CoolingRule | None:
        """What a supplier of district heating takes for poor cooling; None where it takes nothing
        or nothing is known."""
        ...

    def list_notes(self) -> tuple[Fact, ...]:
        """What has to be known of the prices that were served last: that they are old, say."""
        ...

    def peak_charge(self, tariff: str, day: date) -> PeakCharge | None:
        """What an electricity or heat tariff takes for the highest power; None where it takes
        nothing or nothing is known."""
        ...
