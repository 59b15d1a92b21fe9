"""Tariffs that follow the newest price list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from bms.clock import VirtualClock
from bms.errors import ConfigError
from bms.feeds.client.http import HttpxClient
from bms.feeds.live import ADDRESSES, live_tariffs
from bms.feeds.tariffs.book import TariffBook
from bms.model.readings.series import Series
from bms.ports.feeds import Tariffs
from tests.rigs.feeds.answers import HOUR
from tests.rigs.feeds.server import FeedServer, Reply, payload

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
