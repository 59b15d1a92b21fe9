"""Counts of writes that survive restarts and are shared by processes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from bms.errors import ConfigError
from drivers.wear import FileWear, MemoryWear, WearBook, Worn

MONDAY, TUESDAY = date(2019, 1, 14), date(2019, 1, 15)


@pytest.fixture(params=["memory", "file"])
def wear(request: pytest.FixtureRequest, tmp_path: Path) -> WearBook:
    return MemoryWear() if request.param == "memory" else FileWear(tmp_path / "a" / "wear.json")


def test_writes_are_counted_by_register_and_day(wear: WearBook) -> None:
    assert wear.worn("r", MONDAY) == Worn(0, 0)
    for _ in range(3):
        wear.count("r", MONDAY)
    wear.count("r", TUESDAY)
    wear.count("s", TUESDAY)
    assert wear.worn("r", TUESDAY) == Worn(4, 1)
    assert wear.worn("s", TUESDAY) == Worn(1, 1)
    assert wear.worn("r", date(2019, 1, 16)) == Worn(4, 0)


def test_writers_side_by_side_lose_no_count(tmp_path: Path) -> None:
    def count(_: int) -> None:
        FileWear(tmp_path / "wear.json").count("r", MONDAY)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(20)))
    assert FileWear(tmp_path / "wear.json").worn("r", MONDAY) == Worn(20, 20)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"r": 5}', '{"r": {"lifetime": "many"}}'])
def test_an_unreadable_book_is_an_error_and_not_an_empty_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "wear.json").write_text(text)
    with pytest.raises(ConfigError):
        FileWear(tmp_path / "wear.json").worn("r", MONDAY)


def test_a_disk_that_refuses_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError):
        FileWear(tmp_path / "file" / "wear.json").count("r", MONDAY)


def test_backend_and_guard_find_the_counts_beside_the_journal(tmp_path: Path) -> None:
    FileWear.beside(tmp_path / "release.journal").count("r", MONDAY)
    assert FileWear(tmp_path / "wear.json").worn("r", MONDAY) == Worn(1, 1)
