"""Counts of writes that survive restarts and are shared by processes."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from bms.errors import ConfigError
from bms.model.control.reasons import RefusalReason
from bms.model.fact import fact
from drivers.fieldbus.write_budget import Budget, BudgetSpent, Counts, Worn
from drivers.fieldbus.write_budget_log import FileWear, MemoryWear, WearBook

MONDAY, TUESDAY = date(2019, 1, 14), date(2019, 1, 15)
HEAD = b'{"wear":1,"generation":"g"}\n'


@pytest.fixture(params=["memory", "file"])
def wear(request: pytest.FixtureRequest, tmp_path: Path) -> WearBook:
    return MemoryWear() if request.param == "memory" else FileWear(tmp_path / "a" / "wear.log")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wear.log"


class TestEveryBook:
    def test_counts_writes_by_register_and_day(self, wear: WearBook) -> None:
        assert wear.worn("r", MONDAY) == Worn(0, 0)
        for _ in range(3):
            wear.spend("r", MONDAY)
        wear.spend("r", TUESDAY)
        wear.spend("s", TUESDAY)
        assert wear.worn("r", TUESDAY) == Worn(4, 1)
        assert wear.worn("s", TUESDAY) == Worn(1, 1)
        assert wear.worn("r", date(2019, 1, 16)) == Worn(4, 0)

    def test_refuses_the_first_write_over_a_budget_and_counts_none(self, wear: WearBook) -> None:
        budget = Budget(per_day=2, lifetime=3)
        wear.spend("r", MONDAY, budget)
        wear.spend("r", MONDAY, budget)
        with pytest.raises(BudgetSpent) as of_today:
            wear.spend("r", MONDAY, budget)
        assert of_today.value.reason == fact(
            RefusalReason.WRITES_SPENT_TODAY, register="r", writes=2
        )
        wear.spend("r", TUESDAY, budget)
        with pytest.raises(BudgetSpent) as of_all:
            wear.spend("r", TUESDAY, budget)
        assert of_all.value.reason == fact(RefusalReason.WRITES_SPENT, register="r", writes=3)
        assert wear.worn("r", TUESDAY) == Worn(3, 1)

    def test_grants_as_many_writes_as_there_are_to_writers_side_by_side(
        self, wear: WearBook
    ) -> None:
        def granted(_: int) -> bool:
            try:
                wear.spend("r", MONDAY, Budget(lifetime=7))
            except BudgetSpent:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(granted, range(20))) == 7
        assert wear.worn("r", MONDAY) == Worn(7, 7)


class TestALog:
    def test_syncs_once_for_all_who_wait(self, path: Path) -> None:
        syncs, first, go_on = 0, threading.Event(), threading.Event()

        def slow(descriptor: int) -> None:
            nonlocal syncs
            syncs += 1
            first.set()
            assert go_on.wait(10)
            os.fsync(descriptor)

        FileWear(path).spend("before", MONDAY)  # the file is there
        book = FileWear(path, sync=slow)
        with ThreadPoolExecutor(6) as pool:
            jobs = [pool.submit(book.spend, "first", MONDAY)]
            assert first.wait(10)
            jobs += [pool.submit(book.spend, f"r{i}", MONDAY) for i in range(5)]
            while len(book._waiting) < 5:  # nothing outside shows who waits
                time.sleep(0.001)
            go_on.set()
            for job in jobs:
                job.result(10)
        assert syncs == 2
        assert FileWear(path).worn("r4", MONDAY) == Worn(1, 1)

    def test_stays_small(self, path: Path) -> None:
        book = FileWear(path, fold_bytes=1000)
        for day in range(1, 29):
            for _ in range(10):
                book.spend("hall/controller holding 100", date(2019, 1, day))
        assert path.stat().st_size < 1400
        assert FileWear(path).worn("hall/controller holding 100", date(2019, 1, 28)) == Worn(
            280, 10
        )

    def test_can_be_read_by_a_person(self, path: Path) -> None:
        FileWear(path).spend("hall/controller holding 100", MONDAY)
        head, line = path.read_text().splitlines()
        assert json.loads(head)["wear"] == 1
        assert line == '{"day":"2019-01-14","writes":{"hall/controller holding 100":1}}'

    def test_loses_only_what_a_power_cut_tore(
        self, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        book = FileWear(path)
        book.spend("r", MONDAY)
        with path.open("ab") as file:
            file.write(b'{"day":"2019-01-14","wri')
        assert FileWear(path).worn("r", MONDAY) == Worn(1, 1)
        book.spend("r", MONDAY)
        assert FileWear(path).worn("r", MONDAY) == Worn(2, 2)
        assert "torn" in caplog.text

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"{",
            b"[]\n",
            b'{"wear":2,"generation":"g"}\n',
            b'{"wear":1,"generation":"g"}',
            HEAD + b"{\n",
            HEAD + b"[]\n",
            HEAD + b'{"day":"2019-01-14"}\n',
            HEAD + b'{"day":"monday","writes":{"r":1}}\n',
            HEAD + b'{"day":"2019-01-14","writes":{"r":"many"}}\n',
            HEAD + b'{"day":"2019-01-14","writes":{"r":-1}}\n',
            HEAD + b"\xff\n",
            HEAD + b'\n{"day":"2019-01-14","writes":{"r":1}}\n',
        ],
    )
    def test_that_cannot_be_read_is_an_error_and_not_an_empty_book(
        self, path: Path, text: bytes
    ) -> None:
        path.write_bytes(text)
        book = FileWear(path)
        for _ in range(2):
            with pytest.raises(ConfigError, match="repair it"):
                book.worn("r", MONDAY)
            with pytest.raises(ConfigError, match="repair it"):
                book.spend("r", MONDAY)
        assert path.read_bytes() == text

    def test_that_was_repaired_counts_every_line_once(self, path: Path) -> None:
        line = b'{"day":"2019-01-14","writes":{"r":1}}\n'
        book = FileWear(path)
        path.write_bytes(HEAD + line + b"torn?\n")
        with pytest.raises(ConfigError):
            book.spend("r", MONDAY)
        path.write_bytes(HEAD + line)
        book.spend("r", MONDAY)
        assert FileWear(path).worn("r", MONDAY) == Worn(2, 2)

    def test_on_a_disk_that_refuses_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(ConfigError, match="BMS_HOME"):
            FileWear(tmp_path / "file" / "wear.log").spend("r", MONDAY)

    def test_whose_sync_fails_grants_nothing(self, path: Path) -> None:
        def full(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        FileWear(path).spend("r", MONDAY)
        with pytest.raises(ConfigError, match="No space left"):
            FileWear(path, sync=full).spend("r", MONDAY)
        assert FileWear(path).worn("r", MONDAY).lifetime >= 1

    def test_is_found_beside_the_journal_by_backend_and_guard(self, tmp_path: Path) -> None:
        FileWear.beside(tmp_path / "release.journal").spend("r", MONDAY)
        assert FileWear(tmp_path / "wear.log").worn("r", MONDAY) == Worn(1, 1)


def test_a_line_that_says_nothing_adds_nothing() -> None:
    counts = Counts()
    with pytest.raises(ValueError, match="whole numbers"):
        counts.take(b'{"day":"2019-01-14","writes":{"r":1,"s":0}}')
    assert counts.worn("r", MONDAY) == Worn(0, 0)
