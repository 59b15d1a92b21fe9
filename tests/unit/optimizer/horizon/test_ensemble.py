"""An ensemble of what a building may be: its spread, and its roll-out beside that of one."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from bms.model.planning.problem import Problem
from optimizer import identify, read
from optimizer.horizon.building import Building, building_of
from optimizer.horizon.ensemble import LARGEST_RELATIVE, Ensemble, members_of
from optimizer.horizon.forecast_inputs import forecast_inputs
from optimizer.horizon.rollout import roll_out
from optimizer.planning.candidate import Evaluator
from optimizer.planning.known_zones import known_zones
from optimizer.setpoints.air_flow import planned_air
from optimizer.setpoints.load_shifting import counted_share, pays, storing_gain
from tests.rigs.paths import ROOT

CASE = ROOT / "tests" / "cases" / "plans" / "steps_of_quarter_hours" / "problem.json"


@pytest.fixture(scope="module")
def problem() -> Problem:
    """One room in use by day, with its model; 15 min."""
    asked = read(json.dumps(json.loads(CASE.read_text("utf-8"))))
    return asked if asked.model is not None else replace(asked, model=identify(asked))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def evaluator(problem: Problem) -> Evaluator:
    assert problem.model is not None
    known = known_zones(problem, problem.model)
    inputs = forecast_inputs(problem)
    return Evaluator.of(
        problem, building_of(problem, known.tasks, known.models, known.state, inputs)
    )


def test_members_differ_within_their_standard_errors(evaluator: Evaluator) -> None:
    building = evaluator.building
    unsure = tuple(
        replace(model, standard_errors={"ua_kw_per_k": 0.1 * model.parameters["ua_kw_per_k"]})
        for model in building.models
    )
    members = members_of(replace(building, models=unsure), 20)
    losses = np.array([float(member.rc.h_out[0]) for member in members])
    assert len(set(losses)) == 20
    assert 0.05 < np.std(np.log(losses)) < 0.2
    assert np.median(losses) == pytest.approx(float(building.rc.h_out[0]), rel=0.1)


def test_errors_that_are_larger_count_as_the_largest(evaluator: Evaluator) -> None:
    building = evaluator.building
    unknown = tuple(replace(m, standard_errors={"ua_kw_per_k": 1e6}) for m in building.models)
    members = members_of(replace(building, models=unknown), 20)
    losses = np.log([float(member.rc.h_out[0]) for member in members])
    assert np.std(losses) < 2 * LARGEST_RELATIVE


def test_the_same_question_has_the_same_members(evaluator: Evaluator) -> None:
    first, again = (members_of(evaluator.building, 3) for _ in range(2))
    assert [float(m.rc.c_air[0]) for m in first] == [float(m.rc.c_air[0]) for m in again]


def test_a_building_that_is_known_for_sure_is_all_of_its_members(evaluator: Evaluator) -> None:
    building = evaluator.building
    sure = tuple(replace(model, standard_errors={}) for model in building.models)
    for member in members_of(replace(building, models=sure), 3):
        assert float(member.rc.c_mass[0]) == pytest.approx(float(building.rc.c_mass[0]))


def test_it_is_simulated_as_one_building_is(evaluator: Evaluator, problem: Problem) -> None:
    building = evaluator.building
    air = planned_air(problem)
    dynamics = evaluator.dynamics(air)
    run = Ensemble(((building, dynamics),) * 2).roll_out(building.own_setpoint)
    one = roll_out(building, dynamics, building.own_setpoint)
    assert run.heat[1] == pytest.approx(one.heat.sum(axis=0))
    assert run.air[0] == pytest.approx(one.air[:, -1])
    assert run.mass[1] == pytest.approx(one.mass[:, -1])


def test_what_the_plant_lacks_is_lacking_in_every_member(
    evaluator: Evaluator, problem: Problem
) -> None:
    weak: Building = replace(evaluator.building, capacity_kw=0.5)
    dynamics = evaluator.dynamics(planned_air(problem))
    run = Ensemble(((weak, dynamics),) * 2).roll_out(weak.own_setpoint + 3.0)
    one = roll_out(weak, dynamics, weak.own_setpoint + 3.0)
    assert run.heat[0] == pytest.approx(one.heat.sum(axis=0))


def test_heating_more_at_a_flat_price_gains_nothing(evaluator: Evaluator, problem: Problem) -> None:
    ensemble = evaluator.ensemble(planned_air(problem))
    own = evaluator.building.own_setpoint
    gain = storing_gain(ensemble, own, own + 1.0)
    assert np.all(gain < 0.0)
    assert np.all(storing_gain(ensemble, own, own) == 0.0)


def test_the_more_the_models_erred_the_less_is_counted_on(evaluator: Evaluator) -> None:
    shares = []
    for error_k in (0.0, 0.4, 0.8):
        models = tuple(replace(m, rmse_24h_k=error_k) for m in evaluator.building.models)
        shares.append(counted_share(replace(evaluator.building, models=models)))
    assert shares == pytest.approx([1.0, 0.8, 0.0])


@pytest.mark.parametrize(
    ("gain", "worth"),
    [([5.0, 5.2, 4.8], True), ([9.0, -8.0, 3.0], False), ([0.0, 0.0, 0.0], False)],
)
def test_a_gain_that_is_unsure_or_small_does_not_pay(
    evaluator: Evaluator, problem: Problem, gain: list[float], worth: bool
) -> None:
    building = evaluator.building
    rollout = roll_out(building, evaluator.dynamics(planned_air(problem)), building.own_setpoint)
    assert pays(np.array(gain), building, rollout) is worth
