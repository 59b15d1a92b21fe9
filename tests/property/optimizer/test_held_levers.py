"""Whatever is held wherever and however long: the plan has it, and the checker accepts the plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bms.model.planning.problem import HeldValue, Lever, Problem
from optimizer import check, plan
from tests.rigs.buildings.toy_problems import (
    aired,
    codes,
    milder,
    on_grid,
    peopled,
    plan_of,
    supplied,
    task,
)
from tests.rigs.examples import examples

HOURS = st.one_of(st.none(), st.floats(-2.0, 30.0))
TEMPERATURES = st.floats(5.0, 35.0)


def asked() -> Problem:
    """The toy with every lever that a zone and a unit may have."""
    return milder(supplied(peopled(aired(task(96)), (20.0, 10.0))), 6.0)


def held(lever: Lever | None, hold: tuple[float, float | None] | None) -> Lever | None:
    if lever is None or hold is None:
        return lever
    value, hours = hold
    until = None if hours is None else task(96).start + timedelta(hours=hours)
    return replace(lever, held=HeldValue(value=value, by="somebody", until=until))


def holds(values: st.SearchStrategy[float]) -> st.SearchStrategy[tuple[float, float | None] | None]:
    return st.one_of(st.none(), st.tuples(values, HOURS))


@pytest.mark.slow
@settings(max_examples=examples(40), deadline=None)
@given(
    office=holds(TEMPERATURES),
    hall=holds(TEMPERATURES),
    run=holds(st.sampled_from([0.0, 1.0])),
    flow=holds(st.floats(0.0, 120.0)),
    supply=holds(st.floats(10.0, 30.0)),
)
def test_what_is_held_stands_and_the_plan_may_be_written(office, hall, run, flow, supply) -> None:
    problem = asked()
    zones = tuple(
        replace(zone, lever=held(zone.lever, hold))
        for zone, hold in zip(problem.zones, (office, hall), strict=True)
    )
    unit = problem.ventilation[0]
    unit = replace(
        unit,
        lever=held(unit.lever, run),
        flow_lever=held(unit.flow_lever, flow),
        supply_lever=held(unit.supply_lever, supply),
    )
    problem = replace(problem, zones=zones, ventilation=(unit,))
    schedule = plan(problem)

    assert check(problem, schedule) == ()
    assert not codes(schedule) & {"refused", "no_solution"}
    levers = (*(zone.lever for zone in zones), unit.lever, unit.flow_lever, unit.supply_lever)
    for lever in levers:
        assert lever is not None
        values = on_grid(problem, plan_of(schedule, lever.point))
        if lever.held is not None:
            assert (values[: problem.held_steps(lever)] == lever.held.value).all()
