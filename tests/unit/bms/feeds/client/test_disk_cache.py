"""Responses on disk with their entries."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bms.feeds.client.disk_cache import CacheEntry, DiskCache


class TestTheCache:
    def test_a_body_belongs_to_its_entry(self, tmp_path: Path) -> None:
        cache = DiskCache(tmp_path)
        entry = cache.put("prices", CacheEntry(url="a", fetched_at=datetime.now(UTC)), b"body")
        assert cache.entry("prices") == entry
        assert cache.body("prices", entry) == b"body"
        (tmp_path / "prices.body").write_bytes(b"bod")
        assert cache.body("prices", entry) is None

    @pytest.mark.parametrize(
        "text", [b"", b"{", b"\xff", b"[]", b'{"fetched_at": "2026-01-01T00:00:00"}']
    )
    def test_what_cannot_be_read_is_not_there(self, tmp_path: Path, text: bytes) -> None:
        (tmp_path / "prices.json").write_bytes(text)
        assert DiskCache(tmp_path).entry("prices") == CacheEntry()

    def test_nothing_half_written_is_left_behind(self, tmp_path: Path) -> None:
        cache = DiskCache(tmp_path)
        for i in range(3):
            cache.put("prices", CacheEntry(url=str(i)), b"%d" % i)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["prices.body", "prices.json"]

    def test_threads_take_turns(self, tmp_path: Path) -> None:
        cache, inside, most = DiskCache(tmp_path), [0], [0]

        def work() -> None:
            for _ in range(20):
                with cache.lock("prices"):
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    inside[0] -= 1

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert most == [1]
