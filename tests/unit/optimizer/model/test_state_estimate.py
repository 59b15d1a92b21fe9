"""The state from which a plan starts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bms.model.planning.problem import BuildingModel
from optimizer.identification.identify import heat_shares_of, zone_record
from optimizer.model.heat_shares import HeatShares
from optimizer.model.history import measured_past
from optimizer.model.rc_network import RcNetwork
from optimizer.model.state_estimate import EstimatedState, estimate_state
from optimizer.model.steady_state_filter import drive_model, filter_states
from tests.rigs.buildings.toy_building import ZONES, Toy, lived_in
from tests.rigs.buildings.toy_problems import DAYS, problem, toy_model


@pytest.fixture(scope="module")
def toy() -> Toy:
    return lived_in(days=DAYS)


@pytest.fixture(scope="module")
def model() -> BuildingModel:
    return toy_model()


@pytest.mark.slow
def test_both_filters_agree(toy: Toy, model: BuildingModel) -> None:
    """The one of plans, with its whole covariance, and the one that has settled."""
    whole = problem(toy)
    assert whole.history is not None
    past = measured_past(whole, whole.history, list(ZONES))
    parameters = [zone.parameters for zone in model.zones]
    rc = RcNetwork.from_parameters(parameters)
    state = estimate_state(past, HeatShares.from_parameters(parameters), rc)
    for z in range(2):
        alone = RcNetwork.from_parameters([parameters[z]])
        record = zone_record(past, heat_shares_of(past), z)
        states = filter_states(drive_model(alone, record.filled()), record.temp)
        assert state.air[z] == pytest.approx(states.air[0, -1], abs=0.4)
        assert state.mass[z] == pytest.approx(states.mass[0, -1], abs=0.5)


@pytest.mark.parametrize(
    ("came_h", "used", "probable"), [(2.0, True, True), (2.0, False, False), (12.0, True, False)]
)
def test_a_sudden_loss_in_use_is_a_probable_window(
    toy: Toy, model: BuildingModel, came_h: float, used: bool, probable: bool
) -> None:
    """A room that falls by 3 K within an hour, two hours or half a day ago."""
    whole = problem(toy)
    assert whole.history is not None
    past = measured_past(whole, whole.history, list(ZONES))
    steps = round(came_h / past.step_h)
    temp, use = past.temp.copy(), np.zeros_like(past.use)
    temp[0, -steps:] -= np.minimum(3.0, 0.75 * np.arange(1, steps + 1))
    use[:, -round(6.0 / past.step_h) :] = used
    parameters = [zone.parameters for zone in model.zones]
    state = estimate_state(
        replace(past, temp=temp, use=use),
        HeatShares.from_parameters(parameters),
        RcNetwork.from_parameters(parameters),
    )
    assert bool(state.window[0] < 0.0) is probable


def test_a_window_is_taken_to_be_closed_within_hours() -> None:
    lasting, window = np.array([-1.0]), np.array([-4.0])
    state = EstimatedState(np.array([19.0]), np.array([19.5]), lasting + window, window)
    ahead = state.disturbance_ahead(96, 0.25)[0]
    assert ahead[0] == pytest.approx(-4.8, abs=0.1)
    assert ahead[31] == pytest.approx(-0.92, abs=0.05)
    assert ahead[-1] == pytest.approx(-0.61, abs=0.02)
