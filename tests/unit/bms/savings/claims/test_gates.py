"""The gates between a number and a claim, at their thresholds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.model.savings.finding import FindingCode
from bms.model.savings.objection import Objection, Verdict, verdict_of
from bms.savings.claims.gates import (
    GateCode,
    event_objections,
    fit_objections,
    size_objections,
    sufficiency_objections,
    weather_objections,
)
from bms.savings.models.restlessness import the_estate
from tests.rigs.fakes.savings_entry import REPORTING, STEP

VERIFIED, LIKELY = 100.0 * the_estate().verified, 100.0 * the_estate().indicative


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
        (1.01 * VERIFIED, 100.0, [], Verdict.VERIFIED),
        (0.99 * VERIFIED, 100.0, [GateCode.SAVING_WITHIN_UNCERTAINTY], Verdict.INDICATIVE),
        (0.99 * LIKELY, 100.0, [GateCode.SAVING_WITHIN_UNCERTAINTY], Verdict.NOT_CLAIMABLE),
        (0.0, 100.0, [GateCode.NO_SAVING], Verdict.NOT_CLAIMABLE),
    ],
)
def test_size(saving: float, half_width: float, expected: list[str], verdict: Verdict) -> None:
    found = size_objections(saving, saving - half_width, saving + half_width)
    assert codes(found) == expected
    assert verdict_of(found) is verdict


@pytest.mark.parametrize(
    ("saving", "code", "verdict"),
    [
        (1.01 * VERIFIED, None, Verdict.VERIFIED),
        (101.0, GateCode.PROVEN_IN_FIRST_YEAR, Verdict.VERIFIED),
        (99.0, GateCode.SAVING_WITHIN_UNCERTAINTY, Verdict.INDICATIVE),
    ],
)
def test_what_the_first_year_proved_stays_while_the_interval_lies_above_zero(
    saving: float, code: GateCode | None, verdict: Verdict
) -> None:
    found = size_objections(saving, saving - 100.0, saving + 100.0, first_year=True)
    assert codes(found) == ([] if code is None else [code])
    assert verdict_of(found) is verdict


@pytest.mark.parametrize(("saving", "ceiling"), [(310.0, "verified"), (290.0, "indicative")])
def test_an_event_must_leave_something_of_what_the_first_year_proved(
    saving: float, ceiling: str
) -> None:
    step = replace(STEP, proposal=replace(STEP.proposal, kwh=-300.0, kwh_se=10.0))
    low, high = saving - 250.0, saving + 250.0
    found = event_objections([step], REPORTING, 1.0, low, high, first_year=True)
    assert [each.ceiling for each in found] == [Verdict(ceiling)]


def test_weather_that_the_model_has_not_seen() -> None:
    assert weather_objections(0, 14) == []
    assert weather_objections(7, 365) == []
    assert verdict_of(weather_objections(8, 365)) is Verdict.INDICATIVE
    assert verdict_of(weather_objections(1, 14)) is Verdict.INDICATIVE


def test_the_middle_of_the_interval_decides_where_the_baseline_year_had_a_trend() -> None:
    beyond = 1.01 * VERIFIED
    assert size_objections(beyond, beyond - 100.0, beyond + 100.0) == []
    assert codes(size_objections(beyond, beyond - 130.0, beyond + 70.0)) == [
        GateCode.SAVING_WITHIN_UNCERTAINTY
    ]


@pytest.mark.parametrize(
    ("kwh", "saving", "ceiling"),
    [
        (-300.0, 400.0, Verdict.VERIFIED),
        (-300.0, 360.0, Verdict.INDICATIVE),
        (300.0, 400.0, Verdict.VERIFIED),
        (300.0, 100.0, Verdict.INDICATIVE),
    ],
)
def test_an_event_limits_a_saving_that_is_not_proven_whatever_is_decided(
    kwh: float, saving: float, ceiling: Verdict
) -> None:
    proposal = replace(STEP.proposal, kwh=kwh, kwh_se=10.0)
    found = event_objections(
        [replace(STEP, proposal=proposal)], REPORTING, 1.0, saving - 100.0, saving + 100.0
    )
    assert [each.ceiling for each in found] == [ceiling]


@pytest.mark.parametrize(("saving", "ceiling"), [(400.0, "verified"), (360.0, "indicative")])
def test_a_step_of_an_unclear_period_is_no_proposal_and_may_still_leave_a_proof(
    saving: float, ceiling: str
) -> None:
    as_it_seems = replace(STEP.proposal, kwh=-300.0, kwh_se=10.0)
    unclear = replace(STEP, code=FindingCode.STEP_UNCLEAR, proposal=None, unsure=as_it_seems)
    found = event_objections([unclear], REPORTING, 1.0, saving - 100.0, saving + 100.0)
    assert [each.ceiling for each in found] == [Verdict(ceiling)]
