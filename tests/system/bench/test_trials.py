"""Trials on the real meters of the bench: a planted saving is found, and nothing where none is."""

from __future__ import annotations

import numpy as np
import pytest

from bms.bench.savings.trials import EFFECT, RUNS, PlantedRun, meter_pasts, runs

FEW = 40


@pytest.fixture(scope="module", params=[True, False], ids=["made days", "real days"])
def planted_runs(request: pytest.FixtureRequest) -> list[PlantedRun]:
    return list(runs(meter_pasts(), FEW, made=request.param))


def test_the_planted_effect_is_inside(planted_runs: list[PlantedRun]) -> None:
    assert RUNS == 500
    shares = [each.planted.share for each in planted_runs]
    known = [share for share in shares if share is not None]
    assert len(known) >= 0.95 * FEW
    assert np.mean([share.holds(EFFECT) for share in known]) >= 0.9
    assert np.median([share.value for share in known]) == pytest.approx(EFFECT, abs=0.015)
    assert np.mean([each.planted.saving.above_zero for each in planted_runs]) > 0.35


def test_where_nothing_was_planted_no_effect_is_inside(planted_runs: list[PlantedRun]) -> None:
    assert np.mean([each.nothing.saving.holds(0.0) for each in planted_runs]) >= 0.9
