"""Plausibility of the rooms' and the units' air, each mistake with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bms.model.assets.point import Role
from bms.model.planning.problem import Lever, Problem, VentilationTask, ZoneTask
from bms.model.readings.units import Unit
from optimizer.problem.series_checks import ProblemMistake, between, length, temperatures
from optimizer.problem.units import UNITS, ZERO_C_IN_K

MOST_PEOPLE = 10_000.0
MOST_FLOW_PCT = 150.0

LeverCheck = Callable[[str, Lever, Role, Sequence[Unit]], Iterator[ProblemMistake]]


def room_mistakes(path: str, zone: ZoneTask, n: int) -> Iterator[ProblemMistake]:
    """Yields mistakes in people, CO2 and volume of a zone."""
    if zone.people:
        yield from length(f"{path}.people", zone.people, n)
        yield from between(f"{path}.people", zone.people, 0.0, MOST_PEOPLE, "persons")
    for name, low, high, what in (
        ("co2_limit_ppm", 500.0, 5000.0, "ppm"),
        ("co2_ppm", 300.0, 10_000.0, "ppm"),
        ("volume_m3", 5.0, 1e6, "m3"),
    ):
        value: float | None = getattr(zone, name)
        if value is not None:
            yield from between(f"{path}.{name}", [value], low, high, what)
    if zone.people and zone.co2_limit_ppm is None:
        yield ProblemMistake(f"{path}.co2_limit_ppm", "is missing: people alone ask for no air")


def air_mistakes(
    path: str, unit: VentilationTask, problem: Problem, lever_mistakes: LeverCheck
) -> Iterator[ProblemMistake]:
    """Yields mistakes in flow and supply air of a unit."""
    yield from between(f"{path}.least_flow_pct", [unit.least_flow_pct], 0.0, 100.0, "%", whole=True)
    if unit.own_flow_pct:
        yield from length(f"{path}.own_flow_pct", unit.own_flow_pct, problem.steps)
        yield from between(
            f"{path}.own_flow_pct", unit.own_flow_pct, 0.0, MOST_FLOW_PCT, "%", whole=True
        )
    if unit.own_supply_c:
        yield from length(f"{path}.own_supply_c", unit.own_supply_c, problem.steps)
        yield from temperatures(
            f"{path}.own_supply_c", unit.own_supply_c, problem.temperature_unit, whole=True
        )
    if unit.flow_lever is not None:
        at = f"{path}.flow_lever"
        yield from lever_mistakes(at, unit.flow_lever, Role.VENTILATION_FLOW, (Unit.PERCENT,))
        yield from _flow_mistakes(at, unit, unit.flow_lever)
    if unit.supply_lever is not None:
        at = f"{path}.supply_lever"
        yield from lever_mistakes(at, unit.supply_lever, Role.SUPPLY_AIR_SETPOINT, UNITS)
        yield from _supply_mistakes(at, unit, unit.supply_lever, problem.temperature_unit)


def _flow_mistakes(path: str, unit: VentilationTask, lever: Lever) -> Iterator[ProblemMistake]:
    if lever.minimum < 0 or not lever.maximum > 0:
        yield ProblemMistake(path, "a flow is 0 % or more, and at most above 0 %")
    if lever.maximum < unit.least_flow_pct:
        yield ProblemMistake(
            f"{path}.maximum",
            f"{lever.maximum:g} % is below least_flow_pct, {unit.least_flow_pct:g} %",
        )


def _supply_mistakes(
    path: str, unit: VentilationTask, lever: Lever, temperature: Unit
) -> Iterator[ProblemMistake]:
    if not unit.own_supply_c:
        yield ProblemMistake(
            path.replace("supply_lever", "own_supply_c"),
            "is missing: the plan has to know the setpoint that supply_lever has by itself",
        )
        return
    own = min(unit.own_supply_c) - (ZERO_C_IN_K if temperature is Unit.KELVIN else 0.0)
    lowest = lever.minimum - (ZERO_C_IN_K if lever.unit is Unit.KELVIN else 0.0)
    if lowest > own:
        yield ProblemMistake(
            f"{path}.minimum",
            f"{lever.minimum:g} {lever.unit} is above own_supply_c ({min(unit.own_supply_c):g} "
            f"{temperature}): supply air is never raised; are both in the unit that they say?",
        )
