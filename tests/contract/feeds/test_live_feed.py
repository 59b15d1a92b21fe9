"""The live feed against a local server: what it serves, what it asks, and what it does when the
providers are away, slow, wrong or silent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bms.clock import VirtualClock
from bms.errors import FeedError
from bms.feeds.live import ADDRESSES, LiveFeed, live_feed
from bms.model.planning.feed import FeedSeries, WeatherSeries
from bms.outgoing.http import HttpxClient
from bms.ports.feeds import Feed, RememberingFeed
from tests.rigs.feeds.answers import (
    HOUR,
    QUARTER,
    dmi_forecast,
    elspot,
    emissions,
    envelope,
    metno_forecast,
    observations,
    prices,
)
from tests.rigs.feeds.server import Asked, FeedServer, Reply
from tests.rigs.sentences import danish, english

NOW = datetime(2026, 1, 14, 10, 20, tzinfo=UTC)
TODAY = datetime(2026, 1, 14, tzinfo=UTC)
MIDNIGHT = datetime(2026, 1, 14, 23, tzinfo=UTC)
"""The end of the local day."""
AARHUS = (56.157, 10.211)
EDR = "/v1/forecastedr"
METOBS = "/v2/metObs"
METNO = "/weatherapi"
PRICES = "/dataset/DayAheadPrices"
ELSPOT = "/dataset/Elspotprices"
PROGNOSIS = "/dataset/CO2EmisProg"
MEASURED = "/dataset/CO2Emis"


class Rig:
    """A feed in a folder, its server and its clock."""

    def __init__(self, server: FeedServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.clock = VirtualClock(NOW)
        self.feed = self.again()
        server.says(EDR, Reply(dmi_forecast(TODAY + 6 * HOUR, 60)))
        server.says(METOBS, Reply(observations))
        server.says(METNO, Reply(metno_forecast(TODAY + 10 * HOUR, 90)))
        server.says(PRICES, Reply(partial(prices, last=MIDNIGHT)))
        server.says(ELSPOT, Reply(elspot))
        server.says(PROGNOSIS, Reply(partial(emissions, last=TODAY + 20 * HOUR)))
        server.says(MEASURED, Reply(partial(emissions, last=NOW - HOUR, gram=20.0)))

    def again(self, **more: object) -> LiveFeed:
        """Another process with the same folder."""
        self.feed = live_feed(
            self.folder,
            self.clock,
            **{
                "contact": "energy@example.org",
                "client": HttpxClient(
                    user_agent="bms (energy@example.org)", timeout_s=2, deadline_s=5
                ),
                "addresses": dict.fromkeys(ADDRESSES, self.server.address),
                **more,
            },
        )
        return self.feed

    def spot(self, hours: float = 36, area: str = "DK1") -> FeedSeries:
        now = self.clock.now()
        return self.feed.spot(area, start=now, end=now + hours * HOUR, now=now)

    def emissions(self, hours: float = 36) -> FeedSeries:
        now = self.clock.now()
        return self.feed.emissions("DK1", start=now, end=now + hours * HOUR, now=now)

    def weather(self, back: float = 0, ahead: float = 36, at: tuple[float, float] = AARHUS):
        now = self.clock.now()
        return self.feed.weather(*at, start=now - back * HOUR, end=now + ahead * HOUR, now=now)

    def codes(self, series: FeedSeries) -> list[str]:
        return [note.code for note in series.notes]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with FeedServer() as server:
        yield Rig(server, tmp_path / "feeds")


def priced(**fields: float | None) -> Callable[[bytes], bytes]:
    """An answer of the price list with other values in these fields."""

    def changed(body: bytes) -> bytes:
        answer = json.loads(body)
        rows = [{**row, **fields} for row in answer["records"]]
        return json.dumps({**answer, "records": rows}).encode()

    return changed


class TestPrices:
    def test_they_are_known_until_the_auction_of_the_last_day(self, rig: Rig) -> None:
        seen = rig.spot(hours=12)
        assert seen.series.start == TODAY + 10 * HOUR + QUARTER
        hours = [(seen.series.start + QUARTER * i).hour for i in range(len(seen.series))]
        np.testing.assert_allclose(seen.series.values, hours)
        assert seen.unit == "DKK/kWh"
        assert "Energinet" in seen.source
        assert seen.notes == ()
        assert not seen.synthetic

    def test_after_that_they_are_the_usual_ones_and_it_is_said(self, rig: Rig) -> None:
        seen = rig.spot(hours=36)
        hours = [(seen.series.start + QUARTER * i).hour for i in range(len(seen.series))]
        np.testing.assert_allclose(seen.series.values, hours)
        assert rig.codes(seen) == ["prices_estimated"]
        assert "2026-01-15 00:00" in danish(seen.notes[0])

    def test_the_past_is_never_an_estimate(self, rig: Rig) -> None:
        rig.server.says(PRICES, Reply(partial(prices, last=TODAY)))
        seen = rig.feed.spot("DK1", start=TODAY - 2 * HOUR, end=TODAY + 12 * HOUR, now=NOW)
        known = np.isfinite(seen.series.values)
        running = int((NOW - seen.series.start) / QUARTER)
        assert known[: 2 * 4].all()
        assert not known[2 * 4 : running].any()
        assert known[running:].all(), "what is not over yet may be"

    def test_both_areas_come_with_one_request(self, rig: Rig) -> None:
        west, east = rig.spot(2), rig.spot(2, "DK2")
        np.testing.assert_allclose(east.series.values - west.series.values, 0.001)
        assert rig.server.paths() == [PRICES]

    def test_they_are_asked_for_again_when_tomorrow_is_due(self, rig: Rig) -> None:
        rig.spot()
        rig.clock.move_to(NOW + 1 * HOUR)
        rig.spot()
        assert len(rig.server.paths(PRICES)) == 1
        rig.clock.move_to(TODAY + 11 * HOUR + 50 * timedelta(minutes=1))  # 12:50 local
        rig.spot()
        rig.clock.advance(timedelta(minutes=2))
        rig.spot()
        assert len(rig.server.paths(PRICES)) == 2
        rig.clock.advance(timedelta(minutes=4))
        rig.server.says(PRICES, Reply(partial(prices, last=MIDNIGHT + 24 * HOUR)))
        assert rig.spot(24).notes == ()
        rig.clock.advance(timedelta(minutes=50))
        rig.spot()
        assert len(rig.server.paths(PRICES)) == 3
        rig.clock.advance(timedelta(minutes=20))  # they may be corrected in the afternoon
        rig.server.says(PRICES, Reply(partial(prices, last=MIDNIGHT + 23 * HOUR)))
        rig.spot()
        assert len(rig.server.paths(PRICES)) == 4

    def test_what_is_corrected_in_the_afternoon_is_taken_within_the_hour(self, rig: Rig) -> None:
        settled, changed = partial(prices, last=MIDNIGHT + 24 * HOUR), priced(DayAheadPriceDKK=7e3)
        rig.server.says(PRICES, Reply(settled))
        rig.clock.move_to(TODAY + 13 * HOUR)
        assert rig.spot(12).series.values.max() == pytest.approx(23.0)
        rig.server.says(PRICES, Reply(lambda asked: changed(settled(asked))))
        rig.clock.advance(HOUR + timedelta(minutes=1))
        np.testing.assert_allclose(rig.spot(12).series.values, 7.0)

    def test_without_any_dkk_eur_count_at_the_central_rate_and_it_is_said(self, rig: Rig) -> None:
        whole, told = partial(prices, last=MIDNIGHT), priced(DayAheadPriceDKK=None)
        eur = priced(DayAheadPriceEUR=100.0)
        rig.server.says(PRICES, Reply(lambda asked: told(eur(whole(asked)))))
        seen = rig.spot(12)
        np.testing.assert_allclose(seen.series.values, 0.746038)
        assert "7.4604" in seen.source

    def test_a_year_back_takes_one_request_for_each_dataset_and_is_kept(self, rig: Rig) -> None:
        start, end = datetime(2025, 9, 1, tzinfo=UTC), datetime(2025, 11, 1, tzinfo=UTC)
        for _ in range(2):
            seen = rig.feed.spot("DK1", start=start, end=end, now=end)
            rig.clock.advance(timedelta(minutes=2))
            rig.again()
        assert np.isfinite(seen.series.values).all()
        assert seen.series.values[0] == pytest.approx(2.0)
        assert seen.series.values[-1] == pytest.approx(23.0)
        assert rig.server.paths(ELSPOT) == [ELSPOT]
        assert len(rig.server.paths(PRICES)) <= 3

    def test_a_price_area_abroad_is_refused_by_name(self, rig: Rig) -> None:
        with pytest.raises(FeedError, match="'SE4'; known: DK1, DK2"):
            rig.spot(area="SE4")
        assert rig.server.asked == []

    def test_without_any_price_there_is_an_error_that_says_why(self, rig: Rig) -> None:
        rig.server.says(PRICES, Reply(status=503))
        with pytest.raises(FeedError, match="HTTP 503"):
            rig.spot()


class TestEmissions:
    def test_measured_then_foreseen_then_usual(self, rig: Rig) -> None:
        start = TODAY + 8 * HOUR
        seen = rig.feed.emissions("DK1", start=start, end=start + 24 * HOUR, now=NOW)
        hour = np.array([(start + QUARTER * i).hour for i in range(96)])
        np.testing.assert_allclose(seen.series.values[:5], 0.02 * hour[:5])  # measured
        np.testing.assert_allclose(seen.series.values[8:48], 0.01 * hour[8:48])  # prognosis
        np.testing.assert_allclose(seen.series.values[64:80], 0.02 * hour[64:80])  # usual
        assert rig.codes(seen) == ["emissions_estimated"]
        assert "21:00" in english(seen.notes[0])
        assert seen.unit == "kg/kWh"

    def test_a_prognosis_that_is_not_renewed_is_called_old(self, rig: Rig) -> None:
        rig.emissions()
        rig.server.says(PROGNOSIS, Reply(status=500))
        rig.clock.advance(4 * HOUR)
        seen = rig.emissions(hours=4)
        assert rig.codes(seen) == ["emissions_stale"]
        assert "4 hours old (HTTP 500)" in english(seen.notes[0])

    def test_prices_live_on_while_emissions_are_away(self, rig: Rig) -> None:
        for path in (PROGNOSIS, MEASURED):
            rig.server.says(path, Reply(hang_up=True))
        with pytest.raises(FeedError, match="no CO2 figures of DK1"):
            rig.emissions()
        assert np.isfinite(rig.spot().series.values).all()


class TestWeather:
    def test_observed_until_now_and_forecast_from_then_on(self, rig: Rig) -> None:
        seen = rig.weather(back=6, ahead=12)
        temp, ghi = seen.temp_out_c.series, seen.ghi_wm2.series
        assert temp.start == TODAY + 4 * HOUR
        np.testing.assert_allclose(temp.values[:6], range(4, 10))
        np.testing.assert_allclose(temp.values[6:], 280.0 - 273.15)
        np.testing.assert_allclose(ghi.values[:6], 10.0 * np.arange(4, 10))
        np.testing.assert_allclose(ghi.values[6:], 100.0)
        assert "station 06074, 11 km away" in seen.temp_out_c.source
        assert "DMI (CC BY 4.0)" in seen.ghi_wm2.source
        assert seen.temp_out_c.notes == ()

    def test_neighbours_share_one_request_for_each_run(self, rig: Rig) -> None:
        for i in range(5):
            rig.weather(at=(56.157 + 0.001 * i, 10.211))
        assert len(rig.server.paths(EDR)) == 1
        rig.weather(at=(55.4, 10.4))
        assert len(rig.server.paths(EDR)) == 2
        assert {one.query["coords"] for one in rig.server.asked if EDR in one.path} == {
            "POINT(10.2 56.16)",
            "POINT(10.41 55.4)",
        }

    def test_it_is_asked_again_when_the_next_run_is_there(self, rig: Rig) -> None:
        rig.weather()
        rig.clock.advance(HOUR)  # 11:20; the run of 09 UTC is there at 11:30
        rig.weather()
        assert len(rig.server.paths(EDR)) == 1
        rig.clock.advance(timedelta(minutes=20))
        rig.weather()
        assert len(rig.server.paths(EDR)) == 2

    def test_a_run_that_is_late_is_looked_for_every_half_hour(self, rig: Rig) -> None:
        rig.server.says(EDR, Reply(dmi_forecast(TODAY + 6 * HOUR, 60), etag='"run-06"'))
        rig.weather()
        for _ in range(12):
            rig.clock.advance(timedelta(minutes=10))
            rig.weather()
        asked = [one for one in rig.server.asked if EDR in one.path]
        assert 3 <= len(asked) <= 4
        assert asked[-1].headers["if-none-match"] == '"run-06"'

    def test_beyond_dmi_another_provider_goes_on(self, rig: Rig) -> None:
        rig.server.says(EDR, Reply(dmi_forecast(TODAY + 6 * HOUR, 30)))
        seen = rig.weather(ahead=48)
        temp = seen.temp_out_c.series.values
        assert temp[20] == pytest.approx(6.85)
        assert temp[40] == pytest.approx(5.0)
        assert rig.codes(seen.temp_out_c) == ["weather_tail", "sun_estimated"]
        assert "MET Norway" in seen.temp_out_c.source

    def test_when_dmi_is_away_met_norway_stands_in_and_it_is_said(self, rig: Rig) -> None:
        rig.server.says(EDR, Reply(status=502))
        seen = rig.weather(ahead=24)
        assert np.isfinite(seen.temp_out_c.series.values).all()
        assert np.isfinite(seen.ghi_wm2.series.values).all()
        assert rig.codes(seen.temp_out_c) == ["weather_fallback", "sun_estimated"]
        assert "HTTP 502" in english(seen.temp_out_c.notes[0])
        (asked,) = (one for one in rig.server.asked if METNO in one.path)
        assert asked.headers["user-agent"] == "bms (energy@example.org)"

    def test_met_norway_is_not_asked_by_those_who_leave_no_contact(self, rig: Rig) -> None:
        rig.again(contact=None)
        rig.server.says(EDR, Reply(status=502))
        with pytest.raises(FeedError, match="HTTP 502"):
            rig.weather()
        assert rig.server.paths(METNO) == []

    def test_open_meteo_is_asked_only_where_it_is_switched_on(self, rig: Rig) -> None:
        rig.server.says(EDR, Reply(status=502))
        rig.weather()
        assert rig.server.paths("/v1/forecast") == rig.server.paths(EDR)
        rig.again(open_meteo_too=True)
        rig.weather()
        assert any(path == "/v1/forecast" for path in rig.server.paths())

    def test_old_data_are_served_with_their_age(self, rig: Rig) -> None:
        rig.again(contact=None)
        rig.weather()
        rig.server.says(EDR, Reply(b"<html>We are sorry</html>"))
        rig.clock.advance(9 * HOUR)
        rig.again(contact=None)
        seen = rig.weather(ahead=24)
        assert seen.temp_out_c.issued_at == TODAY + 6 * HOUR
        assert np.isfinite(seen.temp_out_c.series.values).all()
        assert rig.codes(seen.temp_out_c) == ["weather_stale"]
        assert "13 timer gammel" in danish(seen.temp_out_c.notes[0])
        assert "cannot be read" in english(seen.temp_out_c.notes[0])

    def test_fresh_data_of_another_beat_old_ones(self, rig: Rig) -> None:
        rig.weather()
        rig.server.says(EDR, Reply(status=500))
        rig.server.says(METNO, Reply(metno_forecast(TODAY + 19 * HOUR, 90)))
        rig.clock.advance(9 * HOUR)
        seen = rig.weather(ahead=24)
        np.testing.assert_allclose(seen.temp_out_c.series.values, 5.0)
        assert rig.codes(seen.temp_out_c) == ["weather_fallback", "sun_estimated"]

    def test_hours_that_no_station_saw_are_as_last_foreseen(self, rig: Rig) -> None:
        rig.again(contact=None)
        rig.server.says(METOBS, Reply(status=404))
        rig.weather()
        rig.clock.advance(5 * HOUR)
        seen = rig.weather(back=4, ahead=0.1)
        np.testing.assert_allclose(seen.temp_out_c.series.values, 6.85)
        assert "earlier forecasts" in seen.temp_out_c.source

    def test_a_short_run_after_a_whole_one_takes_nothing_away(self, rig: Rig) -> None:
        rig.again(contact=None)
        rig.weather()
        rig.clock.advance(3 * HOUR)
        rig.server.says(EDR, Reply(dmi_forecast(TODAY + 9 * HOUR, 6, kelvin=285.0)))
        seen = rig.weather(ahead=36).temp_out_c
        assert np.isfinite(seen.series.values).all()
        assert seen.series.values[0] == pytest.approx(11.85)
        assert seen.series.values[-1] == pytest.approx(6.85)
        assert rig.codes(seen) == ["weather_earlier_run"]

    def test_a_gap_is_filled_from_another_provider_and_said(self, rig: Rig) -> None:
        body = json.loads(dmi_forecast(TODAY + 6 * HOUR, 60))
        body["ranges"]["temperature-2m"]["values"][10:14] = [None] * 4
        rig.server.says(EDR, Reply(json.dumps(body).encode()))
        seen = rig.weather(ahead=24).temp_out_c
        assert np.isfinite(seen.series.values).all()
        assert "weather_gap" in rig.codes(seen)

    def test_a_run_is_as_old_as_it_is_however_new_the_answer(self, rig: Rig) -> None:
        rig.again(contact=None)
        rig.server.says(EDR, Reply(dmi_forecast(TODAY + (10 - 38) * HOUR, 90)))
        seen = rig.weather(ahead=24).temp_out_c
        assert rig.codes(seen) == ["weather_stale"]
        assert "38" in danish(seen.notes[0])

    def test_weather_beyond_all_forecasts_is_that_of_the_usual_day(self, rig: Rig) -> None:
        rig.again(contact=None)
        rig.server.says(EDR, Reply(dmi_forecast(TODAY + 6 * HOUR, 30)))
        seen = rig.weather(back=24 * 8, ahead=96)
        assert np.isfinite(seen.temp_out_c.series.values).all()
        assert np.isfinite(seen.ghi_wm2.series.values).all()
        assert "weather_usual" in rig.codes(seen.temp_out_c)
        end = seen.temp_out_c.series.start + HOUR * (len(seen.temp_out_c.series) - 1)
        assert seen.temp_out_c.series.values[-1] == pytest.approx(float(end.hour), abs=1.5)

    def test_met_norway_is_asked_once_an_hour_at_most(self, rig: Rig) -> None:
        rig.server.says(EDR, Reply(status=404))
        rig.server.says(METNO, Reply(metno_forecast(TODAY + 10 * HOUR, 90), etag='"same"'))
        for _ in range(36):
            rig.weather()
            rig.clock.advance(timedelta(minutes=10))
        assert len(rig.server.paths(METNO)) <= 7

    @pytest.mark.parametrize("unit", ["W/m2", "W m-2", "W/m²"])
    def test_radiation_is_read_in_the_unit_that_it_says(self, rig: Rig, unit: str) -> None:
        body = json.loads(dmi_forecast(TODAY + 6 * HOUR, 60))
        body["ranges"]["global-radiation-flux"]["values"] = [100.0] * 61
        body["parameters"] = {"global-radiation-flux": {"unit": {"symbol": {"value": unit}}}}
        rig.server.says(EDR, Reply(json.dumps(body).encode()))
        np.testing.assert_allclose(rig.weather(ahead=24).ghi_wm2.series.values, 100.0)

    def test_a_sun_that_cannot_be_is_left_out(self, rig: Rig) -> None:
        rig.server.says(EDR, Reply(dmi_forecast(TODAY + 6 * HOUR, 60, watt=0.03)))
        seen = rig.weather(ahead=36)
        assert seen.ghi_wm2.series.values.max() > 5.0
        assert "MET Norway" in seen.ghi_wm2.source

    def test_a_year_of_observations_takes_one_request_for_each_quantity(self, rig: Rig) -> None:
        end = TODAY - 40 * 24 * HOUR
        for _ in range(3):
            seen = rig.feed.weather(*AARHUS, start=end - 365 * 24 * HOUR, end=end, now=end)
            rig.clock.advance(timedelta(minutes=2))
        assert len(seen.temp_out_c.series) == 365 * 24
        assert np.isfinite(seen.temp_out_c.series.values).all()
        assert len(rig.server.paths(METOBS)) == 4, "two stations looked up, two series fetched"
        assert rig.server.paths(EDR) == []

    def test_a_day_that_nobody_observed_is_not_asked_for_for_ever(self, rig: Rig) -> None:
        rig.weather(back=1)
        rig.server.says(METOBS, Reply(b'{"features": [], "numberReturned": 0}'))
        end = TODAY - 24 * HOUR
        for _ in range(3):
            with pytest.raises(FeedError, match="no weather at 56"):
                rig.feed.weather(*AARHUS, start=end - 24 * HOUR, end=end, now=end)
            rig.clock.advance(timedelta(minutes=2))
        assert len([one for one in rig.server.asked if METOBS in one.path]) == 4 + 2

    def test_forecasts_are_remembered_by_how_far_ahead_they_were(self, rig: Rig) -> None:
        rig.weather()
        rig.clock.advance(26 * HOUR)
        start, end = NOW, NOW + 26 * HOUR
        known = {
            lead: int(np.isfinite(series.values).sum())
            for lead, series in rig.feed.forecasts(*AARHUS, start=start, end=end).items()
        }
        assert known == {0: 26, 6: 20, 12: 14, 24: 2, 48: 0}


class TestSkill:
    """Stations observe the hour of the day; DMI foresees ``dmi_k`` more, MET Norway ``metno_k``
    (and both half a kelvin less in the mean, as midnight is a fall that means are taken over)."""

    def days(self, rig: Rig, dmi_k: float, metno_k: float, days: int = 8) -> WeatherSeries:
        def dmi(_: Asked) -> bytes:
            start = rig.clock.now().replace(minute=0) - 4 * HOUR
            body = json.loads(dmi_forecast(start, 60))
            temps = [273.15 + (start.hour + i) % 24 - 0.5 + dmi_k for i in range(61)]
            body["ranges"]["temperature-2m"]["values"] = temps
            return json.dumps(body).encode()

        def metno(_: Asked) -> bytes:
            start = rig.clock.now().replace(minute=0)
            body = json.loads(metno_forecast(start, 90))
            for i, row in enumerate(body["properties"]["timeseries"]):
                celsius = (start.hour + i) % 24 - 0.5 + metno_k
                row["data"]["instant"]["details"]["air_temperature"] = celsius
            return json.dumps(body).encode()

        rig.server.says(EDR, Reply(dmi))
        rig.server.says(METNO, Reply(metno))
        for _ in range(days * 4):
            rig.clock.advance(6 * HOUR)
            seen = rig.weather()
        return seen

    def test_each_provider_has_its_errors_by_lead_time(self, rig: Rig) -> None:
        self.days(rig, 2.0, 0.0, days=3)
        found = {
            (each.provider, each.lead_h): each
            for each in rig.feed.scores(*AARHUS)
            if each.quantity == "temp"
        }
        assert found["dmi", 6].bias == pytest.approx(1.5, abs=0.3)
        assert found["metno", 6].bias == pytest.approx(-0.5, abs=0.3)
        assert found["dmi", 24].n >= 24
        assert found["dmi", 24].rmse >= abs(found["dmi", 24].bias)

    def test_the_better_one_leads_and_it_is_said(self, rig: Rig) -> None:
        seen = self.days(rig, 4.0, 0.2).temp_out_c
        assert rig.codes(seen)[0] == "weather_leads"
        assert seen.source.startswith("MET Norway")
        assert "MET Norway (CC BY 4.0) kommer først her" in danish(seen.notes[0])

    def test_two_that_err_to_opposite_sides_are_averaged(self, rig: Rig) -> None:
        seen = self.days(rig, 2.0, -2.0).temp_out_c
        assert rig.codes(seen) == ["weather_blended"]
        hours = [(seen.series.start + HOUR * i).hour for i in range(1, 12)]
        inner = [i for i, hour in enumerate(hours, 1) if 1 < hour < 22]
        for i in inner:
            expected = (seen.series.start + HOUR * i).hour
            assert seen.series.values[i] == pytest.approx(expected, abs=0.9)

    def test_who_is_not_needed_is_asked_seldom(self, rig: Rig) -> None:
        fresh = lambda _: dmi_forecast(rig.clock.now().replace(minute=0) - 4 * HOUR, 60)  # noqa: E731
        rig.server.says(EDR, Reply(fresh))
        for _ in range(24):
            rig.weather()
            rig.clock.advance(HOUR)
        assert len(rig.server.paths(METNO)) == 4


class TestManners:
    @pytest.mark.parametrize("retry_after", ["900", "Wed, 14 Jan 2026 10:35:00 GMT"])
    def test_retry_after_is_obeyed_by_every_process(self, rig: Rig, retry_after: str) -> None:
        rig.server.says(PRICES, Reply(status=429, headers={"Retry-After": retry_after}))
        for minutes in (0, 5, 14):
            rig.clock.move_to(NOW + timedelta(minutes=minutes))
            rig.again()
            with pytest.raises(FeedError, match="429"):
                rig.spot()
        assert len(rig.server.paths(PRICES)) == 1
        rig.server.says(PRICES, Reply(prices))
        rig.clock.move_to(NOW + timedelta(minutes=15))
        assert rig.spot().notes == ()

    def test_a_dataset_that_fails_is_asked_ever_less_often(self, rig: Rig) -> None:
        rig.server.says(PRICES, Reply(status=500))
        for _ in range(120):
            with pytest.raises(FeedError):
                rig.spot()
            rig.clock.advance(timedelta(minutes=1))
        assert len(rig.server.paths(PRICES)) == 8  # after 0, 1, 3, 7, 15, 31, 63, 95 minutes

    def test_a_refusal_of_one_cell_holds_for_the_others(self, rig: Rig) -> None:
        rig.server.says(EDR, Reply(status=429, headers={"Retry-After": "600"}))
        for i in range(10):
            rig.weather(at=(55.0 + 0.1 * i, 10.0))
        assert len(rig.server.paths(EDR)) == 1

    def test_what_has_not_changed_is_not_sent_again(self, rig: Rig) -> None:
        body = dmi_forecast(TODAY + 6 * HOUR, 60)
        rig.server.says(EDR, Reply(body, etag='"a"'))
        rig.weather()
        rig.clock.advance(2 * HOUR)
        rig.again()
        seen = rig.weather(ahead=6)
        assert seen.temp_out_c.issued_at == TODAY + 6 * HOUR, "the data are as old as they are"
        assert rig.server.asked[-1].headers["if-none-match"] == '"a"'

    def test_expires_is_kept_to(self, rig: Rig) -> None:
        rig.server.says(EDR, Reply(status=404))
        expires = {"Expires": "Wed, 14 Jan 2026 14:00:00 GMT", "Last-Modified": "then"}
        rig.server.says(METNO, Reply(metno_forecast(TODAY + 10 * HOUR, 90), headers=expires))
        rig.weather()
        rig.clock.advance(3 * HOUR)
        rig.weather()
        assert len(rig.server.paths(METNO)) == 1
        rig.clock.advance(HOUR)
        rig.weather()
        assert len(rig.server.paths(METNO)) == 2
        assert rig.server.asked[-1].headers["if-modified-since"] == "then"

    @pytest.mark.parametrize(
        ("wrong", "why"),
        [
            (Reply(status=500), "HTTP 500"),
            (Reply(status=403), "HTTP 403"),
            (Reply(hang_up=True), "no answer"),
            (Reply(prices, cut=50), "cut off"),
            (Reply(prices, cut=50, packed=True), "cut off"),
            (Reply(prices, cut=50, chunked=True), "cut off"),
            (Reply(b"\x00\xff nonsense"), "cannot be read"),
            (Reply(b""), "cannot be read"),
            (Reply(b"[" * 100_000), "cannot be read"),
            (Reply(b"not gzip", headers={"Content-Encoding": "gzip"}), "no answer"),
            (Reply(envelope([], total=192)), "only 0 of 192 records"),
            (Reply(prices, headers={"Content-Length": "many"}), "no answer"),
        ],
    )
    def test_whatever_goes_wrong_the_last_good_data_are_served(
        self, rig: Rig, wrong: Reply, why: str
    ) -> None:
        before = rig.spot(24).series.values
        rig.server.says(PRICES, wrong)
        rig.clock.move_to(TODAY + 12 * HOUR)
        after = rig.spot(24)
        assert len(rig.server.paths(PRICES)) == 2
        np.testing.assert_array_equal(after.series.values[:40], before[7:47])
        assert why in english(after.notes[0])
        rig.server.says(PRICES, Reply(prices))
        rig.clock.advance(timedelta(minutes=6))
        assert rig.spot(24).notes == ()

    def test_a_server_that_dribbles_is_left_at_the_deadline(self, rig: Rig) -> None:
        rig.again(client=HttpxClient(user_agent="bms", timeout_s=1, deadline_s=0.2))
        rig.server.says(PRICES, Reply(prices, pause_s=0.1))
        with pytest.raises(FeedError, match=r"longer than 0.2 s"):
            rig.spot()

    def test_an_answer_without_end_is_not_taken(self, rig: Rig) -> None:
        for packed in (False, True):
            client = HttpxClient(user_agent="bms", timeout_s=1, deadline_s=5, max_bytes=10_000)
            rig.again(client=client)
            rig.server.says(PRICES, Reply(b" " * 1_000_000, packed=packed))
            with pytest.raises(FeedError, match="larger than 10000 bytes"):
                rig.spot()
            rig.clock.advance(HOUR)

    def test_nobody_there_is_an_error_that_says_so(self, rig: Rig) -> None:
        rig.again(addresses=dict.fromkeys(ADDRESSES, "http://127.0.0.1:1"))
        for ask in (rig.spot, rig.emissions, rig.weather):
            with pytest.raises(FeedError, match=r"refused|not asked"):
                ask()


class TestTheFolder:
    def test_another_process_asks_for_nothing_that_is_there(self, rig: Rig) -> None:
        for ask in (rig.spot, rig.emissions, partial(rig.weather, back=24)):
            ask()
        asked = len(rig.server.asked)
        rig.again()
        for ask in (rig.spot, rig.emissions, partial(rig.weather, back=24)):
            ask()
        assert len(rig.server.asked) == asked

    def test_files_that_are_broken_cost_a_request_and_nothing_else(self, rig: Rig) -> None:
        before = rig.spot(12).series.values
        for path in rig.folder.iterdir():
            path.write_bytes(b"\x00\x01 broken")
        rig.again()
        np.testing.assert_array_equal(rig.spot(12).series.values, before)

    def test_a_disk_that_refuses_is_an_error_of_the_feed(self, rig: Rig) -> None:
        rig.folder.write_text("a file")
        for ask in (rig.spot, rig.emissions, rig.weather):
            with pytest.raises(FeedError, match="cannot be used"):
                ask()

    def test_a_folder_that_takes_nothing_more_serves_what_it_has(self, rig: Rig) -> None:
        before = rig.spot(12).series.values
        (rig.folder / "eds_DayAheadPrices.json").rename(rig.folder / "kept")
        (rig.folder / "eds_DayAheadPrices.json").mkdir()
        (rig.folder / "eds_DayAheadPrices.json" / "in_the_way").touch()
        rig.clock.move_to(TODAY + 12 * HOUR)
        for _ in range(5):
            np.testing.assert_array_equal(rig.spot(5).series.values[:10], before[7:17])
        assert len(rig.server.paths(PRICES)) == 2

    def test_nobody_waits_for_another_who_asks(self, rig: Rig) -> None:
        rig.spot()
        rig.server.says(PRICES, Reply(prices, pause_s=0.08))
        rig.clock.move_to(TODAY + 12 * HOUR)
        asking = threading.Thread(target=rig.spot)
        asking.start()
        while len(rig.server.paths(PRICES)) < 2:
            time.sleep(0.005)
        began = time.monotonic()
        rig.again()
        served = rig.spot(6)
        took = time.monotonic() - began
        assert asking.is_alive(), "the server was too fast to tell"
        asking.join()
        assert np.isfinite(served.series.values).all()
        assert took < 0.6
        assert len(rig.server.paths(PRICES)) == 2

    def test_a_clock_that_was_wrong_does_not_keep_us_away_for_ever(self, rig: Rig) -> None:
        rig.clock.move_to(NOW + timedelta(days=400))
        rig.server.says(PRICES, Reply(prices))
        rig.spot()
        rig.clock = VirtualClock(NOW)
        rig.again()
        assert np.isfinite(rig.spot(12).series.values).all()


def test_it_is_a_feed_that_remembers(rig: Rig) -> None:
    feed: Feed = rig.feed
    assert isinstance(feed, RememberingFeed)
