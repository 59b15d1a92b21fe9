"""The part of a problem's ventilation that makes sense: what is wrong is named and not counted
on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite

from bms.model.fact import Fact, fact
from bms.model.planning.problem import Lever, VentilationTask, ZoneTask
from optimizer.explain.problem_flaw import ProblemFlaw
from optimizer.model.quantise import has_value
from optimizer.setpoints.co2_balance import OUTDOORS_PPM
from optimizer.setpoints.supply_air_reset import is_resettable

MOST_FLOW_PCT = 200.0
"""More than twice the full flow was not meant in %."""
HOTTEST_SUPPLY_C = 100.0
"""What is hotter was not meant in degC."""


def sanitise_rooms(zone: ZoneTask, n: int, flaws: list[Fact]) -> ZoneTask:
    """Returns the zone with people, limit and volume as far as they are plausible numbers."""
    counted = not zone.people or (
        len(zone.people) == n and all(c is None or _from(c, 0.0) for c in zone.people)
    )
    limited = zone.co2_limit_ppm is None or _from(zone.co2_limit_ppm, OUTDOORS_PPM)
    sized = zone.volume_m3 is None or _from(zone.volume_m3, 1e-9)
    if not (counted and limited and sized):
        flaws.append(fact(ProblemFlaw.BAD_AIR, name=zone.called))
    return replace(
        zone,
        people=zone.people if counted else (),
        co2_limit_ppm=zone.co2_limit_ppm if limited else None,
        volume_m3=zone.volume_m3 if sized else None,
        co2_ppm=zone.co2_ppm if zone.co2_ppm is None or _from(zone.co2_ppm, 1e-9) else None,
    )


def sanitise_air(unit: VentilationTask, n: int, flaws: list[Fact]) -> VentilationTask:
    """Returns the unit with the levers of its flow and supply air as far as they can be planned."""
    flowing = _covers(unit.own_flow_pct, n, 0.0) and _from(unit.least_flow_pct, 0.0)
    flowing = flowing and max(unit.own_flow_pct, default=0.0) <= MOST_FLOW_PCT
    if not flowing:
        flaws.append(fact(ProblemFlaw.BAD_AIR, name=unit.id))
        unit = replace(unit, own_flow_pct=(), least_flow_pct=0.0, flow_lever=None)
    heated = _covers(unit.own_supply_c, n, -HOTTEST_SUPPLY_C) and _in_celsius(unit.own_supply_c)
    if not heated:
        flaws.append(fact(ProblemFlaw.BAD_AIR, name=unit.id))
        unit = replace(unit, own_supply_c=(), supply_lever=None)
    return replace(
        unit, flow_lever=_flow_lever(unit, flaws), supply_lever=_supply_lever(unit, flaws)
    )


def _flow_lever(unit: VentilationTask, flaws: list[Fact]) -> Lever | None:
    """The lever of the flow, without negative flows."""
    lever = unit.flow_lever
    if lever is None:
        return None
    if not (isfinite(lever.minimum) and 0.0 < lever.maximum <= MOST_FLOW_PCT):
        flaws.append(fact(ProblemFlaw.BAD_LEVER, lever=unit.id))
        return None
    lever = replace(lever, minimum=max(0.0, lever.minimum))
    if has_value(lever):
        return lever
    flaws.append(fact(ProblemFlaw.BAD_LEVER, lever=unit.id))
    return None


def _supply_lever(unit: VentilationTask, flaws: list[Fact]) -> Lever | None:
    lever = unit.supply_lever
    if lever is None:
        return None
    if not unit.own_supply_c:
        flaws.append(fact(ProblemFlaw.NO_COIL, unit=unit.id))
        return None
    if has_value(lever) and is_resettable(unit):
        return lever
    flaws.append(fact(ProblemFlaw.BAD_LEVER, lever=unit.id))
    return None


def _covers(row: Sequence[float], n: int, least: float) -> bool:
    """Whether a row is empty or covers the whole horizon with values of at least ``least``."""
    return not row or (len(row) == n and all(_from(value, least) for value in row))


def _in_celsius(row: Sequence[float]) -> bool:
    return not row or max(row) < HOTTEST_SUPPLY_C


def _from(value: float, least: float) -> bool:
    return isfinite(value) and value >= least
