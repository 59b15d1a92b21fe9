"""The part of a problem that makes sense: what is wrong is named and left alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import chain
from math import inf, isfinite

from bms.model.assets.equipment import HeatSource
from bms.model.fact import Fact, Term, fact
from bms.model.planning.problem import (
    History,
    Lever,
    Numbers,
    Problem,
    VentilationTask,
    Weather,
    ZoneHistory,
    ZoneTask,
)
from bms.model.readings.units import Unit
from optimizer.explain.plan_reason import InputTerm
from optimizer.explain.problem_flaw import ProblemFlaw
from optimizer.model.quantise import has_value
from optimizer.problem import series_checks
from optimizer.problem.sanitise_air import sanitise_air, sanitise_rooms

LONGEST_STEP_S = 7200
UNLIMITED_KW = 1e6
LARGEST_COP_GAIN = 0.1
"""A Carnot machine that lifts heat by only 10 K gains no more for a kelvin less."""
MOST_KW_PER_M2, MOST_CAPACITIES = 1.0, 5.0
COLDEST_C, HOTTEST_C = -100.0, 100.0
"""What is hotter was not meant in degC."""


FORECAST = InputTerm.WEATHER_FORECAST
HOTTEST_LOW_C = 40.0
"""No room is to be kept warmer than this; a lowest temperature above it was meant in degF."""


def sanitise(problem: Problem) -> tuple[Problem | None, list[Fact]]:
    """Returns the problem, which is in degC, without what contradicts itself, and its flaws.

    None when there is no horizon at all.
    """
    if problem.steps == 0 or not 1 < problem.start.year < series_checks.LAST_YEAR:
        return None, [fact(ProblemFlaw.BAD_HORIZON)]
    if not 0 < problem.step_s <= LONGEST_STEP_S:
        return None, [fact(ProblemFlaw.BAD_STEP, step_s=problem.step_s)]
    if problem.start.tzinfo is None:
        return None, [fact(ProblemFlaw.NO_OFFSET)]
    if problem.temperature_unit is not Unit.DEG_C:
        unit = problem.temperature_unit.value
        return None, [fact(ProblemFlaw.BAD_TEMPERATURE_UNIT, unit=unit)]
    flaws: list[Fact] = []
    zones = tuple(
        replace(
            sanitise_rooms(zone, problem.steps, flaws), lever=_lever(zone.lever, zone.called, flaws)
        )
        for zone in map(_without_endless_limits, problem.zones)
        if _zone_makes_sense(zone, problem.steps, flaws)
    )
    units = tuple(
        replace(sanitise_air(unit, problem.steps, flaws), lever=_lever(unit.lever, unit.id, flaws))
        for unit in problem.ventilation
        if _unit_makes_sense(unit, problem.steps, flaws)
    )
    weather = _sanitised_weather(problem.weather, flaws)
    history = _sanitised_history(problem, flaws)
    source = _sanitised_source(problem.heat_source, flaws)
    limit = _sanitised_limit(problem.power_limit_kw, flaws)
    part = replace(problem, zones=zones, ventilation=units, power_limit_kw=limit)
    return replace(part, weather=weather, history=history, heat_source=source), flaws


def _sanitised_limit(limit_kw: float | None, flaws: list[Fact]) -> float | None:
    """The power limit; one of 0 or less is a signal that is not connected, and no limit."""
    if limit_kw is None or limit_kw > 0:
        return limit_kw
    flaws.append(fact(ProblemFlaw.NO_POWER_LIMIT))
    return None


def _sanitised_source(source: HeatSource, flaws: list[Fact]) -> HeatSource:
    """The heat source; a capacity that is no number is no limit, and one of 0 is none at all."""
    if not 0.0 <= source.cop_gain_per_k <= LARGEST_COP_GAIN:
        flaws.append(fact(ProblemFlaw.BAD_COP_GAIN))
        source = replace(source, cop_gain_per_k=0.0)
    if source.capacity_kw >= 0 and isfinite(source.capacity_kw):
        return source
    flaws.append(fact(ProblemFlaw.NO_CAPACITY))
    return replace(source, capacity_kw=UNLIMITED_KW)


def _sanitised_weather(weather: Weather, flaws: list[Fact]) -> Weather:
    if not _in_kelvin(weather.temp_out_c):
        return replace(weather, temp_out_c=_plausible(weather.temp_out_c, flaws, FORECAST))
    flaws.append(_looks_like_kelvin(FORECAST))
    return replace(weather, temp_out_c=(None,) * len(weather.temp_out_c))


def _plausible(temperatures: Numbers, flaws: list[Fact], series: InputTerm) -> Numbers:
    """Temperatures [degC] without those that nothing has, which are named."""
    odd = [t for t in temperatures if t is not None and not series_checks.is_plausible(t)]
    if not odd:
        return temperatures
    flaws.append(fact(ProblemFlaw.IMPLAUSIBLE, series=Term(series), count=len(odd), value=odd[0]))
    return tuple(
        t if t is not None and series_checks.is_plausible(t) else None for t in temperatures
    )


def _sanitised_history(problem: Problem, flaws: list[Fact]) -> History | None:
    """The history up to the start of the horizon."""
    history = problem.history
    if history is None:
        return None
    if not 0 < history.step_s <= LONGEST_STEP_S:
        flaws.append(fact(ProblemFlaw.BAD_STEP, step_s=history.step_s))
        return None
    if history.start.tzinfo is None:
        flaws.append(fact(ProblemFlaw.NO_OFFSET))
        return None
    measured = [zone.temp_c for zone in history.zones]
    if _in_kelvin((*chain(*measured), *history.weather.temp_out_c)):
        flaws.append(_looks_like_kelvin(InputTerm.MEASURED_DATA))
        return None
    if _in_watts(problem, history):
        flaws.append(fact(ProblemFlaw.LOOKS_LIKE_WATTS))
        return None
    history = _plausible_history(history, flaws)
    n = max(0, int((problem.start - history.start) / timedelta(seconds=history.step_s)))
    return history if n >= len(history.heat_kw) else _first_part(history, n)


def _plausible_history(history: History, flaws: list[Fact]) -> History:
    """The history without temperatures that neither weather nor rooms have."""
    measured = InputTerm.MEASURED_DATA
    outdoors = _plausible(history.weather.temp_out_c, flaws, measured)
    zones = tuple(
        replace(zone, temp_c=_plausible(zone.temp_c, flaws, measured)) for zone in history.zones
    )
    return replace(history, weather=replace(history.weather, temp_out_c=outdoors), zones=zones)


def _in_watts(problem: Problem, history: History) -> bool:
    """Whether the heat is mostly above any building's and several times this plant's."""
    area, capacity = sum(z.area_m2 for z in problem.zones), problem.heat_source.capacity_kw
    most = max(MOST_KW_PER_M2 * area, MOST_CAPACITIES * capacity)
    heating = [kw for kw in history.heat_kw if kw is not None and kw > 0.0]
    return area > 0 and capacity > 0 and 2 * sum(kw > most for kw in heating) > len(heating)


def _first_part(history: History, n: int) -> History:
    weather = history.weather
    return replace(
        history,
        weather=Weather(temp_out_c=weather.temp_out_c[:n], ghi_wm2=weather.ghi_wm2[:n]),
        heat_kw=history.heat_kw[:n],
        zones=tuple(_first_of_zone(zone, n) for zone in history.zones),
        ventilation=tuple(replace(unit, run=unit.run[:n]) for unit in history.ventilation),
    )


def _first_of_zone(zone: ZoneHistory, n: int) -> ZoneHistory:
    return replace(
        zone,
        temp_c=zone.temp_c[:n],
        setpoint_c=zone.setpoint_c[:n],
        valve_pct=zone.valve_pct[:n],
        occupied=zone.occupied[:n],
    )


def _looks_like_kelvin(series: InputTerm) -> Fact:
    return fact(ProblemFlaw.LOOKS_LIKE_KELVIN, series=Term(series))


def _in_kelvin(values: Numbers) -> bool:
    """Whether most of the known temperatures are too high for degC."""
    known = [value for value in values if value is not None and isfinite(value)]
    return bool(known) and sum(value > HOTTEST_C for value in known) > len(known) / 2


def _lever(lever: Lever | None, name: str, flaws: list[Fact]) -> Lever | None:
    if lever is None or has_value(lever):
        return lever
    flaws.append(fact(ProblemFlaw.BAD_LEVER, lever=name))
    return None


def _without_endless_limits(zone: ZoneTask) -> ZoneTask:
    """The zone with infinite limits replaced by temperatures that are never reached."""
    low = tuple(COLDEST_C if value == -inf else value for value in zone.low_c)
    high = tuple(HOTTEST_C if value == inf else value for value in zone.high_c)
    return replace(zone, low_c=low, high_c=high)


def _zone_makes_sense(zone: ZoneTask, n: int, flaws: list[Fact]) -> bool:
    numbers = (zone.low_c, zone.high_c, zone.own_setpoint_c)
    sensible = (
        len(zone.occupied) == n
        and all(_whole(row, n) for row in numbers)
        and all(low <= high for low, high in zip(zone.low_c, zone.high_c, strict=True))
        and isfinite(zone.area_m2)
    )
    if not sensible:
        flaws.append(fact(ProblemFlaw.BAD_ZONE, zone=zone.called))
    elif _in_kelvin(zone.low_c):
        flaws.append(fact(ProblemFlaw.BAND_LOOKS_LIKE_KELVIN, zone=zone.called))
        return False
    elif sensible and zone.low_c and min(zone.low_c) > HOTTEST_LOW_C:
        flaws.append(fact(ProblemFlaw.BAND_LOOKS_LIKE_FAHRENHEIT, zone=zone.called))
        return False
    return sensible


def _unit_makes_sense(unit: VentilationTask, n: int, flaws: list[Fact]) -> bool:
    sensible = (
        _whole(unit.own_run, n)
        and len(unit.required) == n
        and all(isfinite(v) for v in (unit.flow_m3_h, unit.fan_kw, unit.recovery))
    )
    if not sensible:
        flaws.append(fact(ProblemFlaw.BAD_VENTILATION, unit=unit.id))
    return sensible


def _whole(row: Sequence[float | None], n: int) -> bool:
    return len(row) == n and all(value is not None and isfinite(value) for value in row)
