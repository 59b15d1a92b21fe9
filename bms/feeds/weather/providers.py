"""Providers of weather forecasts in order of preference, and the grid of forecast positions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bms.feeds.weather import dmi, metno, open_meteo
from bms.feeds.weather.hourly_forecast import HourlyForecast, with_plausible_sun

_CELL_LATITUDE, _CELL_LONGITUDE = 0.02, 0.03
_RUN_EVERY = timedelta(hours=3)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastCell:
    """A position that forecasts are requested for [deg] (WGS 84)."""

    latitude: float
    longitude: float

    @property
    def name(self) -> str:
        return f"{self.latitude:.2f}_{self.longitude:.2f}"


def cell_of(latitude: float, longitude: float) -> ForecastCell:
    """Returns the cell of a position: 0.02 deg by 0.03 deg, about 2 km in Denmark."""
    return ForecastCell(
        latitude=round(round(latitude / _CELL_LATITUDE) * _CELL_LATITUDE, 2),
        longitude=round(round(longitude / _CELL_LONGITUDE) * _CELL_LONGITUDE, 2),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastProvider:
    """A provider of forecasts, with a new model run every ``run_interval``; it is asked once in
    ``least_interval`` at most.

    ``estimates_irradiance``: it publishes cloud cover, from which the irradiance is estimated.
    """

    id: str
    credit: str
    url: Callable[[ForecastCell], str]
    read: Callable[[bytes, ForecastCell], HourlyForecast]
    run_interval: timedelta
    least_interval: timedelta = timedelta(0)
    estimates_irradiance: bool = False


def providers(
    bases: Mapping[str, str], *, contact: bool, open_meteo_too: bool
) -> list[ForecastProvider]:
    """Returns the providers in order of preference; MET Norway only with a ``contact``."""
    chosen = [
        ForecastProvider(
            id="dmi",
            credit=dmi.CREDIT,
            url=lambda cell: dmi.forecast_url(bases["dmi"], cell.latitude, cell.longitude),
            read=lambda body, cell: with_plausible_sun(
                dmi.read_forecast(body), cell.latitude, cell.longitude
            ),
            run_interval=_RUN_EVERY,
        )
    ]
    if open_meteo_too:
        chosen.append(
            ForecastProvider(
                id="open_meteo",
                credit=open_meteo.CREDIT,
                url=lambda cell: open_meteo.forecast_url(
                    bases["open_meteo"], cell.latitude, cell.longitude
                ),
                read=lambda body, _: open_meteo.read_forecast(body),
                run_interval=_HOUR,
                least_interval=_HOUR,
            )
        )
    if contact:
        chosen.append(
            ForecastProvider(
                id="metno",
                credit=metno.CREDIT,
                url=lambda cell: metno.forecast_url(bases["metno"], cell.latitude, cell.longitude),
                read=lambda body, cell: metno.read_forecast(body, cell.latitude, cell.longitude),
                run_interval=_HOUR,
                least_interval=_HOUR,
                estimates_irradiance=True,
            )
        )
    return chosen
