"""Values at the pace of their lever, and what the checker says of them (W3)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bms.model.assets.point import Role
from bms.model.planning.problem import CurveTask, HeldValue, Lever, Problem
from bms.model.readings.units import Unit
from optimizer import check, plan
from optimizer.checker.check import CheckObjection
from optimizer.checker.pace import first_fast_change, first_short_run
from optimizer.model.lever_pace import paced
from tests.rigs.buildings.any_problem import a_problem
from tests.rigs.buildings.toy_problems import aired, on_grid, supplied, task

STEP_H = 0.25
SETPOINT = Lever(
    point="p", role=Role.ZONE_SETPOINT, unit=Unit.DEG_C, minimum=15.0, maximum=25.0,
    resolution=0.5, max_change=2.0,
)  # fmt: skip
RUN = Lever(
    point="p", role=Role.VENTILATION_RUN, unit=Unit.ON_OFF, minimum=0.0, maximum=1.0,
    resolution=1.0, minimum_on=60.0, minimum_off=45.0,
)  # fmt: skip


def rows(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def test_w03_a_rise_begins_earlier_and_a_fall_takes_longer() -> None:
    wish = rows(18, 18, 18, 18, 20, 20, 18, 18, 18, 18)
    made = paced(wish, SETPOINT, STEP_H)
    assert made.tolist() == [18, 18.5, 19, 19.5, 20, 20, 19.5, 19, 18.5, 18]


@pytest.mark.parametrize(
    ("standing", "made"),
    [
        (16.0, [16.5, 17, 17.5, 18, 18.5, 19]),
        (22.0, [21.5, 21, 20.5, 20, 20, 20]),
        (5.0, [15.5, 16, 16.5, 17, 17.5, 18]),
        (19.8, [20, 20, 20, 20, 20, 20]),
        (None, [20, 20, 20, 20, 20, 20]),
    ],
    ids=str,
)
def test_w03_the_ramp_counts_from_what_stands(standing: float | None, made: list[float]) -> None:
    lever = replace(SETPOINT, standing=standing)
    assert paced(np.full(6, 20.0), lever, STEP_H).tolist() == made


def test_w03_a_ramp_finer_than_the_point_waits_between_its_steps() -> None:
    lever = replace(SETPOINT, max_change=1.0, standing=18.0)
    assert paced(np.full(6, 20.0), lever, STEP_H).tolist() == [18.5, 18.5, 19, 19, 19.5, 19.5]


def test_w03_what_is_held_stays_and_the_ramp_counts_from_it() -> None:
    made = paced(rows(16, 16, 20, 20, 20), SETPOINT, STEP_H, held=2)
    assert made.tolist() == [16, 16, 16.5, 17, 17.5]


@pytest.mark.parametrize(
    ("standing", "since_min", "wish", "made"),
    [
        (None, None, "0010000000", "0011110000"),
        (None, None, "1111011110", "1111111110"),
        (1.0, 15.0, "0000000000", "1110000000"),
        (1.0, None, "0000000000", "1111000000"),
        (1.0, 90.0, "0000000000", "0000000000"),
        (0.0, 30.0, "1111111111", "0111111111"),
        (0.0, 45.0, "1100000000", "1111000000"),
        (1.0, 90.0, "0011110000", "1111110000"),
    ],
    ids=str,
)
def test_w03_a_unit_stays_on_and_off_for_its_least_times(
    standing: float | None, since_min: float | None, wish: str, made: str
) -> None:
    lever = replace(RUN, standing=standing, standing_min=since_min)
    found = paced(np.array([float(c) for c in wish]), lever, STEP_H)
    assert "".join(str(int(v)) for v in found) == made


@pytest.mark.parametrize("seed", range(60))
def test_w03_the_checker_agrees_whatever_is_wished(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 60))
    problem = a_problem(n)
    standing = None if seed % 4 == 0 else float(np.round(rng.uniform(10, 30), 1))
    ramp = replace(
        SETPOINT,
        max_change=float(rng.choice([0.7, 1.0, 2.0, 2.9])),
        resolution=float(rng.choice([0.1, 0.5])),
        standing=standing,
    )
    wish = np.round(rng.uniform(15, 25, n) * 2) / 2
    made = paced(wish, ramp, STEP_H)
    assert first_fast_change(problem, ramp, made.tolist()) is None
    assert standing is not None or np.all(made >= wish)
    assert made.min() >= 15.0
    assert made.max() <= 25.0
    run = replace(
        RUN,
        standing=None if standing is None else float(seed % 2),
        standing_min=None if seed % 3 == 0 else float(rng.integers(0, 90)),
    )
    on = paced((rng.random(n) < 0.5).astype(float), run, STEP_H)
    assert first_short_run(problem, run, on.tolist()) is None


def with_levers(problem: Problem, **changes: object) -> Problem:
    """Every lever of the toy with these changes."""

    def changed(lever: Lever | None) -> Lever | None:
        if lever is None:
            return None
        only_run = lever.unit is Unit.ON_OFF
        mine = {k: v for k, v in changes.items() if k.startswith("minimum_o") is only_run}
        return replace(lever, **mine)  # type: ignore[arg-type]

    return replace(
        problem,
        zones=tuple(replace(zone, lever=changed(zone.lever)) for zone in problem.zones),
        ventilation=tuple(
            replace(
                unit,
                lever=changed(unit.lever),
                flow_lever=changed(unit.flow_lever),
                supply_lever=changed(unit.supply_lever),
            )
            for unit in problem.ventilation
        ),
    )


PACE = {"max_change": 2.0, "minimum_on": 120.0, "minimum_off": 120.0}


def test_w03_a_plan_keeps_the_pace_and_the_checker_refuses_one_that_does_not() -> None:
    free = plan(task(96))
    slow = with_levers(task(96), **PACE)
    made = plan(slow)
    assert check(slow, made) == ()
    assert made.status is free.status
    fast = {o.code for o in check(slow, free)}
    assert CheckObjection.RAMP in fast
    for row in made.setpoints:
        lever = next(lever for lever in slow.levers if lever.point == row.point)
        values = on_grid(slow, row)
        if lever.max_change is not None:
            assert np.abs(np.diff(values)).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("status", ["timetable", "own control", "air"])
def test_w03_every_kind_of_plan_keeps_the_pace(status: str) -> None:
    asked = task(96)
    if status == "timetable":
        asked = replace(asked, model=None, history=None)
    elif status == "own control":
        asked = replace(asked, heat_dkk_per_kwh=(0.0,) * 96)
    else:
        asked = aired(supplied(asked))
        curve = Lever(
            point="toy/curve", role=Role.HEATING_CURVE_SHIFT, unit=Unit.KELVIN, minimum=-5.0,
            maximum=5.0, resolution=1.0, max_change=4.0, standing=-3.0,
        )  # fmt: skip
        asked = replace(asked, curve=CurveTask(lever=curve))
    slow = with_levers(asked, **PACE)
    assert check(slow, plan(slow)) == ()


def test_w03_a_held_lever_ramps_from_where_it_was_held() -> None:
    asked = with_levers(task(96), **PACE)
    zone = asked.zones[0]
    assert zone.lever is not None
    until = asked.start.replace(hour=6)
    held = replace(zone.lever, held=HeldValue(value=15.0, by="anna", until=until))
    slow = replace(asked, zones=(replace(zone, lever=held), *asked.zones[1:]))
    made = plan(slow)
    assert check(slow, made) == ()
    (row,) = (row for row in made.setpoints if row.point == held.point)
    values = on_grid(slow, row)
    assert values[23] == 15.0
    assert values[24] <= 15.5


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_a_ramp_that_makes_no_sense_leaves_the_lever_alone(bad: float) -> None:
    asked = with_levers(task(96), max_change=bad)
    assert check(asked, plan(asked)) == ()
