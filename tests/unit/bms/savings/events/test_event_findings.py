"""Events in real and made-up meters: steps in either period, drifts, outages, changed use."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from bms.model.readings.series import Series
from bms.model.savings.avoided_use import Savings, Span
from bms.model.savings.event import EventKind
from bms.savings.claims.meter_savings import assess_meter
from bms.savings.data.daily import DailyUse
from bms.savings.events.level_changes import level_changes
from bms.savings.events.outages import outages
from bms.savings.models.baseline import fit_baseline
from tests.rigs.assessment import asked
from tests.rigs.real_meters import BASELINE, START, TIMEZONE, commodity, local, meters, outdoor
from tests.rigs.sentences import english

REPORTING = Span(start=local(2019, 1, 1), end=local(2020, 1, 1))
EVENTS = {kind.value for kind in EventKind}
QUIET = ("b2_el", "b19_el", "b35_el", "b109_gas", "b96_gas", "b75_gas")


def hour_of(moment: datetime) -> int:
    return (moment - START) // timedelta(hours=1)


def assess(meter: str, values: np.ndarray) -> Savings:
    return assess_meter(
        Series(START, timedelta(hours=1), values),
        outdoor(),
        meter_id=meter,
        commodity=commodity(meter),
        **asked(baseline=BASELINE, reporting=REPORTING, timezone=TIMEZONE),
    )


def of_code(found: Savings, code: str):
    return [each for each in found.findings if each.code == code]


class TestStepsOfRealMeters:
    @pytest.mark.parametrize("meter", ["b2_el", "b19_el", "b35_el", "b62_el", "b109_gas"])
    @pytest.mark.parametrize("factor", [0.7, 1.3])
    def test_a_step_in_the_reporting_year_is_told_near_its_day_and_size(self, meter, factor):
        values = np.array(meters()[meter].values)
        at = local(2019, 3, 10)
        values[hour_of(at) :] *= factor
        event = of_code(assess(meter, values), "step_change")[0]
        assert abs(event.start - at) < timedelta(days=31)
        assert event.end == REPORTING.end
        assert event.proposal.share == pytest.approx(factor - 1.0, abs=0.13)

    @pytest.mark.slow
    def test_a_lasting_step_of_12_percent_is_told_in_its_period_or_said_not_to_be_told(self):
        told = wrong = 0
        for meter in QUIET:
            for at, factor in ((local(2018, 7, 20), 1.12), (local(2019, 7, 20), 0.88)):
                values = np.array(meters()[meter].values)
                values[hour_of(at) :] *= factor
                found = [f for f in assess(meter, values).findings if f.event is EventKind.STEP]
                for event in found[:1]:
                    told += 1
                    assert (event.proposal is None) == (event.code == "step_change_unclear")
                    share = event.parameters["share"]
                    right = (event.start >= REPORTING.start) == (at >= REPORTING.start)
                    wrong += event.proposal is not None and not (
                        right and share * (factor - 1.0) > 0
                    )
        assert told >= 6
        assert wrong <= 1

    @pytest.mark.parametrize("meter", ["b2_el", "b19_el", "b62_el", "b111_el", "b19_gas"])
    def test_a_step_in_the_baseline_year_is_told_from_the_side_before_it(self, meter):
        values = np.array(meters()[meter].values)
        at = local(2018, 6, 1) if meter.endswith("_el") else local(2018, 10, 15)
        values[hour_of(at) : hour_of(BASELINE.end)] *= 0.6
        event = of_code(assess(meter, values), "step_change")[0]
        assert abs(event.start - at) < timedelta(days=31)
        assert event.proposal.start == BASELINE.start
        assert event.proposal.end == event.start
        assert event.proposal.kwh > 0  # before the step it used more than it does since

    def test_the_adjustment_of_a_step_is_its_energy_within_its_error(self):
        values = np.array(meters()["b19_el"].values)
        at = hour_of(local(2019, 5, 1))
        planted = 0.25 * np.nansum(values[at : hour_of(REPORTING.end)])
        values[at:] *= 1.25
        (event,) = of_code(assess("b19_el", values), "step_change")
        assert event.proposal.kwh == pytest.approx(planted, rel=0.1)
        assert 0 < event.proposal.kwh_se < 0.1 * planted

    @pytest.mark.parametrize("meter", QUIET)
    def test_a_saving_from_the_first_day_on_is_no_event(self, meter):
        values = np.array(meters()[meter].values)
        values[hour_of(REPORTING.start) :] *= 0.8
        assert not set(assess(meter, values).flags) & EVENTS

    def test_a_fortnight_says_nothing_about_steps(self):
        found = assess_meter(
            meters()["b9_el"],
            outdoor(),
            meter_id="b9_el",
            commodity=commodity("b9_el"),
            **asked(
                baseline=BASELINE,
                reporting=Span(start=local(2019, 2, 1), end=local(2019, 2, 15)),
                timezone=TIMEZONE,
            ),
        )
        assert not set(found.flags) & EVENTS


class TestOtherEventsOfRealMeters:
    def test_a_cold_building_in_february_is_an_outage_and_not_a_saving(self):
        values = np.array(meters()["b109_gas"].values)
        first = hour_of(local(2019, 2, 3))
        values[first : first + 5 * 24] *= 0.02
        found = assess("b109_gas", values)
        (event,) = of_code(found, "outage")
        assert event.start == local(2019, 2, 3).astimezone(UTC)
        assert event.lasted_h == 5 * 24
        assert event.proposal.kwh < 0
        assert "outage" in [reason.code for reason in found.reasons]

    @pytest.mark.parametrize("year", [2018, 2019])
    def test_evenings_that_are_used_more_are_told_in_either_year(self, year):
        use = meters()["b2_el"]
        values = np.array(use.values)
        hours = np.arange(len(values))
        local_hour, weekday = hours % 24, hours // 24 % 7  # 2018 began on a Monday
        evening = (local_hour >= 17) & (local_hour < 21) & (weekday < 5)
        span = (hours >= hour_of(local(year, 6, 1))) & (hours < hour_of(local(year + 1, 1, 1)))
        values[evening & span] *= 1.6
        event = of_code(assess("b2_el", values), "changed_use")[0]
        assert abs(event.start - local(year, 6, 1)) < timedelta(days=21)
        assert event.proposal.kwh > 0
        assert "evenings" in english(event.fact)


def days_of(year: int, rate: np.ndarray, temp: np.ndarray) -> DailyUse:
    dates = tuple(date(year, 1, 1) + timedelta(days=i) for i in range(len(rate)))
    hours = np.full(len(rate), 24.0)
    return DailyUse(dates, hours, rate, temp, np.ones(len(rate), dtype=bool))


def year(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    temp = 9.0 - 8.0 * np.cos(np.arange(365) / 365 * 2 * np.pi) + rng.normal(0, 2, 365)
    return temp, 100.0 + 10.0 * np.maximum(15.0 - temp, 0.0) + rng.normal(0, 8, 365)


class TestMadeUpDays:
    def setup_method(self):
        (t1, y1), (t2, y2) = year(1), year(2)
        self.before, self.after = days_of(2018, y1, t1), days_of(2019, y2, t2)
        self.model = fit_baseline(self.before, cooling=False, closed=lambda day: False)

    def changed(self, days: DailyUse, factor: np.ndarray) -> DailyUse:
        return days_of(days.dates[0].year, days.rate * factor, days.temp_c)

    def test_nothing_is_told_of_a_year_like_the_other(self):
        for steady in (True, False):
            assert level_changes(self.model, self.before, self.after, steady=steady) == ([], [])
        assert outages(self.model, self.after, self.before) == []

    def test_a_slow_change_is_a_drift_and_not_a_step(self):
        after = self.changed(self.after, np.linspace(1.0, 1.5, 365))
        spoiled, (drift,) = level_changes(self.model, self.before, after, steady=False)
        assert spoiled == []
        assert drift.slow
        assert drift.share == pytest.approx(0.5, abs=0.1)
        planted = float((after.rate - self.after.rate).sum())
        assert drift.kwh == pytest.approx(planted, rel=0.15)

    def test_a_step_of_the_baseline_is_not_told_as_its_mirror_image(self):
        factor = np.ones(365)
        factor[150:] = 0.5
        before = self.changed(self.before, factor)
        model = fit_baseline(before, cooling=False, closed=lambda day: False)
        (step,), later = level_changes(model, before, self.after, steady=False)
        assert later == []
        assert abs((step.day - date(2018, 5, 31)).days) < 14
        assert step.share < -0.3

    def test_a_step_there_and_back_is_two_steps(self):
        factor = np.ones(365)
        factor[100:250] = 1.4
        after = self.changed(self.after, factor)
        spoiled, steps = level_changes(self.model, self.before, after, steady=False)
        assert spoiled == []
        assert sorted(step.share > 0 for step in steps) == [False, True]
        total = sum(step.kwh for step in steps)
        planted = float((after.rate - self.after.rate).sum())
        assert total == pytest.approx(planted, rel=0.25)

    def test_a_rest_at_the_same_time_of_both_years_is_habit(self):
        factor = np.ones(365)
        factor[40:47] = 0.05
        rested = self.changed(self.after, factor)
        assert len(outages(self.model, rested, self.before)) == 1
        assert outages(self.model, rested, self.changed(self.before, factor)) == []

    def test_constant_use_without_noise_has_no_steps(self):
        flat = days_of(2018, np.full(365, 50.0), self.before.temp_c)
        later = days_of(2019, np.full(365, 50.0), self.after.temp_c)
        model = fit_baseline(flat, cooling=True, closed=lambda day: False)
        assert level_changes(model, flat, later, steady=True) == ([], [])

    def test_no_use_at_all_has_no_events(self):
        none = days_of(2018, np.zeros(365), self.before.temp_c)
        later = days_of(2019, np.zeros(365), self.after.temp_c)
        model = fit_baseline(none, cooling=True, closed=lambda day: False)
        assert level_changes(model, none, later, steady=True) == ([], [])
        assert outages(model, later, none) == []
