"""A scrub of a large file goes in small steps, and writers go on meanwhile."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bms.store.database import scrubbing
from bms.store.database.scrubbing import STEP_PAGES, scrub_in_steps, write_anew

FREED = 3 * STEP_PAGES + 7
ROW = 4000
"""A row of so many bytes fills a page."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bms.db"


def connected(file: Path, *, auto_vacuum: str = "INCREMENTAL") -> sqlite3.Connection:
    made = sqlite3.connect(file, isolation_level=None)
    for pragma in (f"auto_vacuum={auto_vacuum}", "journal_mode=WAL", "secure_delete=ON"):
        made.execute(f"PRAGMA {pragma}").close()
    return made


@pytest.fixture
def large(file: Path) -> Iterator[sqlite3.Connection]:
    """A database with ``FREED`` free pages, in front of pages that are not."""
    with closing(connected(file)) as made:
        filled(made)
        yield made


def filled(made: sqlite3.Connection) -> None:
    made.execute("CREATE TABLE notes (number INTEGER PRIMARY KEY, text BLOB)")
    rows = ((number, bytes([number % 251 + 1]) * ROW) for number in range(FREED + 50))
    made.execute("BEGIN")
    made.executemany("INSERT INTO notes VALUES (?, ?)", rows)
    made.execute("DELETE FROM notes WHERE number < ?", (FREED,))
    made.execute("COMMIT")


def number(connection: sqlite3.Connection, pragma: str) -> int:
    (found,) = connection.execute(f"PRAGMA {pragma}").fetchone()
    return int(found)


class TestInSteps:
    def test_so_many_pages_at_once(self, file: Path, large: sqlite3.Connection) -> None:
        free, pages = number(large, "freelist_count"), number(large, "page_count")
        assert free >= FREED
        assert scrub_in_steps(large, "bms.db", small=0) == -(-free // STEP_PAGES)
        assert number(large, "freelist_count") == 0
        assert number(large, "page_count") <= pages - free
        assert file.stat().st_size == number(large, "page_count") * 4096
        assert file.with_name("bms.db-wal").stat().st_size == 0
        kept = large.execute("SELECT count(*), min(number) FROM notes").fetchone()
        assert kept == (50, FREED)
        assert large.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    def test_a_writer_waits_for_one_step_at_most(
        self, file: Path, large: sqlite3.Connection
    ) -> None:
        """A step that is as slow as it may be does not add up with the next one."""
        done, waits = threading.Event(), list[float]()

        def write() -> None:
            with closing(connected(file)) as writer:
                while not done.is_set():
                    begun = time.monotonic()
                    writer.execute("INSERT INTO notes (text) VALUES ('during the scrub')")
                    waits.append(time.monotonic() - begun)
                    time.sleep(0.005)

        thread = threading.Thread(target=write)
        thread.start()
        try:
            scrub_in_steps(large, "bms.db", small=0)
        finally:
            done.set()
            thread.join()
        assert len(waits) > 3
        assert max(waits) < 1.0

    def test_an_open_reader_leaves_the_log_for_later(
        self, file: Path, large: sqlite3.Connection, caplog: pytest.LogCaptureFixture
    ) -> None:
        with closing(connected(file)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM notes").fetchone()
            with caplog.at_level("INFO"):
                scrub_in_steps(large, "bms.db", small=0)
            assert "emptied with the next scrub" in caplog.text
            reader.execute("COMMIT")
        scrub_in_steps(large, "bms.db", small=0)
        assert file.with_name("bms.db-wal").stat().st_size == 0
        assert number(large, "busy_timeout") == 5000

    def test_a_small_file_is_written_anew(self, large: sqlite3.Connection) -> None:
        size = number(large, "page_count") * 4096
        assert scrub_in_steps(large, "bms.db", small=size) == 1
        assert number(large, "freelist_count") == 0

    def test_small_is_far_below_a_second_of_writing(self) -> None:
        assert scrubbing.SMALL_BYTES <= 16 << 20


class TestAnEarlierFile:
    def test_is_named_and_left_until_it_was_written_anew(
        self, file: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with closing(connected(file, auto_vacuum="NONE")) as made:
            filled(made)
        with closing(connected(file)) as made:
            assert scrub_in_steps(made, "bms.db", small=0) == 0
            assert "bms.db is of an earlier version" in caplog.text
            assert "bms db scrub" in caplog.text
            assert number(made, "freelist_count") >= FREED
            write_anew(made)
            assert number(made, "auto_vacuum") == 2
            assert number(made, "freelist_count") == 0
