"""ENTSO-E and Nord Pool where Energi Data Service has no price: asked when they are needed, with
keys that nobody sees, and heard no longer than needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bms.clock import VirtualClock
from bms.errors import FeedError
from bms.feeds.electricity.nordpool import MarketDataLogin
from bms.feeds.live import ADDRESSES, PriceKeys, live_feed
from bms.model.planning.feed import FeedSeries
from bms.outgoing.http import HttpxClient
from tests.rigs.feeds.answers import HOUR, QUARTER, prices, told
from tests.rigs.feeds.server import Asked, FeedServer, Reply
from tests.rigs.sentences import english

NOW = datetime(2026, 1, 14, 13, 0, tzinfo=UTC)
"""14:00 in Denmark: tomorrow's prices are due."""
MIDNIGHT = datetime(2026, 1, 14, 23, tzinfo=UTC)
PRICES, ENTSOE, TOKEN, NORDPOOL = "/dataset/DayAheadPrices", "/api", "/connect/token", "/api/v2"
NAMESPACE = "urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3"
SECRET, PASSWORD = "a-token-of-ours", "p&ss w0rd"


def entsoe(asked: Asked, *, currency: str = "EUR", step: int = 15) -> bytes:
    """The day that is asked for: its hours [EUR/MWh]."""
    since, until = (_moment(asked.query[name]) for name in ("periodStart", "periodEnd"))
    n = int((until - since) / timedelta(minutes=step))
    points = "".join(
        f"<Point><position>{i + 1}</position><price.amount>"
        f"{(since + timedelta(minutes=step) * i).hour}.0</price.amount></Point>"
        for i in range(n)
    )
    return (
        f'<Publication_MarketDocument xmlns="{NAMESPACE}">'
        f"<TimeSeries><in_Domain.mRID>{asked.query['in_Domain']}</in_Domain.mRID>"
        f"<currency_Unit.name>{currency}</currency_Unit.name>"
        "<price_Measure_Unit.name>MWH</price_Measure_Unit.name><curveType>A03</curveType><Period>"
        f"<timeInterval><start>{since:%Y-%m-%dT%H:%MZ}</start><end>{until:%Y-%m-%dT%H:%MZ}</end>"
        f"</timeInterval><resolution>PT{step}M</resolution>{points}</Period></TimeSeries>"
        "</Publication_MarketDocument>"
    ).encode()


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=UTC)


def nordpool(asked: Asked) -> bytes:
    """The day that is asked for: ten times its hours [DKK/MWh]."""
    since = datetime.fromisoformat(asked.query["date"]).replace(tzinfo=UTC) - HOUR
    rows = [
        {
            "deliveryStart": f"{told(since + QUARTER * i)}Z",
            "deliveryEnd": f"{told(since + QUARTER * (i + 1))}Z",
            "price": 10.0 * (since + QUARTER * i).hour,
        }
        for i in range(96)
    ]
    area = asked.query["areas"]
    return json.dumps(
        [{"deliveryArea": area, "currency": "DKK", "unit": "MWh", "prices": rows}]
    ).encode()


class Rig:
    """A feed with keys, its server and its clock."""

    def __init__(self, server: FeedServer, folder: Path) -> None:
        self.server, self.folder, self.clock = server, folder, VirtualClock(NOW)
        server.says(PRICES, Reply(partial(prices, last=MIDNIGHT)))
        server.says(ENTSOE, Reply(entsoe))
        server.says(TOKEN, Reply(b'{"access_token": "abc", "expires_in": 3600}'))
        server.says(NORDPOOL, Reply(nordpool))
        self.keyed(PriceKeys(entsoe=SECRET, nordpool=MarketDataLogin("us", PASSWORD)))

    def keyed(self, keys: PriceKeys) -> None:
        self.feed = live_feed(
            self.folder,
            self.clock,
            client=HttpxClient(user_agent="bms", timeout_s=2, deadline_s=5),
            addresses=dict.fromkeys(ADDRESSES, self.server.address),
            keys=keys,
        )

    def spot(self, hours: float = 24) -> FeedSeries:
        now = self.clock.now()
        return self.feed.spot("DK1", start=now, end=now + hours * HOUR, now=now)

    def codes(self) -> list[str]:
        return [note.code for note in self.spot().notes]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with FeedServer() as server:
        yield Rig(server, tmp_path / "feeds")


def test_what_is_settled_needs_no_second_source(rig: Rig) -> None:
    rig.server.says(PRICES, Reply(prices))
    assert rig.codes() == []
    assert rig.server.paths(ENTSOE) == []


def test_tomorrow_comes_from_entso_e_when_it_is_late_elsewhere(rig: Rig) -> None:
    seen = rig.spot()
    after = [i for i in range(len(seen.series)) if seen.series.start + QUARTER * i >= MIDNIGHT]
    for i in after:
        hour = (seen.series.start + QUARTER * i).hour
        assert seen.series.values[i] == pytest.approx(hour * 7.5 / 1000)
    assert [note.code for note in seen.notes] == ["prices_second"]
    assert "ENTSO-E" in english(seen.notes[0])
    assert "ENTSO-E" in seen.source
    asked = [one for one in rig.server.asked if one.path == ENTSOE]
    assert [one.query["securityToken"] for one in asked] == [SECRET]
    assert rig.server.paths(TOKEN) == [], "one was enough"


def test_before_the_auction_nobody_else_is_asked(rig: Rig) -> None:
    rig.clock = VirtualClock(NOW - 3 * HOUR)
    rig.keyed(PriceKeys(entsoe=SECRET))
    assert rig.codes() == ["prices_estimated"]
    assert rig.server.paths(ENTSOE) == []


def test_nord_pool_follows_where_entso_e_says_nothing(rig: Rig) -> None:
    nothing = (
        b"<Acknowledgement_MarketDocument><Reason><code>999</code><text>No matching data found"
        b"</text></Reason></Acknowledgement_MarketDocument>"
    )
    rig.server.says(ENTSOE, Reply(nothing))
    rig.server.says(NORDPOOL, Reply(nordpool))
    seen = rig.spot()
    assert [note.code for note in seen.notes] == ["prices_second"]
    assert "No matching data found" in english(seen.notes[0])
    assert seen.series.values[-8] == pytest.approx(
        10.0 * (seen.series.start + QUARTER * (len(seen.series) - 8)).hour / 1000
    )
    (token,) = (one for one in rig.server.asked if one.path == TOKEN)
    assert b"password=p%26ss+w0rd" in token.body
    (asked,) = (one for one in rig.server.asked if one.path.startswith(NORDPOOL))
    assert asked.headers["authorization"] == "Bearer abc"
    assert asked.query["date"] == "2026-01-15"


def test_a_token_that_is_refused_is_asked_for_once_more(rig: Rig) -> None:
    rig.keyed(PriceKeys(nordpool=MarketDataLogin("us", PASSWORD)))
    rig.spot()
    rig.clock.advance(timedelta(days=1))
    refused = [Reply(status=401), Reply(nordpool)]
    rig.server.says(NORDPOOL, *refused)
    assert "prices_second" in rig.codes()
    assert len(rig.server.paths(TOKEN)) == 2


def test_what_is_settled_later_replaces_it(rig: Rig) -> None:
    rig.spot()
    rig.server.says(PRICES, Reply(prices))
    rig.clock.advance(HOUR)
    seen = rig.spot()
    assert seen.notes == ()
    last = seen.series.start + QUARTER * (len(seen.series) - 1)
    assert seen.series.values[-1] == pytest.approx(last.hour)


def test_who_has_nothing_is_asked_every_quarter_of_an_hour(rig: Rig) -> None:
    rig.keyed(PriceKeys(entsoe=SECRET))
    rig.server.says(ENTSOE, Reply(lambda asked: entsoe(_a_day_before(asked))))
    for _ in range(60):
        rig.spot()
        rig.clock.advance(timedelta(minutes=1))
    assert 4 <= len(rig.server.paths(ENTSOE)) <= 5


def _a_day_before(asked: Asked) -> Asked:
    moved = {
        name: f"{_moment(asked.query[name]) - timedelta(days=1):%Y%m%d%H%M}"
        for name in ("periodStart", "periodEnd")
    }
    return Asked(asked.path, {**asked.query, **moved}, asked.headers)


@pytest.mark.parametrize(
    "wrong",
    [
        Reply(b"<html><body>Sign in</body></html>"),
        Reply(b"<html><body>Sign in"),
        Reply(partial(entsoe, currency="DKK")),
        Reply(partial(entsoe, step=20)),
        Reply(b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'),
        Reply(status=401),
        Reply(status=429, headers={"Retry-After": "600"}),
        Reply(status=302, headers={"Location": "https://example.org/"}),
        Reply(hang_up=True),
        Reply(entsoe, cut=80),
    ],
)
def test_whatever_is_wrong_there_prices_are_estimated_and_it_is_said(
    rig: Rig, wrong: Reply
) -> None:
    rig.keyed(PriceKeys(entsoe=SECRET))
    rig.server.says(ENTSOE, wrong)
    seen = rig.spot()
    assert [note.code for note in seen.notes] == ["prices_estimated"]
    assert np.isfinite(seen.series.values).all()
    assert SECRET not in english(seen.notes[0])


def test_keys_are_in_no_file_and_no_message(rig: Rig) -> None:
    rig.server.says(ENTSOE, Reply(status=500))
    rig.server.says(TOKEN, Reply(status=400))
    said = english(rig.spot().notes[0])
    kept = b"".join(file.read_bytes() for file in rig.folder.rglob("*") if file.is_file())
    for secret in (SECRET, PASSWORD, "p%26ss"):
        assert secret not in said
        assert secret.encode() not in kept
    assert SECRET not in repr(PriceKeys(entsoe=SECRET))


def test_without_energi_data_service_it_is_the_source(rig: Rig) -> None:
    rig.server.says(PRICES, Reply(status=500))
    seen = rig.spot(hours=8)
    assert [note.code for note in seen.notes] == ["prices_second"]
    assert np.isfinite(seen.series.values).all()
    rig.keyed(PriceKeys())
    rig.folder = rig.folder / "other"
    rig.keyed(PriceKeys())
    with pytest.raises(FeedError, match="500"):
        rig.spot()
