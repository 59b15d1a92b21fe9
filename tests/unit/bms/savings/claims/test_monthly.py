"""Months of a saving, the sun in the model, and sums of buildings by month."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from bms.model.codec import from_json, to_json
from bms.model.readings.series import Series
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Savings, Span
from bms.savings.claims.aggregate import combine_buildings, combine_meters
from bms.savings.claims.meter_savings import assess_meter
from bms.savings.data.daily import DailyUse
from bms.savings.models.baseline import fit_baseline
from bms.savings.models.change_point import fit_change_point
from tests.rigs.assessment import asked
from tests.rigs.real_meters import BASELINE, TIMEZONE, commodity, local, meters, outdoor

YEAR = Span(start=local(2019, 1, 1), end=local(2020, 1, 1))


def assess(name: str, reporting: Span = YEAR, **changes) -> Savings:
    return assess_meter(
        meters()[name],
        outdoor(),
        meter_id=name,
        commodity=commodity(name),
        **asked(baseline=BASELINE, reporting=reporting, timezone=TIMEZONE, **changes),
    )


def half(row) -> float:
    return (row.saving_high_kwh - row.saving_low_kwh) / 2.0


def days(temp, y, sun=None) -> DailyUse:
    dates = tuple(date(2018, 1, 1) + timedelta(days=i) for i in range(len(y)))
    return DailyUse(dates, np.full(len(y), 24.0), y, temp, np.ones(len(y), dtype=bool), sun)


class TestMonths:
    def test_they_add_up_to_the_period(self) -> None:
        for name in ("b0_el", "b109_gas", "b120_gas"):
            result = assess(name)
            assert len(result.months) == 12
            for field in ("saving_kwh", "measured_kwh", "adjusted_baseline_kwh"):
                total = sum(getattr(row, field) for row in result.months)
                assert total == pytest.approx(getattr(result, field), rel=1e-9)

    def test_each_has_an_interval_of_its_own_and_the_last_sum_is_the_periods(self) -> None:
        result = assess("b109_gas")
        shares = [half(row) / row.adjusted_baseline_kwh for row in result.months]
        assert min(shares) > half(result) / result.adjusted_baseline_kwh
        last = result.months[-1]
        assert last.to_date_kwh == pytest.approx(result.saving_kwh)
        assert last.to_date_low_kwh == pytest.approx(result.saving_low_kwh)

    def test_the_year_to_date_begins_in_january(self) -> None:
        autumn = Span(start=local(2019, 1, 1) - timedelta(days=0), end=local(2019, 4, 1))
        rows = assess("b109_gas", autumn).months
        assert [row.month for row in rows] == [date(2019, m, 1) for m in (1, 2, 3)]
        assert rows[1].to_date_kwh == pytest.approx(rows[0].saving_kwh + rows[1].saving_kwh)
        crossing = Span(start=local(2018, 11, 1), end=local(2019, 3, 1))
        early = Span(start=local(2018, 1, 1), end=local(2018, 11, 1))
        rows = assess_meter(
            meters()["b109_gas"],
            outdoor(),
            meter_id="m",
            commodity=Commodity.GAS,
            **asked(baseline=early, reporting=crossing, timezone=TIMEZONE),
        ).months
        assert rows[2].month == date(2019, 1, 1)
        assert rows[2].to_date_kwh == rows[2].saving_kwh

    def test_a_day_that_was_not_measured_is_in_no_month(self) -> None:
        use = meters()["b109_gas"]
        values = use.values.copy()
        values[8760 + 24 * 40 : 8760 + 24 * 45] = np.nan
        holed = Series(use.start, use.step, values)
        result = assess_meter(
            holed,
            outdoor(),
            meter_id="m",
            commodity=Commodity.GAS,
            **asked(baseline=BASELINE, reporting=YEAR, timezone=TIMEZONE),
        )
        assert result.months[1].days == 23
        assert sum(row.saving_kwh for row in result.months) == pytest.approx(result.saving_kwh)

    def test_they_are_stored_and_come_back(self) -> None:
        result = assess("b0_el")
        assert from_json(Savings, to_json(result)) == result

    @pytest.mark.slow
    def test_placebo_months_lie_in_their_intervals(self) -> None:
        rows = [row for name in meters() for row in assess(name).months]
        inside = np.mean([row.saving_low_kwh <= 0 <= row.saving_high_kwh for row in rows])
        to_date = np.mean([row.to_date_low_kwh <= 0 <= row.to_date_high_kwh for row in rows])
        assert 0.86 <= inside <= 0.97
        assert 0.82 <= to_date <= 0.95


class TestSums:
    def test_a_building_has_the_sum_of_its_meters_by_month(self) -> None:
        parts = [assess("b2_el"), assess("b2_gas")]
        total = combine_meters("b2", parts, primary={"b2_el": 1.9, "b2_gas": 1.0})
        assert len(total.months) == 12
        for i, row in enumerate(total.months):
            assert row.saving_kwh == pytest.approx(sum(p.months[i].saving_kwh for p in parts))
            assert half(row) < sum(half(p.months[i]) for p in parts)
        assert sum(row.saving_kwh for row in total.months) == pytest.approx(total.saving_kwh)
        last = total.months[-1]
        to_date = (last.to_date_high_kwh - last.to_date_low_kwh) / 2.0
        assert to_date == pytest.approx(half(total))

    def test_a_portfolio_too_and_its_months_shrink_with_the_buildings(self) -> None:
        buildings = [
            combine_meters(name, [assess(name)]) for name in meters() if name.endswith("_gas")
        ]
        city = combine_buildings("city", buildings)
        assert sum(row.saving_kwh for row in city.months) == pytest.approx(city.saving_kwh)
        share = [half(row) / row.adjusted_baseline_kwh for row in city.months]
        alone = [half(row) / row.adjusted_baseline_kwh for row in buildings[0].months]
        assert share[0] < 0.7 * alone[0]

    def test_a_part_without_months_leaves_the_sum_without(self) -> None:
        parts = [assess("b2_el"), replace(assess("b2_gas"), months=())]
        assert combine_meters("b2", parts).months == ()

    def test_primary_energy_weighs_each_carrier(self) -> None:
        parts = [assess("b2_el"), assess("b2_gas")]
        total = combine_meters("b2", parts, primary={"b2_el": 1.9, "b2_gas": 1.0})
        expected = 1.9 * parts[0].saving_kwh + parts[1].saving_kwh
        assert total.primary_energy_kwh == pytest.approx(expected)
        assert total.meters[0].primary_energy_kwh == pytest.approx(1.9 * parts[0].saving_kwh)
        assert combine_meters("b2", parts, primary={"b2_el": 1.9}).primary_energy_kwh is None


class TestTheSun:
    def year(self, slope: float):
        rng = np.random.default_rng(5)
        season = np.cos(np.arange(365) / 365 * 2 * np.pi)
        temp = 9.0 - 9.0 * season + rng.normal(0, 3, 365)
        sun = np.maximum(130.0 - 110.0 * season + rng.normal(0, 40, 365), 5.0)
        y = 400.0 + 14.0 * np.maximum(15.5 - temp, 0.0) + slope * (sun - sun.mean())
        return temp, sun, y + rng.normal(0, 5.0, 365)

    def test_it_is_found_where_it_acts(self) -> None:
        temp, sun, y = self.year(-0.5)
        found = fit_change_point(y, temp, cooling=False, sun_wm2=sun)
        assert found.kind == "3PH, sun"
        assert found.heat_balance == 15.5
        assert found.sun_slope == pytest.approx(-0.5, abs=0.02)
        assert found.heat_slope == pytest.approx(14.0, rel=0.02)
        assert found.mu == pytest.approx(400.0, rel=0.01)

    def test_and_left_out_where_it_does_not(self) -> None:
        temp, sun, y = self.year(0.0)
        assert fit_change_point(y, temp, cooling=True, sun_wm2=sun).kind == "3PH"

    def test_the_grid_is_joint_least_squares(self) -> None:
        temp, sun, y = self.year(-0.3)
        found = fit_change_point(y, temp, cooling=False, sun_wm2=sun)
        heating = np.maximum(found.heat_balance - temp, 0.0)
        design = np.column_stack([np.ones(365), heating, sun])
        answer = np.linalg.lstsq(design, y, rcond=None)[0]
        assert found.sse == pytest.approx(float(((y - design @ answer) ** 2).sum()))
        assert [found.heat_slope, found.sun_slope] == pytest.approx(answer[1:].tolist())
        assert found.predict(temp, sun) == pytest.approx(design @ answer)

    def test_days_without_the_suns_part_have_the_same_residuals(self) -> None:
        temp, sun, y = self.year(-0.5)
        known = days(temp, y, sun)
        model = fit_baseline(known, cooling=False)
        bare = model.at_mean_sun(known)
        residual = bare.rate - model.predict(bare.dates, bare.temp_c)
        assert residual == pytest.approx(known.rate - model.expect(known), abs=1e-9)

    def test_constant_or_missing_sun_is_no_regressor(self) -> None:
        temp, sun, y = self.year(-0.5)
        assert fit_change_point(y, temp, cooling=False, sun_wm2=np.full(365, 3.0)).kind == "3PH"
        holes = np.repeat(sun, 24)
        holes[5000] = np.nan
        hourly = Series(outdoor().start, outdoor().step, np.concatenate([holes, holes]))
        assert assess("b109_gas", sun=hourly).model is not None


class TestClosedDays:
    def test_holidays_count_only_where_they_tell(self) -> None:
        rng = np.random.default_rng(6)
        temp = rng.normal(9.0, 6.0, 364)
        y = 300.0 + rng.normal(0, 10.0, 364)
        known = days(temp, y)
        weekend = np.array([day.weekday() >= 5 for day in known.dates])
        quiet = days(temp, np.where(weekend, 100.0, y))
        mondays = frozenset(day for day in known.dates if day.weekday() == 0)
        model = fit_baseline(quiet, cooling=False, closed=mondays.__contains__)
        monday = (date(2018, 1, 8),)
        assert model.predict(monday, np.array([9.0]))[0] == pytest.approx(300.0, abs=5.0)
