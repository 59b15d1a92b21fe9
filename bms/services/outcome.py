"""What a stretch of hourly energy use cost, in money and CO2."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from bms.model.assets.site import HeatSourceKind, Site
from bms.model.readings.series import Floats
from bms.ports.store import Feed, Tariffs

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Billed energy [kWh], its cost [DKK], its emissions [kg CO2] and comfort violation [K·h]."""

    energy_kwh: float
    cost_dkk: float
    co2_kg: float
    comfort_kh: float


@dataclass(frozen=True, slots=True, eq=False)
class HourlyUse:
    """Heat delivered to a building and electricity drawn by it, per hour from ``start`` [kWh].

    Both of shape (hours,). A heat pump's electricity is part of ``electricity_kwh``; its heat is
    not billed.
    """

    start: datetime
    heat_kwh: Floats
    electricity_kwh: Floats


def outcome(
    site: Site, use: HourlyUse, comfort_kh: float, *, feed: Feed, tariffs: Tariffs
) -> Outcome:
    """Value hourly use at the prices and emission factors of each hour."""
    n = len(use.electricity_kwh)
    end = use.start + HOUR * n
    spot = feed.spot(site.price_area, start=use.start, end=end, now=end).series
    price = _hourly(tariffs.electricity(site.electricity_tariff, spot).values, n)
    factor = _hourly(
        feed.emissions(site.price_area, start=use.start, end=end, now=end).series.values, n
    )
    energy = float(use.electricity_kwh.sum())
    cost = float(use.electricity_kwh @ price)
    co2 = float(use.electricity_kwh @ factor)
    if site.heat_source.kind is HeatSourceKind.DISTRICT_HEATING:
        energy += float(use.heat_kwh.sum())
        cost += float(use.heat_kwh @ tariffs.heat(site.heat_tariff, use.start, HOUR, n).values)
        factors = tariffs.heat_emissions(site.heat_tariff, use.start, HOUR, n).values
        co2 += float(use.heat_kwh @ factors)
    return Outcome(energy, cost, co2, comfort_kh)


def _hourly(values: Floats, n: int) -> Floats:
    """Mean of each hour of a series on any grid that divides the hour, shape (n,)."""
    means: Floats = np.asarray(values).reshape(n, -1).mean(axis=1)
    return means
