"""Units at the border: problems and answers have their own temperature unit, inside all is degC."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import isfinite

from bms.model.assets.point import Role
from bms.model.planning.plan import DayAhead, Schedule, SetpointPlan, Step, ZoneForecast
from bms.model.planning.problem import (
    History,
    Lever,
    Numbers,
    Problem,
    Weather,
    ZoneHistory,
    ZoneTask,
)
from bms.model.readings.units import Unit
from optimizer.model.quantise import nearest_value

ZERO_C_IN_K = 273.15
UNITS = (Unit.DEG_C, Unit.KELVIN)
ABSOLUTE = (
    Role.ZONE_SETPOINT,
    Role.SUPPLY_AIR_SETPOINT,
    Role.SUPPLY_AIR_TEMP,
    Role.SUPPLY_WATER_TEMP,
)
"""What is a temperature; a shift of the heating curve in K is a difference and stays."""


def in_celsius(problem: Problem) -> Problem:
    """Returns the same problem in degC, its levers too; itself where it is so already."""
    asked = replace(
        problem,
        zones=tuple(replace(zone, lever=_celsius(zone.lever)) for zone in problem.zones),
        ventilation=tuple(
            replace(unit, lever=_celsius(unit.lever), supply_lever=_celsius(unit.supply_lever))
            for unit in problem.ventilation
        ),
    )
    if problem.temperature_unit is not Unit.KELVIN:
        return asked
    source = problem.heat_source
    return replace(
        asked,
        temperature_unit=Unit.DEG_C,
        weather=_weather(asked.weather),
        zones=tuple(_zone(zone) for zone in asked.zones),
        ventilation=tuple(
            replace(unit, own_supply_c=_all_down(unit.own_supply_c)) for unit in asked.ventilation
        ),
        history=_history(asked.history) if asked.history else None,
        heat_source=replace(source, cop=tuple((_down(t), cop) for t, cop in source.cop)),
    )


def in_units_of(problem: Problem, schedule: Schedule) -> Schedule:
    """Returns a schedule in degC as the answer to ``problem``, each value in the unit of its
    lever."""
    found = [zone.lever for zone in problem.zones]
    found += [lever for unit in problem.ventilation for lever in (unit.lever, unit.supply_lever)]
    levers = {lever.point: lever for lever in found if lever is not None}
    kelvin = problem.temperature_unit is Unit.KELVIN
    return replace(
        schedule,
        setpoints=tuple(
            _plan(problem, plan, levers.get(plan.point)) for plan in schedule.setpoints
        ),
        forecast=tuple(_forecast(row) for row in schedule.forecast)
        if kelvin
        else schedule.forecast,
        temperature_unit=problem.temperature_unit,
        day_ahead=_day_up(schedule.day_ahead) if kelvin else schedule.day_ahead,
    )


def _day_up(day: DayAhead | None) -> DayAhead | None:
    if day is None:
        return None
    return replace(day, outdoor_c=round(day.outdoor_c + ZERO_C_IN_K, 3))


def is_kelvin(lever: Lever) -> bool:
    """Whether the lever's values are absolute temperatures in K."""
    return lever.unit is Unit.KELVIN and lever.role in ABSOLUTE


def _celsius(lever: Lever | None) -> Lever | None:
    if lever is None or not is_kelvin(lever):
        return lever
    held = lever.held
    return replace(
        lever,
        unit=Unit.DEG_C,
        minimum=_down(lever.minimum),
        maximum=_down(lever.maximum),
        origin=_down(lever.origin),
        held=replace(held, value=_down(held.value)) if held else None,
        standing=None if lever.standing is None else _down(lever.standing),
    )


def _zone(zone: ZoneTask) -> ZoneTask:
    return replace(
        zone,
        low_c=_all_down(zone.low_c),
        high_c=_all_down(zone.high_c),
        own_setpoint_c=_all_down(zone.own_setpoint_c),
        setpoint_c=None if zone.setpoint_c is None else _down(zone.setpoint_c),
    )


def _history(history: History) -> History:
    return replace(
        history,
        weather=_weather(history.weather),
        zones=tuple(_zone_history(zone) for zone in history.zones),
    )


def _zone_history(zone: ZoneHistory) -> ZoneHistory:
    return replace(zone, temp_c=_known_down(zone.temp_c), setpoint_c=_known_down(zone.setpoint_c))


def _weather(weather: Weather) -> Weather:
    return replace(weather, temp_out_c=_known_down(weather.temp_out_c))


def _plan(problem: Problem, plan: SetpointPlan, lever: Lever | None) -> SetpointPlan:
    if lever is None or not is_kelvin(lever):
        return plan
    steps = tuple(replace(step, value=_raised(problem, step, lever)) for step in plan.steps)
    return replace(plan, unit=lever.unit, steps=steps)


def _raised(problem: Problem, step: Step, lever: Lever) -> float:
    """The value of a step [K]: on the lever's grid, or the one at which somebody holds it."""
    held = problem.held_steps(lever)
    free_from = problem.start + held * timedelta(seconds=problem.step_s)
    if lever.held is not None and step.start < free_from:
        return lever.held.value
    return nearest_value(step.value + ZERO_C_IN_K, lever)


def _forecast(row: ZoneForecast) -> ZoneForecast:
    return replace(row, temp_c=_all_up(row.temp_c), own_temp_c=_all_up(row.own_temp_c))


def _all_up(values: Numbers) -> Numbers:
    return tuple(None if t is None else round(t + ZERO_C_IN_K, 2) for t in values)


def _down(kelvin: float) -> float:
    return round(kelvin - ZERO_C_IN_K, 9) if isfinite(kelvin) else kelvin


def _all_down(values: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(_down(value) for value in values)


def _known_down(values: Numbers) -> Numbers:
    return tuple(None if value is None else _down(value) for value in values)
