"""Plausibility of a problem, for whoever writes it: each mistake with its place.

The planner answers such problems too, and its reasons say what it left alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bms.model.assets.equipment import HeatSourceKind
from bms.model.assets.point import Role
from bms.model.planning.problem import (
    DAYS_FOR_A_MODEL,
    History,
    Lever,
    Problem,
    VentilationTask,
    ZoneHistory,
    ZoneTask,
)
from bms.model.readings.units import Unit
from optimizer.model.quantise import has_value
from optimizer.problem.series_checks import (
    COLDEST_C,
    HOTTEST_C,
    LAST_YEAR,
    ProblemMistake,
    between,
    length,
    named,
    temperatures,
)
from optimizer.problem.units import UNITS, ZERO_C_IN_K
from optimizer.problem.validation_air import MOST_FLOW_PCT, air_mistakes, room_mistakes

SHORTEST_STEP_S, LONGEST_STEP_S = 300, 3600
LONGEST_HORIZON_H = 96.0
MOST_KW_PER_M2 = 1.0
MOST_LOAD_KW = 1e5
HELD = {
    Role.ZONE_SETPOINT: (COLDEST_C, HOTTEST_C, ""),
    Role.SUPPLY_AIR_SETPOINT: (COLDEST_C, HOTTEST_C, ""),
    Role.VENTILATION_RUN: (0.0, 1.0, "of full"),
    Role.VENTILATION_FLOW: (0.0, MOST_FLOW_PCT, "%"),
    Role.HEATING_CURVE_SHIFT: (-30.0, 30.0, "K"),
}
"""Values at which a lever of a role can be held: least, greatest, unit (that of the lever)."""


def validate(problem: Problem) -> tuple[ProblemMistake, ...]:
    """Returns everything that contradicts itself, is out of range or looks like another unit."""
    return tuple(_all(problem))


def _all(problem: Problem) -> Iterator[ProblemMistake]:
    yield from _frame(problem)
    yield from _weather(problem)
    for name in ("electricity_dkk_per_kwh", "heat_dkk_per_kwh"):
        yield from length(name, getattr(problem, name), problem.steps)
    for name in ("electricity_kg_per_kwh", "heat_kg_per_kwh"):
        yield from length(name, getattr(problem, name), problem.steps)
    yield from _source(problem)
    yield from _names(problem)
    for i, zone in enumerate(problem.zones):
        yield from _zone(f"zones[{i}]", zone, problem)
    for i, unit in enumerate(problem.ventilation):
        yield from _unit(f"ventilation[{i}]", unit, problem)
    if problem.history is None:
        yield ProblemMistake(
            "history", "is missing: the state now is not known, so there is no plan"
        )
    else:
        yield from _history(problem.history, problem)


def _frame(problem: Problem) -> Iterator[ProblemMistake]:
    if not 1 < problem.start.year < LAST_YEAR:
        yield ProblemMistake("start", f"the year {problem.start.year} cannot be planned")
    if problem.start.tzinfo is None:
        yield ProblemMistake("start", "has no offset; write it like 2026-01-12T06:00:00+01:00")
    if not SHORTEST_STEP_S <= problem.step_s <= LONGEST_STEP_S:
        yield ProblemMistake("step_s", f"{problem.step_s} s is not between 300 and 3600")
    hours = problem.steps * problem.step_s / 3600.0
    if not problem.steps:
        yield ProblemMistake(
            "weather.temp_out_c", "has to be a list: its length is that of the horizon"
        )
    elif not 1.0 <= hours <= LONGEST_HORIZON_H:
        yield ProblemMistake(
            "weather.temp_out_c", f"the horizon is {hours:g} h; 1 to 96 h can be planned"
        )
    try:
        ZoneInfo(problem.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield ProblemMistake("timezone", f"{problem.timezone!r} is not an IANA name")
    if problem.temperature_unit not in UNITS:
        yield ProblemMistake("temperature_unit", "has to be degC or K")
    for name, most in (("latitude", 90.0), ("longitude", 180.0)):
        if not abs(getattr(problem, name)) <= most:
            yield ProblemMistake(name, f"is not between -{most:g} and {most:g}")


def _weather(problem: Problem) -> Iterator[ProblemMistake]:
    weather = problem.weather
    yield from temperatures("weather.temp_out_c", weather.temp_out_c, problem.temperature_unit)
    yield from length("weather.ghi_wm2", weather.ghi_wm2, problem.steps)
    yield from between("weather.ghi_wm2", weather.ghi_wm2, -10.0, 1500.0, "W/m2")
    spread = weather.temp_out_spread_k
    if spread:
        yield from length("weather.temp_out_spread_k", spread, problem.steps)
        yield from between("weather.temp_out_spread_k", spread, 0.0, 20.0, "K")


def _source(problem: Problem) -> Iterator[ProblemMistake]:
    source = problem.heat_source
    if not source.capacity_kw > 0:
        yield ProblemMistake(
            "heat_source.capacity_kw", "has to be above 0, or nothing can be heated"
        )
    if source.kind is HeatSourceKind.HEAT_PUMP and not source.cop:
        yield ProblemMistake(
            "heat_source.cop", "a heat pump has pairs of outdoor temperature and COP"
        )
    yield from between(
        "heat_source.cop_gain_per_k", [source.cop_gain_per_k], 0.0, 0.1, "per K", whole=True
    )
    load = problem.other_load_kw
    if load:
        yield from length("other_load_kw", load, problem.steps)
        yield from between("other_load_kw", load, -MOST_LOAD_KW, MOST_LOAD_KW, "kW")
    if problem.export_dkk_per_kwh:
        yield from length("export_dkk_per_kwh", problem.export_dkk_per_kwh, problem.steps)
    limit = problem.power_limit_kw
    if limit is not None and not limit > 0:
        yield ProblemMistake("power_limit_kw", "has to be above 0; null where there is no limit")
    yield from temperatures(
        "heat_source.cop", [outdoors for outdoors, _ in source.cop], problem.temperature_unit
    )
    yield from between("heat_source.cop", [cop for _, cop in source.cop], 1.0, 12.0, "kWh/kWh")


def _names(problem: Problem) -> Iterator[ProblemMistake]:
    levers = [lever.point for lever in problem.levers]
    if problem.curve is not None:
        yield from _lever(
            "curve.lever", problem.curve.lever, Role.HEATING_CURVE_SHIFT, (Unit.KELVIN,)
        )
    for path, names in (
        ("zones", [zone.id for zone in problem.zones]),
        ("ventilation", [unit.id for unit in problem.ventilation]),
        ("lever.point", levers),
    ):
        for name in _twice(names):
            yield ProblemMistake(path, f"{name!r} stands more than once")
    if not levers:
        yield ProblemMistake("zones", "no zone has a lever, so there is nothing to plan")


def _zone(path: str, zone: ZoneTask, problem: Problem) -> Iterator[ProblemMistake]:
    unit = problem.temperature_unit
    yield from length(f"{path}.occupied", zone.occupied, problem.steps)
    for name in ("low_c", "high_c", "own_setpoint_c"):
        row: tuple[float, ...] = getattr(zone, name)
        yield from length(f"{path}.{name}", row, problem.steps)
        yield from temperatures(f"{path}.{name}", row, unit, whole=True)
    pairs = enumerate(zip(zone.low_c, zone.high_c, strict=False))
    crossed = [(k, low, high) for k, (low, high) in pairs if low > high]
    yield from named(
        (f"{path}.low_c[{k}]", f"{low:g} is above high_c, {high:g}") for k, low, high in crossed
    )
    if not zone.area_m2 > 0:
        yield ProblemMistake(f"{path}.area_m2", "has to be above 0")
    for name, inside in (
        ("comfort_backoff_k", zone.comfort_backoff_k),
        ("start_backoff_k", zone.start_backoff_k),
    ):
        if inside is not None:
            yield from between(f"{path}.{name}", [inside], 0.0, 3.0, "K")
    yield from room_mistakes(path, zone, problem.steps)
    if zone.setpoint_c is not None:
        yield from temperatures(f"{path}.setpoint_c", [zone.setpoint_c], unit)
    if zone.lever is not None:
        yield from _lever(f"{path}.lever", zone.lever, Role.ZONE_SETPOINT, UNITS)
        yield from _lever_mistakes_of_band(f"{path}.lever", zone, zone.lever, unit)


def _lever_mistakes_of_band(
    path: str, zone: ZoneTask, lever: Lever, unit: Unit
) -> Iterator[ProblemMistake]:
    """Whether the lever reaches the band; one that does not is in another unit than was meant."""
    used = [low for low, use in zip(zone.low_c, zone.occupied, strict=False) if use]
    if used and lever.maximum - _zero(lever.unit) < min(used) - _zero(unit):
        yield ProblemMistake(
            f"{path}.maximum",
            f"{lever.maximum:g} {lever.unit} is below the band in use "
            f"({min(used):g} {unit}); are both in the unit that they say?",
        )


def _unit(path: str, unit: VentilationTask, problem: Problem) -> Iterator[ProblemMistake]:
    yield from length(f"{path}.own_run", unit.own_run, problem.steps)
    yield from length(f"{path}.required", unit.required, problem.steps)
    yield from between(f"{path}.own_run", unit.own_run, 0.0, 1.0, "of full", whole=True)
    yield from between(f"{path}.recovery", [unit.recovery], 0.0, 1.0, "of the heat", whole=True)
    for name in ("flow_m3_h", "fan_kw"):
        yield from between(f"{path}.{name}", [getattr(unit, name)], 0.0, 1e6, "", whole=True)
    known = {zone.id for zone in problem.zones}
    for name in unit.zones:
        if name not in known:
            yield ProblemMistake(f"{path}.zones", f"{name!r} is no zone of this problem")
    if unit.lever is not None:
        yield from _lever(f"{path}.lever", unit.lever, Role.VENTILATION_RUN, (Unit.ON_OFF,))
    yield from air_mistakes(path, unit, problem, _lever)


def _lever(path: str, lever: Lever, role: Role, units: Sequence[Unit]) -> Iterator[ProblemMistake]:
    if lever.role is not role:
        yield ProblemMistake(f"{path}.role", f"has to be {role}")
    if lever.unit not in units:
        yield ProblemMistake(f"{path}.unit", f"has to be {' or '.join(units)}")
    if not has_value(lever):
        yield ProblemMistake(
            path, "no value that may be written: look at minimum, maximum, resolution"
        )
    if lever.held is not None and role in HELD:
        low, high, what = HELD[role]
        zero = _zero(lever.unit) if role is not Role.HEATING_CURVE_SHIFT else 0.0
        value = [lever.held.value]
        yield from between(f"{path}.held.value", value, low + zero, high + zero, what or lever.unit)


def _history(history: History, problem: Problem) -> Iterator[ProblemMistake]:
    n, unit = len(history.heat_kw), problem.temperature_unit
    yield from _when(history, problem)
    yield from temperatures("history.weather.temp_out_c", history.weather.temp_out_c, unit)
    yield from length("history.weather.temp_out_c", history.weather.temp_out_c, n)
    yield from length("history.weather.ghi_wm2", history.weather.ghi_wm2, n)
    area = sum(zone.area_m2 for zone in problem.zones)
    most = MOST_KW_PER_M2 * area if area > 0 else float("inf")
    yield from between("history.heat_kw", history.heat_kw, -1.0, most, "kW (is it in W?)")
    for i, zone in enumerate(history.zones):
        yield from _past_zone(f"history.zones[{i}]", zone, n, unit)
    for i, run in enumerate(history.ventilation):
        yield from length(f"history.ventilation[{i}].run", run.run, n)
        yield from between(f"history.ventilation[{i}].run", run.run, 0.0, 1.0, "of full")
    seen = {zone.id for zone in history.zones}
    for i, task in enumerate(problem.zones):
        if task.id not in seen:
            yield ProblemMistake(
                f"zones[{i}].id", f"{task.id!r} has no measured past in history.zones"
            )


def _when(history: History, problem: Problem) -> Iterator[ProblemMistake]:
    n = len(history.heat_kw)
    if history.step_s <= 0:
        yield ProblemMistake("history.step_s", "has to be above 0")
        return
    days = n * history.step_s / 86400.0
    if problem.model is None and days < DAYS_FOR_A_MODEL:
        yield ProblemMistake(
            "history.heat_kw",
            f"{days:.1f} days; without a model it takes {DAYS_FOR_A_MODEL:g} days to identify one",
        )
    if history.start.tzinfo is None:
        yield ProblemMistake(
            "history.start", "has no offset; write it like 2026-01-12T06:00:00+01:00"
        )
    elif problem.start.tzinfo is not None:
        gap_h = (problem.start - history.start).total_seconds() / 3600.0 - 24.0 * days
        if gap_h > 1.0:
            yield ProblemMistake("history", f"ends {gap_h:.1f} h before the horizon starts")
        if gap_h < -1e-6:
            yield ProblemMistake("history", f"goes {-gap_h:.1f} h beyond the start of the horizon")


def _past_zone(path: str, zone: ZoneHistory, n: int, unit: Unit) -> Iterator[ProblemMistake]:
    for name in ("temp_c", "setpoint_c"):
        yield from length(f"{path}.{name}", getattr(zone, name), n)
        yield from temperatures(f"{path}.{name}", getattr(zone, name), unit)
    yield from length(f"{path}.valve_pct", zone.valve_pct, n)
    yield from between(f"{path}.valve_pct", zone.valve_pct, 0.0, 100.0, "%")
    yield from length(f"{path}.occupied", zone.occupied, n)


def _twice(names: Sequence[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _zero(unit: Unit) -> float:
    return ZERO_C_IN_K if unit is Unit.KELVIN else 0.0
