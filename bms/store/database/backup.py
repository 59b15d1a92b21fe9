"""A consistent copy of a running SQLite database.

The copy is taken inside one reading transaction, page by page, while others go on reading and
writing: it is the database as it was when the copy began. It is checked, made a plain file that
needs none beside it, and only then gets its name.
See https://sqlite.org/backup.html and https://sqlite.org/wal.html.
"""

from __future__ import annotations

import glob
import os
import secrets
import shlex
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from bms.errors import ConfigError, StoreError, StoreUnavailable

PAGES = 2_000
"""Pages that are copied in one go [1]; the progress is told after each."""
HALF = ".part"
SECRETS = ("password", "sslpassword")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """The copy: its ``size`` [bytes] and how many ``readings`` [1] are in it."""

    file: Path
    size: int
    readings: int


def parsed(url: str) -> URL:
    """The parts of a database URL. Raises ConfigError, which does not repeat a password."""
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError(
            "BMS_DATABASE_URL is no database URL; write sqlite:///folder/bms.db or"
            " postgresql://user:password@host/bms"
        ) from None


def dump_command(url: str, file: Path) -> str | None:
    """The command that backs up a PostgreSQL database, without its password; None for SQLite."""
    place = parsed(url)
    if place.get_backend_name() == "sqlite":
        return None
    bare = URL.create(
        "postgresql",
        place.username,
        host=place.host,
        port=place.port,
        database=place.database,
        query=place.difference_update_query(SECRETS).query,
    )
    words = ["pg_dump", "--format=custom", f"--file={file}", bare.render_as_string()]
    return shlex.join(words)


def back_up(
    url: str,
    file: Path,
    *,
    force: bool = False,
    report: Callable[[float], None] = lambda _: None,
    pages: int = PAGES,
) -> Backup:
    """Copy the SQLite database of ``url`` to ``file``, which only its owner can read.

    ``report`` is called with the share that is done, 0..1, every ``pages`` [1]. Raises ConfigError
    for a ``file`` that is there already (unless ``force``) or is the database itself, StoreError
    for a database that is none or is damaged, ``StoreUnavailable`` where there is none or the disk
    refuses.
    """
    source = Path(parsed(url).database or "")
    _free(source, file, force)
    try:
        _clear_half_copies(file)
        with tempfile.TemporaryDirectory(HALF, f".{file.name}.", file.parent) as ours:
            part = _place(Path(ours))
            _copy(source, part, report, pages)
            readings = _checked(part)
            _settle(part, file)
    except (OSError, sqlite3.Error) as error:
        raise _explained(error, source, file) from error
    return Backup(file=file, size=file.stat().st_size, readings=readings)


def _clear_half_copies(file: Path) -> None:
    """Remove what a copy that was killed has left: it tells what the database tells."""
    for left in file.parent.glob(f".{glob.escape(file.name)}.*{HALF}"):
        if left.lstat().st_uid == os.geteuid():
            shutil.rmtree(left, ignore_errors=True)


def _place(ours: Path) -> Path:
    """An empty file for the copy. Whoever may write to the folder beside can swap ``ours`` for a
    link, and would have to know a name in it to overwrite something."""
    part = ours / secrets.token_hex(16)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    return part


def _free(source: Path, file: Path, force: bool) -> None:
    if not source.is_file():
        raise StoreUnavailable(
            f"there is no database {source}; name the right one in BMS_HOME or BMS_DATABASE_URL"
        )
    if file.exists() and file.samefile(source):
        raise ConfigError(f"{file} is the database itself; name another file")
    if file.is_dir():
        raise ConfigError(f"{file} is a folder; name a file in it")
    if file.exists() and not force:
        raise ConfigError(f"{file} is there already; name another file, or replace it with --force")


def _copy(source: Path, part: Path, report: Callable[[float], None], pages: int) -> None:
    def told(_status: int, remaining: int, total: int) -> None:
        report(1.0 - remaining / total if total else 1.0)

    address = f"file:{quote(str(source.resolve()))}?mode=ro"
    with (
        closing(sqlite3.connect(address, uri=True, isolation_level=None)) as reader,
        closing(sqlite3.connect(part, isolation_level=None)) as copy,
    ):
        # Without a transaction of its own every commit of a writer would start the copy anew.
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
        reader.backup(copy, pages=pages, progress=told)
        copy.execute("PRAGMA journal_mode=DELETE").fetchone()


def _checked(part: Path) -> int:
    """The number of readings in a copy that is in order. Raises StoreError."""
    with closing(sqlite3.connect(part, isolation_level=None)) as copy:
        (verdict,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise StoreError(f"the copy is not in order, nothing was kept: {verdict}")
        (count,) = copy.execute("SELECT count(*) FROM readings").fetchone()
    return int(count)


def _settle(part: Path, file: Path) -> None:
    """On disk first, then under its name, so that the name never stands for half a copy."""
    _sync(part)
    part.replace(file)
    _sync(file.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _explained(error: OSError | sqlite3.Error, source: Path, file: Path) -> StoreError:
    if isinstance(error, OSError):
        return StoreUnavailable(
            f"{file} cannot be written: {error.strerror or error}; name a folder that exists, is "
            "yours to write and has room"
        )
    return StoreError(f"{source} cannot be copied to {file}: {error}")
