"""The state from which a plan starts."""

from __future__ import annotations

import pytest

from bms.model.planning.problem import BuildingModel
from optimizer.identification.identify import heat_shares_of, zone_record
from optimizer.model.heat_shares import HeatShares
from optimizer.model.history import measured_past
from optimizer.model.rc_network import RcNetwork
from optimizer.model.state_estimate import estimate_state
from optimizer.model.steady_state_filter import drive_model, filter_states
from tests.rigs.buildings.toy_building import ZONES, Toy, lived_in
from tests.rigs.buildings.toy_problems import DAYS, problem, toy_model


@pytest.fixture(scope="module")
def toy() -> Toy:
    return lived_in(days=DAYS)


@pytest.fixture(scope="module")
def model() -> BuildingModel:
    return toy_model()


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
