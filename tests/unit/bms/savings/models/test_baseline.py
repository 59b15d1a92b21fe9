"""DailyUse, change points and intervals against published numbers and numbers done by hand."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from bms.model.readings.series import Series
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Span
from bms.savings.data.daily import DailyUse, daily, whole_days
from bms.savings.data.findings import codes
from bms.savings.data.screening import screen_use
from bms.savings.data.season import same_season
from bms.savings.models.baseline import autocorrelation, fit_baseline
from bms.savings.models.change_point import GRID_C, fit_change_point
from bms.savings.models.uncertainty import (
    FitStatistics,
    drift_kwh,
    drift_over,
    effective_n,
    model_half_width,
    sun_baltazar_daily,
    total_half_width,
)
from tests.rigs.real_meters import START, TIMEZONE, local, outdoor

DK = "Europe/Copenhagen"
HOUR = timedelta(hours=1)


def hourly(values, start=datetime(2018, 1, 1, tzinfo=UTC), step=HOUR):
    return Series(start, step, np.array(values, dtype=float))


def year_of(use_of_temp, *, noise=0.0, seed=1):
    rng = np.random.default_rng(seed)
    temp = 9.0 - 9.0 * np.cos(np.arange(365) / 365 * 2 * np.pi) + rng.normal(0, 3, 365)
    return use_of_temp(temp) + rng.normal(0, noise, 365), temp


def days_of(y, temp, first=date(2018, 1, 1)):
    n = len(y)
    dates = tuple(first + timedelta(days=i) for i in range(n))
    return DailyUse(dates, np.full(n, 24.0), y, temp, np.ones(n, dtype=bool))


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2018, 3, 25), 23), (date(2018, 6, 1), 24), (date(2018, 10, 28), 25)],
)
def test_a_day_has_the_hours_that_the_clock_on_the_wall_gives_it(day, hours):
    use, temp = hourly(np.full(8760, 2.0)), hourly(np.full(8760, 5.0))
    start = local(day.year, day.month, day.day, DK)
    following = day + timedelta(days=1)
    end = local(following.year, following.month, following.day, DK)
    days = daily(use, temp, Span(start=start, end=end), DK)
    assert days.dates == (day,)
    assert days.kwh[0] == 2.0 * hours
    assert days.rate[0] == pytest.approx(48.0)


def test_days_start_at_local_midnight():
    values = np.zeros(72)
    values[23] = 7.0  # 23:00 UTC on 1 January is midnight of the 2nd in Copenhagen
    span = Span(start=datetime(2018, 1, 1, tzinfo=UTC), end=datetime(2018, 1, 4, tzinfo=UTC))
    days = daily(hourly(values), hourly(np.full(72, 5.0)), span, DK)
    assert days.dates == (date(2018, 1, 2), date(2018, 1, 3))
    assert days.kwh.tolist() == [7.0, 0.0]


def test_only_whole_days_inside_the_span_count():
    span = Span(
        start=local(2018, 1, 1, DK) + timedelta(minutes=1), end=local(2018, 1, 4, DK) - HOUR
    )
    assert whole_days(span, DK) == (date(2018, 1, 2),)
    assert whole_days(Span(start=span.start, end=span.start), DK) == ()


@pytest.mark.parametrize(("missing", "valid"), [(2, True), (3, False)])
def test_a_day_needs_nine_tenths_of_its_hours_and_nothing_is_filled_in(missing, valid):
    values = np.full(24, 3.0)
    values[:missing] = np.nan
    span = Span(start=START, end=START + timedelta(days=1))
    days = daily(hourly(values), hourly(np.full(24, 5.0)), span, TIMEZONE)
    assert bool(days.valid[0]) is valid
    assert days.kwh[0] == 3.0 * (24 - missing)
    assert days.hours[0] == 24 - missing


def test_use_and_weather_may_stand_on_different_grids():
    span = Span(start=START, end=START + timedelta(days=2))
    quarter = hourly(np.full(192, 0.5), step=timedelta(minutes=15))
    days = daily(quarter, hourly(np.arange(48.0)), span, TIMEZONE)
    assert days.kwh.tolist() == [48.0, 48.0]
    assert days.temp_c.tolist() == [11.5, 35.5]


@pytest.mark.parametrize(("year", "published"), [(2018, 2444), (2019, 2469)])
def test_degree_days_of_the_weather_are_the_published_ones(year, published):
    """Base 17 degC, daily means (the reference's figures for this station)."""
    span = Span(start=local(year, 1, 1), end=local(year + 1, 1, 1))
    days = daily(outdoor(), outdoor(), span, TIMEZONE).only_valid()
    assert np.maximum(17.0 - days.temp_c, 0.0).sum() == pytest.approx(published, rel=0.002)


def test_heating_change_point_is_recovered():
    y, temp = year_of(lambda t: 120.0 + 14.0 * np.maximum(15.5 - t, 0.0))
    found = fit_change_point(y, temp, cooling=False)
    assert (found.kind, found.heat_balance) == ("3PH", 15.5)
    assert (found.mu, found.heat_slope) == pytest.approx((120.0, 14.0))


def test_heating_and_cooling_are_recovered_and_heat_meters_never_cool():
    def use(t):
        return 300.0 + 9.0 * np.maximum(12.0 - t, 0.0) + 5.0 * np.maximum(t - 17.5, 0.0)

    y, temp = year_of(use)
    found = fit_change_point(y, temp, cooling=True)
    assert (found.kind, found.heat_balance, found.cool_balance) == ("5P", 12.0, 17.5)
    assert (found.mu, found.heat_slope, found.cool_slope) == pytest.approx((300.0, 9.0, 5.0))
    assert fit_change_point(y, temp, cooling=False).cool_slope == 0.0


def test_cooling_alone_is_recovered():
    y, temp = year_of(lambda t: 80.0 + 6.0 * np.maximum(t - 14.0, 0.0))
    found = fit_change_point(y, temp, cooling=True)
    assert (found.kind, found.cool_balance, found.cool_slope) == ("3PC", 14.0, pytest.approx(6.0))


def test_a_winter_alone_is_a_straight_line_that_stays_level_beyond_what_was_seen():
    temp = np.linspace(-6.0, 6.0, 90)
    found = fit_change_point(200.0 - 20.0 * temp, temp, cooling=False)
    assert found.kind == "2PH"
    assert found.predict(np.array([-3.0, 50.0])).tolist() == pytest.approx([260.0, 80.0])


def test_closed_form_agrees_with_least_squares_by_brute_force():
    y, temp = year_of(
        lambda t: 90.0 + 8.0 * np.maximum(11.0 - t, 0.0) + 3.0 * np.maximum(t - 18.0, 0.0),
        noise=5.0,
    )

    def residual(heat, cool):
        parts = [np.ones(365), np.maximum(heat - temp, 0.0), np.maximum(temp - cool, 0.0)]
        design = np.column_stack(parts)
        coefficients = np.linalg.lstsq(design, y, rcond=None)[0]
        return float(((y - design @ coefficients) ** 2).sum())

    found = fit_change_point(y, temp, cooling=True)
    tried = [(residual(h, c), h, c) for h in GRID_C[10:40] for c in GRID_C[10:60] if c >= h]
    assert (found.sse, found.heat_balance, found.cool_balance) == pytest.approx(min(tried))


def test_too_few_cold_days_leave_the_mean():
    temp = np.full(365, 40.0)
    temp[:9] = -5.0  # nine heating days; CalTRACK asks for ten
    y = np.where(temp < 0, 500.0, 100.0)
    assert fit_change_point(y, temp, cooling=False).kind == "mean"


def test_use_that_falls_with_cold_is_not_heating():
    y, temp = year_of(lambda t: 100.0 + 2.0 * t)
    assert fit_change_point(y, temp, cooling=False).kind == "mean"


def test_weekends_get_a_model_of_their_own_only_when_they_differ():
    y, temp = year_of(lambda t: 120.0 + 14.0 * np.maximum(15.5 - t, 0.0), noise=10.0)
    same = fit_baseline(days_of(y, temp), cooling=False, closed=lambda day: False)
    assert same.rest is None
    weekend = np.array([d.weekday() >= 5 for d in days_of(y, temp).dates])
    other = fit_baseline(
        days_of(np.where(weekend, 0.5 * y, y), temp), cooling=False, closed=lambda day: False
    )
    assert other.name == "3PH weekday, 3PH weekend"
    assert other.rest is not None
    assert other.rest.heat_slope == pytest.approx(7.0, rel=0.05)


def test_closed_days_are_like_weekends():
    holiday = {date(2018, 1, 1) + timedelta(days=7 * i) for i in range(52)}  # Mondays
    y, temp = year_of(lambda t: 100.0 + 0.0 * t, noise=1.0)
    days = days_of(y, temp)
    shut = np.array([d.weekday() >= 5 or d in holiday for d in days.dates])
    model = fit_baseline(
        days_of(np.where(shut, 20.0, y), temp), cooling=False, closed=holiday.__contains__
    )
    monday = (date(2018, 1, 1),)
    assert model.predict(monday, np.array([5.0]))[0] == pytest.approx(20.0)


def test_fit_statistics_by_hand():
    y = np.tile([90.0, 110.0], 182)
    model = fit_baseline(days_of(y, np.full(364, 10.0)), cooling=False, closed=lambda day: False)
    assert model.name == "mean"
    assert model.cv_rmse == pytest.approx(0.1 * np.sqrt(364 / 363))
    assert model.nmbe == pytest.approx(0.0, abs=1e-12)
    assert model.rho == 0.0  # alternates: a negative correlation never narrows an interval


def test_autocorrelation_is_found_and_gaps_are_no_neighbours():
    rng = np.random.default_rng(3)
    noise = np.zeros(4000)
    for i in range(1, 4000):
        noise[i] = 0.6 * noise[i - 1] + rng.normal()
    dates = tuple(date(2000, 1, 1) + timedelta(days=i) for i in range(4000))
    assert autocorrelation(noise, dates) == pytest.approx(0.6, abs=0.05)
    apart = tuple(date(2000, 1, 1) + timedelta(days=2 * i) for i in range(4000))
    assert autocorrelation(noise, apart) == 0.0


def test_a_short_period_is_compared_with_its_season():
    y, temp = year_of(lambda t: 100.0 - t)
    january = tuple(date(2019, 1, 14) + timedelta(days=i) for i in range(14))
    season = same_season(days_of(y, temp), january)
    assert {d.month for d in season.dates} == {1, 2, 3, 11, 12}
    assert len(season) == 134  # 60 + 14 + 60
    year = tuple(date(2019, 1, 1) + timedelta(days=i) for i in range(365))
    assert len(same_season(days_of(y, temp), year)) == 365
    summer = same_season(days_of(y[:150], temp[:150]), tuple(d.replace(month=9) for d in january))
    assert len(summer) == 150  # too little of that season: all of the baseline


def test_published_constants():
    """Guideline 14's effective n; Sun & Baltazar's a(M) for daily data."""
    assert effective_n(365, 0.5) == pytest.approx(365 / 3)
    assert sun_baltazar_daily(12) == pytest.approx(1.3925, abs=5e-5)
    assert sun_baltazar_daily(0) == 1.00286


def test_guideline_14_by_hand():
    """n = 365, p = 3, no autocorrelation, CV(RMSE) 10 %, a year that repeats itself.

    t(362) a CV sqrt((1 + 2/365) / 365) = 1.6491 * 1.3925 * 0.1 * 0.052485 = 1.205 % of use.
    """
    width = model_half_width(
        FitStatistics(sse=362 * 10.0**2, n=365, parameters=3, rho=0.0, mean=100.0),
        predicted=36500.0,
        m=365,
        months=12.0,
    )
    assert width / 36500.0 == pytest.approx(0.01205, rel=1e-3)


def test_the_interval_holds_for_correlated_noise_over_a_fortnight():
    """Monte Carlo with AR(1) noise: nominal 90 % covers about 90 %."""
    rng, rho, n, m, runs = np.random.default_rng(5), 0.6, 365, 14, 300
    dates = tuple(date(2018, 1, 1) + timedelta(days=i) for i in range(n + m))
    hits = 0
    for _ in range(runs):
        noise = rng.normal(0.0, 10.0, n + m)
        for i in range(1, n + m):
            noise[i] = rho * noise[i - 1] + np.sqrt(1 - rho**2) * noise[i]
        use = 100.0 + noise
        mean, residual = use[:n].mean(), use[:n] - use[:n].mean()
        half = model_half_width(
            FitStatistics(
                sse=float((residual**2).sum()),
                n=n,
                parameters=1,
                rho=autocorrelation(residual, dates[:n]),
                mean=mean,
            ),
            predicted=m * mean,
            m=m,
            months=0.46,
        )
        hits += abs(m * mean - use[n:].sum()) < half
    assert 0.86 <= hits / runs <= 0.96


def test_drift_is_added_in_quadrature_and_never_vanishes_in_summer():
    assert total_half_width(300.0, 400.0 / 1.645) == pytest.approx(500.0)
    assert drift_over(0.05, 365.25) == 0.05
    assert drift_over(0.05, 365.25 / 4) == pytest.approx(0.025)
    assert drift_kwh(0.05, 1000.0, 400.0) == 50.0
    assert drift_kwh(0.05, 10.0, 400.0) == 20.0


def screened(values, commodity, outside=5.0):
    use = hourly(values)
    clean, found = screen_use(use, hourly(np.full(len(use), outside)), commodity)
    return clean, codes(found)


def test_impossible_values_are_missing_and_flagged():
    clean, flags = screened([5.0, -1.0, 1e12, 5.0, np.nan, np.inf], Commodity.HEAT)
    assert np.isfinite(clean.values).tolist() == [True, False, False, True, False, False]
    assert flags == ("negative", "implausible")


def test_rare_electricity_zeros_are_missing():
    values = np.full(1000, 4.0)
    values[500] = 0.0
    clean, flags = screened(values, Commodity.ELECTRICITY)
    assert np.isnan(clean.values[500])
    assert flags == ("zeros",)


def test_zeros_of_a_coarse_register_are_kept_but_a_standstill_is_not():
    values = np.tile([0.0, 1.0], 500)
    values[100:120] = 0.0
    clean, flags = screened(values, Commodity.ELECTRICITY)
    assert np.isnan(clean.values[100:120]).all()
    assert np.isfinite(clean.values[200:]).all()
    assert flags == ("zeros",)


@pytest.mark.parametrize(
    ("outside", "hours", "missing"), [(2.0, 80, True), (2.0, 60, False), (15.0, 80, False)]
)
def test_heat_zeros_are_missing_only_when_long_and_cold(outside, hours, missing):
    values = np.full(400, 10.0)
    values[100 : 100 + hours] = 0.0
    clean, flags = screened(values, Commodity.HEAT, outside)
    assert bool(np.isnan(clean.values).any()) is missing
    assert flags == (("zeros",) if missing else ())
