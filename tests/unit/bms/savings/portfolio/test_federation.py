"""The sum over the portfolios of several backends."""

from __future__ import annotations

import pytest

from bms.model.savings.objection import Verdict
from bms.model.savings.upstream import ToldSaving
from bms.savings.portfolio.federation import federated_sum


def told(
    saving: float | None, half: float = 0.0, verdict: Verdict = Verdict.VERIFIED
) -> ToldSaving:
    return ToldSaving(
        id="portfolio",
        adjusted_baseline_kwh=None if saving is None else saving + 900.0,
        measured_kwh=900.0,
        saving_kwh=saving,
        saving_low_kwh=None if saving is None else saving - half,
        saving_high_kwh=None if saving is None else saving + 2 * half,
        confidence=0.9,
        verdict=verdict,
        cost_dkk=10.0,
        co2_kg=None,
    )


def test_savings_add_up_and_their_intervals_in_quadrature() -> None:
    found = federated_sum("all", [told(100.0, 30.0), told(50.0, 40.0)])
    assert found.saving_kwh == 150.0
    assert found.saving_low_kwh == pytest.approx(100.0)
    assert found.saving_high_kwh == pytest.approx(250.0)
    assert (found.measured_kwh, found.cost_dkk, found.co2_kg) == (1800.0, 20.0, None)
    assert found.verdict is Verdict.VERIFIED


def test_the_lowest_verdict_counts() -> None:
    rows = [told(1.0), told(1.0, verdict=Verdict.INDICATIVE)]
    assert federated_sum("all", rows).verdict is Verdict.INDICATIVE


def test_nothing_may_be_claimed_where_one_tells_no_saving() -> None:
    found = federated_sum("all", [told(5.0), told(None)])
    assert (found.saving_kwh, found.verdict) == (5.0, Verdict.NOT_CLAIMABLE)


def test_without_portfolios_nothing_is_known() -> None:
    found = federated_sum("all", [])
    assert (found.saving_kwh, found.measured_kwh) == (None, None)
    assert found.verdict is Verdict.NOT_CLAIMABLE
