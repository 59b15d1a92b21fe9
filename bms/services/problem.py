"""Assemble the question for the optimiser: forecast, prices, comfort, levers and past."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from bms.errors import FeedError
from bms.model.feed import WeatherSeries
from bms.model.grid import occupied, on_grid, timetable_values, ventilation_required
from bms.model.plan import (
    History,
    Lever,
    Numbers,
    Problem,
    VentilationHistory,
    VentilationTask,
    Weather,
    ZoneHistory,
    ZoneTask,
)
from bms.model.series import Floats
from bms.model.site import Point, Role, Site, Ventilation, Zone
from bms.model.units import Commodity
from bms.model.words import Words
from bms.ports import Feed, Fold, Store, Tariffs
from bms.services.consumption import consumption

STEP = timedelta(minutes=15)
STATE_DAYS = 2
IDENTIFY_DAYS = 35


def quarter(moment: datetime) -> datetime:
    """The start of the quarter-hour that ``moment`` lies in."""
    return moment - (moment - datetime.min.replace(tzinfo=moment.tzinfo)) % STEP


def numbers(values: Floats) -> Numbers:
    """NaN becomes None; four significant decimals are more than any sensor has."""
    return tuple(None if np.isnan(v) else round(float(v), 4) for v in values)


def assemble(
    site: Site,
    *,
    now: datetime,
    store: Store,
    feed: Feed,
    tariffs: Tariffs,
    horizon: timedelta,
    history_days: float = STATE_DAYS,
) -> Problem:
    """The problem of a site from ``now`` on: forecast, prices, comfort, levers and past."""
    start, n = quarter(now), int(horizon / STEP)
    end = start + STEP * n
    weather, notes = _weather(site, feed, start, end, now)
    prices, more = _prices(site, feed, tariffs, now, start, n)
    heat = tariffs.heat(site.heat_tariff, start, STEP, n)
    heat_kg = tariffs.heat_emissions(site.heat_tariff, start, STEP, n)
    return Problem(
        site=site.id,
        start=start,
        step_s=int(STEP.total_seconds()),
        timezone=site.timezone,
        latitude=site.latitude,
        longitude=site.longitude,
        weather=weather,
        electricity_dkk_per_kwh=prices.dkk_per_kwh,
        heat_dkk_per_kwh=numbers(heat.values),
        electricity_kg_per_kwh=prices.kg_per_kwh,
        heat_kg_per_kwh=numbers(heat_kg.values),
        zones=tuple(_zone_task(site, zone, store, now, n) for zone in site.zones),
        heat_source=site.heat_source,
        ventilation=tuple(_ventilation_task(site, unit, start, n) for unit in site.ventilation),
        history=history(site, now=now, store=store, feed=feed, days=history_days),
        model=store.model(site.id),
        weights=site.weights,
        notes=notes + more,
    )


def history(site: Site, *, now: datetime, store: Store, feed: Feed, days: float) -> History:
    """The measured past of a site up to the quarter-hour of ``now``."""
    end = quarter(now)
    n = int(timedelta(days=days) / STEP)
    start = end - STEP * n
    weather, _ = _weather(site, feed, start, end, now)
    measured = _values(store, _point(site, Role.OUTDOOR_TEMP), start, end, n)
    if np.isfinite(measured).any():
        weather = replace(weather, temp_out_c=numbers(measured))
    return History(
        start=start,
        step_s=int(STEP.total_seconds()),
        weather=weather,
        heat_kw=numbers(_heat_kw(site, store, start, end, n)),
        zones=tuple(_zone_history(site, zone, store, start, end, n) for zone in site.zones),
        ventilation=tuple(
            VentilationHistory(
                id=unit.id,
                run=numbers(
                    _values(
                        store,
                        _point(site, Role.VENTILATION_RUN, ventilation=unit.id),
                        start,
                        end,
                        n,
                    )
                ),
            )
            for unit in site.ventilation
        ),
    )


def _weather(
    site: Site, feed: Feed, start: datetime, end: datetime, now: datetime
) -> tuple[Weather, tuple[Words, ...]]:
    n = int((end - start) / STEP)
    try:
        got: WeatherSeries = feed.weather(
            site.latitude, site.longitude, start=start, end=end, now=now
        )
    except FeedError as error:
        nothing: Numbers = (None,) * n
        words = Words(
            "no_weather", f"Vejrudsigten mangler: {error}", f"The forecast is missing: {error}"
        )
        return Weather(temp_out_c=nothing, ghi_wm2=nothing), (words,)
    return Weather(
        temp_out_c=numbers(on_grid(got.temp_out_c.series, start, STEP, n)),
        ghi_wm2=numbers(on_grid(got.ghi_wm2.series, start, STEP, n)),
    ), ()


@dataclass(frozen=True, slots=True)
class Electricity:
    """Price [DKK/kWh] and emission factor [kg CO2/kWh] of electricity on the plan's grid."""

    dkk_per_kwh: Numbers
    kg_per_kwh: Numbers


def _prices(
    site: Site, feed: Feed, tariffs: Tariffs, now: datetime, start: datetime, n: int
) -> tuple[Electricity, tuple[Words, ...]]:
    end = start + STEP * n
    prices: Numbers = (None,) * n
    factors: Numbers = (None,) * n
    notes = []
    try:
        spot = feed.spot(site.price_area, start=start, end=end, now=now).series
        price = tariffs.electricity(site.electricity_tariff, spot)
        prices = numbers(on_grid(price, start, STEP, n))
    except FeedError as error:
        notes.append(
            Words("no_prices", f"Elpriser mangler: {error}", f"Prices are missing: {error}")
        )
    try:
        factor = feed.emissions(site.price_area, start=start, end=end, now=now).series
        factors = numbers(on_grid(factor, start, STEP, n))
    except FeedError as error:
        notes.append(
            Words("no_factors", f"CO2-tal mangler: {error}", f"CO2 factors are missing: {error}")
        )
    return Electricity(prices, factors), tuple(notes)


def _point(
    site: Site, role: Role, *, zone: str | None = None, ventilation: str | None = None
) -> Point | None:
    for point in site.points_by_role(role):
        if point.zone == zone and point.ventilation == ventilation:
            return point
    return None


def _values(store: Store, point: Point | None, start: datetime, end: datetime, n: int) -> Floats:
    if point is None:
        return np.full(n, np.nan)
    return store.series(point.id, start, end, STEP, Fold.MEAN).values


def _heat_kw(site: Site, store: Store, start: datetime, end: datetime, n: int) -> Floats:
    """Mean heating power of the building [kW] from the register of its heat meter."""
    for meter in site.meters:
        if meter.commodity is Commodity.HEAT and site.meter_point(meter.id) is not None:
            use = consumption(site, meter, store, start, end, STEP).use
            return use.values / (STEP / timedelta(hours=1))
    return np.full(n, np.nan)


def _zone_history(
    site: Site, zone: Zone, store: Store, start: datetime, end: datetime, n: int
) -> ZoneHistory:
    def measured(role: Role) -> Numbers:
        return numbers(_values(store, _point(site, role, zone=zone.id), start, end, n))

    return ZoneHistory(
        id=zone.id,
        temp_c=measured(Role.ZONE_TEMP),
        setpoint_c=measured(Role.ZONE_SETPOINT),
        valve_pct=measured(Role.ZONE_VALVE),
        occupied=occupied(zone, site, start, int(STEP.total_seconds()), n),
    )


def _zone_task(site: Site, zone: Zone, store: Store, now: datetime, n: int) -> ZoneTask:
    start, step_s = quarter(now), int(STEP.total_seconds())
    setpoint = _point(site, Role.ZONE_SETPOINT, zone=zone.id)
    in_use = occupied(zone, site, start, step_s, n)
    comfort = zone.comfort
    return ZoneTask(
        id=zone.id,
        area_m2=zone.area_m2,
        occupied=in_use,
        low_c=tuple(comfort.low_c if use else comfort.floor_c for use in in_use),
        high_c=tuple(comfort.high_c if use else comfort.ceiling_c for use in in_use),
        own_setpoint_c=timetable_values(zone.own_setpoint, site, start, step_s, n),
        lever=_lever(setpoint),
        name=zone.name,
        setpoint_c=_value_now(store, setpoint, now),
    )


def _value_now(store: Store, point: Point | None, now: datetime) -> float | None:
    """The value of the last quarter of an hour; older ones are no present."""
    reading = store.latest([point.id]).get(point.id) if point is not None else None
    fresh = reading is not None and now - STEP <= reading.time <= now
    return round(reading.value, 4) if reading and fresh and reading.value is not None else None


def _ventilation_task(site: Site, unit: Ventilation, start: datetime, n: int) -> VentilationTask:
    """The task of an air-handling unit.

    It is never asked to run longer than its own control runs it: more air than people have today
    is a change of service, which a person decides by changing the unit's hours.
    """
    step_s = int(STEP.total_seconds())
    own_run = timetable_values(unit.own_run, site, start, step_s, n)
    wanted = ventilation_required(unit, site, start, step_s, n)
    return VentilationTask(
        id=unit.id,
        zones=unit.zones,
        flow_m3_h=unit.flow_m3_h,
        fan_kw=unit.fan_kw,
        recovery=unit.recovery,
        own_run=own_run,
        required=tuple(want and own > 0.0 for want, own in zip(wanted, own_run, strict=True)),
        lever=_lever(_point(site, Role.VENTILATION_RUN, ventilation=unit.id)),
    )


def _lever(point: Point | None) -> Lever | None:
    if point is None or point.write is None:
        return None
    return Lever(
        point=point.id,
        role=point.role,
        unit=point.unit,
        minimum=point.write.minimum,
        maximum=point.write.maximum,
        resolution=point.write.resolution,
    )
