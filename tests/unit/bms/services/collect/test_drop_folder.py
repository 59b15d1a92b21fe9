"""The drop folder: what is taken and when, where it goes, and what is left alone."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.errors import ConfigError, FeedError, Mistake, StoreUnavailable
from bms.model.readings.measurement import Ingested, Quality
from bms.model.readings.metering import MeterRow, Quantity, SupplierFile
from bms.model.readings.units import Unit
from bms.services.collect.drop_folder import MOST_BYTES, STILL_TICKS, DropFolder
from bms.services.collect.file_ingest import Read
from bms.services.collect.supplier_points import SupplierBook
from bms.store.memory.store import MemoryStore
from sites.loader import load_sites
from tests.rigs.paths import ROOT

NOW = datetime(2026, 4, 1, 6, tzinfo=UTC)
SITES = load_sites(ROOT / "tests" / "cases" / "sites" / "valid_meters")
POINT = "school/heat.energy"


def read_lines(content: bytes, name: str) -> SupplierFile:
    """``<hour> <value>`` per line; ``?`` is a mistake, ``boom`` a bug, ``no`` another file."""
    rows, mistakes, warnings = [], [], list[str]()
    for line, text in enumerate(content.decode().splitlines(), 1):
        if text == "no":
            raise FeedError(f"{name}: not a meter file: it looks like a poem")
        if text == "boom":
            raise ZeroDivisionError("boom")
        if text == "odd":
            warnings.append("6841234: units or meters are mixed")
            continue
        if text == "?":
            mistakes.append(Mistake(name, line, "no number"))
            continue
        hour, value = text.split()
        second = 1_772_323_200 + 3600 * int(hour)
        rows.append(
            MeterRow(
                "6841234", Quantity.ENERGY, second, float(value), Unit.KWH, 0, Quality.GOOD, line
            )
        )
    return SupplierFile(tuple(rows), tuple(mistakes), warnings=tuple(warnings))


class Drop:
    """A drop folder with a store, and ticks."""

    def __init__(self, root: Path, store: MemoryStore | None = None) -> None:
        self.root, self.store = root, store or MemoryStore()
        self.believed = True
        self.asked: list[tuple[str, str | None]] = []
        self.watch = self.watching()

    def watching(self) -> DropFolder:
        book = SupplierBook.of(SITES)
        return DropFolder(
            self.root, self._reader_of, book, self.store, believed=lambda _: self.believed
        )

    def _reader_of(self, name: str, mapping: str | None) -> Read:
        self.asked.append((name, mapping))
        if name != "lines":
            raise ConfigError(f"{name!r} is no format")
        return read_lines

    def put(self, name: str, text: str, folder: str = "lines/in") -> Path:
        path = self.root / folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
        return path

    def settle(self) -> list[Ingested]:
        """As many ticks as a file has to stand still."""
        return [r.stored for _ in range(STILL_TICKS + 1) for r in self.watch.tick(NOW)]

    def values(self) -> list[float | None]:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        return [r.value for r in self.store.readings(POINT, start, NOW)]

    def tree(self) -> set[str]:
        return {str(p.relative_to(self.root)) for p in self.root.rglob("*") if p.is_file()}


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    return Drop(tmp_path)


class TestAFinishedFile:
    def test_is_stored_and_moved_to_done(self, drop: Drop) -> None:
        drop.put("day.txt", "0 10\n1 12\n")
        assert drop.settle() == [Ingested(new=2)]
        assert drop.tree() == {"lines/done/day.txt"}
        assert drop.values() == [10.0, 12.0]

    def test_has_its_refused_rows_beside_it(self, drop: Drop) -> None:
        drop.put("day.txt", "0 10\n?\n")
        drop.settle()
        assert drop.tree() == {"lines/done/day.txt", "lines/done/day.txt.report.json"}
        report = json.loads((drop.root / "lines/done/day.txt.report.json").read_text())
        assert report["refused"] == [{"line": 2, "message": "no number"}]
        assert report["taken"] == 1

    def test_has_what_may_be_wrong_with_the_whole_of_it_beside_it(self, drop: Drop) -> None:
        drop.put("day.txt", "0 10\nodd\n")
        drop.settle()
        report = json.loads((drop.root / "lines/done/day.txt.report.json").read_text())
        assert (report["refused"], report["taken"]) == ([], 1)
        assert report["warnings"] == ["6841234: units or meters are mixed"]

    def test_of_a_name_that_came_before_overwrites_nothing(self, drop: Drop) -> None:
        for text in ("0 10\n", "0 11\n?\n", "0 12\n"):
            drop.put("day.txt", text)
            drop.settle()
        done = drop.root / "lines" / "done"
        assert (done / "day.txt").read_text() == "0 10\n"
        assert (done / "day.txt.2").read_text() == "0 11\n?\n"
        assert (done / "day.txt.2.report.json").exists()
        assert (done / "day.txt.3").read_text() == "0 12\n"
        assert drop.values() == [12.0]

    def test_that_is_older_goes_first_so_that_the_newest_value_stands(self, drop: Drop) -> None:
        os.utime(drop.put("a.txt", "0 2\n"), (2_000, 2_000))
        os.utime(drop.put("z.txt", "0 1\n"), (1_000, 1_000))
        assert drop.settle() == [Ingested(new=1), Ingested(corrected=1)]
        assert drop.values() == [2.0]

    def test_that_was_stored_but_not_moved_before_a_crash_is_harmless(self, drop: Drop) -> None:
        drop.put("day.txt", "0 10\n1 12\n")
        drop.settle()
        (drop.root / "lines/done/day.txt").rename(drop.root / "lines/in/day.txt")
        drop.watch = drop.watching()
        assert drop.settle() == [Ingested(known=2)]
        assert drop.tree() == {"lines/done/day.txt"}


class TestAFileThatIsStillWritten:
    def test_waits_until_it_has_stopped_growing(self, drop: Drop) -> None:
        path = drop.put("day.txt", "0 10\n")
        for hour in range(1, 5):
            assert drop.watch.tick(NOW) == []
            with path.open("a") as file:
                file.write(f"{hour} {10 + hour}\n")
            os.utime(path, (hour, hour))
        assert drop.settle() == [Ingested(new=5)]

    def test_that_grows_while_it_is_read_is_taken_again_when_whole(self, tmp_path: Path) -> None:
        class Growing(MemoryStore):
            def add_readings(self, readings, *, durable=False):
                answer = super().add_readings(readings, durable=durable)
                if answer.new == 1 and path.read_text() == "0 10\n":
                    path.write_text("0 10\n1 12\n")
                return answer

        drop = Drop(tmp_path, Growing())
        path = drop.put("day.txt", "0 10\n")
        assert drop.settle() == []
        assert path.exists()
        assert drop.settle() == [Ingested(new=1, known=1)]

    @pytest.mark.parametrize("name", ["day.csv.part", "day.tmp", ".day.csv.Xy12", "a.FILEPART"])
    def test_is_known_by_its_temporary_name(self, drop: Drop, name: str) -> None:
        drop.put(name, "0 10\n")
        assert drop.settle() == []
        assert drop.tree() == {f"lines/in/{name}"}


class TestABadFile:
    def test_goes_to_failed_with_the_reason_and_spares_the_next(self, drop: Drop) -> None:
        drop.put("a.txt", "no\n")
        drop.put("b.txt", "boom\n")
        drop.put("c.txt", "0 10\n")
        assert drop.settle() == [Ingested(new=1)]
        assert drop.tree() == {
            "lines/failed/a.txt",
            "lines/failed/a.txt.reason.txt",
            "lines/failed/b.txt",
            "lines/failed/b.txt.reason.txt",
            "lines/done/c.txt",
        }
        failed = drop.root / "lines" / "failed"
        assert "looks like a poem" in (failed / "a.txt.reason.txt").read_text()
        assert "ZeroDivisionError" in (failed / "b.txt.reason.txt").read_text()

    def test_that_is_too_large_is_not_read(self, drop: Drop) -> None:
        path = drop.put("big.txt", "")
        with path.open("r+b") as file:
            file.truncate(MOST_BYTES + 1)
        assert drop.settle() == []
        reason = drop.root / "lines" / "failed" / "big.txt.reason.txt"
        assert "split it" in reason.read_text()


class TestWhatIsLeftAlone:
    def test_links_folders_and_what_lies_beside_the_formats(
        self,
        drop: Drop,
        tmp_path_factory: pytest.TempPathFactory,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        secret = tmp_path_factory.mktemp("elsewhere") / "secret.txt"
        secret.write_text("0 10\n")
        drop.put("day.txt", "0 10\n", folder="lines/in/inner")
        (drop.root / "lines/in/link.txt").symlink_to(secret)
        (drop.root / "day.txt").write_text("0 10\n")
        (drop.root / "lines/day.txt").write_text("0 10\n")
        os.mkfifo(drop.root / "lines/in/pipe")
        with caplog.at_level(logging.WARNING):
            assert drop.settle() == []
        assert [record.getMessage() for record in caplog.records] == [
            f"{drop.root / 'day.txt'} lies outside the folders of the formats",
            f"{drop.root / 'lines/day.txt'} lies outside in/; left alone",
        ]
        assert secret.exists()
        assert drop.values() == []

    def test_a_link_in_place_of_done_takes_no_file(
        self, drop: Drop, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        path = drop.put("day.txt", "0 10\n")
        (drop.root / "lines/done").symlink_to(elsewhere)
        assert drop.settle() == []
        assert path.exists()
        assert list(elsewhere.iterdir()) == []


class TestTroubleThatPasses:
    def test_a_store_that_is_away_leaves_the_file_and_is_told_once(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Flaky(MemoryStore):
            away = True

            def add_readings(self, readings, *, durable=False):
                if self.away:
                    raise StoreUnavailable("the database is away")
                return super().add_readings(readings, durable=durable)

        drop = Drop(tmp_path, Flaky())
        path = drop.put("day.txt", "0 10\n")
        with caplog.at_level(logging.WARNING):
            assert drop.settle() + drop.settle() == []
        assert path.exists()
        assert [r.getMessage() for r in caplog.records] == [f"{path} waits: the database is away"]
        drop.store.away = False
        assert [r.stored for r in drop.watch.tick(NOW)] == [Ingested(new=1)]

    def test_a_missing_folder_is_told_once_and_may_come(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        drop = Drop(tmp_path / "drop")
        with caplog.at_level(logging.WARNING):
            drop.settle()
        assert len(caplog.records) == 1
        drop.root.mkdir()
        drop.put("day.txt", "0 10\n")
        assert drop.settle() == [Ingested(new=1)]

    def test_files_of_a_format_that_is_none_wait(
        self, drop: Drop, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = drop.put("day.txt", "0 10\n", folder="poems/in")
        drop.put("day.txt", "0 10\n")
        with caplog.at_level(logging.WARNING):
            assert drop.settle() + drop.settle() == [Ingested(new=1)]
        assert path.exists()
        assert [r.getMessage() for r in caplog.records] == [
            f"{path.parent.parent}: its files wait: 'poems' is no format"
        ]


class TestAFolderOfAFormat:
    def test_may_carry_a_name_and_a_mapping(self, drop: Drop) -> None:
        drop.put("mapping.yaml", "separator: ';'\n", folder="lines-waterworks")
        drop.put("day.txt", "0 10\n", folder="lines-waterworks/in")
        assert drop.settle() == [Ingested(new=1)]
        assert drop.asked == [("lines", "separator: ';'\n")]
        assert (drop.root / "lines-waterworks" / "mapping.yaml").exists()


class TestAnOldFile:
    @pytest.mark.parametrize("believed", [True, False])
    def test_goes_after_ninety_days_where_the_calendar_is_believed(
        self, drop: Drop, believed: bool
    ) -> None:
        drop.put("a.txt", "1 5\n?")
        drop.put("b.txt", "no")
        drop.settle()
        kept = {"done/a.txt", "done/a.txt.report.json", "failed/b.txt", "failed/b.txt.reason.txt"}
        assert left(drop) == kept
        drop.watch.tick(NOW + timedelta(days=89))
        assert left(drop) == kept
        drop.believed = believed
        drop.watch.tick(NOW + timedelta(days=91))
        assert left(drop) == (set() if believed else kept)


def left(drop: Drop) -> set[str]:
    root = drop.root / "lines"
    return {str(f.relative_to(root)) for f in root.glob("*/*") if f.parent.name != "in"}
