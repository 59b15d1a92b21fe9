"""What in a problem makes no sense, or would make the plan poor: for people, each with its place.

The planner answers these problems too, and says in its reasons what it left alone. This list is for
whoever writes the problem.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bms.model.plan import History, Lever, Problem, VentilationTask, ZoneHistory, ZoneTask
from bms.model.site import HeatSourceKind, Role
from bms.model.units import Unit
from optimizer.celsius import UNITS, ZERO_C_IN_K
from optimizer.identify import LEAST_DAYS
from optimizer.resolution import sane

SHORTEST_STEP_S, LONGEST_STEP_S = 300, 3600
LONGEST_HORIZON_H = 96.0
COLDEST_C, HOTTEST_C = -60.0, 70.0
MOST_KW_PER_M2 = 1.0

Row = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Mistake:
    """``path`` is the place in the JSON of the problem, like ``zones[0].low_c[12]``."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def mistakes_of(problem: Problem) -> tuple[Mistake, ...]:
    """Everything that contradicts itself, is out of range or looks like another unit."""
    return tuple(_all(problem))


def _all(problem: Problem) -> Iterator[Mistake]:
    yield from _frame(problem)
    yield from _weather(problem)
    for name in ("electricity_dkk_per_kwh", "heat_dkk_per_kwh"):
        yield from _length(name, getattr(problem, name), problem.steps)
    for name in ("electricity_kg_per_kwh", "heat_kg_per_kwh"):
        yield from _length(name, getattr(problem, name), problem.steps)
    yield from _source(problem)
    yield from _names(problem)
    for i, zone in enumerate(problem.zones):
        yield from _zone(f"zones[{i}]", zone, problem)
    for i, unit in enumerate(problem.ventilation):
        yield from _unit(f"ventilation[{i}]", unit, problem)
    if problem.history is None:
        yield Mistake("history", "is missing: the state now is not known, so there is no plan")
    else:
        yield from _history(problem.history, problem)


def _frame(problem: Problem) -> Iterator[Mistake]:
    if problem.start.tzinfo is None:
        yield Mistake("start", "has no offset; write it like 2026-01-12T06:00:00+01:00")
    if not SHORTEST_STEP_S <= problem.step_s <= LONGEST_STEP_S:
        yield Mistake("step_s", f"{problem.step_s} s is not between 300 and 3600")
    hours = problem.steps * problem.step_s / 3600.0
    if not 1.0 <= hours <= LONGEST_HORIZON_H:
        yield Mistake("weather.temp_out_c", f"the horizon is {hours:g} h; 1 to 96 h can be planned")
    try:
        ZoneInfo(problem.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield Mistake("timezone", f"{problem.timezone!r} is not an IANA name")
    if problem.temperature_unit not in UNITS:
        yield Mistake("temperature_unit", "has to be degC or K")
    for name, most in (("latitude", 90.0), ("longitude", 180.0)):
        if not abs(getattr(problem, name)) <= most:
            yield Mistake(name, f"is not between -{most:g} and {most:g}")


def _weather(problem: Problem) -> Iterator[Mistake]:
    weather = problem.weather
    yield from _temperatures("weather.temp_out_c", weather.temp_out_c, problem.temperature_unit)
    yield from _length("weather.ghi_wm2", weather.ghi_wm2, problem.steps)
    yield from _between("weather.ghi_wm2", weather.ghi_wm2, -10.0, 1500.0, "W/m2")


def _source(problem: Problem) -> Iterator[Mistake]:
    source = problem.heat_source
    if not source.capacity_kw > 0:
        yield Mistake("heat_source.capacity_kw", "has to be above 0, or nothing can be heated")
    if source.kind is HeatSourceKind.HEAT_PUMP and not source.cop:
        yield Mistake("heat_source.cop", "a heat pump has pairs of outdoor temperature and COP")
    limit = problem.power_limit_kw
    if limit is not None and not limit > 0:
        yield Mistake("power_limit_kw", "has to be above 0; null where there is no limit")
    yield from _temperatures(
        "heat_source.cop", [outdoors for outdoors, _ in source.cop], problem.temperature_unit
    )
    yield from _between("heat_source.cop", [cop for _, cop in source.cop], 1.0, 12.0, "kWh/kWh")


def _names(problem: Problem) -> Iterator[Mistake]:
    tasks: list[ZoneTask | VentilationTask] = [*problem.zones, *problem.ventilation]
    levers = [task.lever.point for task in tasks if task.lever is not None]
    if problem.curve is not None:
        levers.append(problem.curve.lever.point)
        yield from _lever(
            "curve.lever", problem.curve.lever, Role.HEATING_CURVE_SHIFT, (Unit.KELVIN,)
        )
    for path, names in (
        ("zones", [zone.id for zone in problem.zones]),
        ("ventilation", [unit.id for unit in problem.ventilation]),
        ("lever.point", levers),
    ):
        for name in _twice(names):
            yield Mistake(path, f"{name!r} stands more than once")
    if not levers:
        yield Mistake("zones", "no zone has a lever, so there is nothing to plan")


def _zone(path: str, zone: ZoneTask, problem: Problem) -> Iterator[Mistake]:
    unit = problem.temperature_unit
    yield from _length(f"{path}.occupied", zone.occupied, problem.steps)
    for name in ("low_c", "high_c", "own_setpoint_c"):
        row: tuple[float, ...] = getattr(zone, name)
        yield from _length(f"{path}.{name}", row, problem.steps)
        yield from _temperatures(f"{path}.{name}", row, unit, whole=True)
    pairs = enumerate(zip(zone.low_c, zone.high_c, strict=False))
    crossed = [(k, low, high) for k, (low, high) in pairs if low > high]
    yield from _named(
        (f"{path}.low_c[{k}]", f"{low:g} is above high_c, {high:g}") for k, low, high in crossed
    )
    if not zone.area_m2 > 0:
        yield Mistake(f"{path}.area_m2", "has to be above 0")
    if zone.comfort_backoff_k is not None:
        yield from _between(f"{path}.comfort_backoff_k", [zone.comfort_backoff_k], 0.0, 3.0, "K")
    if zone.setpoint_c is not None:
        yield from _temperatures(f"{path}.setpoint_c", [zone.setpoint_c], unit)
    if zone.lever is not None:
        yield from _lever(f"{path}.lever", zone.lever, Role.ZONE_SETPOINT, UNITS)
        yield from _reach(f"{path}.lever", zone, zone.lever, unit)


def _reach(path: str, zone: ZoneTask, lever: Lever, unit: Unit) -> Iterator[Mistake]:
    """The lever has to reach the band, or it is in another unit than was meant."""
    used = [low for low, use in zip(zone.low_c, zone.occupied, strict=False) if use]
    if used and lever.maximum - _zero(lever.unit) < min(used) - _zero(unit):
        yield Mistake(
            f"{path}.maximum",
            f"{lever.maximum:g} {lever.unit} is below the band in use "
            f"({min(used):g} {unit}); are both in the unit that they say?",
        )


def _unit(path: str, unit: VentilationTask, problem: Problem) -> Iterator[Mistake]:
    yield from _length(f"{path}.own_run", unit.own_run, problem.steps)
    yield from _length(f"{path}.required", unit.required, problem.steps)
    yield from _between(f"{path}.own_run", unit.own_run, 0.0, 1.0, "of full", whole=True)
    yield from _between(f"{path}.recovery", [unit.recovery], 0.0, 1.0, "of the heat", whole=True)
    for name in ("flow_m3_h", "fan_kw"):
        yield from _between(f"{path}.{name}", [getattr(unit, name)], 0.0, 1e6, "", whole=True)
    known = {zone.id for zone in problem.zones}
    for name in unit.zones:
        if name not in known:
            yield Mistake(f"{path}.zones", f"{name!r} is no zone of this problem")
    if unit.lever is not None:
        yield from _lever(f"{path}.lever", unit.lever, Role.VENTILATION_RUN, (Unit.ON_OFF,))


def _lever(path: str, lever: Lever, role: Role, units: Sequence[Unit]) -> Iterator[Mistake]:
    if lever.role is not role:
        yield Mistake(f"{path}.role", f"has to be {role}")
    if lever.unit not in units:
        yield Mistake(f"{path}.unit", f"has to be {' or '.join(units)}")
    if not sane(lever):
        yield Mistake(path, "no value that may be written: look at minimum, maximum, resolution")


def _history(history: History, problem: Problem) -> Iterator[Mistake]:
    n, unit = len(history.heat_kw), problem.temperature_unit
    yield from _when(history, problem)
    yield from _temperatures("history.weather.temp_out_c", history.weather.temp_out_c, unit)
    yield from _length("history.weather.temp_out_c", history.weather.temp_out_c, n)
    yield from _length("history.weather.ghi_wm2", history.weather.ghi_wm2, n)
    area = sum(zone.area_m2 for zone in problem.zones)
    most = MOST_KW_PER_M2 * area if area > 0 else float("inf")
    yield from _between("history.heat_kw", history.heat_kw, -1.0, most, "kW (is it in W?)")
    for i, zone in enumerate(history.zones):
        yield from _past_zone(f"history.zones[{i}]", zone, n, unit)
    for i, run in enumerate(history.ventilation):
        yield from _length(f"history.ventilation[{i}].run", run.run, n)
        yield from _between(f"history.ventilation[{i}].run", run.run, 0.0, 1.0, "of full")
    seen = {zone.id for zone in history.zones}
    for i, task in enumerate(problem.zones):
        if task.id not in seen:
            yield Mistake(f"zones[{i}].id", f"{task.id!r} has no measured past in history.zones")


def _when(history: History, problem: Problem) -> Iterator[Mistake]:
    n = len(history.heat_kw)
    if history.step_s <= 0:
        yield Mistake("history.step_s", "has to be above 0")
        return
    days = n * history.step_s / 86400.0
    if problem.model is None and days < LEAST_DAYS:
        yield Mistake(
            "history.heat_kw",
            f"{days:.1f} days; without a model it takes {LEAST_DAYS:g} days to identify one",
        )
    if history.start.tzinfo is None:
        yield Mistake("history.start", "has no offset; write it like 2026-01-12T06:00:00+01:00")
    elif problem.start.tzinfo is not None:
        gap_h = (problem.start - history.start).total_seconds() / 3600.0 - 24.0 * days
        if gap_h > 1.0:
            yield Mistake("history", f"ends {gap_h:.1f} h before the horizon starts")
        if gap_h < -1e-6:
            yield Mistake("history", f"goes {-gap_h:.1f} h beyond the start of the horizon")


def _past_zone(path: str, zone: ZoneHistory, n: int, unit: Unit) -> Iterator[Mistake]:
    for name in ("temp_c", "setpoint_c"):
        yield from _length(f"{path}.{name}", getattr(zone, name), n)
        yield from _temperatures(f"{path}.{name}", getattr(zone, name), unit)
    yield from _length(f"{path}.valve_pct", zone.valve_pct, n)
    yield from _between(f"{path}.valve_pct", zone.valve_pct, 0.0, 100.0, "%")
    yield from _length(f"{path}.occupied", zone.occupied, n)


def _length(path: str, row: Sequence[object], n: int) -> Iterator[Mistake]:
    if len(row) != n:
        yield Mistake(path, f"has {len(row)} values, and {n} are due")


def _temperatures(path: str, row: Row, unit: Unit, *, whole: bool = False) -> Iterator[Mistake]:
    zero = _zero(unit)
    low, high = COLDEST_C + zero, HOTTEST_C + zero
    other = "temperature_unit is degC: is this K?" if not zero else "K: is this degC?"
    yield from _between(path, row, low, high, f"{unit} ({other})", whole=whole)


def _between(
    path: str, row: Row, low: float, high: float, what: str, *, whole: bool = False
) -> Iterator[Mistake]:
    """``whole`` series have no gaps."""
    wrong: list[tuple[str, str]] = []
    for k, value in enumerate(row):
        place = path if len(row) == 1 else f"{path}[{k}]"
        if value is None or not isfinite(value):
            if whole:
                wrong.append((place, f"{value} is not a number"))
        elif not low <= value <= high:
            wrong.append((place, f"{value:g} is not between {low:g} and {high:g} {what}".rstrip()))
    yield from _named(wrong)


def _named(wrong: Iterable[tuple[str, str]]) -> Iterator[Mistake]:
    """The first, and how many more."""
    rows = list(wrong)
    if rows:
        place, message = rows[0]
        more = f" (and {len(rows) - 1} more in this series)" if len(rows) > 1 else ""
        yield Mistake(place, f"{message}{more}")


def _twice(names: Sequence[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _zero(unit: Unit) -> float:
    return ZERO_C_IN_K if unit is Unit.KELVIN else 0.0
