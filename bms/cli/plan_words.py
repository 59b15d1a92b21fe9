"""What a plan moves, in the words of people: the name of the zone or unit and what is set there."""

from __future__ import annotations

from collections.abc import Iterator

from bms.model.assets.site import Role
from bms.model.planning.plan import Lever, Problem
from bms.model.words import Words

SET = {
    Role.ZONE_SETPOINT: ("setpunkt", "setpoint"),
    Role.VENTILATION_RUN: ("drift", "hours"),
    Role.VENTILATION_FLOW: ("luftmængde", "air flow"),
    Role.SUPPLY_AIR_SETPOINT: ("indblæsning", "supply air"),
}
CURVE = ("varmekurve, forskydning", "heating curve, shift")


def lever_words(problem: Problem) -> dict[str, Words]:
    """Point to what it sets, for every lever of a problem."""
    return {lever.point: words for lever, words in _told(problem) if lever is not None}


def _told(problem: Problem) -> Iterator[tuple[Lever | None, Words]]:
    for zone in problem.zones:
        yield zone.lever, _of(zone.called, Role.ZONE_SETPOINT)
    for unit in problem.ventilation:
        yield unit.lever, _of(unit.id, Role.VENTILATION_RUN)
        yield unit.flow_lever, _of(unit.id, Role.VENTILATION_FLOW)
        yield unit.supply_lever, _of(unit.id, Role.SUPPLY_AIR_SETPOINT)
    if problem.curve is not None:
        yield problem.curve.lever, Words("lever", *CURVE)


def _of(name: str, role: Role) -> Words:
    da, en = SET[role]
    return Words("lever", f"{name}: {da}", f"{name}: {en}")
