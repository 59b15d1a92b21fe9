"""The month's highest power and the limit of power: counted, kept as far as can be, and said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bms.model.planning.plan import PlanStatus, Schedule
from bms.model.planning.problem import Problem
from optimizer.horizon.peak_demand import PeakDemand
from optimizer.planner import Optimizer
from tests.rigs.buildings.toy_problems import task

OPTIMIZER = Optimizer()


def planned(**asked: Any) -> tuple[Problem, Schedule]:
    problem = replace(task(), **asked)
    schedule = OPTIMIZER.plan(problem)
    assert OPTIMIZER.check(problem, schedule) == ()
    return problem, schedule


def codes(schedule: Schedule) -> set[str]:
    return {words.code for words in schedule.reasons}


def data_sheet_coil_kw(schedule: Schedule, code: str) -> float:
    """The power that a reason tells of [kW]."""
    reason = next(reason for reason in schedule.reasons if reason.code == code)
    power = reason.parameters["power_kw"]
    assert isinstance(power, float)
    return power


class TestHours:
    def test_power_is_the_mean_of_an_hour_of_the_clock(self) -> None:
        peak = PeakDemand(per_hour=4, steps_into_hour=3)
        power = np.array([8.0, 1.0, 2.0, 3.0, 6.0, 10.0])
        assert peak.hourly(power).tolist() == [8.0, 3.0, 10.0]

    def test_what_exceeds_the_highest_so_far_is_paid(self) -> None:
        power = np.array([4.0, 12.0])
        assert PeakDemand(so_far_kw=10.0, dkk_per_kw=30.0).cost(power, 0.0) == pytest.approx(60.0)
        assert PeakDemand(so_far_kw=20.0, dkk_per_kw=30.0).cost(power, 0.0) == 0.0

    def test_power_over_the_limit_is_paid_for_every_hour(self) -> None:
        power = np.array([4.0, 12.0, 11.0])
        assert PeakDemand(limit_kw=10.0).cost(power, 100.0) == pytest.approx(300.0)


class TestPlans:
    @pytest.mark.slow
    def test_a_priced_peak_is_lower_and_said(self) -> None:
        _, dear = planned(peak_so_far_kw=25.0, peak_dkk_per_kw=30.0)
        _, cheap = planned(peak_so_far_kw=25.0, peak_dkk_per_kw=0.001)
        assert data_sheet_coil_kw(dear, "new_peak") < 0.75 * data_sheet_coil_kw(cheap, "new_peak")
        assert dear.status is PlanStatus.OPTIMAL

    @pytest.mark.slow
    def test_a_peak_that_is_not_reached_changes_nothing(self) -> None:
        _, free = planned()
        _, high = planned(peak_so_far_kw=500.0, peak_dkk_per_kw=0.001)
        assert "new_peak" not in codes(high)
        assert high.expected.comfort_kh == free.expected.comfort_kh

    @pytest.mark.slow
    def test_what_others_draw_counts_as_well(self) -> None:
        problem, alone = planned(peak_so_far_kw=0.0, peak_dkk_per_kw=0.001)
        _, both = planned(
            peak_so_far_kw=0.0, peak_dkk_per_kw=0.001, other_load_kw=(8.0,) * problem.steps
        )
        assert data_sheet_coil_kw(both, "new_peak") == pytest.approx(
            data_sheet_coil_kw(alone, "new_peak") + 8.0, abs=1.0
        )
        assert both.expected.energy_kwh == pytest.approx(alone.expected.energy_kwh, rel=0.02)

    @pytest.mark.slow
    def test_a_dear_peak_keeps_out_of_the_hours_of_others(self) -> None:
        problem, _ = planned()
        busy = tuple(30.0 if 20 <= k < 28 else 0.0 for k in range(problem.steps))
        asked = {"peak_so_far_kw": 32.0, "peak_dkk_per_kw": 200.0}
        _, seen = planned(**asked, other_load_kw=busy)
        _, unseen = planned(**asked)
        assert seen.setpoints != unseen.setpoints

    @pytest.mark.slow
    @pytest.mark.parametrize("load", [(1.0,), (float("nan"),) * 192])
    def test_a_load_that_makes_no_sense_is_named_and_not_counted(
        self, load: tuple[float, ...]
    ) -> None:
        _, free = planned()
        _, odd = planned(other_load_kw=load)
        assert "bad_power" in codes(odd)
        assert odd.setpoints == free.setpoints

    @pytest.mark.slow
    @pytest.mark.parametrize("limit", [1.0, 5.0, 12.0, 25.0])
    def test_a_limit_that_cannot_be_kept_is_said(self, limit: float) -> None:
        _, schedule = planned(power_limit_kw=limit)
        assert schedule.status is not PlanStatus.OPTIMAL
        assert codes(schedule) & {"power_over", "own_control_as_good"}

    @pytest.mark.slow
    def test_a_limit_that_is_never_reached_is_no_limit(self) -> None:
        _, schedule = planned(power_limit_kw=500.0)
        assert schedule.status is PlanStatus.OPTIMAL
        assert "power_over" not in codes(schedule)

    @pytest.mark.slow
    @pytest.mark.parametrize("odd", [float("nan"), float("inf"), -3.0])
    def test_numbers_that_make_no_sense_are_not_declared(self, odd: float) -> None:
        _, free = planned()
        _, schedule = planned(
            peak_so_far_kw=-abs(odd), peak_dkk_per_kw=-abs(odd), power_limit_kw=-abs(odd)
        )
        assert schedule.setpoints == free.setpoints
        assert "bad_power" in codes(schedule)
