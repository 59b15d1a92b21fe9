"""Savings of a site, what hours of use cost, and simulated worlds side by side: by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from bms.errors import FeedError
from bms.model.assets.equipment import HeatSourceKind
from bms.model.readings.measurement import Reading
from bms.model.savings.avoided_use import SiteSavings, Span
from bms.model.savings.objection import Verdict
from bms.services.assessment.site_savings import assess_site, meter_use
from bms.services.periods import Periods
from bms.services.simulated_worlds import (
    HourlyUse,
    Truth,
    WorldComparison,
    WorldResult,
    compare_worlds,
    outcome,
)
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import HOUR, FakeFeed, FlatTariffs, lodge, utc

SITE = lodge()
PUMPED = lodge(HeatSourceKind.HEAT_PUMP)
START = utc(2019, 1, 13, 23)
BASELINE = Span(start=START - timedelta(days=330), end=START)
REPORTING = Span(start=START, end=START + timedelta(days=14))


def register(point: str, baseline_kw: float, reporting_kw: float) -> list[Reading]:
    """Hourly readings of a meter whose building draws these powers [kW]."""
    before, after = 330 * 24, 14 * 24
    rise = np.concatenate(([0.0], np.full(before, baseline_kw), np.full(after, reporting_kw)))
    return [
        Reading(point, BASELINE.start + i * HOUR, float(value))
        for i, value in enumerate(np.cumsum(rise))
    ]


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    made = MemoryStore()
    made.add_readings(register("lodge/heat.energy", 5.0, 4.0))
    made.add_readings(register("lodge/el.energy", 2.0, 2.0))
    made.add_readings(register("lodge/hp.energy", 9.0, 1.0))
    return made


def assess(store: MemoryStore, site=SITE, feed: FakeFeed | None = None) -> SiteSavings:
    return assess_site(
        site,
        feed=feed or FakeFeed(),
        periods=Periods(baseline=BASELINE, reporting=REPORTING),
        readings=store,
        ledgers=store,
    )


def test_billed_meters_count_and_submeters_do_not(store: MemoryStore) -> None:
    answer = assess(store)
    assert [meter.meter_id for meter in answer.meters] == ["lodge/heat", "lodge/el"]
    heat, el = answer.meters
    assert heat.measured_kwh == pytest.approx(14 * 24 * 4.0)
    assert heat.adjusted_baseline_kwh == pytest.approx(14 * 24 * 5.0)
    assert heat.saving_kwh == pytest.approx(14 * 24 * 1.0)
    assert el.saving_kwh == pytest.approx(0.0, abs=1e-6)
    assert answer.measured_kwh == pytest.approx(14 * 24 * 6.0)
    assert answer.saving_kwh == pytest.approx(14 * 24 * 1.0)


def test_the_multiplier_of_a_meter_is_applied(store: MemoryStore) -> None:
    meters = tuple(replace(m, multiplier=60.0) for m in SITE.meters)
    use = meter_use(SITE, meters[0], store, REPORTING.start, REPORTING.end)
    assert use is not None
    assert use.values.tolist() == [240.0] * (14 * 24)
    answer = assess(store, replace(SITE, meters=meters))
    assert answer.saving_kwh == pytest.approx(60 * 14 * 24 * 1.0)


def test_a_meter_without_an_energy_point_is_left_out(store: MemoryStore) -> None:
    points = tuple(p for p in SITE.points if p.id != "lodge/el.energy")
    site = replace(SITE, points=points)
    assert meter_use(site, site.meters[1], store, REPORTING.start, REPORTING.end) is None
    assert [meter.meter_id for meter in assess(store, site).meters] == ["lodge/heat"]


def test_a_site_without_readings_claims_nothing() -> None:
    answer = assess(MemoryStore())
    assert answer.verdict is Verdict.NOT_CLAIMABLE
    assert (answer.saving_kwh, answer.saving_low_kwh, answer.saving_high_kwh) == (None, None, None)
    assert answer.reasons


def test_without_weather_there_is_no_answer_and_the_feed_says_why(store: MemoryStore) -> None:
    with pytest.raises(FeedError, match="weather is away"):
        assess(store, feed=FakeFeed({"weather"}))


USE = HourlyUse(
    start=utc(2019, 1, 14), heat_kwh=np.array([10.0, 20.0]), electricity_kwh=np.array([1.0, 3.0])
)
# price of every hour: mean of (0, 1, 2, 3) + 1 = 2.5 DKK/kWh; factor: mean of (0, 2, 4, 6) = 3


def test_district_heat_is_billed_beside_electricity() -> None:
    answer = outcome(SITE, USE, 7.0, feed=FakeFeed(), tariffs=FlatTariffs())
    assert answer == WorldResult(
        energy_kwh=pytest.approx(34.0),
        cost_dkk=pytest.approx(4 * 2.5 + 30 * 0.5),
        co2_kg=pytest.approx(4 * 3.0 + 30 * 0.1),
        comfort_kh=7.0,
    )


def test_the_heat_of_a_heat_pump_is_not_billed_again() -> None:
    answer = outcome(PUMPED, USE, 0.0, feed=FakeFeed(), tariffs=FlatTariffs())
    assert answer == WorldResult(pytest.approx(4.0), pytest.approx(10.0), pytest.approx(12.0), 0.0)


def test_each_hour_has_its_own_price() -> None:
    class Rising(FlatTariffs):
        def electricity(self, tariff, spot):
            dear = np.repeat([1.0, 100.0], 4)
            return replace(spot, values=dear)

    answer = outcome(PUMPED, USE, 0.0, feed=FakeFeed(), tariffs=Rising())
    assert answer.cost_dkk == pytest.approx(1 * 1.0 + 3 * 100.0)


RECORD = {
    "sites": ["shed", "lodge"],
    "hours": ["2019-01-14T00:00:00+00:00", "2019-01-14T01:00:00+00:00"],
    "heat_kwh": [[[0, 0]] * 3, [[10, 20], [9, 18], [8, 16]]],
    "electricity_kwh": [[[0, 0]] * 3, [[2, 2], [2, 2], [1, 1]]],
    "comfort_kh": [[9, 9, 9], [1.0, 0.5, 2.0]],
    "occupied_days": [3, 10],
}


@pytest.fixture
def row(store: MemoryStore) -> WorldComparison:
    return compare_worlds(
        SITE,
        Truth.from_dict(RECORD),
        baseline=BASELINE,
        reporting=REPORTING,
        feed=FakeFeed(),
        tariffs=FlatTariffs(),
        readings=store,
        ledgers=store,
    )


def test_the_row_of_a_site_is_its_own(row: WorldComparison) -> None:
    assert (row.site, row.zones, row.occupied_days) == ("lodge", 1, 10)
    energies = [w.energy_kwh for w in (row.own_control, row.tuned_setback, row.optimised)]
    assert energies == pytest.approx([34.0, 31.0, 26.0])
    assert row.optimised.cost_dkk == pytest.approx(2 * 2.5 + 24 * 0.5)
    assert row.true_saving_kwh == pytest.approx(8.0)
    assert row.claimed.saving_kwh == pytest.approx(336.0)


@pytest.mark.parametrize(("own_kh", "limit"), [(1.0, 2.5), (4.0, 4.0)])
def test_comfort_may_cost_what_it_costs_today_or_a_quarter(
    row: WorldComparison, own_kh: float, limit: float
) -> None:
    """One zone, ten occupied days: 0.25 K·h each."""
    own = replace(row.own_control, comfort_kh=own_kh)
    assert replace(row, own_control=own).comfort_limit_kh == limit


@pytest.mark.parametrize(
    ("low", "high", "holds"), [(7.0, 9.0, True), (8.5, 9.0, False), (0, 7.9, False)]
)
def test_a_claim_holds_when_the_truth_lies_inside(
    row: WorldComparison, low: float, high: float, holds: bool
) -> None:
    claim = replace(
        row.claimed, saving_low_kwh=low, saving_high_kwh=high, adjusted_baseline_kwh=10.0
    )
    judged = replace(row, claimed=claim)
    assert judged.claim_holds is holds
    assert judged.half_width == pytest.approx((high - low) / 20.0)


def test_no_claim_is_neither_right_nor_wrong(row: WorldComparison) -> None:
    silent = replace(row, claimed=replace(row.claimed, saving_low_kwh=None, saving_high_kwh=None))
    assert silent.claim_holds is None
    assert silent.half_width is None


def test_json_has_the_names_that_programs_rely_on(row: WorldComparison) -> None:
    record = json.loads(json.dumps(row.as_dict()))
    outcomes = {"energy_kwh", "cost_dkk", "co2_kg", "comfort_kh"}
    assert {"site", "zones", "occupied_days", "true_saving_kwh"} <= set(record)
    for world in ("own_control", "tuned_setback", "optimised"):
        assert set(record[world]) == outcomes
    assert {"kwh", "low_kwh", "high_kwh", "verdict"} <= set(record["claimed_saving"])
    assert record["claimed_saving"]["kwh"] == pytest.approx(336.0)
