"""Key figures of a building's year, and buildings beside their peers: numbers by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from bms.model.fact import fact
from bms.model.readings.series import Series
from bms.savings.data.daily import DailyUse
from bms.savings.portfolio.key_figures import (
    KeyFigures,
    base_load,
    night_and_weekend,
    normal_year_heat,
    weather_slope,
    yearly_use,
)
from bms.savings.portfolio.ranking import METRICS, NO_PROOF, Group, Metric, PeerComparison, ranked
from tests.rigs.fakes.city import HOUR, utc
from tests.rigs.sentences import danish, english

ZONE = "Europe/Copenhagen"
MONDAY = utc(2019, 1, 13, 23)  # local midnight
WEEKS = 8


def hourly(by_hour_of_week: np.ndarray, weeks: int = WEEKS) -> Series:
    return Series(MONDAY, HOUR, np.tile(by_hour_of_week.astype(np.float64), weeks))


def office_week() -> np.ndarray:
    """10 kW from 8 to 16 on weekdays, else 2 kW."""
    week = np.full(168, 2.0)
    for day in range(5):
        week[day * 24 + 8 : day * 24 + 16] = 10.0
    return week


def year(kwh: np.ndarray, temp_c: np.ndarray, valid: np.ndarray | None = None) -> DailyUse:
    n = len(kwh)
    dates = tuple(date(2018, 1, 1) + timedelta(days=i) for i in range(n))
    whole = np.ones(n, dtype=np.bool_) if valid is None else valid
    return DailyUse(dates, np.full(n, 24.0), kwh, temp_c, whole)


def winter_and_summer() -> np.ndarray:
    """Half a year of 5 degC and half a year of 20 degC."""
    return np.where(np.arange(364) < 182, 5.0, 20.0)


class TestShares:
    def test_night_and_weekend_are_shares_of_the_mean_week(self) -> None:
        night, weekend = night_and_weekend(hourly(office_week()), ZONE)
        whole = 5 * 8 * 10.0 + (168 - 40) * 2.0
        assert night == pytest.approx(7 * 8 * 2.0 / whole)
        assert weekend == pytest.approx(48 * 2.0 / whole)

    def test_a_flat_use_has_a_third_at_night(self) -> None:
        night, weekend = night_and_weekend(hourly(np.ones(168)), ZONE)
        assert (night, weekend) == pytest.approx((1 / 3, 2 / 7))

    def test_gaps_at_night_make_no_difference(self) -> None:
        use = hourly(office_week())
        values = use.values.copy()
        values[24 * 7 : 24 * 7 + 8] = np.nan
        gappy = Series(use.start, use.step, values)
        assert night_and_weekend(gappy, ZONE) == pytest.approx(night_and_weekend(use, ZONE))

    def test_thin_data_have_no_shares(self) -> None:
        use = hourly(office_week())
        values = use.values.copy()
        values[::3] = np.nan
        thin = Series(use.start, use.step, values)
        assert night_and_weekend(thin, ZONE) == (None, None)
        assert base_load(thin, ZONE) is None

    def test_an_hour_of_the_week_that_is_never_known_leaves_none(self) -> None:
        week = office_week()
        week[3] = np.nan
        assert night_and_weekend(hourly(week), ZONE) == (None, None)

    def test_no_use_has_no_shares(self) -> None:
        assert night_and_weekend(hourly(np.zeros(168)), ZONE) == (None, None)


class TestBaseLoad:
    def test_it_is_the_lowest_hours_of_an_ordinary_day(self) -> None:
        week = office_week()
        week[24 * 6 : 24 * 7] = 0.5  # Sundays are no ordinary days
        assert base_load(hourly(week), ZONE) == pytest.approx(2000.0)

    def test_one_low_hour_is_not_enough(self) -> None:
        week = office_week()
        week[2::24] = 0.5
        assert base_load(hourly(week), ZONE) == pytest.approx((0.5 + 2 + 2) / 3 * 1000.0)


class TestYear:
    def test_missing_days_count_as_the_mean_of_the_others(self) -> None:
        valid = np.ones(364, dtype=np.bool_)
        valid[:50] = False
        assert yearly_use(year(np.full(364, 24.0), np.zeros(364), valid)) == 24.0 * 365

    def test_with_a_quarter_missing_nothing_is_told(self) -> None:
        valid = np.arange(364) >= 95
        days = year(np.full(364, 24.0), np.full(364, 5.0), valid)
        assert yearly_use(days) is None
        assert normal_year_heat(days, 0.2) is None
        assert weather_slope(days, lambda day: False) is None

    def test_heat_is_corrected_to_the_normal_year(self) -> None:
        """Half a year at 5 degC: 182 · 12 K·d in 364 days; the normal year has twice that."""
        days = year(np.full(364, 100.0), winter_and_summer())
        measured = 182 * 12.0 * 365 / 364
        found = normal_year_heat(days, 0.2, normal=2 * measured)
        assert found == pytest.approx(36_500 * (0.2 + 0.8 * 2))

    def test_without_a_winter_there_is_nothing_to_correct_by(self) -> None:
        assert normal_year_heat(year(np.full(364, 100.0), np.full(364, 16.5)), 0.2) is None

    def test_the_slope_is_that_of_the_winter(self) -> None:
        rng = np.random.default_rng(5)
        temp = 9.0 - 9.0 * np.cos(2 * np.pi * np.arange(364) / 364) + rng.normal(0, 2, 364)
        kwh = 50.0 + 12.0 * np.maximum(16.0 - temp, 0.0) + rng.normal(0, 1, 364)
        slope = weather_slope(year(kwh, temp), lambda day: False)
        assert slope == pytest.approx(12.0 * 1000 / 24, rel=0.02)

    def test_rest_days_have_two_sevenths_of_it(self) -> None:
        temp = 9.0 - 9.0 * np.cos(2 * np.pi * np.arange(364) / 364)
        rest = np.array([(date(2018, 1, 1) + timedelta(days=i)).weekday() >= 5 for i in range(364)])
        kwh = 50.0 + np.where(rest, 5.0, 12.0) * np.maximum(16.0 - temp, 0.0)
        slope = weather_slope(year(kwh, temp), lambda day: False)
        assert slope == pytest.approx((5 * 12.0 + 2 * 5.0) / 7 * 1000 / 24, rel=0.05)

    def test_use_that_ignores_the_weather_has_no_slope(self) -> None:
        days = year(np.full(364, 100.0), winter_and_summer())
        assert weather_slope(days, lambda day: False) is None


def building(name: str, heat_kwh_m2: float | None, **changes: object) -> KeyFigures:
    made = KeyFigures(
        site=name,
        use="school",
        area_m2=1000.0,
        coverage=1.0,
        heat_kwh=None if heat_kwh_m2 is None else 1000.0 * heat_kwh_m2,
        electricity_kwh=30_000.0,
        prices_dkk_per_kwh={"heat": 0.5, "electricity": 2.0},
    )
    return replace(made, **changes)  # type: ignore[arg-type]


FIVE = [building(name, heat) for name, heat in zip("abcde", (80, 90, 100, 120, 150), strict=True)]


def row_of(rows: tuple[PeerComparison, ...], name: str) -> PeerComparison:
    return next(row for row in rows if row.site == name)


def codes(row: PeerComparison) -> list[str]:
    return [note.code for note in row.notes]


class TestRanking:
    def test_the_worst_comes_first_or_the_best(self) -> None:
        assert [row.site for row in ranked(Metric.HEAT, FIVE)] == list("edcba")
        rows = ranked(Metric.HEAT, FIVE, worst_first=False)
        assert [row.site for row in rows] == list("abcde")
        assert [row.rank for row in rows] == [1, 2, 3, 4, 5]
        assert [row.quartile for row in rows] == [1, 1, 2, 3, 4]

    def test_the_median_is_that_of_the_others(self) -> None:
        worst = ranked(Metric.HEAT, FIVE)[0]
        assert (worst.value, worst.median, worst.distance) == (150.0, 95.0, 55.0)
        assert worst.at_median_kwh == pytest.approx(55.0 * 1000)
        assert worst.at_median_dkk == pytest.approx(55.0 * 1000 * 0.5)
        assert (worst.group, worst.of, worst.notes) == (Group.USE_AND_SIZE, 5, (NO_PROOF,))

    def test_who_is_better_already_would_use_nothing_less(self) -> None:
        best = ranked(Metric.HEAT, FIVE)[-1]
        assert best.distance == pytest.approx(80 - 110)
        assert (best.at_median_kwh, best.at_median_dkk) == (0.0, 0.0)

    def test_without_a_price_there_is_no_money(self) -> None:
        rows = ranked(Metric.HEAT, [*FIVE[:4], building("e", 150, prices_dkk_per_kwh={})])
        assert rows[0].at_median_kwh is not None
        assert rows[0].at_median_dkk is None

    def test_equal_buildings_share_a_rank(self) -> None:
        rows = ranked(Metric.HEAT, [*FIVE, building("f", 80)])
        assert [row_of(rows, name).rank for name in "afb"] == [1, 1, 3]

    def test_what_is_not_known_comes_last_and_counts_for_nobody(self) -> None:
        thin = building("x", None, coverage=0.4, coverages={"heat": 0.4, "electricity": 1.0})
        rows = ranked(Metric.HEAT, [thin, *FIVE])
        assert (rows[-1].site, rows[-1].value, rows[-1].rank) == ("x", None, None)
        assert codes(rows[-1]) == ["figure_too_thin"]
        assert "40 %" in danish(rows[-1].notes[0])
        assert rows[0].of == 5

    def test_all_data_are_not_called_too_few(self) -> None:
        whole = building("x", None, coverages={"heat": 1.0})
        other = building("y", None, coverages={"electricity": 1.0})
        assert codes(ranked(Metric.HEAT, [whole])[0]) == ["figure_unknown"]
        assert codes(ranked(Metric.HEAT, [other])[0]) == ["figure_without_meter"]
        assert "100 %" not in danish(ranked(Metric.HEAT, [whole])[0].notes[0])

    def test_full_coverage_is_best_and_worth_no_energy(self) -> None:
        rows = ranked(Metric.COVERAGE, [*FIVE, building("f", 90, coverage=0.5)])
        assert (rows[0].site, rows[0].rank, rows[0].at_median_kwh) == ("f", 6, None)
        assert rows[0].distance == pytest.approx(-0.5)


class TestPeers:
    def test_they_have_between_a_third_and_three_times_the_area(self) -> None:
        areas = {"small": 333.0, "third": 334.0, "three": 2999.0, "large": 3001.0}
        others = [building(name, 100, area_m2=area) for name, area in areas.items()]
        rows = ranked(Metric.COVERAGE, [*FIVE, *others])
        assert row_of(rows, "a").of == 7

    def test_too_few_of_that_size_are_compared_with_all_of_that_use(self) -> None:
        rows = ranked(Metric.HEAT, [*FIVE, building("hall", 90, area_m2=9000.0, heat_kwh=9e5)])
        hall = row_of(rows, "hall")
        assert (hall.group, hall.of, codes(hall)) == (Group.USE, 6, ["peer_comparison"])

    def test_a_use_of_its_own_is_compared_with_all_and_says_so(self) -> None:
        rows = ranked(Metric.HEAT, [*FIVE, building("pool", 400, use="sports_hall")])
        pool = row_of(rows, "pool")
        assert (pool.group, pool.of, pool.median) == (Group.ALL, 6, 100.0)
        assert codes(pool) == ["peer_comparison", "compared_with_all"]
        assert row_of(rows, "a").group is Group.USE_AND_SIZE

    def test_a_handful_says_that_it_is_one(self) -> None:
        rows = ranked(Metric.HEAT, FIVE[:3])
        assert codes(rows[0]) == ["peer_comparison", "compared_with_all", "few_buildings"]
        assert rows[0].quartile is None
        assert rows[0].median == 85.0

    def test_a_building_alone_has_nobody_to_be_compared_with(self) -> None:
        (alone,) = ranked(Metric.HEAT, FIVE[:1])
        assert (alone.rank, alone.of) == (1, 1)
        assert (alone.median, alone.distance, alone.at_median_kwh) == (None, None, None)

    def test_a_thousand_buildings_are_ranked_at_once(self) -> None:
        many = [building(f"b{i:04}", 50.0 + i % 97, area_m2=500.0 + i) for i in range(1000)]
        rows = ranked(Metric.HEAT, many)
        assert len({row.site for row in rows}) == 1000
        assert all(row.of >= 5 for row in rows)


class TestAtTheMedian:
    """What a building would use less; its peers are four alike."""

    def less(self, metric: Metric, mine: dict[str, float], theirs: dict[str, float]) -> float:
        peers = [building(name, 100, **theirs) for name in "abcd"]
        found = row_of(ranked(metric, [*peers, building("x", 100, **mine)]), "x")
        assert found.at_median_kwh is not None
        return found.at_median_kwh

    def test_a_lower_share_leaves_the_rest_of_the_use_as_it_is(self) -> None:
        for metric, name in ((Metric.NIGHT, "night_share"), (Metric.WEEKEND, "weekend_share")):
            less = self.less(metric, {name: 0.4}, {name: 0.2})
            rest = 30_000.0 * 0.6
            assert 30_000.0 - less == pytest.approx(rest / 0.8)

    def test_a_lower_base_load_counts_every_hour(self) -> None:
        less = self.less(Metric.BASE_LOAD, {"base_load_w": 3000.0}, {"base_load_w": 2000.0})
        assert less == pytest.approx(1.0 * 8760)

    def test_a_lower_slope_counts_the_normal_year(self) -> None:
        less = self.less(
            Metric.WEATHER_SLOPE, {"weather_slope_w_k": 900.0}, {"weather_slope_w_k": 400.0}
        )
        assert less == pytest.approx(0.5 * 24 * 3112)

    def test_electricity(self) -> None:
        less = self.less(
            Metric.ELECTRICITY, {"electricity_kwh": 50_000.0}, {"electricity_kwh": 30_000.0}
        )
        assert less == pytest.approx(20_000.0)


def test_every_metric_has_its_words_and_unit() -> None:
    assert set(METRICS) == set(Metric)
    for metric, definition in METRICS.items():
        assert danish(fact(metric)) != english(fact(metric))
        assert definition.unit
