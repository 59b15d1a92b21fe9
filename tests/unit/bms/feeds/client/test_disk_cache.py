"""What the feeds keep on disk: answers with their entries, values by year, and the settings."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from bms.clock import FileClock, SystemClock
from bms.config import Settings
from bms.errors import ConfigError, FeedError, SiteFileError
from bms.feeds.archive import ArchiveFeed
from bms.feeds.client.disk_cache import Entry, Shelf
from bms.feeds.client.payload import Samples
from bms.feeds.client.series_archive import Record
from bms.feeds.live import LiveFeed
from bms.feeds.tariffs.book import DATA, TariffBook
from bms.feeds.tariffs.live import LiveTariffs
from bms.feeds.weather.providers import cell_of
from bms.model.planning.heat_charges import TariffNames
from bms.runtime.wire import feed_of, tariffs_of
from drivers.templates import load_templates
from sites.loader import load_sites
from tests.rigs.paths import ROOT

NEW_YEAR = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
EXAMPLES = ROOT / "sites" / "examples"


def samples(first: int, values: list[float], step: int = 3600) -> Samples:
    return Samples(first + step * np.arange(len(values)), np.array(values, dtype=np.float64))


class TestTheShelf:
    def test_a_body_belongs_to_its_entry(self, tmp_path: Path) -> None:
        shelf = Shelf(tmp_path)
        entry = shelf.put("prices", Entry(url="a", fetched_at=datetime.now(UTC)), b"body")
        assert shelf.entry("prices") == entry
        assert shelf.body("prices", entry) == b"body"
        (tmp_path / "prices.body").write_bytes(b"bod")
        assert shelf.body("prices", entry) is None

    @pytest.mark.parametrize(
        "text", [b"", b"{", b"\xff", b"[]", b'{"fetched_at": "2026-01-01T00:00:00"}']
    )
    def test_what_cannot_be_read_is_not_there(self, tmp_path: Path, text: bytes) -> None:
        (tmp_path / "prices.json").write_bytes(text)
        assert Shelf(tmp_path).entry("prices") == Entry()

    def test_nothing_half_written_is_left_behind(self, tmp_path: Path) -> None:
        shelf = Shelf(tmp_path)
        for i in range(3):
            shelf.put("prices", Entry(url=str(i)), b"%d" % i)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["prices.body", "prices.json"]

    def test_threads_take_turns(self, tmp_path: Path) -> None:
        shelf, inside, most = Shelf(tmp_path), [0], [0]

        def work() -> None:
            for _ in range(20):
                with shelf.turn("prices"):
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    inside[0] -= 1

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert most == [1]


class TestTheRecord:
    def test_values_come_back_over_the_turn_of_the_year(self, tmp_path: Path) -> None:
        record = Record(Shelf(tmp_path))
        record.put("t", 3600, samples(NEW_YEAR - 2 * 3600, [1.0, 2.0, 3.0, 4.0]))
        got = record.get("t", 3600, NEW_YEAR - 3 * 3600, 6)
        np.testing.assert_array_equal(got, [np.nan, 1.0, 2.0, 3.0, 4.0, np.nan])
        assert {path.name for path in tmp_path.glob("*.f64")} == {"t.2025.f64", "t.2026.f64"}

    def test_what_is_not_known_leaves_what_was(self, tmp_path: Path) -> None:
        record = Record(Shelf(tmp_path))
        record.put("t", 3600, samples(NEW_YEAR, [1.0, 2.0]))
        record.put("t", 3600, samples(NEW_YEAR, [np.nan, 5.0]))
        assert record.get("t", 3600, NEW_YEAR, 2).tolist() == [1.0, 5.0]

    def test_moments_between_the_steps_are_left_out(self, tmp_path: Path) -> None:
        record = Record(Shelf(tmp_path))
        record.put("t", 3600, samples(NEW_YEAR + 60, [1.0, 2.0]))
        assert np.isnan(record.get("t", 3600, NEW_YEAR, 3)).all()

    def test_another_process_sees_it(self, tmp_path: Path) -> None:
        ours, theirs = Record(Shelf(tmp_path)), Record(Shelf(tmp_path))
        assert np.isnan(ours.get("t", 3600, NEW_YEAR, 1)).all()
        theirs.put("t", 3600, samples(NEW_YEAR, [1.0]))
        assert ours.get("t", 3600, NEW_YEAR, 1).tolist() == [1.0]
        ours.put("t", 3600, samples(NEW_YEAR, [2.0]))
        assert theirs.get("t", 3600, NEW_YEAR, 1).tolist() == [2.0]

    def test_a_file_of_another_length_is_not_used(self, tmp_path: Path) -> None:
        record = Record(Shelf(tmp_path))
        record.put("t", 3600, samples(NEW_YEAR, [1.0]))
        (tmp_path / "t.2026.f64").write_bytes(b"short")
        assert np.isnan(record.get("t", 3600, NEW_YEAR, 1)).all()
        record.put("t", 3600, samples(NEW_YEAR, [3.0]))
        assert record.get("t", 3600, NEW_YEAR, 1).tolist() == [3.0]

    def test_what_is_handed_out_is_a_copy(self, tmp_path: Path) -> None:
        record = Record(Shelf(tmp_path))
        record.put("t", 3600, samples(NEW_YEAR, [1.0]))
        record.get("t", 3600, NEW_YEAR, 1)[0] = 9.0
        assert record.get("t", 3600, NEW_YEAR, 1).tolist() == [1.0]

    def test_a_disk_that_refuses_is_an_error_of_the_feed(self, tmp_path: Path) -> None:
        (tmp_path / "t.2026.f64").mkdir()
        with pytest.raises(FeedError, match="cannot be written"):
            Record(Shelf(tmp_path)).put("t", 3600, samples(NEW_YEAR, [1.0]))


def test_cells_are_some_two_kilometres_wide() -> None:
    assert cell_of(56.157, 10.211).name == "56.16_10.20"
    assert cell_of(56.1529, 10.2039).name == "56.16_10.20"
    assert cell_of(-0.001, 0.001).name in {"0.00_0.00", "-0.00_0.00"}
    north, east = 0.02 * 111.2, 0.03 * 111.2 * np.cos(np.radians(56.0))
    assert north == pytest.approx(2.2, abs=0.1)
    assert east == pytest.approx(1.9, abs=0.1)


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


class TestSiteFiles:
    def check(self, names: TariffNames, folder: Path = EXAMPLES) -> None:
        load_sites(folder, load_templates(), names)

    def test_the_examples_have_tariffs_that_there_are(self) -> None:
        self.check(TariffBook.load().names)

    def test_an_unknown_tariff_is_a_mistake_with_file_and_line(self, tmp_path: Path) -> None:
        source = next(path for path in EXAMPLES.glob("*.yaml") if "tariffs:" in path.read_text())
        lines = source.read_text("utf-8").splitlines()
        line = next(i for i, text in enumerate(lines) if text.startswith("tariffs:"))
        lines[line : line + 1] = ["tariffs: {electricity: konstant_x, heat: oil}"]
        while lines[line + 1].startswith(" "):
            del lines[line + 1]
        (tmp_path / "site.yaml").write_text("\n".join(lines), "utf-8")
        with pytest.raises(SiteFileError) as caught:
            self.check(TariffBook.load().names, tmp_path)
        first, second = (str(mistake) for mistake in caught.value.mistakes)
        assert f'site.yaml:{line + 1}: there is no electricity tariff "konstant_x"' in first
        assert "known: konstant_c" in first
        assert 'there is no heat tariff "oil"; known: kredslob' in second

    def test_a_usual_tariff_that_is_not_in_the_file_is_one_too(self) -> None:
        with pytest.raises(SiteFileError, match='no electricity tariff "konstant_c"; known: n1_c'):
            self.check(TariffNames(frozenset({"n1_c"}), frozenset({"kredslob"})))
