"""What the settings choose: the archive, or the live feed with its tariffs."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from bms.clock import FileClock, SystemClock
from bms.config import Settings
from bms.errors import ConfigError
from bms.feeds.archive import ArchiveFeed
from bms.feeds.live import LiveFeed
from bms.feeds.tariffs.book import DATA, TariffBook
from bms.feeds.tariffs.pricelist_overlay import LiveTariffs
from bms.runtime.wire import feed_of, tariffs_of


class TestTheSettings:
    def test_the_archive_is_what_there_is_without_a_word(self, tmp_path: Path) -> None:
        settings = Settings(home=tmp_path)
        assert isinstance(feed_of(settings, SystemClock()), ArchiveFeed)
        assert isinstance(tariffs_of(settings, SystemClock()), TariffBook)

    def test_live_is_asked_for_by_name_and_asks_nobody_yet(self, tmp_path: Path) -> None:
        settings = Settings(home=tmp_path, feed="live", contact="energy@example.org")
        assert isinstance(feed_of(settings, SystemClock()), LiveFeed)
        assert isinstance(tariffs_of(settings, SystemClock()), LiveTariffs)
        assert not settings.feeds.exists()

    def test_live_weather_does_not_go_with_the_time_of_a_simulator(self, tmp_path: Path) -> None:
        clock = tmp_path / "clock.json"
        clock.write_text('{"time": "2019-01-14T00:00:00+00:00"}')
        settings = Settings(home=tmp_path, feed="live", clock_file=clock)
        with pytest.raises(ConfigError, match="leave one of them out"):
            feed_of(settings, FileClock(clock))

    @pytest.mark.parametrize("contact", ["a b", "x\r\nHost: y", "Åse"])
    def test_a_contact_that_breaks_a_header_is_refused(self, contact: str) -> None:
        with pytest.raises(ValidationError):
            Settings(contact=contact)

    def test_a_tariff_file_of_ones_own_is_used(self, tmp_path: Path) -> None:
        text = DATA.read_text("utf-8").replace("konstant_c:", "n1_c:", 1)
        own = tmp_path / "own.yaml"
        own.write_text(text, "utf-8")
        book = tariffs_of(Settings(home=tmp_path, tariffs=own), SystemClock())
        assert isinstance(book, TariffBook)
        assert book.names.electricity == {"n1_c"}
