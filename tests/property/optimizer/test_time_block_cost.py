"""A coarser grid further out costs next to nothing, whatever the prices and the state."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bms.bench.planning.speed import cost_of
from optimizer.horizon.peak_demand import PeakDemand
from optimizer.linear_program.program import HorizonProgram
from optimizer.linear_program.time_blocks import blocks_of, single_steps
from tests.rigs.buildings.toy_problems import program, solved
from tests.rigs.examples import examples

MOST = 0.01
ROUNDING_DKK = 0.5


def coarse(task: HorizonProgram) -> HorizonProgram:
    targets = task.targets
    return replace(
        task,
        blocks=blocks_of(
            use=task.building.use,
            fixed=np.concatenate([targets.low, targets.high, targets.price]),
            price=task.building.inputs.heat_price,
            peak=task.peak.is_priced,
            step_s=900,
            steps_into_hour=0,
        ),
    )


def changed(air: float, price: np.ndarray, peak: PeakDemand) -> HorizonProgram:
    task = program()
    now = np.full(len(task.building.zones), air)
    heat = replace(task.building.inputs.heat, price=price)
    building = replace(
        task.building,
        inputs=replace(task.building.inputs, heat=heat),
        state=replace(task.building.state, air=now, mass=now),
    )
    return replace(task, building=building, peak=peak)


@pytest.mark.slow
@given(
    air=st.floats(15.0, 24.0),
    level=st.floats(0.3, 2.0),
    swing=st.floats(0.0, 0.6),
    hours=st.floats(3.0, 24.0),
    noise=st.floats(0.0, 0.1),
    peak=st.sampled_from([PeakDemand(), PeakDemand(so_far_kw=10.0, dkk_per_kw=20.0)]),
)
@settings(max_examples=examples(10), deadline=None)
def test_within_one_per_cent_of_the_uniform_grids(
    air: float, level: float, swing: float, hours: float, noise: float, peak: PeakDemand
) -> None:
    quarter = np.arange(192)
    rough = noise * np.random.default_rng(1).uniform(-1.0, 1.0, 192)
    price = level * (1.0 + swing * np.sin(quarter / 4 * 2 * np.pi / hours) + rough)
    task = changed(air, price, peak)
    exact = replace(task, blocks=single_steps(192))
    best = cost_of(exact, solved(exact).heat)
    ours = cost_of(exact, solved(coarse(task)).heat)
    assert ours <= best + MOST * abs(best) + ROUNDING_DKK
    assert coarse(task).blocks.m < 192
