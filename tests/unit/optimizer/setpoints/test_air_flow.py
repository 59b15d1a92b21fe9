"""The air flow in the plan: as little as the CO2 of the rooms allows, and what that is worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bms.model.planning.plan import PlanStatus
from bms.model.planning.problem import Problem, VentilationTask
from optimizer.model.air_handling import FAN_EXPONENT, own_air, required_run
from optimizer.planner import Optimizer
from optimizer.problem.reader import read
from optimizer.setpoints.air_flow import own_or_more_air, planned_air, planned_flow
from tests.rigs.buildings.toy_problems import (
    FLOW,
    aired,
    codes,
    on_grid,
    peopled,
    plan_of,
    required,
    task,
)
from tests.rigs.paths import ROOT

OPTIMIZER = Optimizer()
FAN_KW = 2.0
FEW = ROOT / "tests" / "cases" / "plans" / "air_few_people_and_much_of_it"


def flow_in_use(problem: Problem) -> np.ndarray:
    schedule = OPTIMIZER.plan(problem)
    assert OPTIMIZER.check(problem, schedule) == ()
    return on_grid(problem, plan_of(schedule, FLOW.point))[required(problem)]


class TestFewPeople:
    def test_get_less_air_which_costs_less_fan_and_less_heat(self) -> None:
        few, own = peopled(aired(), (10.0, 5.0)), task(96)
        ours, theirs = OPTIMIZER.plan(few), OPTIMIZER.plan(own)
        part = on_grid(few, plan_of(ours, FLOW.point))[required(few)].max() / 100.0
        hours = required(few).sum() * few.step_s / 3600.0
        fans_kwh = FAN_KW * hours * (1.0 - part**FAN_EXPONENT)

        assert ours.status is PlanStatus.OPTIMAL
        assert "flow_planned" in codes(ours)
        assert part < 0.7
        assert ours.expected.energy_kwh is not None
        assert theirs.expected.energy_kwh is not None
        assert theirs.expected.energy_kwh - ours.expected.energy_kwh > fans_kwh + 10.0

    def test_do_not_change_what_own_control_costs(self) -> None:
        assert (
            OPTIMIZER.plan(peopled(aired(), (10.0, 5.0))).own_control
            == OPTIMIZER.plan(task(96)).own_control
        )

    def test_have_one_flow_a_day(self) -> None:
        assert len(set(flow_in_use(peopled(aired(), (10.0, 5.0))))) == 1

    def test_have_the_least_flow_that_was_asked_for(self) -> None:
        assert set(flow_in_use(peopled(aired(least_flow_pct=63.0), (1.0, 1.0)))) == {63.0}

    def test_keep_to_the_resolution_of_the_point(self) -> None:
        coarse = replace(FLOW, resolution=25.0, origin=0.0)

        assert set(flow_in_use(peopled(aired(lever=coarse), (10.0, 5.0)))) <= {25.0, 50.0, 75.0}


class TestManyPeople:
    def test_get_more_air_than_by_themselves_even_where_that_costs_more(self) -> None:
        asked = peopled(aired(own_flow_pct=(30.0,) * 96), (40.0, 15.0))
        schedule = OPTIMIZER.plan(asked)

        assert schedule.status is PlanStatus.OPTIMAL
        assert flow_in_use(asked).min() > 45.0

    def test_get_all_there_is_and_the_plan_says_that_it_is_not_enough(self) -> None:
        asked = peopled(aired(), (40.0, 200.0))
        schedule = OPTIMIZER.plan(asked)

        assert schedule.status is PlanStatus.RELAXED
        assert "co2_over" in codes(schedule)
        assert set(flow_in_use(asked)) == {100.0}

    def test_get_it_from_the_timetable_too(self) -> None:
        asked = replace(
            peopled(aired(own_flow_pct=(30.0,) * 96), (40.0, 15.0)), model=None, history=None
        )

        assert OPTIMIZER.plan(asked).status is PlanStatus.FALLBACK
        assert flow_in_use(asked).min() > 45.0


class TestWhatIsNotKnown:
    @pytest.mark.parametrize("counts", [(None, None), (10.0, None), (None, 5.0)])
    def test_people_leave_the_own_flow(self, counts: tuple[float | None, ...]) -> None:
        asked = peopled(aired(own_flow_pct=(80.0,) * 96), counts)

        assert set(flow_in_use(asked)) == {80.0}
        said = [w.code for w in OPTIMIZER.plan(asked).reasons]
        assert said.count("own_flow_kept") == 1

    def test_a_limit_leaves_the_own_flow(self) -> None:
        asked = peopled(aired(own_flow_pct=(80.0,) * 96), (10.0, 5.0), limit_ppm=None)

        assert set(flow_in_use(asked)) == {80.0}

    def test_people_of_one_room_do_not_take_the_air_of_another(self) -> None:
        asked = peopled(aired(own_flow_pct=(30.0,) * 96), (None, 20.0))

        assert flow_in_use(asked).min() > 60.0

    def test_co2_now_is_taken_to_be_at_its_limit(self) -> None:
        """Where people are in at the start, the flow has to be enough at once."""
        later = aired()
        used = tuple((True,) * 40 + (False,) * 56)
        zones = tuple(
            replace(
                z,
                occupied=used,
                people=tuple(20.0 if u else 0.0 for u in used),
                co2_limit_ppm=1000.0,
                low_c=tuple(20.0 if u else 16.0 for u in used),
            )
            for z in later.zones
        )
        unit = replace(later.ventilation[0], required=used)
        unknown = replace(later, zones=zones, ventilation=(unit,))
        fresh = replace(unknown, zones=tuple(replace(z, co2_ppm=420.0) for z in zones))
        run = required_run(unknown)

        assert planned_flow(unknown, run)[0, 0] >= planned_flow(fresh, run)[0, 0]
        assert planned_flow(unknown, run)[0, 0] > 40.0

    def test_a_lever_without_sense_is_left_alone_and_named(self) -> None:
        asked = peopled(aired(lever=replace(FLOW, minimum=-30.0, maximum=0.0)), (10.0, 5.0))
        schedule = OPTIMIZER.plan(asked)

        assert "bad_lever" in codes(schedule)
        assert FLOW.point not in {plan.point for plan in schedule.setpoints}
        assert OPTIMIZER.check(asked, schedule) == ()


class TestWarmRooms:
    """A class room of known physics: its people warm it by 3 kW, and outdoors it freezes."""

    @staticmethod
    def room(high_c: float) -> Problem:
        problem = read((FEW / "problem.json").read_text("utf-8"))
        assert problem.model is not None
        model = problem.model.zones[0]
        warm = replace(model, parameters={**model.parameters, "gain_use_kw": 3.0})
        zone = problem.zones[0]
        high = tuple(high_c if u else h for u, h in zip(zone.occupied, zone.high_c, strict=True))
        return replace(
            problem,
            zones=(replace(zone, high_c=high),),
            model=replace(problem.model, zones=(warm,)),
        )

    @pytest.mark.parametrize(("high_c", "flow"), [(25.0, 30.0), (20.5, 100.0)])
    def test_get_their_own_flow_where_less_would_leave_them_too_warm(
        self, high_c: float, flow: float
    ) -> None:
        asked = self.room(high_c)
        schedule = OPTIMIZER.plan(asked)
        values = on_grid(asked, plan_of(schedule, "ahu.flow"))

        assert set(values[np.array(asked.zones[0].occupied)]) == {flow}
        assert OPTIMIZER.check(asked, schedule) == ()


class TestTheAir:
    def test_of_own_control_is_full_where_nothing_else_is_said(self) -> None:
        own = own_air(task(96))

        assert np.array_equal(own.flow_part, own.run)
        assert np.array_equal(own.fan_power_part, own.run)

    def test_of_half_a_flow_takes_less_than_a_fifth_of_the_power(self) -> None:
        half = replace(planned_air(peopled(aired(), (1.0, 1.0))), flow=np.full((1, 96), 50.0))

        assert half.fan_power_part.max() == pytest.approx(0.5**2.5)
        assert half.fan_power_part.max() < 0.2

    def test_that_is_kept_is_never_less_than_its_own(self) -> None:
        asked = peopled(aired(own_flow_pct=(55.0,) * 96), (1.0, 1.0))
        run = required_run(asked)

        assert own_or_more_air(asked, run).flow.min() == 55.0
        assert planned_air(asked).flow[run > 0].max() < 55.0

    def test_of_two_units_serves_a_room_together(self) -> None:
        one = peopled(aired(), (60.0, 25.0))
        first = one.ventilation[0]
        second = VentilationTask(
            id="ahu2",
            zones=first.zones,
            flow_m3_h=3000.0,
            fan_kw=2.0,
            recovery=0.7,
            own_run=first.own_run,
            required=first.required,
        )
        both = replace(one, ventilation=(first, second))

        assert planned_air(both).flow[0].max() < planned_air(one).flow[0].max()
