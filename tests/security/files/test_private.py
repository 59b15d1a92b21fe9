"""Another user of the computer (SECURITY.md): what he can read of ours."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer

from bms.cli.console.output_file import write_output
from bms.model.readings.measurement import Quality, Reading
from bms.runtime.wire import make_home
from bms.store.sql.store import SqlStore


def others_may(path: Path) -> int:
    """What group and others may do with a file or folder, as mode bits."""
    return stat.S_IMODE(path.stat().st_mode) & 0o077


def test_m3_the_home_is_ours_alone_also_where_it_was_not(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    make_home(home)
    assert others_may(home) == 0
    home.chmod(0o755)
    make_home(home)
    assert others_may(home) == 0


def test_m3_the_database_with_its_log_is_ours_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        store = SqlStore(f"sqlite:///{tmp_path}/home/bms.db", timezone="Europe/Copenhagen")
        store.add_readings([Reading("a/b", datetime(2026, 1, 1, tzinfo=UTC), 1.0, Quality.GOOD)])
        found = list((tmp_path / "home").iterdir())
        assert {path.name for path in found} >= {"bms.db", "bms.db-wal", "bms.db-shm"}
        assert [path for path in (tmp_path / "home", *found) if others_may(path)] == []
        store.close()
    finally:
        os.umask(before)


def test_an_output_follows_no_link_and_overwrites_nothing(tmp_path: Path) -> None:
    target, link = tmp_path / "release.journal", tmp_path / "report.csv"
    target.write_text("open leases")
    link.symlink_to(target)
    with pytest.raises(typer.BadParameter, match="--force"):
        write_output(link, b"report")
    write_output(link, b"report", force=True)
    assert target.read_text() == "open leases"
    assert (link.is_symlink(), link.read_bytes()) == (False, b"report")
    assert {path.name for path in tmp_path.iterdir()} == {"release.journal", "report.csv"}
