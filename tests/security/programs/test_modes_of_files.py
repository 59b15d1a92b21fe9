"""Another user of the computer (SECURITY.md): what commands write is for their user alone,
whatever umask they are called with."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path

import pytest

from bms.cli.main import main
from bms.journal.locks import locked, replace_file
from bms.runtime.municipality import EXAMPLES
from bms.runtime.reporting.post import put
from bms.store.database.backup import back_up
from bms.store.sql.store import SqlStore
from tests.rigs.storage.modes import others_may, umask

TABLE = "id,name,address,area,use,heat\nskole,Skolen,Vej 1,1200,421,571\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BMS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BMS_SITES", str(EXAMPLES))
    return tmp_path


def called(monkeypatch: pytest.MonkeyPatch, mask: int, *words: str) -> None:
    """A command in this process, called with a umask."""
    monkeypatch.setattr(sys, "argv", ["bms", *words])
    with umask(mask), contextlib.suppress(SystemExit):
        main()


@pytest.mark.slow
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o027])
def test_what_commands_write_is_for_their_user_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch, mask: int
) -> None:
    password = home / "password"
    password.write_text("a password that is long enough\n")
    password.chmod(0o600)
    for words in (
        ("db", "upgrade"),
        ("users", "create", "kari", "--role", "viewer", "--password-file", str(password)),
        ("keys", "create", "k", "--scope", "read"),
        ("db", "backup", str(home / "copy.db")),
        ("report", "missing-data", "--month", "2026-10", "--out", str(home / "report.csv")),
        ("archive", "run"),
    ):
        called(monkeypatch, mask, *words)
    assert (home / "copy.db").exists()
    assert (home / "report.csv").exists()
    assert (home / "home" / "evidence.heads").exists()
    assert others_may(home) == {}


@pytest.mark.parametrize(("mask", "file", "folder"), [(0o022, 0o644, 0o755), (0o027, 0o640, 0o750)])
def test_site_files_are_for_whom_the_caller_lets_in(
    home: Path, monkeypatch: pytest.MonkeyPatch, mask: int, file: int, folder: int
) -> None:
    """They hold no secret, and the backend runs as another user."""
    (home / "table.csv").write_text(TABLE)
    called(
        monkeypatch, mask, "sites", "import", str(home / "table.csv"), "--out", str(home / "s/t")
    )
    assert stat.S_IMODE((home / "s" / "t" / "skole.yaml").stat().st_mode) == file
    assert stat.S_IMODE((home / "s").stat().st_mode) == folder


def test_files_beside_the_journal_are_ours_alone_whoever_makes_them(tmp_path: Path) -> None:
    with umask(0), locked(tmp_path / "evidence.heads"):
        replace_file(tmp_path / "release.journal", [b"{}\n"], os.fsync)
    assert others_may(tmp_path) == {}


def test_a_database_that_was_put_back_is_closed_to_others_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bms.db"
    SqlStore(url).close()
    (tmp_path / "bms.db").chmod(0o644)
    SqlStore(url).close()
    assert others_may(tmp_path) == {}


@pytest.fixture
def database(tmp_path: Path) -> str:
    (tmp_path / "ours").mkdir()
    url = f"sqlite:///{tmp_path}/ours/bms.db"
    SqlStore(url).close()
    return url


@pytest.mark.parametrize("name", ["copy.db", "copy.db.part", ".copy.db.part", "copy.db-journal"])
@pytest.mark.parametrize("kind", ["link", "hard link", "pipe", "folder"])
def test_a_backup_follows_nothing_that_was_put_there_before(
    tmp_path: Path, database: str, name: str, kind: str
) -> None:
    """Into a folder that others may write to, with ``--force``."""
    precious, folder = tmp_path / "release.journal", tmp_path / "backups"
    precious.write_text("open leases")
    folder.mkdir()
    planted = folder / name
    {
        "link": lambda: planted.symlink_to(precious),
        "hard link": lambda: planted.hardlink_to(precious),
        "pipe": lambda: os.mkfifo(planted),
        "folder": lambda: planted.mkdir(),
    }[kind]()
    if (name, kind) == ("copy.db", "folder"):
        return  # refused: tests/system/cli/test_database.py
    with umask(0):
        back_up(database, folder / "copy.db", force=True)
    assert precious.read_text() == "open leases"
    copy = folder / "copy.db"
    assert (copy.is_symlink(), stat.S_IMODE(copy.stat().st_mode)) == (False, 0o600)
    assert {each.name for each in folder.iterdir()} == {"copy.db", name}


def test_what_a_killed_backup_left_is_gone_after_the_next(tmp_path: Path, database: str) -> None:
    left = tmp_path / ".copy.db.abc.part"
    left.mkdir()
    (left / "half").write_text("readings")
    back_up(database, tmp_path / "copy.db")
    assert not left.exists()


def test_a_report_in_a_folder_is_ours_alone(tmp_path: Path) -> None:
    (tmp_path / "made.csv").write_text("uses")
    with umask(0):
        put(tmp_path / "made.csv", tmp_path / "out")
    assert stat.S_IMODE((tmp_path / "out" / "made.csv").stat().st_mode) == 0o600
