"""The rival solves the same program."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.bench.planning.cvxpy_rival import by_cvxpy, has_cvxpy
from optimizer.linear_program.highs import minimise
from optimizer.linear_program.program import linear_program
from optimizer.linear_program.time_blocks import single_steps
from optimizer.planning.make_plan import program_for
from tests.rigs.buildings.toy_problems import task


@pytest.mark.slow
@pytest.mark.skipif(not has_cvxpy(), reason="cvxpy is not installed: pip install '.[bench]'")
def test_the_rival_finds_the_same_optimum() -> None:
    asked = program_for(task(48))
    same = replace(asked, blocks=single_steps(asked.building.n))
    linear = linear_program(same)
    x = minimise(linear)
    assert not isinstance(x, str)
    assert by_cvxpy(same) == pytest.approx(float(linear.cost @ x), rel=1e-6)
