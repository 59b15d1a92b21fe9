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
from drivers.fieldbus.write_budget import WriteBudget, WriteBudgetExhausted, WriteCount, WriteCounts
from drivers.fieldbus.write_budget_log import FileWriteCounter, MemoryWriteCounter, WriteCounter

MONDAY, TUESDAY = date(2019, 1, 14), date(2019, 1, 15)
HEAD = b'{"wear":1,"generation":"g"}\n'


@pytest.fixture(params=["memory", "file"])
def write_counter(request: pytest.FixtureRequest, tmp_path: Path) -> WriteCounter:
    return (
        MemoryWriteCounter()
        if request.param == "memory"
        else FileWriteCounter(tmp_path / "a" / "wear.log")
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wear.log"


class TestEveryBook:
    def test_counts_writes_by_register_and_day(self, write_counter: WriteCounter) -> None:
        assert write_counter.written("r", MONDAY) == WriteCount(0, 0)
        for _ in range(3):
            write_counter.spend("r", MONDAY)
        write_counter.spend("r", TUESDAY)
        write_counter.spend("s", TUESDAY)
        assert write_counter.written("r", TUESDAY) == WriteCount(4, 1)
        assert write_counter.written("s", TUESDAY) == WriteCount(1, 1)
        assert write_counter.written("r", date(2019, 1, 16)) == WriteCount(4, 0)

    def test_refuses_the_first_write_over_a_budget_and_counts_none(
        self, write_counter: WriteCounter
    ) -> None:
        budget = WriteBudget(per_day=2, lifetime=3)
        write_counter.spend("r", MONDAY, budget)
        write_counter.spend("r", MONDAY, budget)
        with pytest.raises(WriteBudgetExhausted) as of_today:
            write_counter.spend("r", MONDAY, budget)
        assert of_today.value.reason == fact(
            RefusalReason.WRITES_SPENT_TODAY, register="r", writes=2
        )
        write_counter.spend("r", TUESDAY, budget)
        with pytest.raises(WriteBudgetExhausted) as of_all:
            write_counter.spend("r", TUESDAY, budget)
        assert of_all.value.reason == fact(RefusalReason.WRITES_SPENT, register="r", writes=3)
        assert write_counter.written("r", TUESDAY) == WriteCount(3, 1)

    def test_grants_as_many_writes_as_there_are_to_writers_side_by_side(
        self, write_counter: WriteCounter
    ) -> None:
        def granted(_: int) -> bool:
            try:
                write_counter.spend("r", MONDAY, WriteBudget(lifetime=7))
            except WriteBudgetExhausted:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(granted, range(20))) == 7
        assert write_counter.written("r", MONDAY) == WriteCount(7, 7)


class TestALog:
    def test_syncs_once_for_all_who_wait(self, path: Path) -> None:
        syncs, first, go_on = 0, threading.Event(), threading.Event()

        def slow(descriptor: int) -> None:
            nonlocal syncs
            syncs += 1
            first.set()
            assert go_on.wait(10)
            os.fsync(descriptor)

        FileWriteCounter(path).spend("before", MONDAY)  # the file is there
        book = FileWriteCounter(path, sync=slow)
        with ThreadPoolExecutor(6) as pool:
            jobs = [pool.submit(book.spend, "first", MONDAY)]
            assert first.wait(10)
            jobs += [pool.submit(book.spend, f"r{i}", MONDAY) for i in range(5)]
            while len(book._pending) < 5:  # nothing outside shows who waits
                time.sleep(0.001)
            go_on.set()
            for job in jobs:
                job.result(10)
        assert syncs == 2
        assert FileWriteCounter(path).written("r4", MONDAY) == WriteCount(1, 1)

    def test_stays_small(self, path: Path) -> None:
        book = FileWriteCounter(path, compact_bytes=1000)
        for day in range(1, 29):
            for _ in range(10):
                book.spend("hall/controller holding 100", date(2019, 1, day))
        assert path.stat().st_size < 1400
        assert FileWriteCounter(path).written(
            "hall/controller holding 100", date(2019, 1, 28)
        ) == WriteCount(280, 10)

    def test_can_be_read_by_a_person(self, path: Path) -> None:
        FileWriteCounter(path).spend("hall/controller holding 100", MONDAY)
        head, line = path.read_text().splitlines()
        assert json.loads(head)["wear"] == 1
        assert line == '{"day":"2019-01-14","writes":{"hall/controller holding 100":1}}'

    def test_loses_only_what_a_power_cut_tore(
        self, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        book = FileWriteCounter(path)
        book.spend("r", MONDAY)
        with path.open("ab") as file:
            file.write(b'{"day":"2019-01-14","wri')
        assert FileWriteCounter(path).written("r", MONDAY) == WriteCount(1, 1)
        book.spend("r", MONDAY)
        assert FileWriteCounter(path).written("r", MONDAY) == WriteCount(2, 2)
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
        book = FileWriteCounter(path)
        for _ in range(2):
            with pytest.raises(ConfigError, match="repair it"):
                book.written("r", MONDAY)
            with pytest.raises(ConfigError, match="repair it"):
                book.spend("r", MONDAY)
        assert path.read_bytes() == text

    def test_that_was_repaired_counts_every_line_once(self, path: Path) -> None:
        line = b'{"day":"2019-01-14","writes":{"r":1}}\n'
        book = FileWriteCounter(path)
        path.write_bytes(HEAD + line + b"torn?\n")
        with pytest.raises(ConfigError):
            book.spend("r", MONDAY)
        path.write_bytes(HEAD + line)
        book.spend("r", MONDAY)
        assert FileWriteCounter(path).written("r", MONDAY) == WriteCount(2, 2)

    def test_on_a_disk_that_refuses_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(ConfigError, match="BMS_HOME"):
            FileWriteCounter(tmp_path / "file" / "wear.log").spend("r", MONDAY)

    def test_whose_sync_fails_grants_nothing(self, path: Path) -> None:
        def full(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        FileWriteCounter(path).spend("r", MONDAY)
        with pytest.raises(ConfigError, match="No space left"):
            FileWriteCounter(path, sync=full).spend("r", MONDAY)
        assert FileWriteCounter(path).written("r", MONDAY).lifetime >= 1

    def test_is_found_beside_the_journal_by_backend_and_guard(self, tmp_path: Path) -> None:
        FileWriteCounter.beside(tmp_path / "release.journal").spend("r", MONDAY)
        assert FileWriteCounter(tmp_path / "wear.log").written("r", MONDAY) == WriteCount(1, 1)


def test_a_line_that_says_nothing_adds_nothing() -> None:
    counts = WriteCounts()
    with pytest.raises(ValueError, match="whole numbers"):
        counts.take(b'{"day":"2019-01-14","writes":{"r":1,"s":0}}')
    assert counts.written("r", MONDAY) == WriteCount(0, 0)
