"""Assemble the question for the optimiser: forecast, prices, comfort, levers and past."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from bms.errors import FeedError
from bms.model.assets.equipment import HeatSourceKind
from bms.model.assets.point import Role
from bms.model.assets.site import Site, Zone
from bms.model.fact import Fact, MessageCode, fact
from bms.model.planning.feed import WeatherSeries
from bms.model.planning.grid import on_grid, timetable_values
from bms.model.planning.problem import (
    CurveTask,
    History,
    Numbers,
    Problem,
    VentilationHistory,
    Weather,
    ZoneHistory,
    ZoneTask,
)
from bms.model.readings.series import Floats
from bms.model.readings.units import Commodity
from bms.ports.feeds import Feed, Tariffs
from bms.ports.storage.readings import ReadingStore
from bms.services.consumption import consumption
from bms.services.occupancy import Use, use_of
from bms.services.planning.comfort_backoff import backoffs
from bms.services.planning.heat_price import heat_price
from bms.services.planning.model_drift import drift_facts, drifting_zones, holding
from bms.services.planning.other_load import other_load
from bms.services.planning.ports import ProblemPorts
from bms.services.planning.power_terms import power_terms
from bms.services.planning.ventilation_task import co2_now, ventilated_past, ventilation_task
from bms.services.planning.weather_correction import corrected
from bms.services.points_by_role import STEP, lever_of, means, point_of, value_now
from bms.services.rooms.missing_temperature import ROOM_C

__all__ = ["IDENTIFY_DAYS", "STATE_DAYS", "STEP", "assemble", "history", "numbers", "quarter"]

STATE_DAYS = 3
IDENTIFY_DAYS = 35


class MissingFeed(MessageCode):
    """What could not be had for a plan, with the reason of the feed."""

    WEATHER = "no_weather"
    PRICES = "no_prices"
    FACTORS = "no_factors"


def quarter(moment: datetime) -> datetime:
    """The start of the quarter-hour that ``moment`` lies in."""
    return moment - (moment - datetime.min.replace(tzinfo=moment.tzinfo)) % STEP


def numbers(values: Floats) -> Numbers:
    """NaN becomes None; four significant decimals are more than any sensor has."""
    floats = np.asarray(values, dtype=np.float64).tolist()  # three times as fast as numpy's own
    return tuple(None if v != v else round(v, 4) for v in floats)


def room_temperatures(values: Floats) -> Numbers:
    """Temperatures of a room [degC]; None where nothing is known or no room is like that."""
    low, high = ROOM_C
    return numbers(np.where((values >= low) & (values <= high), values, np.nan))


def _floats(values: Numbers) -> Floats:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def assemble(
    site: Site,
    *,
    now: datetime,
    ports: ProblemPorts,
    horizon: timedelta,
    history_days: float = STATE_DAYS,
) -> Problem:
    """The problem of a site from ``now`` on: forecast, prices, comfort, levers and past."""
    tariffs, readings, plans = ports.tariffs, ports.readings, ports.plans
    start, n = quarter(now), int(horizon / STEP)
    end = start + STEP * n
    weather, of_weather = _corrected_weather(site, ports, start, n, now)
    prices, of_prices = _prices(site, ports.feed, tariffs, now, start, n)
    use = use_of(site, ports.decisions, start, end)
    drifted = drifting_zones(site, plans, now)
    heat, of_heat = heat_price(site, start, n, now=now, readings=readings, tariffs=tariffs)
    heat_kg = tariffs.heat_emissions(site.heat_tariff, start, STEP, n)
    power = power_terms(site, now=now, readings=readings, tariffs=tariffs)
    step_s = int(STEP.total_seconds())
    return Problem(
        site=site.id,
        start=start,
        step_s=step_s,
        timezone=site.timezone,
        latitude=site.latitude,
        longitude=site.longitude,
        weather=weather,
        electricity_dkk_per_kwh=prices.dkk_per_kwh,
        heat_dkk_per_kwh=numbers(heat),
        electricity_kg_per_kwh=prices.kg_per_kwh,
        heat_kg_per_kwh=numbers(heat_kg.values),
        zones=_zone_tasks(use, ports, now, n),
        heat_source=site.heat_source,
        ventilation=tuple(
            ventilation_task(use, unit, start, step_s, n) for unit in site.ventilation
        ),
        curve=_curve_task(site),
        peak_so_far_kw=power.so_far_kw,
        peak_dkk_per_kw=power.dkk_per_kw,
        power_limit_kw=power.limit_kw,
        other_load_kw=other_load(site, start, n, now=now, readings=readings)
        if power.matters
        else (),
        history=history(site, now=now, ports=ports, days=history_days),
        model=holding(plans.model(site.id), drifted),
        weights=site.weights,
        notes=(
            *drift_facts(site, drifted),
            *of_weather,
            *of_prices,
            *of_heat,
            *use.facts(start, end),
            *ports.calendars.notes(site.id, now),
        ),
    )


def _corrected_weather(
    site: Site, ports: ProblemPorts, start: datetime, n: int, now: datetime
) -> tuple[Weather, tuple[Fact, ...]]:
    """The forecast of ``n`` quarter-hours, corrected by the building's own sensor, with notes."""
    weather, notes = _weather(site, ports.feed, start, start + STEP * n, now)
    temps = corrected(
        _floats(weather.temp_out_c),
        site,
        start=start,
        step=STEP,
        now=now,
        feed=ports.feed,
        readings=ports.readings,
    )
    told = replace(
        weather,
        temp_out_c=numbers(temps.temp_out_c),
        temp_out_spread_k=() if temps.spread_k is None else numbers(temps.spread_k),
    )
    return told, notes + temps.notes


def _zone_tasks(use: Use, ports: ProblemPorts, now: datetime, n: int) -> tuple[ZoneTask, ...]:
    """What is asked for each zone, with the back-off that its record of warm-ups tells."""
    inside = backoffs(use.site, ports.plans, now)
    return tuple(
        replace(_zone_task(use, zone, ports.readings, now, n), start_backoff_k=inside.get(zone.id))
        for zone in use.site.zones
    )


def history(site: Site, *, now: datetime, ports: ProblemPorts, days: float) -> History:
    """The measured past of a site up to the quarter-hour of ``now``."""
    end = quarter(now)
    n = int(timedelta(days=days) / STEP)
    start = end - STEP * n
    readings = ports.readings
    weather, _ = _weather(site, ports.feed, start, end, now)
    use = use_of(site, ports.decisions, start, end)
    measured = means(readings, point_of(site, Role.OUTDOOR_TEMP), start, n)
    if np.isfinite(measured).any():
        weather = replace(weather, temp_out_c=numbers(measured))
    return History(
        start=start,
        step_s=int(STEP.total_seconds()),
        weather=weather,
        heat_kw=numbers(_heat_kw(site, readings, start, end, n)),
        zones=tuple(_zone_history(use, zone, readings, start, n) for zone in site.zones),
        ventilation=tuple(
            VentilationHistory(
                id=unit.id, run=numbers(ventilated_past(site, unit, readings, start, n))
            )
            for unit in site.ventilation
        ),
    )


def _weather(
    site: Site, feed: Feed, start: datetime, end: datetime, now: datetime
) -> tuple[Weather, tuple[Fact, ...]]:
    n = int((end - start) / STEP)
    try:
        got: WeatherSeries = feed.weather(
            site.latitude, site.longitude, start=start, end=end, now=now
        )
    except FeedError as error:
        nothing: Numbers = (None,) * n
        missing = fact(MissingFeed.WEATHER, error=str(error))
        return Weather(temp_out_c=nothing, ghi_wm2=nothing), (missing,)
    return Weather(
        temp_out_c=numbers(on_grid(got.temp_out_c.series, start, STEP, n)),
        ghi_wm2=numbers(on_grid(got.ghi_wm2.series, start, STEP, n)),
    ), got.temp_out_c.notes + got.ghi_wm2.notes


@dataclass(frozen=True, slots=True)
class Electricity:
    """Price [DKK/kWh] and emission factor [kg CO2/kWh] of electricity on the plan's grid."""

    dkk_per_kwh: Numbers
    kg_per_kwh: Numbers


def _prices(
    site: Site, feed: Feed, tariffs: Tariffs, now: datetime, start: datetime, n: int
) -> tuple[Electricity, tuple[Fact, ...]]:
    end = start + STEP * n
    prices: Numbers = (None,) * n
    factors: Numbers = (None,) * n
    notes: list[Fact] = []
    uses_power = site.heat_source.kind is HeatSourceKind.HEAT_PUMP or bool(site.ventilation)
    try:
        spot = feed.spot(site.price_area, start=start, end=end, now=now)
        price = tariffs.electricity(site.electricity_tariff, spot.series)
        notes += (*spot.notes, *tariffs.list_notes()) if uses_power else ()
        prices = numbers(on_grid(price, start, STEP, n))
    except FeedError as error:
        notes.append(fact(MissingFeed.PRICES, error=str(error)))
    try:
        factor = feed.emissions(site.price_area, start=start, end=end, now=now)
        factors = numbers(on_grid(factor.series, start, STEP, n))
        notes += factor.notes if uses_power else ()
    except FeedError as error:
        notes.append(fact(MissingFeed.FACTORS, error=str(error)))
    return Electricity(prices, factors), tuple(notes)


def _heat_kw(site: Site, readings: ReadingStore, start: datetime, end: datetime, n: int) -> Floats:
    """Mean heating power of the building [kW] from the register of its heat meter."""
    for meter in site.meters:
        if meter.commodity is Commodity.HEAT and site.meter_point(meter.id) is not None:
            use = consumption(site, meter, readings, start, end, STEP).use
            return use.values / (STEP / timedelta(hours=1))
    return np.full(n, np.nan)


def _zone_history(
    use: Use, zone: Zone, readings: ReadingStore, start: datetime, n: int
) -> ZoneHistory:
    def measured(role: Role) -> Numbers:
        return numbers(means(readings, point_of(use.site, role, zone=zone.id), start, n))

    return ZoneHistory(
        id=zone.id,
        temp_c=room_temperatures(
            means(readings, point_of(use.site, Role.ZONE_TEMP, zone=zone.id), start, n)
        ),
        setpoint_c=measured(Role.ZONE_SETPOINT),
        valve_pct=measured(Role.ZONE_VALVE),
        occupied=use.in_use(zone, start, int(STEP.total_seconds()), n),
    )


def _zone_task(use: Use, zone: Zone, readings: ReadingStore, now: datetime, n: int) -> ZoneTask:
    site = use.site
    start, step_s = quarter(now), int(STEP.total_seconds())
    setpoint = point_of(site, Role.ZONE_SETPOINT, zone=zone.id)
    in_use = use.in_use(zone, start, step_s, n)
    comfort = zone.comfort
    return ZoneTask(
        id=zone.id,
        area_m2=zone.area_m2,
        occupied=in_use,
        low_c=tuple(comfort.low_c if busy else comfort.floor_c for busy in in_use),
        high_c=tuple(comfort.high_c if busy else comfort.ceiling_c for busy in in_use),
        own_setpoint_c=timetable_values(zone.own_setpoint, site, start, step_s, n),
        lever=lever_of(setpoint),
        name=zone.name,
        setpoint_c=value_now(readings, setpoint, now),
        volume_m3=zone.volume_m3,
        people=use.people_in(zone, start, step_s, n),
        co2_limit_ppm=comfort.co2_limit_ppm,
        co2_ppm=co2_now(use, zone, readings, now),
    )


def _curve_task(site: Site) -> CurveTask | None:
    """The heating curve of the whole building, where its shift may be written."""
    lever = lever_of(point_of(site, Role.HEATING_CURVE_SHIFT))
    return CurveTask(lever=lever) if lever is not None else None
