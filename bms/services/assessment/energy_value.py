"""What a kilowatt-hour of each meter was worth in a period: mean price and emission factor."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from bms.errors import FeedError
from bms.model.assets.equipment import Meter
from bms.model.assets.site import Site
from bms.model.readings.series import Floats, grid_length
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Span
from bms.ports.feeds import Feed, Tariffs

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class EnergyValue:
    """Mean ``prices`` [DKK/kWh], ``factors`` [kg CO2/kWh] and ``primary`` energy factors [kWh/kWh]
    by meter id; unknown ones left out."""

    prices: dict[str, float] = field(default_factory=dict)
    factors: dict[str, float] = field(default_factory=dict)
    primary: dict[str, float] = field(default_factory=dict)


def energy_value(site: Site, span: Span, *, feed: Feed, tariffs: Tariffs) -> EnergyValue:
    """The worth of the site's billed meters over ``span``, every hour alike."""
    found = EnergyValue()
    for meter in site.meters:
        if meter.billed:
            price, factor = _of(meter, site, span, feed, tariffs)
            name = f"{site.id}/{meter.id}"
            found.prices.update({name: price} if np.isfinite(price) else {})
            found.factors.update({name: factor} if np.isfinite(factor) else {})
    return found


def _of(meter: Meter, site: Site, span: Span, feed: Feed, tariffs: Tariffs) -> tuple[float, float]:
    n = grid_length(span.start, span.end, HOUR)
    if meter.commodity is Commodity.HEAT:
        price = tariffs.heat(site.heat_tariff, span.start, HOUR, n).values
        return _mean(price), _mean(
            tariffs.heat_emissions(site.heat_tariff, span.start, HOUR, n).values
        )
    if meter.commodity is not Commodity.ELECTRICITY:
        return np.nan, np.nan
    try:
        spot = feed.spot(site.price_area, start=span.start, end=span.end, now=span.end)
        factor = feed.emissions(site.price_area, start=span.start, end=span.end, now=span.end)
    except FeedError:
        return np.nan, np.nan
    price = tariffs.electricity(site.electricity_tariff, spot.series).values
    return _mean(price), _mean(factor.series.values)


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan
