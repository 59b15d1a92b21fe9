"""The archive feed: the past as observed, a forecast whose error grows, and labels on all of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bms.errors import FeedError
from bms.feeds.archive import LATITUDE, LONGITUDE, ArchiveFeed, forecast_errors, price_level
from bms.model.planning.feed import WeatherSeries
from bms.ports.feeds import Feed

NOW = datetime(2019, 1, 14, 8, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
FEED = ArchiveFeed()
PERFECT = ArchiveFeed(perfect=True)


def weather(
    feed: Feed, start: datetime, end: datetime, now: datetime = NOW, latitude: float = LATITUDE
) -> WeatherSeries:
    return feed.weather(latitude, LONGITUDE, start=start, end=end, now=now)


def test_the_past_is_as_observed() -> None:
    # 2019-01-14 10:00, 11:00 and 12:00 UTC in the file: 6.5, 7.3, 7.6 degC; the irradiance of the
    # hours that begin then is stamped one hour later: 152.5, 116.4, 208.3 W/m2
    day = datetime(2019, 1, 14, tzinfo=UTC)
    seen = weather(FEED, day + 10 * HOUR, day + 13 * HOUR, now=day + 13 * HOUR)
    np.testing.assert_allclose(seen.temp_out_c.series.values, [6.5, 7.3, 7.6])
    np.testing.assert_allclose(seen.ghi_wm2.series.values, [152.5, 116.4, 208.3])
    assert not seen.temp_out_c.synthetic
    assert "UK OGL" in seen.temp_out_c.source


def test_the_sun_is_centred_on_noon_after_the_shift() -> None:
    start = datetime(2018, 5, 1, tzinfo=UTC)
    ghi = weather(FEED, start, start + timedelta(days=90)).ghi_wm2.series.values
    middle = np.arange(len(ghi)) % 24 + 0.5
    assert np.average(middle, weights=ghi) == pytest.approx(12.2, abs=0.15)


def test_a_forecast_says_so_and_leaves_the_past_alone() -> None:
    start, end = NOW - timedelta(hours=30), NOW + timedelta(hours=36)
    ours, truth = weather(FEED, start, end), weather(PERFECT, start, end)
    past = (NOW - ours.temp_out_c.series.start) // HOUR
    error = ours.temp_out_c.series.values - truth.temp_out_c.series.values
    assert (error[:past] == 0).all()
    assert (error[past:] != 0).all()
    assert ours.temp_out_c.synthetic
    assert ours.temp_out_c.source == "archive, with synthetic forecast error"
    assert ours.temp_out_c.issued_at == datetime(2019, 1, 14, 8, tzinfo=UTC)
    assert "perfect" in truth.temp_out_c.source


def test_the_hour_that_still_runs_is_a_forecast() -> None:
    hour = datetime(2019, 1, 14, 8, tzinfo=UTC)
    assert weather(FEED, hour, hour + HOUR, now=NOW).temp_out_c.synthetic
    assert not weather(FEED, hour, hour + HOUR, now=hour + HOUR).temp_out_c.synthetic


def test_the_same_hour_gives_the_same_forecast_and_another_seed_another() -> None:
    end = NOW + timedelta(hours=36)
    first = weather(FEED, NOW, end).temp_out_c.series.values
    again = weather(ArchiveFeed(), NOW, end, now=NOW + timedelta(minutes=30))
    other = weather(ArchiveFeed(seed=1), NOW, end)
    np.testing.assert_array_equal(first, again.temp_out_c.series.values)
    assert np.abs(first - other.temp_out_c.series.values).max() > 0.1


def test_a_forecast_does_not_depend_on_where_the_question_starts() -> None:
    end = NOW + timedelta(hours=36)
    whole = weather(FEED, NOW - timedelta(hours=5), end).temp_out_c.series.values
    part = weather(FEED, NOW + timedelta(hours=10), end).temp_out_c.series.values
    np.testing.assert_array_equal(whole[-len(part) :], part)


@pytest.mark.slow
def test_errors_of_forecasts_grow_with_the_lead_time() -> None:
    errors = np.array([forecast_errors(7, issue * 60, 36).temp_k for issue in range(500)])
    assert errors.std(axis=0)[0] == pytest.approx(0.5, rel=0.15)
    assert errors.std(axis=0)[35] == pytest.approx(1.5, rel=0.15)
    assert abs(errors.mean()) < 0.1


@pytest.mark.slow
def test_a_newer_forecast_is_usually_better() -> None:
    old = np.array([forecast_errors(3, 100 * i, 31).temp_k[30] for i in range(300)])
    new = np.array([forecast_errors(3, 100 * i + 24, 7).temp_k[6] for i in range(300)])
    assert (np.abs(new) < np.abs(old)).mean() > 0.6
    assert np.corrcoef(old, new)[0, 1] > 0.3, "both are driven by the same surprises"


def test_forecast_sun_is_never_negative_and_dark_nights_stay_dark() -> None:
    start = datetime(2018, 6, 1, 12, tzinfo=UTC)
    ours = weather(FEED, start, start + timedelta(days=3), now=start).ghi_wm2.series.values
    truth = weather(PERFECT, start, start + timedelta(days=3), now=start).ghi_wm2.series.values
    assert (ours[truth == 0] == 0).all()
    assert (ours >= 0).all()
    assert (ours <= 1.6 * truth + 1e-9).all()


def test_outside_the_archive_nothing_is_made_up() -> None:
    edge = datetime(2020, 1, 1, tzinfo=UTC)
    across = weather(FEED, edge - 2 * HOUR, edge + 2 * HOUR, now=edge).temp_out_c.series
    assert np.isfinite(across.values).tolist() == [True, True, False, False]
    with pytest.raises(FeedError, match="archive holds"):
        weather(FEED, edge, edge + HOUR)
    with pytest.raises(FeedError, match="not of 56"):
        weather(FEED, NOW - HOUR, NOW, latitude=56.16)


def test_spot_prices_are_shaped_from_the_recorded_day() -> None:
    start = datetime(2019, 1, 13, 23, tzinfo=UTC)
    spot = FEED.spot("DK1", start=start, end=start + timedelta(days=1), now=NOW)
    level = price_level(0, datetime(2019, 1, 14, tzinfo=UTC).date())
    assert len(spot.series) == 96
    assert spot.series.values[0] == pytest.approx(0.212229192 * level)
    assert spot.synthetic
    assert "Energinet" in spot.source
    assert spot.unit == "DKK/kWh"


def test_prices_beyond_the_auction_have_the_mean_level() -> None:
    start, end = datetime(2019, 1, 13, 23, tzinfo=UTC), datetime(2019, 1, 16, 23, tzinfo=UTC)
    before = FEED.spot("DK1", start=start, end=end, now=datetime(2019, 1, 14, 11, tzinfo=UTC))
    after = FEED.spot("DK1", start=start, end=end, now=datetime(2019, 1, 14, 12, tzinfo=UTC))
    day = [slice(0, 96), slice(96, 192), slice(192, 288)]
    np.testing.assert_array_equal(before.series.values[day[0]], after.series.values[day[0]])
    assert before.series.values[day[1]][0] == pytest.approx(0.212229192)
    assert after.series.values[day[1]][0] != pytest.approx(0.212229192)
    assert after.series.values[day[2]][0] == pytest.approx(0.212229192)


def test_price_levels_vary_and_are_lower_at_weekends() -> None:
    days = [datetime(2019, 1, 1, tzinfo=UTC).date() + timedelta(days=i) for i in range(364)]
    levels = np.array([price_level(0, day) for day in days])
    weekend = np.array([day.weekday() >= 5 for day in days])
    assert 0.1 < levels.std() < 0.4
    assert levels[weekend].mean() < levels[~weekend].mean()


def test_emission_factors_stay_in_their_range_and_are_high_on_winter_evenings() -> None:
    start = datetime(2018, 12, 31, 23, tzinfo=UTC)
    year = FEED.emissions("DK2", start=start, end=start + timedelta(days=365), now=NOW)
    values = year.series.values
    assert 0.05 <= values.min() < values.max() <= 0.25
    assert year.synthetic
    winter_evening, summer_noon = values[14 * 96 + 18 * 4], values[190 * 96 + 12 * 4]
    assert winter_evening > 2 * summer_noon


def test_unknown_areas_are_refused() -> None:
    with pytest.raises(FeedError, match="known: DK1, DK2"):
        FEED.spot("SE4", start=NOW, end=NOW + HOUR, now=NOW)
    with pytest.raises(FeedError, match="known: DK1, DK2"):
        FEED.emissions("", start=NOW, end=NOW + HOUR, now=NOW)
