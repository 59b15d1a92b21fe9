"""Tariffs that follow the newest price list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from bms.clock import VirtualClock
from bms.errors import ConfigError
from bms.feeds.live import ADDRESSES, live_tariffs
from bms.feeds.tariffs.book import TariffBook
from bms.model.readings.series import Series
from bms.outgoing.http import HttpxClient
from bms.ports.feeds import Tariffs
from tests.rigs.feeds.answers import HOUR, envelope
from tests.rigs.feeds.server import Asked, FeedServer, Reply, payload

RECORDED = "eds_DatahubPricelist_Konstant_Energinet"
BOOK = TariffBook.load()
COPENHAGEN = ZoneInfo("Europe/Copenhagen")
PATH = "/dataset/DatahubPricelist"


class Rig:
    def __init__(self, server: FeedServer, folder: Path) -> None:
        self.server = server
        self.clock = VirtualClock(datetime(2026, 9, 22, 8, tzinfo=UTC))
        self.tariffs: Tariffs = live_tariffs(
            folder,
            self.clock,
            BOOK,
            client=HttpxClient(user_agent="bms", timeout_s=2),
            addresses=dict.fromkeys(ADDRESSES, server.address),
        )

    def at(self, moment: datetime, tariffs: Tariffs | None = None) -> float:
        spot = Series(moment.astimezone(UTC), HOUR, np.array([1.0]))
        return float((tariffs or self.tariffs).electricity("konstant_c", spot).values[0]) - 1.0


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with FeedServer() as server:
        server.says(PATH, Reply(payload(RECORDED)))
        yield Rig(server, tmp_path)


class TestLiveTariffs:
    def test_a_discount_of_the_list_is_in_the_price(self, rig: Rig) -> None:
        evening = datetime(2026, 9, 22, 18, tzinfo=COPENHAGEN)
        assert rig.at(evening) == pytest.approx(0.2361 - 0.0432 + 0.043 + 0.072 + 0.008)
        assert rig.at(evening, BOOK) == pytest.approx(0.2361 + 0.043 + 0.072 + 0.008)

    def test_hours_are_local_on_the_day_the_clocks_change(self, rig: Rig) -> None:
        begin = datetime(2026, 3, 29, tzinfo=COPENHAGEN).astimezone(UTC)
        spot = Series(begin, timedelta(minutes=15), np.zeros(92))
        grid = rig.tariffs.electricity("konstant_c", spot).values - (0.043 + 0.072 + 0.008)
        assert (grid[: 5 * 4] < 0.061).all()
        assert grid[5 * 4] == pytest.approx(0.1816)

    def test_days_that_the_list_does_not_have_are_the_books(self, rig: Rig) -> None:
        winter = datetime(2027, 1, 14, 18, tzinfo=COPENHAGEN)
        assert rig.at(winter) == pytest.approx(0.5449 + 0.056 + 0.049 + 0.008)

    def test_without_a_list_the_book_stands(self, rig: Rig) -> None:
        rig.server.says(PATH, Reply(status=500))
        evening = datetime(2026, 9, 22, 18, tzinfo=COPENHAGEN)
        assert rig.at(evening) == pytest.approx(rig.at(evening, BOOK))

    def test_one_request_a_day_for_all_sites(self, rig: Rig) -> None:
        for _ in range(50):
            rig.at(datetime(2026, 9, 22, 18, tzinfo=COPENHAGEN))
        assert rig.server.paths() == [PATH]
        rig.clock.advance(25 * HOUR)
        rig.at(datetime(2026, 9, 22, 18, tzinfo=COPENHAGEN))
        assert rig.server.paths() == [PATH] * 2

    def test_an_unknown_tariff_is_still_named(self, rig: Rig) -> None:
        spot = Series(rig.clock.now(), HOUR, np.zeros(1))
        with pytest.raises(ConfigError, match="'n1_c'; known: konstant_c"):
            rig.tariffs.electricity("n1_c", spot)

    def test_heat_and_cooling_are_the_books(self, rig: Rig) -> None:
        start = rig.clock.now()
        for name in ("heat", "heat_emissions"):
            ours, theirs = (
                getattr(t, name)("kredslob", start, HOUR, 3).values for t in (rig.tariffs, BOOK)
            )
            np.testing.assert_array_equal(ours, theirs)
        rule = rig.tariffs.cooling_rule("kredslob", date(2026, 1, 1))
        assert rule is not None
        assert rule.below_k == 30

    def test_the_list_is_asked_for_further_than_any_horizon(self, rig: Rig) -> None:
        rig.at(rig.clock.now())
        (asked,) = rig.server.asked
        assert date.fromisoformat(asked.query["end"]) >= date(2026, 10, 8)
        spot = Series(rig.clock.now(), HOUR, np.zeros(24 * 30))
        rig.clock.advance(timedelta(minutes=2))
        rig.tariffs.electricity("konstant_c", spot)
        assert date.fromisoformat(rig.server.asked[-1].query["end"]) > date(2026, 10, 22)

    def test_a_row_that_begins_inside_the_horizon_holds_from_its_quarter(self, rig: Rig) -> None:
        begin = datetime(2026, 9, 30, 12, tzinfo=COPENHAGEN).astimezone(UTC)
        spot = Series(begin, timedelta(minutes=15), np.zeros(96))
        total = rig.tariffs.electricity("konstant_c", spot).values
        by_hour = [rig.at(begin + HOUR * i) for i in range(24)]
        np.testing.assert_allclose(total, np.repeat(by_hour, 4))

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(envelope([])),
            Reply(status=403),
            Reply(payload(RECORDED).replace(b"PT1H", b"PT15M").replace(b"P1D", b"PT15M")),
        ],
        ids=["an empty list", "403", "an unknown resolution"],
    )
    def test_a_list_that_cannot_be_is_said_and_the_last_good_one_stays(
        self, rig: Rig, reply: Reply
    ) -> None:
        evening = datetime(2026, 9, 22, 18, tzinfo=COPENHAGEN)
        before = rig.at(evening)
        assert rig.tariffs.list_notes() == ()
        rig.server.says(PATH, reply)
        rig.clock.advance(25 * HOUR)
        assert rig.at(evening) == before
        assert [note.code for note in rig.tariffs.list_notes()] == ["tariffs_stale"]

    def test_without_any_list_the_book_is_said_to_stand(self, rig: Rig) -> None:
        rig.server.says(PATH, Reply(envelope([])))
        rig.at(rig.clock.now())
        assert [note.code for note in rig.tariffs.list_notes()] == ["tariffs_of_book"]

    def test_a_filter_that_is_refused_is_left_out_once(self, rig: Rig) -> None:
        def without(asked: Asked) -> bytes:
            return b"refused" if "filter" in asked.query else payload(RECORDED)

        rig.server.says(PATH, Reply(status=403), Reply(without))
        evening = datetime(2026, 9, 22, 18, tzinfo=COPENHAGEN)
        assert rig.at(evening) == pytest.approx(0.2361 - 0.0432 + 0.043 + 0.072 + 0.008)
        assert ["filter" in asked.query for asked in rig.server.asked] == [True, False]

    def test_two_prices_under_one_code_are_named_and_neither_is_taken(self, rig: Rig) -> None:
        rows = json.loads(payload(RECORDED))["records"]
        twice = [row for row in rows if row["ChargeTypeCode"] == "C_FBTNTR_B"]
        others = [{**row, "Note": "Another", "Price19": 9.0} for row in twice]
        rig.server.says(PATH, Reply(envelope([*others, *rows])))
        evening = datetime(2026, 9, 22, 18, tzinfo=COPENHAGEN)
        assert rig.at(evening) < 1.0
        (told,) = rig.tariffs.list_notes()
        assert told.code == "tariffs_ambiguous"
        assert told.parameters["codes"] == ("C_FBTNTR_B",)
