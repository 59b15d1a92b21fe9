"""Plans in a building whose physics the optimiser does not know."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np

from optimizer.planner import Optimizer
from tests.rigs.buildings.toy_building import (
    LOCAL,
    STEP_S,
    ZONES,
    in_use,
    lived_in,
    obey,
)
from tests.rigs.buildings.toy_problems import DAYS, problem, toy_model

OPTIMIZER = Optimizer()
QUARTER = timedelta(seconds=STEP_S)
HOURLY = 4


def test_hourly_plans_move_a_setpoint_at_most_four_times_a_day() -> None:
    """Three days with a forecast that is off by up to 2 K and another one every hour."""
    toy = lived_in(days=DAYS)
    seen = len(toy.rows)
    for hour in range(72):
        asked = problem(toy, days=4, model=toy_model())
        error = 2.0 * np.sin(2.1 * hour)
        off = tuple(None if t is None else t + error for t in asked.weather.temp_out_c)
        asked = replace(asked, weather=replace(asked.weather, temp_out_c=off))
        obey(toy, OPTIMIZER.plan(asked), HOURLY)
    for z, zone in enumerate(ZONES):
        row = [float(row[1][z]) for row in toy.rows[seen:]]
        times = [toy.start + QUARTER * (seen + k) for k in range(len(row))]
        days = [moment.astimezone(LOCAL).date() for moment in times]
        moved = [days[k] for k in range(1, len(row)) if row[k] != row[k - 1]]
        assert max(moved.count(day) for day in days) <= 4, zone
        for k in range(1, len(row)):
            leaving = in_use(z, times[k - 1])
            early = times[k].astimezone(LOCAL).hour < 8
            assert leaving or not early or row[k] >= row[k - 1], (zone, times[k])


def test_the_plan_saves_and_keeps_comfort_in_the_real_building() -> None:
    toy = lived_in(days=DAYS)
    own, ours = toy.copy(), toy.copy()
    heat, fan = toy.heat_kwh, toy.fan_kwh
    own.own(2 * 96)
    while ours.now < own.now:
        task = problem(ours, days=4, model=toy_model())
        schedule = OPTIMIZER.plan(task)
        assert [str(words) for words in OPTIMIZER.check(task, schedule)] == []
        obey(ours, schedule, 8)
    assert ours.heat_kwh - heat < 0.95 * (own.heat_kwh - heat)
    assert ours.fan_kwh - fan <= own.fan_kwh - fan + 10.0
    for after, before in zip(ours.discomfort, toy.discomfort, strict=True):
        assert (after - before) / 2 <= 0.1
