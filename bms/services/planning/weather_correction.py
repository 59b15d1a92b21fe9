"""The weather forecast as it will be at a building: corrected by the building's own sensor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from bms.errors import FeedError
from bms.model.assets.site import Role, Site
from bms.model.readings.series import Floats
from bms.model.words import Words
from bms.ports.store import Feed, Fold, RememberingFeed, Store
from bms.services.forecast_bias import WINDOW_H, Bias, Distrusted, forecast_bias

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Corrected:
    """Outdoor temperatures [degC], shape (n,), and what was done to them."""

    temp_out_c: Floats
    notes: tuple[Words, ...] = ()


def corrected(
    temp_out_c: Floats,
    site: Site,
    *,
    start: datetime,
    step: timedelta,
    now: datetime,
    feed: Feed,
    store: Store,
) -> Corrected:
    """A forecast from ``start`` on, without the bias that it has had at this building lately.

    Unchanged where the feed remembers no forecasts or the building has no sensor of its own.
    """
    found = _bias(site, now, feed, store)
    if isinstance(found, Distrusted):
        return Corrected(temp_out_c, _distrust(found))
    if found is None or not found.worth_telling:
        return Corrected(temp_out_c)
    lead_h = ((start - now) + step / 2) / HOUR + np.arange(len(temp_out_c)) * (step / HOUR)
    return Corrected(temp_out_c - found.at(np.maximum(lead_h, 0.0)), (_told(found),))


def _bias(site: Site, now: datetime, feed: Feed, store: Store) -> Bias | Distrusted | None:
    sensor = next(iter(site.points_by_role(Role.OUTDOOR_TEMP)), None)
    if sensor is None or not isinstance(feed, RememberingFeed):
        return None
    end = now.replace(minute=0, second=0, microsecond=0)
    start = end - WINDOW_H * HOUR
    try:
        weather = feed.weather(site.latitude, site.longitude, start=start, end=end, now=now)
        told = feed.forecasts(site.latitude, site.longitude, start=start, end=end)
    except FeedError:
        return None
    measured = store.series(sensor.id, start, end, HOUR, Fold.MEAN).values
    forecasts = {lead: series.values for lead, series in told.items()}
    return forecast_bias(forecasts, measured, weather.ghi_wm2.series.values)


def _told(bias: Bias) -> Words:
    nearest = float(-bias.kelvin[0])
    return Words(
        "forecast_corrected",
        f"Vejrudsigten er rettet med {nearest:+.1f} K efter bygningens egen udeføler",
        f"The forecast is corrected by {nearest:+.1f} K after the building's own outdoor sensor",
    )


def _distrust(found: Distrusted) -> tuple[Words, ...]:
    if found.why == "stuck":
        return (
            Words(
                "outdoor_sensor_stuck",
                "Udeføleren har vist det samme i et døgn; vejrudsigten er ikke rettet efter den",
                "The outdoor sensor has shown the same for a day; the forecast is not corrected",
            ),
        )
    if found.why == "far_off":
        return (
            Words(
                "outdoor_sensor_far_off",
                f"Udeføleren er {abs(found.kelvin):.1f} K fra vejrudsigten; se efter, om den er i "
                "solen eller defekt",
                f"The outdoor sensor is {abs(found.kelvin):.1f} K away from the forecast; see "
                "whether it is in the sun or broken",
            ),
        )
    return ()
