"""Sums of savings against hand-made numbers."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Savings, Span
from bms.model.savings.objection import Verdict
from bms.savings.claims.aggregate import COMMON_DRIFT, combine_buildings, combine_meters
from bms.savings.claims.gates import sufficiency_objections
from tests.rigs.fakes.objections import NO_SAVING
from tests.rigs.sentences import danish, english

SPAN = Span(start=datetime(2019, 1, 1, tzinfo=UTC), end=datetime(2019, 2, 1, tzinfo=UTC))


def meter(name="heat", *, adjusted=1000.0, saving=300.0, half=100.0, drift=0.05, **changes):
    return replace(
        Savings(
            meter_id=name,
            commodity=Commodity.HEAT,
            baseline=SPAN,
            reporting=SPAN,
            model="3PH",
            n=365,
            coverage=1.0,
            cv_rmse=0.1,
            nmbe=0.0,
            r2=0.9,
            rho=0.5,
            baseline_kwh=12000.0,
            adjusted_baseline_kwh=adjusted,
            measured_kwh=adjusted - saving,
            saving_kwh=saving,
            saving_low_kwh=saving - half,
            saving_high_kwh=saving + half,
            confidence=0.9,
            drift=drift,
        ),
        **changes,
    )


def refused(name="dead"):
    return meter(
        name,
        model=None,
        adjusted_baseline_kwh=None,
        saving_kwh=None,
        saving_low_kwh=None,
        saving_high_kwh=None,
        reasons=tuple(sufficiency_objections(10, 300, 1.0)),
    )


def half(total):
    return total.saving_high_kwh - total.saving_kwh


def codes(total):
    return [reason.code for reason in total.reasons]


def test_one_meter_is_its_building():
    total = combine_meters("hall", [meter()])
    assert (total.saving_kwh, total.saving_low_kwh, total.saving_high_kwh) == (300.0, 200.0, 400.0)
    assert (total.adjusted_baseline_kwh, total.measured_kwh) == (1000.0, 700.0)
    assert total.verdict is Verdict.VERIFIED
    assert total.reasons == ()


def test_noise_adds_in_quadrature_and_drift_half_correlated():
    without = combine_meters("hall", [meter("a", drift=0.0), meter("b", drift=0.0)])
    assert half(without) == pytest.approx(100.0 * 2**0.5)
    drifting = combine_meters("hall", [meter("a"), meter("b")])
    # 2 * 0.5 * (1.645 * 0.05 * 1000)² on top of 2 * 100²
    assert half(drifting) == pytest.approx((20000.0 + 82.25**2) ** 0.5)


def test_prices_and_factors_value_the_saving():
    parts = [meter("a", saving=300.0), meter("b", saving=-100.0)]
    total = combine_meters("hall", parts, prices={"a": 0.8, "b": 2.0}, factors={"a": 0.1})
    assert total.cost_dkk == pytest.approx(300.0 * 0.8 - 100.0 * 2.0)
    assert total.co2_kg is None  # a factor is missing: not known rather than too small


def test_a_loss_is_part_of_the_sum_and_named():
    loser = meter("b", saving=-50.0, reasons=(NO_SAVING,))
    total = combine_meters("hall", [meter("a", saving=350.0), loser])
    assert total.saving_kwh == 300.0
    assert codes(total) == ["parts_not_claimable"]
    assert "b" in danish(total.reasons[0])
    assert total.verdict is Verdict.VERIFIED


def test_a_meter_that_could_not_be_assessed_is_named_and_caps_the_verdict():
    total = combine_meters("hall", [meter("a"), refused("b")])
    assert total.saving_kwh == 300.0
    assert total.verdict is Verdict.INDICATIVE
    assert total.reasons[0].code == "parts_missing"
    assert "b" in english(total.reasons[0])


def test_names_are_part_of_a_sentence():
    missing = combine_meters(
        "hall", [meter("a"), refused("b"), refused("c"), refused("d")]
    ).reasons[0]
    assert danish(missing) == "b, c og d kunne ikke opgøres og er ikke regnet med i summen."
    assert english(missing) == "Left out of the sum, because not assessable: b, c and d."
    gaps = tuple(sufficiency_objections(365, 300, 0.8))
    thin = combine_meters("hall", [meter("a"), meter("b", reasons=gaps)]).reasons[0]
    assert danish(thin) == "Data om b er for få til, at summen kan bevises."
    assert english(thin) == "The data on b are too few for the sum to be proven."
    loser = meter("b", saving=-50.0, reasons=(NO_SAVING,))
    alone = combine_meters("hall", [meter("a"), loser]).reasons[0]
    assert danish(alone) == "b er regnet med i summen, men kan ikke dokumenteres for sig."
    assert english(alone) == "The sum includes b, which cannot be claimed alone."


def test_nothing_known_is_nothing_claimed():
    for parts in ([], [refused()]):
        total = combine_meters("hall", parts, prices={"dead": 1.0})
        assert total.saving_kwh is None
        assert total.cost_dkk is None
        assert total.verdict is Verdict.NOT_CLAIMABLE
        assert total.reasons
    assert codes(combine_meters("hall", [refused()])) == ["nothing_assessed", "baseline_too_short"]


def test_thin_data_cap_the_sum_when_they_weigh():
    gaps = tuple(sufficiency_objections(365, 300, 0.8))
    heavy = meter("b", reasons=gaps)
    light = meter("b", adjusted=50.0, saving=5.0, half=20.0, reasons=gaps)
    assert combine_meters("hall", [meter("a"), heavy]).verdict is Verdict.INDICATIVE
    assert combine_meters("hall", [meter("a"), light]).verdict is Verdict.VERIFIED


def test_a_sum_within_its_interval_is_not_verified():
    parts = [meter("a", saving=60.0, half=100.0), meter("b", saving=-40.0, half=100.0)]
    total = combine_meters("hall", parts)
    assert codes(total) == ["saving_within_uncertainty"]
    assert total.verdict is Verdict.NOT_CLAIMABLE


def test_poor_fits_cancel_in_a_sum_only_as_independent_ones_do():
    four = [meter(str(i), cv_rmse=0.4) for i in range(4)]
    assert "fit_poor" in codes(combine_meters("hall", four[:1]))
    assert "fit_poor" not in codes(combine_meters("hall", four))  # 0.4 / sqrt(4) = 0.2


def test_a_portfolio_shrinks_to_the_common_mode_and_no_further():
    def share(count):
        buildings = [combine_meters(str(i), [meter()]) for i in range(count)]
        total = combine_buildings("city", buildings)
        assert total.saving_kwh == pytest.approx(300.0 * count)
        return half(total) / total.adjusted_baseline_kwh

    assert share(1) == pytest.approx(0.1)
    assert share(4) < 0.1
    floor = 1.645 * COMMON_DRIFT
    assert floor < share(400) < 1.05 * floor


def test_a_portfolio_names_what_is_missing_and_sums_money():
    known = combine_meters("a", [meter()], prices={"heat": 1.0}, factors={"heat": 0.2})
    total = combine_buildings("city", [known, combine_meters("b", [refused()])])
    assert total.reasons[0].code == "parts_missing"
    assert "b" in english(total.reasons[0])
    assert (total.cost_dkk, total.co2_kg) == (300.0, pytest.approx(60.0))
    assert total.verdict is Verdict.INDICATIVE
    assert [m.meter_id for m in total.meters] == ["heat", "dead"]
    assert combine_buildings("city", []).verdict is Verdict.NOT_CLAIMABLE
