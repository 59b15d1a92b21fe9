"""The forecast's bias at a building: found by lead time, doubted when data are thin, and never
learnt from a sensor in the sun."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pytest

from bms.messages import translator
from bms.model.assets.point import Role
from bms.model.planning.feed import ForecastScore, WeatherQuantity
from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.series import Floats, Series
from bms.ports.feeds import RememberingFeed
from bms.services.planning.problem import assemble
from bms.services.planning.weather_correction import (
    WINDOW_H,
    Bias,
    Distrusted,
    corrected,
    forecast_bias,
)
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import HOUR, QUARTER, FakeFeed, lodge, utc
from tests.rigs.fakes.ports import problem_ports

N = WINDOW_H
HOURS = np.arange(N)
TRUTH = 5.0 + 5.0 * np.sin(2 * np.pi * HOURS / 24)
SUN = np.maximum(0.0, 400.0 * np.sin(2 * np.pi * (HOURS % 24 - 6) / 24))
DARK = np.zeros(N)


def bias_of(forecasts: Mapping[int, Floats], measured: Floats, sun: Floats = SUN) -> Bias:
    found = forecast_bias(forecasts, measured, sun)
    assert isinstance(found, Bias)
    return found


class TestTheBias:
    def test_it_is_found_for_each_lead_and_drawn_a_little_to_zero(self) -> None:
        found = bias_of({0: TRUTH + 1.0, 24: TRUTH + 2.0}, TRUTH)
        near, far = found.kelvin
        assert 0.7 < near < 1.0
        assert 1.4 < far < 2.0
        assert found.at(np.array([12.0]))[0] == pytest.approx((near + far) / 2)
        assert found.at(np.array([90.0]))[0] == far

    def test_errors_without_a_bias_leave_the_forecast_alone(self) -> None:
        noise = np.random.default_rng(1).normal(0.0, 1.5, N)
        found = bias_of({0: TRUTH + noise}, TRUTH)
        assert abs(found.kelvin[0]) < 0.3

    def test_it_makes_later_forecasts_better(self) -> None:
        rng = np.random.default_rng(2)
        before, after = [], []
        for _ in range(40):
            noise = np.convolve(rng.normal(0, 0.6, N + 35), np.ones(12) / 3, "valid")[: N + 24]
            truth = np.resize(TRUTH, N + 24)
            forecast = truth + noise + 1.2
            found = bias_of({0: forecast[:N]}, truth[:N], np.resize(SUN, N))
            error = forecast[N:] - truth[N:]
            before.append(np.sqrt((error**2).mean()))
            after.append(np.sqrt(((error - found.kelvin[0]) ** 2).mean()))
        assert np.mean(after) < 0.8 * np.mean(before)

    def test_little_data_count_little(self) -> None:
        measured = np.full(N, np.nan)
        measured[-30:] = TRUTH[-30:]
        scattered = TRUTH + 2.0 + np.where(HOURS % 2 == 0, 1.5, -1.5)
        short = bias_of({0: scattered}, measured).kelvin[0]
        assert 0.3 < short < 1.2
        assert bias_of({0: TRUTH + 2.0}, measured).kelvin[0] > short, "it is clearer"
        measured[:-20] = np.nan
        assert forecast_bias({0: TRUTH + 2.0}, measured, SUN) == Distrusted("few")

    def test_a_lead_that_is_hardly_known_is_taken_as_the_others(self) -> None:
        far = np.full(N, np.nan)
        found = bias_of({0: TRUTH + 1.0, 48: far}, TRUTH)
        assert 0.6 < found.kelvin[1] <= found.kelvin[0]

    def test_three_days_leave_little_of_a_bias_that_is_clear(self) -> None:
        noise = np.random.default_rng(3).normal(0.0, 0.4, N)
        measured = np.where(HOURS >= N - 72, TRUTH, np.nan)
        left = 1.5 - bias_of({0: TRUTH + 1.5 + noise}, measured).kelvin[0]
        assert 0.0 < left < 0.25

    def test_what_is_left_of_the_errors_is_the_spread(self) -> None:
        noise = np.random.default_rng(4).normal(0.0, 1.0, N)
        found = bias_of({0: TRUTH + 1.0 + 0.3 * noise, 24: TRUTH + 2.0 * noise}, TRUTH)
        near, far = found.spread_k
        assert near < 0.7
        assert 1.5 < far < 2.1
        assert near < found.spread_at(np.array([12.0]))[0] < far

    def test_the_last_days_count_more(self) -> None:
        drifting = TRUTH + np.where(N // 2 > HOURS, 2.0, 0.0)
        assert bias_of({0: drifting}, TRUTH).kelvin[0] < 0.6


class TestTheSensor:
    def test_one_in_the_sun_counts_in_the_dark_only(self) -> None:
        warmed = TRUTH + np.where(SUN > 50, 5.0, 0.0)
        assert bias_of({0: TRUTH + 0.5}, warmed).kelvin[0] == pytest.approx(0.4, abs=0.1)

    def test_one_that_is_cold_in_the_sun_is_just_a_bias(self) -> None:
        shaded = TRUTH - np.where(SUN > 50, 1.0, 0.0)
        assert bias_of({0: TRUTH}, shaded).kelvin[0] > 0.3

    def test_one_that_stands_still_is_stuck(self) -> None:
        stuck = TRUTH.copy()
        stuck[-30:] = 7.0
        assert forecast_bias({0: TRUTH}, stuck, SUN) == Distrusted("stuck")

    def test_one_that_is_far_off_is_not_believed(self) -> None:
        found = forecast_bias({0: TRUTH}, TRUTH + 6.0, DARK)
        assert isinstance(found, Distrusted)
        assert found.why == "far_off"
        assert found.kelvin == pytest.approx(-6.0)

    def test_hours_of_which_the_sun_is_not_known_do_not_count(self) -> None:
        assert forecast_bias({0: TRUTH}, TRUTH, np.full(N, np.nan)) == Distrusted("few")

    def test_nothing_remembered_is_nothing_learnt(self) -> None:
        assert forecast_bias({0: np.full(N, np.nan)}, TRUTH, SUN) == Distrusted("few")
        assert forecast_bias({}, TRUTH, SUN) == Distrusted("few")


@dataclass
class Remembering(FakeFeed):
    """A feed whose forecasts were ``off_k`` [K] warmer than what it observed."""

    off_k: float = 1.0
    said: list[str] = field(default_factory=list)

    def forecasts(
        self, latitude: float, longitude: float, *, start: datetime, end: datetime
    ) -> Mapping[int, Series]:
        truth = self.weather(latitude, longitude, start=start, end=end, now=end).temp_out_c.series
        return {lead: Series(start, HOUR, truth.values + self.off_k) for lead in (0, 24)}

    def scores(self, latitude: float, longitude: float) -> tuple[ForecastScore, ...]:
        return tuple(
            ForecastScore(
                provider=name,
                quantity=WeatherQuantity.TEMP,
                lead_h=lead,
                n=200,
                bias=0.0,
                rmse=rmse + lead / 48,
            )
            for name, rmse in (("one", 0.5), ("other", 0.9))
            for lead in (0, 48)
        )


NOW = utc(2019, 1, 15, 10, 7)
SITE = lodge()
SENSOR = next(iter(SITE.points_by_role(Role.OUTDOOR_TEMP))).id


def store(days: int = 14, *, constant: bool = False) -> MemoryStore:
    """The sensor shows the hour of the day, as the feed observes it."""
    made = MemoryStore()
    first = NOW - timedelta(days=days)
    moments = [first + QUARTER * i for i in range(days * 96)]
    made.add_readings(
        Reading(SENSOR, at, 3.0 if constant else float(at.hour), Quality.GOOD) for at in moments
    )
    return made


class TestThePlan:
    def problem(self, feed: FakeFeed, kept: MemoryStore):
        return assemble(
            SITE,
            now=NOW,
            horizon=timedelta(hours=24),
            history_days=1,
            ports=problem_ports(kept, feed=feed),
        )

    def test_its_forecast_is_corrected_and_it_says_so(self) -> None:
        made = self.problem(Remembering(), store())
        assert made.weather.temp_out_c[0] == pytest.approx(10.0 - 1.0, abs=0.05)
        assert [note.code for note in made.notes] == ["forecast_corrected"]
        assert "−1.0 K" in translator("en").describe(made.notes[0])

    def test_it_tells_how_far_forecasts_have_erred_here(self) -> None:
        spread = self.problem(Remembering(), store()).weather.temp_out_spread_k
        assert len(spread) == 96
        assert 0.1 < spread[0] < 0.6

    def test_without_a_sensor_they_have_erred_as_at_stations(self) -> None:
        spread = self.problem(Remembering(), MemoryStore()).weather.temp_out_spread_k
        assert spread[0] == pytest.approx(0.5, abs=0.01)
        assert spread[-1] == pytest.approx(1.0, abs=0.01)

    def test_a_feed_without_a_memory_is_taken_as_it_is(self) -> None:
        feed = FakeFeed()
        assert not isinstance(feed, RememberingFeed)
        made = self.problem(feed, store())
        assert made.weather.temp_out_c[0] == 10.0
        assert made.notes == ()

    def test_a_good_forecast_is_left_alone_without_a_word(self) -> None:
        made = self.problem(Remembering(off_k=0.02), store())
        assert made.weather.temp_out_c[0] == 10.0
        assert made.notes == ()

    def test_a_broken_sensor_is_named(self) -> None:
        made = self.problem(Remembering(), store(constant=True))
        assert made.weather.temp_out_c[0] == 10.0
        assert [note.code for note in made.notes] == ["outdoor_sensor_stuck"]
        made = self.problem(Remembering(off_k=8.0), store())
        assert [note.code for note in made.notes] == ["outdoor_sensor_far_off"]

    def test_a_feed_that_is_away_costs_the_correction_only(self) -> None:
        feed = Remembering(away={"weather"})
        done = corrected(
            np.array([1.0]), SITE, start=NOW, step=QUARTER, now=NOW, feed=feed, readings=store()
        )
        assert done.temp_out_c.tolist() == [1.0]
        assert done.notes == ()
