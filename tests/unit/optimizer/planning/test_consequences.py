"""What somebody holds stands until its end; the rest is planned around it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from bms.model.assets.equipment import HeatSource, HeatSourceKind
from bms.model.assets.point import Role
from bms.model.fact import Fact, Moment, Term
from bms.model.planning.plan import PlanStatus, Schedule
from bms.model.planning.problem import CurveTask, HeldValue, Lever, Problem
from bms.model.readings.units import Unit
from optimizer import check, plan
from optimizer.explain.relaxation import RelaxedLimit
from tests.rigs.buildings.toy_building import HIGH
from tests.rigs.buildings.toy_problems import (
    FLOW,
    SUPPLY,
    aired,
    codes,
    milder,
    on_grid,
    peopled,
    plan_of,
    supplied,
    task,
)

OFFICE, HALL, RUN, CURVE = "toy/office.setpoint", "toy/hall.setpoint", "toy/ahu1.run", "toy/curve"
PUMP = HeatSource(
    kind=HeatSourceKind.HEAT_PUMP, capacity_kw=80.0, cop=((-10.0, 2.2), (10.0, 3.8)),
    cop_gain_per_k=0.025,
)  # fmt: skip


@pytest.fixture(scope="module")
def free() -> Problem:
    """A day from Monday at midnight UTC."""
    return task(96)


def held(lever: Lever | None, value: float, hours: float | None) -> Lever:
    assert lever is not None
    until = None if hours is None else task(96).start + timedelta(hours=hours)
    return replace(lever, held=HeldValue(value=value, by="Ane", until=until))


def held_office(problem: Problem, value: float, hours: float | None = None) -> Problem:
    office, hall = problem.zones
    return replace(problem, zones=(replace(office, lever=held(office.lever, value, hours)), hall))


def held_unit(problem: Problem, **levers: Lever) -> Problem:
    return replace(problem, ventilation=(replace(problem.ventilation[0], **levers),))  # type: ignore[arg-type]


def row(problem: Problem, point: str) -> np.ndarray:
    schedule = plan(problem)
    assert check(problem, schedule) == ()
    return on_grid(problem, plan_of(schedule, point))


def reason(schedule: Schedule, code: str) -> Fact:
    return next(each for each in schedule.reasons if isinstance(each, Fact) and each.code == code)


class TestAZone:
    @pytest.mark.parametrize("value", [23.47, 27.0, 12.0])
    @pytest.mark.parametrize("hours", [10.0, None])
    def test_has_the_value_until_the_end_also_outside_band_and_limits(
        self, free: Problem, value: float, hours: float | None
    ) -> None:
        steps = round(4 * hours) if hours else free.steps
        values = row(held_office(free, value, hours), OFFICE)

        assert (values[:steps] == value).all()
        assert not (values[steps:] == value).any()

    def test_is_planned_from_the_end_on(self, free: Problem) -> None:
        """Held cold until noon UTC it is warmed up at once: people are in until three."""
        values = row(held_office(free, 15.0, 12.0), OFFICE)

        assert (values[48:60] == row(free, OFFICE)[48:60]).all()
        assert values[60:].max() < values[48]

    def test_that_was_held_warm_falls_back_to_a_setback_when_it_ends_before_use(
        self, free: Problem
    ) -> None:
        """A raised setpoint of somebody else is no warm-up that has to be carried through."""
        values = row(held_office(free, 22.0, 2.0), OFFICE)

        assert values[8] < 20.0
        assert values[28] == row(free, OFFICE)[28]

    @pytest.mark.slow
    def test_leaves_its_neighbour_as_planned(self, free: Problem) -> None:
        for value in (23.0, 12.0):
            assert (row(held_office(free, value, 10.0), HALL) == row(free, HALL)).all()

    def test_brings_no_saving_as_own_control_has_the_value_too(self, free: Problem) -> None:
        both = free
        for z in (0, 1):
            zones = list(both.zones)
            zones[z] = replace(zones[z], lever=held(zones[z].lever, 17.0, None))
            both = replace(both, zones=tuple(zones))
        schedule = plan(replace(both, ventilation=()))

        assert schedule.expected == schedule.own_control
        assert schedule.expected.comfort_kh
        assert check(replace(both, ventilation=()), schedule) == ()

    def test_outside_its_band_relaxes_nothing_while_it_is_held(self, free: Problem) -> None:
        schedule = plan(held_office(free, 12.0))

        assert schedule.status is PlanStatus.OPTIMAL
        assert "comfort_relaxed" not in codes(schedule)
        assert schedule.expected.comfort_kh is not None
        assert schedule.expected.comfort_kh > 10.0

    def test_left_cold_is_relaxed_by_what_is_short_after_the_end(self, free: Problem) -> None:
        schedule = plan(held_office(free, 12.0, 12.0))
        short = reason(schedule, "comfort_relaxed").parameters["kelvin_hours"]

        assert schedule.status is PlanStatus.RELAXED
        assert isinstance(short, float)
        assert 0.1 < short < 3.0 < (schedule.expected.comfort_kh or 0.0)

    def test_whose_hold_is_over_is_free(self, free: Problem) -> None:
        over = held_office(free, 27.0, 0.0)

        assert plan(over).setpoints == plan(free).setpoints
        assert "lever_held" not in codes(plan(over))

    def test_without_a_model_has_it_in_the_timetable(self, free: Problem) -> None:
        asked = held_office(replace(free, model=None, history=None), 25.3, 10.0)
        values = row(asked, OFFICE)

        assert (values[:40] == 25.3).all()
        assert values[40:].max() <= HIGH


class TestAUnit:
    @pytest.mark.parametrize(("value", "hours"), [(0.0, 12.0), (1.0, None)])
    def test_runs_as_it_is_held(self, free: Problem, value: float, hours: float | None) -> None:
        asked = held_unit(free, lever=held(free.ventilation[0].lever, value, hours))
        steps = 48 if hours else free.steps
        values = row(asked, RUN)

        assert (values[:steps] == value).all()
        assert (values[steps:] == row(free, RUN)[steps:]).all()

    @pytest.mark.parametrize("value", [10.0, 25.0, 100.0])
    def test_has_the_flow_at_which_it_is_held_and_makes_good_for_it(self, value: float) -> None:
        asked = peopled(aired(), (20.0, 10.0))
        values = row(held_unit(asked, flow_lever=held(FLOW, value, 12.0)), FLOW.point)

        assert (values[:48] == value).all()
        assert values[-1] == row(asked, FLOW.point)[-1]
        assert (values[48] == 100.0) == (value < 30.0)  # stale air is driven out first

    @pytest.mark.slow
    @pytest.mark.parametrize("value", [24.0, 14.25])
    def test_supplies_air_as_it_is_held(self, value: float) -> None:
        asked = milder(supplied(), 8.0)
        values = row(held_unit(asked, supply_lever=held(SUPPLY, value, 12.0)), SUPPLY.point)

        assert (values[:48] == value).all()
        assert (values[48:] == row(asked, SUPPLY.point)[48:]).all()

    def test_does_not_cool_a_room_that_somebody_holds_warm(self) -> None:
        asked = milder(supplied(), 8.0)
        values = row(held_office(asked, 22.0), SUPPLY.point)

        assert (values == 20.0).all()


class TestTheCurve:
    LEVER = Lever(
        point=CURVE, role=Role.HEATING_CURVE_SHIFT, unit=Unit.KELVIN,
        minimum=-5.0, maximum=5.0, resolution=1.0,
    )  # fmt: skip

    def asked(self, lever: Lever) -> Problem:
        return replace(task(96), heat_source=PUMP, curve=CurveTask(lever=lever))

    @pytest.mark.parametrize("value", [2.5, -9.0])
    def test_is_shifted_as_it_is_held(self, value: float) -> None:
        values = row(self.asked(held(self.LEVER, value, 12.0)), CURVE)

        assert (values[:48] == value).all()
        assert (values[48:] == row(self.asked(self.LEVER), CURVE)[48:]).all()

    def test_brings_own_control_the_same_gain(self) -> None:
        lowered = plan(self.asked(held(self.LEVER, -5.0, None)))
        plain = plan(self.asked(self.LEVER))

        assert lowered.own_control.energy_kwh is not None
        assert plain.own_control.energy_kwh is not None
        assert lowered.own_control.energy_kwh < 0.95 * plain.own_control.energy_kwh


class TestWhatPeopleAreTold:
    def test_is_the_point_the_value_until_when_and_by_whom(self, free: Problem) -> None:
        told = reason(plan(held_office(free, 23.47, 10.0)), "lever_held").parameters

        assert (told["point"], told["value"], told["by"]) == (OFFICE, 23.47, "Ane")
        assert told["until"] == Moment(free.start + timedelta(hours=10))

    def test_is_that_no_end_is_known(self, free: Problem) -> None:
        told = reason(plan(held_office(free, 23.47)), "lever_held").parameters

        assert isinstance(told["until"], Term)


class TestTheChecker:
    @pytest.mark.parametrize("peopled_air", [False, True])
    def test_objects_where_the_plan_departs_from_what_is_held(
        self, free: Problem, peopled_air: bool
    ) -> None:
        """Each plan is that of the same problem without a hold."""
        problem = peopled(aired(), (20.0, 10.0)) if peopled_air else free
        unit = problem.ventilation[0]
        spoilt = [held_office(problem, 23.0, 10.0)]
        spoilt += [held_unit(problem, lever=held(unit.lever, 1.0, 1.0))]
        if unit.flow_lever is not None:
            spoilt += [held_unit(problem, flow_lever=held(unit.flow_lever, 77.0, 10.0))]
        for asked in spoilt:
            objection = check(asked, plan(problem))[0]
            assert objection.code == "check_held"
            assert objection.parameters["at"] == Moment(problem.start)

    def test_is_as_strict_as_ever_after_the_end(self, free: Problem) -> None:
        asked = held_office(free, 12.0, 10.0)
        schedule = plan(asked)
        always = plan(held_office(free, 12.0))

        assert check(asked, replace(schedule, setpoints=always.setpoints))[0].code == "check_limit"


@pytest.mark.parametrize(
    ("hours", "status"), [(0.5, PlanStatus.OPTIMAL), (1.0, PlanStatus.RELAXED)], ids=str
)
def test_w04_a_plan_for_a_room_that_nobody_has_seen_for_an_hour_is_relaxed(
    hours: float, status: PlanStatus
) -> None:
    asked = task(96)
    since = asked.start - timedelta(hours=hours)
    zones = (replace(asked.zones[0], blind_since=since), *asked.zones[1:])
    schedule = plan(replace(asked, zones=zones))
    assert schedule.status is status
    said = [reason for reason in schedule.reasons if reason.code == RelaxedLimit.BLIND]
    assert [reason.parameters["since"] for reason in said] == [Moment(since)] * (hours >= 1.0)
