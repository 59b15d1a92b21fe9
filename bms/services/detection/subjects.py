"""The readings of a site as subjects of the rules: its meters, circuit, rooms and units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from bms.errors import FeedError, NotFound
from bms.faults.observations import Equipment, FaultContext, Observations
from bms.faults.signals import SHARES, Signal
from bms.model.assets.equipment import Meter
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Site
from bms.model.planning.grid import Ints, on_grid
from bms.model.readings.series import Floats
from bms.model.readings.units import Commodity, Unit
from bms.ports.feeds import Feed
from bms.ports.storage.readings import ReadingStore
from bms.services.consumption import HOUR, consumption, point_use
from bms.services.detection.papers import of_ventilation

QUARTER = timedelta(minutes=15)
METER_DAYS, CONTROL_DAYS = 400, 120
"""How far back meters and control points are looked at [days]."""
CIRCUIT = {
    Role.SUPPLY_WATER_TEMP: Signal.SUPPLY_TEMP,
    Role.SUPPLY_WATER_SETPOINT: Signal.SUPPLY_SETPOINT,
    Role.RETURN_WATER_TEMP: Signal.RETURN_TEMP,
    Role.PUMP_RUN: Signal.PUMP,
    Role.OUTDOOR_TEMP: Signal.OUTDOOR_TEMP,
}
ROOMS = {
    Role.ZONE_TEMP: Signal.ZONE_TEMP,
    Role.ZONE_SETPOINT: Signal.ZONE_SETPOINT,
    Role.ZONE_VALVE: Signal.ZONE_VALVE,
    Role.ZONE_CO2: Signal.ZONE_CO2,
}
UNIT = {
    Role.VENTILATION_RUN: Signal.FAN,
    Role.VENTILATION_FLOW: Signal.FAN_SPEED,
    Role.SUPPLY_AIR_TEMP: Signal.SUPPLY_AIR_TEMP,
    Role.SUPPLY_AIR_SETPOINT: Signal.SUPPLY_AIR_SETPOINT,
    Role.EXHAUST_AIR_TEMP: Signal.EXHAUST_AIR_TEMP,
}
COUNTED = {
    Commodity.HEAT: (Equipment.HEAT_METER, Signal.HEAT),
    Commodity.GAS: (Equipment.HEAT_METER, Signal.HEAT),
    Commodity.ELECTRICITY: (Equipment.ELECTRICITY_METER, Signal.ELECTRICITY),
    Commodity.WATER: (Equipment.WATER_METER, Signal.WATER),
}


@dataclass(frozen=True, slots=True)
class _StoredGrid:
    """A grid that ends at a whole step before now."""

    start: datetime
    end: datetime
    step: timedelta

    @classmethod
    def before(cls, now: datetime, days: int, step: timedelta) -> _StoredGrid:
        whole = now - timedelta(seconds=now.timestamp() % step.total_seconds())
        return cls(whole - timedelta(days=days), whole, step)

    @property
    def n(self) -> int:
        return int((self.end - self.start) / self.step)

    @property
    def at(self) -> Ints:
        first, step = int(self.start.timestamp()), int(self.step.total_seconds())
        return first + np.arange(self.n, dtype=np.int64) * step


def meter_subjects(
    site: Site,
    now: datetime,
    readings: ReadingStore,
    feed: Feed,
    context: FaultContext,
    days: int = METER_DAYS,
) -> Iterator[Observations]:
    """Every meter of use of a site by the hour, with the weather of its place."""
    period = _StoredGrid.before(now, days, HOUR)
    weather = _weather(site, period, now, feed)
    for meter in site.meters:
        signals = _meter(site, meter, period, readings)
        if signals is None or not meter.direction.is_use:
            continue
        first = _first_known(signals)
        equipment = COUNTED[meter.commodity][0]
        columns = {**signals, **weather}
        yield Observations(
            site_id=site.id,
            subject=meter.id,
            equipment=equipment,
            at=period.at[first:],
            step_s=3600,
            signals={signal: values[first:] for signal, values in columns.items()},
            context=context,
        )


def _first_known(signals: dict[Signal, Floats]) -> int:
    known = np.any([np.isfinite(values) for values in signals.values()], axis=0)
    return int(np.argmax(known)) if known.any() else max(len(known) - 24, 0)


def _weather(site: Site, period: _StoredGrid, now: datetime, feed: Feed) -> dict[Signal, Floats]:
    """Outdoor temperature and sunshine; NaN where the feed has none."""
    try:
        found = feed.weather(
            site.latitude, site.longitude, start=period.start, end=period.end, now=now
        )
    except FeedError:
        return {Signal.OUTDOOR_TEMP: np.full(period.n, np.nan)}
    every = {Signal.OUTDOOR_TEMP: found.temp_out_c, Signal.SUN: found.ghi_wm2}
    return {
        signal: on_grid(each.series, period.start, period.step, period.n)
        for signal, each in every.items()
    }


def _meter(
    site: Site, meter: Meter, period: _StoredGrid, readings: ReadingStore
) -> dict[Signal, Floats] | None:
    """The columns of a meter; None where it counts nothing."""
    span = (period.start, period.end, period.step)
    try:
        use = consumption(site, meter, readings, *span).use.values
    except NotFound:
        return None
    columns = {COUNTED[meter.commodity][1]: use}
    if meter.commodity is not Commodity.HEAT:
        return columns
    volume = site.meter_point(meter.id, Role.METER_VOLUME)
    if volume is not None:
        columns[Signal.VOLUME] = point_use(site, volume, readings, *span).use.values
    for role, signal in (
        (Role.METER_FLOW_TEMP, Signal.METER_FLOW_TEMP),
        (Role.METER_RETURN_TEMP, Signal.METER_RETURN_TEMP),
    ):
        point = site.meter_point(meter.id, role)
        if point is not None:
            columns[signal] = readings.series(point.id, *span).values
    return columns


def control_subjects(
    site: Site, now: datetime, readings: ReadingStore, feed: Feed, context: FaultContext
) -> Iterator[Observations]:
    """The circuit, the rooms and every ventilation unit of a site by the quarter of an hour."""
    period = _StoredGrid.before(now, CONTROL_DAYS, QUARTER)

    def values(point: Point) -> Floats:
        return readings.series(point.id, period.start, period.end, period.step).values

    def subject(
        name: str,
        equipment: Equipment,
        signals: dict[Signal, Floats],
        rooms: dict[Signal, dict[str, Floats]] | None = None,
        of: FaultContext = context,
    ) -> Observations:
        return Observations(
            site_id=site.id,
            subject=name,
            equipment=equipment,
            at=period.at,
            step_s=900,
            signals=signals,
            rooms=rooms or {},
            context=of,
        )

    circuit = _of_roles(site, CIRCUIT, values)
    weather = _weather(site, period, now, feed)[Signal.OUTDOOR_TEMP]
    if Signal.SUPPLY_TEMP in circuit or Signal.OUTDOOR_TEMP in circuit:
        columns = {**circuit, Signal.WEATHER_TEMP: weather}
        columns.setdefault(Signal.OUTDOOR_TEMP, weather)
        yield subject("heating", Equipment.HEATING, columns)
    rooms: dict[Signal, dict[str, Floats]] = {}
    for point in site.points:
        if point.role in ROOMS and point.zone is not None:
            signal = ROOMS[point.role]
            rooms.setdefault(signal, {})[point.zone] = _shares(signal, point, values(point))
    if rooms:
        yield subject("rooms", Equipment.ROOMS, {Signal.OUTDOOR_TEMP: weather}, rooms)
    for unit in site.ventilation:
        columns = {
            UNIT[point.role]: _shares(UNIT[point.role], point, values(point))
            for point in site.points
            if point.role in UNIT and point.ventilation == unit.id
        }
        if columns:
            columns[Signal.OUTDOOR_TEMP] = weather
            design = of_ventilation(context, unit)
            yield subject(unit.id, Equipment.AIR_HANDLER, columns, of=design)


def _of_roles(site: Site, roles: dict[Role, Signal], values: object) -> dict[Signal, Floats]:
    found: dict[Signal, Floats] = {}
    for role, signal in roles.items():
        points = [p for p in site.points_by_role(role) if p.zone is None and p.meter is None]
        if points:
            found[signal] = values(points[0])  # type: ignore[operator]
    return found


def _shares(signal: Signal, point: Point, values: Floats) -> Floats:
    return values / 100.0 if signal in SHARES and point.unit is Unit.PERCENT else values
