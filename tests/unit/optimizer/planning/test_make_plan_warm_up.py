"""Warm-ups have time to spare for what models are wrong about; rooms are not warmer for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from bms.model.planning.plan import Schedule
from bms.model.planning.problem import Problem
from optimizer.planner import Optimizer
from optimizer.planning.candidate import Evaluator
from optimizer.planning.make_plan import program_for
from optimizer.planning.selection import by_timetable
from optimizer.setpoints.warm_up_timing import late_zones
from tests.rigs.buildings.toy_problems import program as toy_program
from tests.rigs.buildings.toy_problems import task, toy_model

OFFICE = 0


def asked(spare_k: float | None) -> Problem:
    given = task()
    return replace(
        given, zones=tuple(replace(zone, start_backoff_k=spare_k) for zone in given.zones)
    )


def setpoints(schedule: Schedule) -> np.ndarray:
    given = task()
    lever = given.zones[OFFICE].lever
    assert lever is not None
    (row,) = [row for row in schedule.setpoints if row.point == lever.point]
    step = timedelta(seconds=given.step_s)
    values = [row.value_at(given.start + k * step) for k in range(given.steps)]
    assert None not in values
    return np.array(values, dtype=np.float64)


def before_use(values: np.ndarray) -> tuple[int, float]:
    """How many steps before the first use the setpoint is what it is then, and that setpoint."""
    first = task().zones[OFFICE].occupied.index(True)
    step = first
    while step > 0 and values[step - 1] >= values[first]:
        step -= 1
    return first - step, float(values[first])


class TestSpare:
    def test_more_of_it_begins_the_warm_up_earlier_and_asks_for_no_more(self) -> None:
        leads, targets = zip(
            *(before_use(setpoints(Optimizer().plan(asked(k)))) for k in (0.1, 0.5, 1.0)),
            strict=True,
        )
        assert leads[0] < leads[1] < leads[2]
        assert len(set(targets)) == 1

    def test_what_stands_in_use_does_not_depend_on_it(self) -> None:
        use = np.array(task().zones[OFFICE].occupied)
        little, much = (setpoints(Optimizer().plan(asked(k)))[use] for k in (0.1, 1.0))
        assert little.tolist() == much.tolist()

    @pytest.mark.parametrize("error_k", [0.3, 0.5])
    def test_without_a_record_it_is_the_model_s_own_error(self, error_k: float) -> None:
        known = toy_model()
        wrong = replace(
            known, zones=tuple(replace(zone, rmse_24h_k=error_k) for zone in known.zones)
        )
        spread = max(0.12, known.zones[OFFICE].parameters["track_k"])
        by_error = Optimizer().plan(replace(asked(None), model=wrong))
        by_record = Optimizer().plan(asked(spread + error_k))
        assert before_use(setpoints(by_error)) == before_use(setpoints(by_record))


def test_a_zone_is_late_that_could_not_get_the_reserve_of_its_model_further() -> None:
    program = toy_program()
    building = program.building
    early = np.where(building.use > 0, building.low + 0.5, building.high - 4.0)
    first = task().zones[OFFICE].occupied.index(True)
    late = early.copy()
    late[OFFICE, : first - 1] = building.low[OFFICE, : first - 1]
    assert late_zones(building, program.dynamics, program.targets, early) == set()
    assert late_zones(building, program.dynamics, program.targets, late) == {OFFICE}


def test_the_timetable_carries_a_warm_up_through_that_has_begun() -> None:
    """Own control is at 19 degC until its programme begins; the plan before this one was not."""
    given = task()
    zones = (replace(given.zones[OFFICE], setpoint_c=20.3), *given.zones[1:])
    begun = replace(given, zones=zones)
    evaluator = Evaluator.of(begun, program_for(begun).building)
    first = given.zones[OFFICE].occupied.index(True)
    assert by_timetable(evaluator).setpoints[OFFICE, :first].min() >= 20.3
