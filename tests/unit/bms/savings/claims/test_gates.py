"""The gates between a number and a claim, at their thresholds."""

from __future__ import annotations

import pytest

from bms.model.savings.objection import Objection, Verdict, verdict_of
from bms.savings.claims.gates import (
    GateCode,
    fit_objections,
    size_objections,
    sufficiency_objections,
    weather_objections,
)


def codes(found: list[Objection]) -> list[str]:
    return [each.code for each in found]


@pytest.mark.parametrize(
    ("cv_rmse", "nmbe", "expected", "verdict"),
    [
        (0.25, 0.005, [], Verdict.VERIFIED),
        (0.26, 0.0, [GateCode.FIT_POOR], Verdict.INDICATIVE),
        (1.01, 0.0, [GateCode.FIT_POOR], Verdict.NOT_CLAIMABLE),
        (0.10, -0.006, [GateCode.FIT_BIASED], Verdict.INDICATIVE),
        (0.30, 0.006, [GateCode.FIT_POOR, GateCode.FIT_BIASED], Verdict.INDICATIVE),
    ],
)
def test_fit(cv_rmse: float, nmbe: float, expected: list[str], verdict: Verdict) -> None:
    found = fit_objections(cv_rmse, nmbe)
    assert codes(found) == expected
    assert verdict_of(found) is verdict


@pytest.mark.parametrize(
    ("days", "expected", "verdict"),
    [
        ((300, 12, 0.9), [], Verdict.VERIFIED),
        ((299, 12, 0.9), [GateCode.BASELINE_PART_OF_YEAR], Verdict.INDICATIVE),
        ((59, 12, 0.9), [GateCode.BASELINE_TOO_SHORT], Verdict.NOT_CLAIMABLE),
        ((300, 11, 0.9), [GateCode.REPORTING_SHORT], Verdict.INDICATIVE),
        ((300, 6, 0.9), [GateCode.REPORTING_TOO_SHORT], Verdict.NOT_CLAIMABLE),
        ((300, 12, 0.89), [GateCode.REPORTING_GAPS], Verdict.INDICATIVE),
        ((300, 12, 0.49), [GateCode.REPORTING_GAPS], Verdict.NOT_CLAIMABLE),
    ],
)
def test_sufficiency(days: tuple[int, int, float], expected: list[str], verdict: Verdict) -> None:
    found = sufficiency_objections(*days)
    assert codes(found) == expected
    assert verdict_of(found) is verdict


@pytest.mark.parametrize(
    ("saving", "half_width", "expected", "verdict"),
    [
        (101.0, 100.0, [], Verdict.VERIFIED),
        (100.0, 100.0, [GateCode.SAVING_WITHIN_UNCERTAINTY], Verdict.INDICATIVE),
        (60.0, 100.0, [GateCode.SAVING_WITHIN_UNCERTAINTY], Verdict.NOT_CLAIMABLE),
        (0.0, 100.0, [GateCode.NO_SAVING], Verdict.NOT_CLAIMABLE),
    ],
)
def test_size(saving: float, half_width: float, expected: list[str], verdict: Verdict) -> None:
    found = size_objections(saving, half_width)
    assert codes(found) == expected
    assert verdict_of(found) is verdict


def test_weather_that_the_model_has_not_seen() -> None:
    assert weather_objections(0) == []
    assert verdict_of(weather_objections(1)) is Verdict.INDICATIVE
