"""Who forecasts the weather, in the order of preference, and the places that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bms.feeds.weather import dmi, metno, open_meteo
from bms.feeds.weather.forecast import Outlook

_CELL_LATITUDE, _CELL_LONGITUDE = 0.02, 0.03
_RUN_EVERY = timedelta(hours=3)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A place that forecasts are asked for; degrees (WGS 84)."""

    latitude: float
    longitude: float

    @property
    def name(self) -> str:
        return f"{self.latitude:.2f}_{self.longitude:.2f}"


def cell_of(latitude: float, longitude: float) -> Cell:
    """The cell that a position lies in."""
    return Cell(
        latitude=round(round(latitude / _CELL_LATITUDE) * _CELL_LATITUDE, 2),
        longitude=round(round(longitude / _CELL_LONGITUDE) * _CELL_LONGITUDE, 2),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Whoever forecasts the weather. ``estimates_sun``: it tells clouds, and we the radiation."""

    id: str
    credit: str
    url: Callable[[Cell], str]
    read: Callable[[bytes, Cell], Outlook]
    every: timedelta
    estimates_sun: bool = False


def providers(bases: Mapping[str, str], *, contact: bool, open_meteo_too: bool) -> list[Provider]:
    """In the order of preference. MET Norway only for those who leave a ``contact``."""
    chosen = [
        Provider(
            id="dmi",
            credit=dmi.CREDIT,
            url=lambda cell: dmi.forecast_url(bases["dmi"], cell.latitude, cell.longitude),
            read=lambda body, _: dmi.read_forecast(body),
            every=_RUN_EVERY,
        )
    ]
    if open_meteo_too:
        chosen.append(
            Provider(
                id="open_meteo",
                credit=open_meteo.CREDIT,
                url=lambda cell: open_meteo.forecast_url(
                    bases["open_meteo"], cell.latitude, cell.longitude
                ),
                read=lambda body, _: open_meteo.read_forecast(body),
                every=_HOUR,
            )
        )
    if contact:
        chosen.append(
            Provider(
                id="metno",
                credit=metno.CREDIT,
                url=lambda cell: metno.forecast_url(bases["metno"], cell.latitude, cell.longitude),
                read=lambda body, cell: metno.read_forecast(body, cell.latitude, cell.longitude),
                every=_HOUR,
                estimates_sun=True,
            )
        )
    return chosen
