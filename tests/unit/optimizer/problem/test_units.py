"""The same building in K and in degC has the same plan, each lever in its own unit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bms.model.assets.equipment import HeatSource, HeatSourceKind
from bms.model.assets.point import Role
from bms.model.planning.plan import PlanStatus
from bms.model.planning.problem import BuildingModel, Lever, Numbers, Problem, Weather
from bms.model.readings.units import Unit
from optimizer import check, identify, plan
from optimizer.model.quantise import has_value, nearest_value, quantise_up
from optimizer.problem.units import in_celsius
from tests.rigs.buildings.toy_building import Toy, lived_in
from tests.rigs.buildings.toy_problems import DAYS, problem, task

ZERO = 273.15


@pytest.fixture(scope="module")
def toy() -> Toy:
    return lived_in(days=DAYS)


@pytest.fixture(scope="module")
def celsius() -> Problem:
    return task(96)


def up(row: Numbers) -> tuple[Any, ...]:
    return tuple(None if value is None else value + ZERO for value in row)


def weather(of: Weather) -> Weather:
    return replace(of, temp_out_c=up(of.temp_out_c))


def kelvin_lever(lever: Lever | None, resolution: float, origin: float) -> Lever | None:
    if lever is None:
        return None
    low, high = lever.minimum + ZERO, lever.maximum + ZERO
    return replace(
        lever, unit=Unit.KELVIN, minimum=low, maximum=high, resolution=resolution, origin=origin
    )


def in_kelvin(task: Problem, resolution: float = 0.1, origin: float = ZERO) -> Problem:
    """The same question; with the usual origin the levers take the same values, too."""
    assert task.history is not None
    zones = tuple(
        replace(
            zone,
            low_c=up(zone.low_c),
            high_c=up(zone.high_c),
            own_setpoint_c=up(zone.own_setpoint_c),
            lever=kelvin_lever(zone.lever, resolution, origin),
        )
        for zone in task.zones
    )
    past = tuple(
        replace(zone, temp_c=up(zone.temp_c), setpoint_c=up(zone.setpoint_c))
        for zone in task.history.zones
    )
    history = replace(task.history, weather=weather(task.history.weather), zones=past)
    return replace(
        task,
        temperature_unit=Unit.KELVIN,
        weather=weather(task.weather),
        zones=zones,
        history=history,
    )


class TestTheSamePlan:
    def test_moves_the_same_way_and_costs_the_same(self, celsius: Problem) -> None:
        ours, theirs = plan(celsius), plan(in_kelvin(celsius))

        assert theirs.zones == ours.zones
        assert ours.zones[0].status is PlanStatus.OPTIMAL
        assert (theirs.expected, theirs.own_control) == (ours.expected, ours.own_control)
        for one, other in zip(ours.setpoints[:2], theirs.setpoints[:2], strict=True):
            assert [s.start for s in one.steps] == [s.start for s in other.steps]
            assert [s.value for s in other.steps] == pytest.approx(
                [s.value + ZERO for s in one.steps]
            )

    @pytest.mark.slow
    def test_has_the_same_model(self, toy: Toy, celsius: Problem) -> None:
        theirs = identify(in_kelvin(problem(toy)))

        assert isinstance(theirs, BuildingModel)
        assert celsius.model is not None
        for one, other in zip(celsius.model.zones, theirs.zones, strict=True):
            assert other.parameters == pytest.approx(one.parameters, rel=1e-3, abs=1e-6)

    def test_answers_in_the_unit_of_each_lever(self, celsius: Problem) -> None:
        asked = in_kelvin(celsius)
        mixed = replace(
            asked, zones=(asked.zones[0], replace(asked.zones[1], lever=celsius.zones[1].lever))
        )
        schedule = plan(mixed)
        first, second = schedule.setpoints[:2]

        assert (first.unit, second.unit) == (Unit.KELVIN, Unit.DEG_C)
        assert all(288.0 <= step.value <= 298.0 for step in first.steps)
        assert all(15.0 <= step.value <= 24.0 for step in second.steps)
        assert check(mixed, schedule) == ()

    def test_forecasts_in_the_unit_of_the_problem(self, celsius: Problem) -> None:
        ours, theirs = plan(celsius), plan(in_kelvin(celsius))

        assert (ours.temperature_unit, theirs.temperature_unit) == (Unit.DEG_C, Unit.KELVIN)
        for one, other in zip(ours.forecast, theirs.forecast, strict=True):
            assert other.temp_c == pytest.approx(up(one.temp_c), abs=0.2)

    @pytest.mark.parametrize("resolution", [0.1, 0.5, 1.0])
    def test_hits_the_resolution_of_a_kelvin_lever(
        self, celsius: Problem, resolution: float
    ) -> None:
        asked = in_kelvin(celsius, resolution, origin=0.0)
        schedule = plan(asked)

        assert check(asked, schedule) == ()
        for found in schedule.setpoints[:2]:
            for step in found.steps:
                assert step.value / resolution == pytest.approx(round(step.value / resolution))


class TestTheCheckerInKelvin:
    @pytest.mark.parametrize("moved", [-6.0, 8.0])
    def test_sees_a_value_out_of_the_band(self, celsius: Problem, moved: float) -> None:
        asked = in_kelvin(celsius)
        schedule = plan(asked)
        first = schedule.setpoints[0]
        wrong = replace(
            first, steps=tuple(replace(step, value=step.value + moved) for step in first.steps)
        )
        spoilt = replace(schedule, setpoints=(wrong, *schedule.setpoints[1:]))

        assert check(asked, schedule) == ()
        assert check(asked, spoilt)

    def test_sees_a_plan_in_degrees_for_a_kelvin_lever(self, celsius: Problem) -> None:
        codes = {words.code for words in check(in_kelvin(celsius), plan(celsius))}

        assert {"check_unit", "check_limit"} <= codes


class TestTheBorder:
    def test_a_problem_in_degrees_is_left_as_it_is(self, celsius: Problem) -> None:
        assert in_celsius(celsius) == celsius

    def test_the_points_of_the_heat_pump_are_converted_too(self, celsius: Problem) -> None:
        pump = HeatSource(
            kind=HeatSourceKind.HEAT_PUMP, capacity_kw=20.0, cop=((263.15, 2.0), (283.15, 4.0))
        )
        inside = in_celsius(replace(in_kelvin(celsius), heat_source=pump))

        assert inside.heat_source.cop == ((-10.0, 2.0), (10.0, 4.0))
        assert inside.temperature_unit is Unit.DEG_C

    def test_a_shift_in_kelvin_is_a_difference(self, celsius: Problem) -> None:
        shift = Lever(
            point="curve",
            role=Role.HEATING_CURVE_SHIFT,
            unit=Unit.KELVIN,
            minimum=-5.0,
            maximum=0.0,
        )
        odd = replace(celsius, zones=(replace(celsius.zones[0], lever=shift), celsius.zones[1]))

        assert in_celsius(odd).zones[0].lever == shift

    @pytest.mark.parametrize("unit", [Unit.KWH, Unit.PERCENT])
    def test_another_unit_is_refused_in_words(self, celsius: Problem, unit: Unit) -> None:
        schedule = plan(replace(celsius, temperature_unit=unit))

        assert [words.code for words in schedule.reasons] == ["bad_temperature_unit"]
        assert schedule.setpoints == ()

    def test_kelvin_that_was_not_declared_is_left_out_and_named(self, celsius: Problem) -> None:
        asked = replace(in_kelvin(celsius), temperature_unit=Unit.DEG_C)
        codes = [words.code for words in plan(asked).reasons]

        assert codes.count("band_looks_like_kelvin") == 2
        assert codes.count("looks_like_kelvin") == 2  # the weather, the past

    def test_a_start_without_offset_is_refused_in_words(self, celsius: Problem) -> None:
        schedule = plan(replace(celsius, start=celsius.start.replace(tzinfo=None)))

        assert [words.code for words in schedule.reasons] == ["no_offset"]

    def test_a_past_without_offset_is_no_past(self, celsius: Problem) -> None:
        assert celsius.history is not None
        naive = replace(celsius.history, start=celsius.history.start.replace(tzinfo=None))
        codes = {words.code for words in plan(replace(celsius, history=naive)).reasons}

        assert {"no_offset", "no_history"} <= codes

    def test_what_lies_beyond_the_start_is_not_looked_at(self, celsius: Problem) -> None:
        """A past that goes on into the horizon gives the plan of the past alone."""
        assert celsius.history is not None
        past = celsius.history
        longer = replace(
            past,
            weather=Weather(
                temp_out_c=past.weather.temp_out_c + (30.0,) * 8,
                ghi_wm2=past.weather.ghi_wm2 + (0.0,) * 8,
            ),
            heat_kw=past.heat_kw + (0.0,) * 8,
            zones=tuple(
                replace(
                    zone,
                    temp_c=zone.temp_c + (5.0,) * 8,
                    setpoint_c=zone.setpoint_c + (16.0,) * 8,
                    valve_pct=zone.valve_pct + (0.0,) * 8,
                    occupied=zone.occupied + (True,) * 8,
                )
                for zone in past.zones
            ),
            ventilation=tuple(replace(u, run=u.run + (1.0,) * 8) for u in past.ventilation),
        )

        assert plan(replace(celsius, history=longer)) == plan(celsius)


class TestAGridWithAnOrigin:
    LEVER = Lever(
        point="p",
        role=Role.ZONE_SETPOINT,
        unit=Unit.DEG_C,
        minimum=15.0,
        maximum=22.0,
        resolution=0.5,
        origin=0.2,
    )

    def test_values_are_the_next_at_or_above(self) -> None:
        assert quantise_up(np.array([10.0, 18.0, 18.2, 18.3, 30.0]), self.LEVER).tolist() == [
            15.2,
            18.2,
            18.2,
            18.7,
            21.7,
        ]

    def test_the_nearest_value(self) -> None:
        assert nearest_value(18.4, self.LEVER) == 18.2
        assert nearest_value(18.5, self.LEVER) == 18.7

    def test_a_range_without_a_value_is_not_sane(self) -> None:
        assert has_value(self.LEVER)
        assert not has_value(replace(self.LEVER, minimum=15.3, maximum=15.6))
