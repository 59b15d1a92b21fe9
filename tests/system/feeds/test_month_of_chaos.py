"""A simulated month in which the providers fail in turn, each in each way: a plan has weather and
prices throughout, and is never silent about what it did not know."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bms.clock import VirtualClock
from bms.errors import FeedError
from bms.feeds.live import ADDRESSES, live_feed, live_tariffs
from bms.feeds.tariffs.book import TariffBook
from bms.outgoing.http import HttpxClient
from tests.rigs.feeds.answers import (
    HOUR,
    dmi_forecast,
    emissions,
    metno_forecast,
    observations,
    prices,
)
from tests.rigs.feeds.server import Asked, FeedServer, Reply, payload

START = datetime(2026, 10, 10, 5, 20, tzinfo=UTC)
"""The month has the night of 25 October, which has 25 hours."""
DAY = timedelta(days=1)
STEP = 6 * HOUR
AARHUS = (56.157, 10.211)
DMI, METOBS, METNO = "/v1/forecastedr", "/v2/metObs", "/weatherapi"
PRICES, PROGNOSIS, MEASURED, LIST = (
    f"/dataset/{name}" for name in ("DayAheadPrices", "CO2EmisProg", "CO2Emis", "DatahubPricelist")
)
FAILING = (DMI, METNO, PRICES, PROGNOSIS, LIST, METOBS)


def renamed(body: bytes) -> bytes:
    """The same numbers under names that nobody knows."""
    for name in (
        b"temperature-2m",
        b"air_temperature",
        b"DayAheadPrice",
        b"CO2Emission",
        b"Price1",
    ):
        body = body.replace(name, name + b"New")
    return body


def doubled(body: bytes) -> bytes:
    """Every record twice."""
    answer = json.loads(body)
    for rows in ("records", "features"):
        if rows in answer:
            answer[rows] = answer[rows] * 2
            answer["total"] = answer["numberReturned"] = len(answer[rows])
    return json.dumps(answer).encode()


def empty(body: bytes) -> bytes:
    """The same answer without its rows."""
    answer = json.loads(body)
    for rows in ("records", "features"):
        if rows in answer:
            answer[rows] = []
            answer["total"] = answer["numberReturned"] = 0
    if "properties" in answer:
        answer["properties"]["timeseries"] = []
    if "ranges" in answer:
        for each in answer["ranges"].values():
            each["values"] = [None] * len(each["values"])
    return json.dumps(answer).encode()


def a_thousandth(body: bytes) -> bytes:
    """Radiation and prices in another unit than is told."""
    answer = json.loads(body)
    for row in answer.get("records", ()):
        for name, value in row.items():
            if isinstance(value, float) and name.startswith("DayAheadPrice"):
                row[name] = value * 1e6
    for each in answer.get("ranges", {}).values():
        each["values"] = [value / 1000 for value in each["values"]]
    return json.dumps(answer).encode()


Good = Callable[[Asked], bytes]
WAYS: dict[str, Callable[[Good], Reply]] = {
    "html": lambda _: Reply(b"<html>Log in</html>"),
    "empty": lambda good: Reply(lambda asked: empty(good(asked))),
    "blocked": lambda _: Reply(status=403),
    "busy": lambda _: Reply(status=429, headers={"Retry-After": "7200"}),
    "broken": lambda _: Reply(status=500),
    "gone": lambda _: Reply(status=404),
    "silent": lambda _: Reply(hang_up=True),
    "elsewhere": lambda _: Reply(status=302, headers={"Location": "https://example.org/"}),
    "renamed": lambda good: Reply(lambda asked: renamed(good(asked))),
    "cut": lambda good: Reply(lambda asked: good(asked)[:-40]),
    "doubled": lambda good: Reply(lambda asked: doubled(good(asked))),
    "unit": lambda good: Reply(lambda asked: a_thousandth(good(asked))),
}


class Month:
    """The live feed over a month, its clock and its server."""

    def __init__(self, server: FeedServer, folder: Path) -> None:
        self.server, self.clock = server, VirtualClock(START)
        shared = {
            "contact": "energy@example.org",
            "client": HttpxClient(user_agent="bms", timeout_s=2, deadline_s=5),
            "addresses": dict.fromkeys(ADDRESSES, server.address),
        }
        self.feed = live_feed(folder, self.clock, **shared)
        self.tariffs = live_tariffs(folder, self.clock, TariffBook.load(), **shared)
        self.good: dict[str, Good] = {
            DMI: lambda _: dmi_forecast(self.hour() - 4 * HOUR, 60),
            METNO: lambda _: metno_forecast(self.hour(), 90),
            METOBS: observations,
            PRICES: lambda asked: prices(asked, last=self.settled()),
            PROGNOSIS: lambda asked: emissions(asked, last=self.hour() + 9 * HOUR),
            MEASURED: lambda asked: emissions(asked, last=self.hour()),
            LIST: lambda _: payload("eds_DatahubPricelist_Konstant_Energinet"),
        }
        for path in self.good:
            self.mend(path)

    def hour(self) -> datetime:
        return self.clock.now().replace(minute=0)

    def settled(self) -> datetime:
        """The end of the last local day that is auctioned: 22 or 23 UTC."""
        now = self.clock.now()
        last = now.date() + timedelta(days=1 if now.hour >= 12 else 0)
        summer = last < datetime(2026, 10, 25, tzinfo=UTC).date()
        return datetime(last.year, last.month, last.day, 22 if summer else 23, tzinfo=UTC)

    def mend(self, path: str) -> None:
        self.server.says(path, Reply(self.good[path]))

    def break_(self, path: str, way: str) -> None:
        self.server.says(path, WAYS[way](self.good[path]))

    def plan(self) -> tuple[set[str], bool]:
        """The codes of the notes of a plan made now, and whether it has weather and prices."""
        now = self.clock.now()
        span = {"start": now, "end": now + 36 * HOUR, "now": now}
        notes, whole = [], True
        try:
            weather = self.feed.weather(*AARHUS, **span)
            notes += [*weather.temp_out_c.notes, *weather.ghi_wm2.notes]
            whole &= bool(np.isfinite(weather.temp_out_c.series.values).all())
        except FeedError:
            return {"no_weather"}, False
        try:
            spot = self.feed.spot("DK1", **span)
            total = self.tariffs.electricity("konstant_c", spot.series)
            notes += [*spot.notes, *self.tariffs.list_notes()]
            whole &= bool(np.isfinite(total.values).all())
        except FeedError:
            return {"no_prices"}, False
        try:
            notes += self.feed.emissions("DK1", **span).notes
        except FeedError:
            notes = [*notes]
        return {note.code for note in notes}, whole


@pytest.fixture
def month(tmp_path: Path) -> Iterator[Month]:
    with FeedServer() as server:
        made = Month(server, tmp_path / "feeds")
        made.plan()
        yield made


USUAL = {"prices_estimated", "emissions_estimated"}
"""Beyond the auction and the prognosis there is never more than an estimate."""


def test_no_plan_of_the_month_is_without_weather_and_prices(month: Month) -> None:
    """Each day another provider fails in another way, for 18 of its 24 hours."""
    ways, planned, told = list(WAYS), 0, 0
    for day in range(30):
        path = FAILING[day % len(FAILING)]
        way = ways[(day + day // len(FAILING)) % len(ways)]
        month.break_(path, way)
        for _ in range(2):
            month.clock.advance(9 * HOUR)
            codes, whole = month.plan()
            assert whole, (day, path, way, codes)
            assert codes & USUAL, "what lies beyond the auction is said on every day"
            planned += 1
            told += bool(codes - USUAL)
        month.mend(path)
        month.clock.advance(STEP)
        month.plan()
    assert planned == 60
    assert told >= 10


SAID = {
    DMI: {"weather_stale", "weather_fallback", "weather_gap", "weather_tail"},
    PROGNOSIS: {"emissions_stale"},
    LIST: {"tariffs_stale"},
}
FEW = ("html", "renamed", "busy", "empty")


@pytest.mark.parametrize(
    ("path", "way"),
    [(DMI, way) for way in WAYS if way not in ("doubled", "unit")]
    + [(path, way) for path in (PROGNOSIS, LIST) for way in FEW],
)
def test_a_plan_says_what_it_does_not_know(month: Month, path: str, way: str) -> None:
    month.break_(path, way)
    for _ in range(2):
        month.clock.advance(13 * HOUR)
        codes, whole = month.plan()
    assert whole
    assert codes & SAID[path], codes


@pytest.mark.parametrize("way", [way for way in WAYS if way != "doubled"])
def test_prices_that_do_not_come_are_estimated_from_an_earlier_moment_and_it_is_said_why(
    month: Month, way: str
) -> None:
    month.break_(PRICES, way)
    month.clock.advance(12 * HOUR)
    now = month.clock.now()
    spot = month.feed.spot("DK1", start=now, end=now + 36 * HOUR, now=now)
    (note,) = (each for each in spot.notes if each.code == "prices_estimated")
    told = dict(note.parameters)
    assert told["since"].at < month.settled(), "the day that is auctioned did not come"
    assert told["because"]
    assert np.isfinite(spot.series.values).all()


def test_doubled_records_are_as_good_as_single_ones(month: Month) -> None:
    for path in FAILING:
        month.break_(path, "doubled")
    month.clock.advance(DAY)
    codes, whole = month.plan()
    assert whole
    assert not codes - USUAL


def test_everything_away_for_two_days_is_said_in_full(month: Month) -> None:
    for _ in range(4):
        month.clock.advance(DAY)
        month.plan()
    for path in month.good:
        month.break_(path, "silent")
    for _ in range(2):
        month.clock.advance(20 * HOUR)
        codes, whole = month.plan()
    assert whole
    assert {"weather_stale", "prices_estimated", "tariffs_stale"} <= codes


def test_a_provider_that_comes_back_is_heard_within_the_hour(month: Month) -> None:
    for path in (DMI, PRICES):
        month.break_(path, "broken")
    month.clock.advance(DAY)
    month.plan()
    for path in (DMI, PRICES):
        month.mend(path)
    month.clock.advance(HOUR)
    codes, _ = month.plan()
    assert not codes - USUAL, codes
