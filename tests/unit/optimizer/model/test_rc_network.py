"""The thermal model against closed-form physics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimizer.model.rc_network import (
    InterpolatedStep,
    RcNetwork,
    forced,
    free_run,
    heat_demand,
    mass_from_air,
    step_matrices,
)


def rc(**changes: float) -> RcNetwork:
    values = {
        "c_air": 10.0,
        "c_mass": 60.0,
        "h_out": 0.5,
        "h_mass": 3.0,
        "h_mass_out": 0.0,
        "h_vent": 0.4,
        "solar": 20.0,
        "solar_to_mass": 0.4,
        "gain_base": 1.0,
        "gain_use": 5.0,
        **changes,
    }
    return RcNetwork(**{name: np.array([value]) for name, value in values.items()})


def test_a_single_node_decays_with_its_time_constant() -> None:
    house = rc(h_mass=0.0, gain_base=0.0)
    a, _ = house.discrete(0.0, 20.0)
    assert a[0, 0, 0] == pytest.approx(np.exp(-1.0))  # 10 kWh/K over 0.5 kW/K is 20 h


def test_ventilation_shortens_the_time_constant() -> None:
    house = rc(h_mass=0.0)
    a, _ = house.discrete(1.0, 10.0 / 0.9)
    assert a[0, 0, 0] == pytest.approx(np.exp(-1.0))


@pytest.mark.slow
@pytest.mark.parametrize("step_h", [1 / 12, 0.25, 1.0])
def test_steady_state_is_the_heat_over_the_conductance(step_h: float) -> None:
    house = rc(gain_base=0.0)
    n = round(2000 / step_h)
    zeros = np.zeros(n)
    air, mass = house.flows(
        heat=zeros + 4.5, temp_out=zeros + 2.0, ghi_kw=zeros, use=zeros, run=zeros + 1.0
    )
    added = forced(InterpolatedStep.of(house, step_h), air, mass, zeros + 1.0)
    start = np.array([[15.0]])
    run = free_run(
        InterpolatedStep.of(house, step_h),
        (start, start),
        added,
        zeros + 1.0,
        np.arange(n)[np.newaxis],
    )
    assert run[0, 0, -1] == pytest.approx(2.0 + 4.5 / 0.9, abs=1e-6)


def test_one_hour_is_four_quarters() -> None:
    house = rc(h_mass_out=0.1)
    whole, _ = house.discrete(0.0, 1.0)
    quarter, _ = house.discrete(0.0, 0.25)
    assert np.allclose(np.linalg.matrix_power(quarter[0], 4), whole[0], atol=1e-12)


def test_part_flow_is_as_exact_as_full_flow() -> None:
    house = rc()
    third = replace(house, h_vent=0.3 * house.h_vent)
    part, whole = (
        step_matrices(house, np.full((1, 2), 0.3), 1.0),
        step_matrices(third, np.ones((1, 2)), 1.0),
    )
    assert np.allclose(part.a, whole.a, atol=1e-12)
    assert np.allclose(part.b, whole.b, atol=1e-12)


def test_the_inverse_gives_back_the_heat() -> None:
    house = rc()
    rng = np.random.default_rng(3)
    n = 200
    heat, outdoors = rng.uniform(0, 30, n), rng.uniform(-5, 10, n)
    run = (np.arange(n) % 96 > 40).astype(float)
    zeros = np.zeros(n)
    drive_model = {"temp_out": outdoors, "ghi_kw": zeros, "use": run, "run": run}
    air_flow, mass_flow = house.flows(heat=heat, **drive_model)
    steps = step_matrices(house, run[np.newaxis], 0.25)
    x = np.array([20.0, 19.0])
    air, mass = [], []
    for k in range(n):
        air.append(x[0])
        mass.append(x[1])
        x = steps.a[k, 0] @ x + steps.b[k, 0] @ [air_flow[0, k], mass_flow[0, k]]
    without, mass_flow = house.flows(heat=zeros, **drive_model)
    added = forced(InterpolatedStep.of(house, 0.25), without, mass_flow, run)
    needed = heat_demand(house, np.array(air), added, np.array([mass]), run, 0.25)
    assert np.allclose(needed, heat[:-1], atol=1e-9)


def test_the_mass_forgets_where_it_started() -> None:
    house = rc(h_mass_out=0.5)
    n = 4000
    mass = mass_from_air(house, np.full(n, 21.0), np.full((1, n), 0.5 * 4.0), 0.25)
    assert mass[0, -1] == pytest.approx((3.0 * 21.0 + 0.5 * 4.0) / 3.5, abs=1e-6)


def test_named_parameters_come_back() -> None:
    house = rc(solar=12.5)
    again = RcNetwork.from_parameters([house.to_parameters(0)])
    assert again.to_parameters(0) == house.to_parameters(0)


def test_many_simulations_in_lockstep_are_those_one_by_one_to_the_last_digit() -> None:
    random = np.random.default_rng(7)
    zones, n, length = 3, 40, 12
    network = RcNetwork(
        **{
            name: np.repeat(getattr(rc(), name), zones) * random.uniform(0.5, 2.0, zones)
            for name in ("c_air", "c_mass", "h_out", "h_mass", "h_vent", "solar", "solar_to_mass")
        },
        h_mass_out=np.zeros(zones),
        gain_base=np.ones(zones),
        gain_use=np.ones(zones),
    )
    step = InterpolatedStep.of(network, 0.25)
    run = np.where(random.random(n) < 0.5, 0.0, random.random(n))
    run[:8] = 0.0
    added = (random.normal(0, 0.1, (zones, n)), random.normal(0, 0.1, (zones, n)))
    index = np.arange(length) + np.array([[0], [1], [5], [28]])
    start = (random.normal(20, 2, (zones, 4)), random.normal(20, 2, (zones, 4)))
    found = free_run(step, start, added, run, index)
    for z in range(zones):
        for w, steps in enumerate(index):
            air, mass = start[0][z, w], start[1][z, w]
            for k, i in enumerate(steps):
                a = step.a[z] + run[i] * step.a_more[z]
                air, mass = (
                    a[0, 0] * air + a[0, 1] * mass + added[0][z, i],
                    a[1, 0] * air + a[1, 1] * mass + added[1][z, i],
                )
                assert found[z, w, k] == air
