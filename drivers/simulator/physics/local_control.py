"""The buildings' own control: programmes, the tuned reference, heating curves and thermostats."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from drivers.simulator.buildings.archetypes import ARCHETYPES, Archetype, ZoneType
from drivers.simulator.buildings.occupancy import (
    FloatArray,
    LocalSlots,
    UseCalendar,
    week_grid,
)
from drivers.simulator.buildings.stock import zone_types

TUNED_MARGIN_K = 0.5
"""The tuned rival heats this far above the lower comfort limit."""
TUNED_SETBACK_K = 3.0
TUNED_FLOOR_C = 16.0
TUNED_STOP_H = 0.5
"""It stops heating this long before the end of use, as far as comfort allows."""
TUNED_AIR_LEAD_H = 0.5
LONG_PAUSE_H = 30.0
LONG_PAUSE_FACTOR = 2.0

BAND_K = 1.5
"""Proportional band of a room thermostat."""
INTEGRAL_H = 2.0
ACTUATOR_H = 3.0 / 60.0
"""Time constant of a valve actuator."""
STICKING = 0.015
"""A valve moves only for a larger change than this."""

SUMMER_STOP_C = 17.0
"""Day mean outdoors above which the heating circuit rests."""


@dataclass(frozen=True)
class Programme:
    """Setpoints and operation of the two reference controls in one UTC day."""

    own_setpoint: FloatArray  # (SLOTS, zone types) [degC]
    tuned_setpoint: FloatArray  # (SLOTS, zone types) [degC]
    own_run: FloatArray  # (SLOTS, archetypes) 0 or 1
    tuned_run: FloatArray  # (SLOTS, archetypes) 0 or 1


class Timetables:
    """Calendars and programmes of every archetype, for the years around a weather table."""

    def __init__(self, first: date, last: date) -> None:
        self.calendars = [
            UseCalendar.build(kind.name, zone.use, first, last) for kind, zone in zone_types()
        ]
        self._heating = {k.name: week_grid(k.heating_day) for k in ARCHETYPES.values()}
        self._air = {k.name: week_grid(k.ventilation) for k in ARCHETYPES.values()}

    def programme(self, local: LocalSlots, times: FloatArray, outdoor_c: FloatArray) -> Programme:
        """Both reference controls at the slots that begin at ``times`` (Unix time) [s]."""
        pairs = list(zip(zone_types(), self.calendars, strict=True))
        own_run = {k: local.look_up(grid) for k, grid in self._air.items()}
        return Programme(
            own_setpoint=np.column_stack([self._own(local, k, z) for (k, z), _ in pairs]),
            tuned_setpoint=np.column_stack(
                [_tuned_setpoint(k, zone, use, times, outdoor_c) for (k, zone), use in pairs]
            ),
            own_run=np.column_stack(list(own_run.values())),
            tuned_run=np.column_stack(
                [own_run[kind] * self._needs_air(kind, local, times) for kind in own_run]
            ),
        )

    def _own(self, local: LocalSlots, kind: Archetype, zone: ZoneType) -> FloatArray:
        day = local.look_up(self._heating[kind.name]) > 0.5
        return np.where(day, zone.day_setpoint_c, kind.night_setpoint(zone))

    def _needs_air(self, kind: str, local: LocalSlots, times: FloatArray) -> FloatArray:
        """1 from shortly before the first use of a local day to the end of its last use."""
        needed = np.zeros(len(times))
        uses = [
            calendar
            for (archetype, _), calendar in zip(zone_types(), self.calendars, strict=True)
            if archetype.name == kind
        ]
        for ordinal in np.unique(local.ordinal):
            today = local.ordinal == ordinal
            span = _span(uses, int(ordinal))
            if span is not None:
                start = span[0] - TUNED_AIR_LEAD_H * 3600.0
                needed[today & (times >= start) & (times < span[1])] = 1.0
        return needed


def _span(uses: list[UseCalendar], ordinal: int) -> tuple[float, float] | None:
    """First start and last end of use on a local day, in Unix time [s]; None when closed."""
    starts = [use.starts[use.days == ordinal] for use in uses]
    ends = [use.ends[use.days == ordinal] for use in uses]
    if not any(len(group) for group in starts):
        return None
    return float(np.concatenate(starts).min()), float(np.concatenate(ends).max())


def _tuned_setpoint(
    kind: Archetype, zone: ZoneType, use: UseCalendar, times: FloatArray, outdoor_c: FloatArray
) -> FloatArray:
    """Optimum start by outdoor temperature and pause, optimum stop, setback in between [degC]."""
    target = zone.low_c + TUNED_MARGIN_K
    setback = max(zone.low_c - TUNED_SETBACK_K, TUNED_FLOOR_C)
    left = use.time_left(times)
    ahead, pause = use.next_use(times)
    depth = (target - setback) / (TUNED_MARGIN_K + TUNED_SETBACK_K)
    lead = 0.5 + kind.tuned_lead_hk * np.maximum(15.0 - outdoor_c, 0.0) * depth
    lead = lead * np.where(pause > LONG_PAUSE_H, LONG_PAUSE_FACTOR, 1.0)
    heat = (left > TUNED_STOP_H) | (ahead <= lead)
    coast = (left > 0.0) & ~heat
    return np.where(heat, target, np.where(coast, zone.low_c + 0.1, setback))


def heating_curve(
    outdoor_c: float, supply_cold_c: FloatArray, supply_mild_c: FloatArray
) -> FloatArray:
    """Supply water for outdoor air [degC]: straight through (-12, cold) and (15, mild)."""
    slope = (supply_cold_c - supply_mild_c) / 27.0
    return np.asarray(supply_mild_c + slope * np.clip(15.0 - outdoor_c, -3.0, 30.0))


@dataclass
class Thermostats:
    """Room controllers: PI with anti-windup, then an actuator that sticks and lags."""

    integral: FloatArray
    valve: FloatArray
    """Valve position 0..1."""

    def move(self, setpoint_c: FloatArray, air_c: FloatArray, on: FloatArray, dt_h: float) -> None:
        """Advance by ``dt_h`` [h]; ``on`` is 0 where the heating circuit is off."""
        error = (setpoint_c - air_c) / BAND_K
        wanted = error + self.integral
        saturated = ((wanted > 1.0) & (error > 0.0)) | ((wanted < 0.0) & (error < 0.0))
        grown = np.clip(self.integral + error * (dt_h / INTEGRAL_H), 0.0, 1.0)
        self.integral = np.where(saturated, self.integral, grown)
        target = np.clip(error + self.integral, 0.0, 1.0) * on
        pull = 1.0 - np.exp(-dt_h / ACTUATOR_H)
        free = (np.abs(target - self.valve) > STICKING) | (target <= 0.0)
        self.valve = np.where(free, self.valve + (target - self.valve) * pull, self.valve)
