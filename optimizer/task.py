"""The part of a problem that makes sense: what is wrong is named and left alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite

from bms.model.plan import Lever, Problem, VentilationTask, ZoneTask
from bms.model.words import Words
from optimizer import reasons
from optimizer.resolution import sane

LONGEST_STEP_S = 7200


def sound_part(problem: Problem) -> tuple[Problem | None, list[Words]]:
    """The problem without zones, units and levers that contradict themselves, and what was wrong.

    None when there is no horizon at all.
    """
    if problem.steps == 0:
        return None, [reasons.bad_horizon()]
    if not 0 < problem.step_s <= LONGEST_STEP_S:
        return None, [reasons.bad_step(problem.step_s)]
    said: list[Words] = []
    zones = tuple(
        replace(zone, lever=_lever(zone.lever, zone.called, said))
        for zone in problem.zones
        if _zone_is_sound(zone, problem.steps, said)
    )
    units = tuple(
        replace(unit, lever=_lever(unit.lever, unit.id, said))
        for unit in problem.ventilation
        if _unit_is_sound(unit, problem.steps, said)
    )
    return replace(problem, zones=zones, ventilation=units), said


def _lever(lever: Lever | None, name: str, said: list[Words]) -> Lever | None:
    if lever is None or sane(lever):
        return lever
    said.append(reasons.bad_lever(name))
    return None


def _zone_is_sound(zone: ZoneTask, n: int, said: list[Words]) -> bool:
    numbers = (zone.low_c, zone.high_c, zone.own_setpoint_c)
    sound = (
        len(zone.occupied) == n
        and all(_whole(row, n) for row in numbers)
        and all(low <= high for low, high in zip(zone.low_c, zone.high_c, strict=True))
        and isfinite(zone.area_m2)
    )
    if not sound:
        said.append(reasons.bad_zone(zone.called))
    return sound


def _unit_is_sound(unit: VentilationTask, n: int, said: list[Words]) -> bool:
    sound = (
        _whole(unit.own_run, n)
        and len(unit.required) == n
        and all(isfinite(v) for v in (unit.flow_m3_h, unit.fan_kw, unit.recovery))
    )
    if not sound:
        said.append(reasons.bad_ventilation(unit.id))
    return sound


def _whole(row: Sequence[float | None], n: int) -> bool:
    return len(row) == n and all(value is not None and isfinite(value) for value in row)
