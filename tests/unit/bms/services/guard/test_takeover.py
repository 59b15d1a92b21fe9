"""A guard whose disk refuses its heartbeat goes on, and is not taken for a stuck one (W13)."""

from __future__ import annotations

import asyncio
import errno
import logging
from pathlib import Path

import pytest

from bms.services.guard.heartbeat import SILENT_SECONDS, GuardPlace, Presence, Sighting
from bms.services.guard.takeover import stand_by


class Disk:
    """A disk that may refuse to be written to."""

    def __init__(self) -> None:
        self.full = False

    def write(self, descriptor: int, content: bytes, offset: int) -> int:
        if self.full:
            raise OSError(errno.EROFS, "Read-only file system")
        return len(content)


def test_w13_a_heartbeat_that_the_disk_refuses_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk = Disk()
    presence = Presence(tmp_path / "release.journal", write=disk.write)
    assert presence.claim()
    disk.full = True
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            presence.beat()
    assert (presence.refused, len(caplog.records)) == (True, 1)
    disk.full = False
    presence.beat()
    assert not presence.refused
    presence.drop()


class Silent(Presence):
    """A guard that lives and whose heartbeat is old."""

    def __init__(self, journal: Path) -> None:
        super().__init__(journal)
        self.looked = 0

    def look(self) -> Sighting:
        self.looked += 1
        return Sighting(pid=0, silent_s=SILENT_SECONDS + 1)


async def test_w13_where_no_heartbeat_can_be_written_silence_proves_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal, disk = tmp_path / "release.journal", Disk()
    standby = Presence(journal, GuardPlace.STANDBY, write=disk.write)
    assert standby.claim()
    disk.full = True
    active, stop = Silent(journal), asyncio.Event()
    taken = await stand_by(
        active, standby, stop, check_seconds=0.01, done=lambda: active.looked >= 3
    )
    assert not taken
    assert "replacing it" not in caplog.text
    standby.drop()


class Unclaimable(Presence):
    """A place whose file cannot be opened."""

    def claim(self) -> bool:
        raise OSError(errno.EROFS, "Read-only file system")


async def test_w13_a_place_that_cannot_be_claimed_is_taken_over_all_the_same(
    tmp_path: Path,
) -> None:
    journal = tmp_path / "release.journal"
    standby = Presence(journal, GuardPlace.STANDBY)
    assert standby.claim()
    taken = await stand_by(
        Unclaimable(journal), standby, asyncio.Event(), check_seconds=0.01, done=lambda: False
    )
    assert taken
