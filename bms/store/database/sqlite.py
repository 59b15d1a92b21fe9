"""SQLite: one file, one writer at a time, any number of readers (write-ahead log).

A commit is in the write-ahead log before it is acknowledged, so the death of our process loses
nothing. Readings are written with ``synchronous=NORMAL``: a power cut may take the last moments of
them, never the database. What people decide (modes, overrides, keys), plans and receipts are
written with ``synchronous=FULL``, which outlives a power cut too.
See https://sqlite.org/wal.html and https://sqlite.org/pragma.html#pragma_synchronous.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

import numpy as np
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from bms.errors import StoreError, StoreUnavailable
from bms.model.private_umask import PRIVATE
from bms.model.readings.measurement import Ingested
from bms.model.readings.series import Floats, Micros
from bms.store.database.scrubbing import scrub_in_steps, write_anew
from bms.store.database.tables import COUNTED_CODES, Mark, RawReading

_SETTINGS = (
    "PRAGMA auto_vacuum=INCREMENTAL",  # of a file without tables; of others with the next VACUUM
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA journal_size_limit=67108864",
    "PRAGMA secure_delete=ON",
)
_READ = ("BEGIN",)
_WRITE = ("PRAGMA synchronous=NORMAL", "BEGIN IMMEDIATE")
_WRITE_DURABLY = ("PRAGMA synchronous=FULL", "BEGIN IMMEDIATE")

STEPS_BETWEEN_LOOKS = 10_000
"""Instructions of SQLite [1], about a millisecond."""

_INSERT = (
    "INSERT INTO readings (point, time, value, quality, lag, detail)"
    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (point, time) DO NOTHING"
)
_MARK = (
    "INSERT INTO stale (point, first, until) VALUES (?, ?, ?) ON CONFLICT (point, first) DO NOTHING"
)
_INCOMING = (
    "CREATE TEMP TABLE IF NOT EXISTS incoming (point INTEGER NOT NULL, time INTEGER NOT NULL,"
    " value REAL, quality INTEGER NOT NULL, lag INTEGER, detail TEXT)"
)
_FILL_INCOMING = "INSERT INTO incoming VALUES (?, ?, ?, ?, ?, ?)"
_KEEP_EARLIER = (
    "INSERT INTO corrections (point, time, old_value, old_quality, old_lag, old_detail,"
    " new_value, new_quality, new_lag, new_detail)"
    " SELECT r.point, r.time, r.value, r.quality, r.lag, r.detail,"
    " i.value, i.quality, i.lag, i.detail"
    " FROM incoming AS i CROSS JOIN readings AS r ON r.point = i.point AND r.time = i.time"
    " WHERE r.value IS NOT i.value OR r.quality <> i.quality"
)
_CORRECT = (
    "INSERT INTO readings (point, time, value, quality, lag, detail)"
    " SELECT point, time, value, quality, lag, detail FROM incoming WHERE true"
    " ON CONFLICT (point, time) DO UPDATE SET value = excluded.value,"
    " quality = excluded.quality, lag = excluded.lag, detail = excluded.detail"
    " WHERE readings.value IS NOT excluded.value OR readings.quality <> excluded.quality"
)
_GOOD = (
    "SELECT time, value FROM readings WHERE point = ? AND time >= ? AND time < ?"
    " AND quality IN (?, ?, ?) ORDER BY time"
)

_AWAY = {
    sqlite3.SQLITE_BUSY: "is held by another process; stop that process or wait until it is done",
    sqlite3.SQLITE_LOCKED: "is held by another writer; try again",
    sqlite3.SQLITE_FULL: "cannot grow, the disk is full; free space on it",
    sqlite3.SQLITE_READONLY: "is read-only; give this user the right to write the file and folder",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; see that the folder exists and is ours to write",
    sqlite3.SQLITE_IOERR: "cannot be read or written; see whether its disk is well",
    sqlite3.SQLITE_PERM: "is closed to this user; give it the right to read and write the file",
    sqlite3.SQLITE_CORRUPT: "is damaged; stop the backend and restore the last backup",
}


class Sqlite:
    """The SQLite database in one file; implements ``bms.store.database.dialect.Database``."""

    errors: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(self, url: URL, patience_s: float) -> None:
        self._url = url
        self._file = Path(url.database or "")
        self.place = str(self._file)
        self._patience_s = patience_s
        self._identity: tuple[int, int] | None = None

    def engine(self) -> Engine:
        """Connections for reading. Makes the folder. Raises ``StoreUnavailable``."""
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._url.database not in (None, "", ":memory:"):
                self._file.touch(mode=0o600)  # its log and its index get the same mode
                self._close_to_others()
        except OSError as error:
            raise StoreUnavailable(
                f"the folder of the database {self._file} cannot be made: {error.strerror};"
                " make it, or name another place in BMS_DATABASE_URL"
            ) from error
        engine = create_engine(
            self._url,
            connect_args={"timeout": self._patience_s, "isolation_level": None},
        )
        event.listen(engine, "connect", self._configure)
        event.listen(engine, "begin", self._begin)
        return engine.execution_options(bms_begin=_READ)

    def _close_to_others(self) -> None:
        """A copy that was put back may bear the mode of whoever copied it."""
        for ending in ("", "-wal", "-shm"):
            path = self._file.with_name(f"{self._file.name}{ending}")
            with suppress(FileNotFoundError):
                seen = path.stat()
                if seen.st_mode & PRIVATE and seen.st_uid == os.geteuid():
                    path.chmod(0o600)

    def writing(self, engine: Engine) -> Engine:
        """The lock is taken at the start: a reader that becomes a writer could deadlock."""
        return engine.execution_options(bms_begin=_WRITE)

    def durable(self, engine: Engine) -> Engine:
        return engine.execution_options(bms_begin=_WRITE_DURABLY)

    @contextmanager
    def limited(self, connection: Connection, seconds: float) -> Iterator[None]:
        """Looks at the clock after every some thousand steps of the database's own machine."""
        below = connection.connection.driver_connection
        assert isinstance(below, sqlite3.Connection)
        end = time.monotonic() + seconds
        below.set_progress_handler(lambda: time.monotonic() > end, STEPS_BETWEEN_LOOKS)
        try:
            yield
        finally:
            below.set_progress_handler(None, 0)

    def cut_off(self, error: Exception) -> bool:
        cause = error.orig if isinstance(error, DBAPIError) else error
        return getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT

    def lock_migrations(self, connection: Connection) -> None:
        """Nothing to do: a transaction that writes is the only one that does."""

    def lock_stale_days(self, connection: Connection, *, alone: bool) -> None:
        """Nothing to do here either."""

    def mark(self, connection: Connection, marks: Sequence[Mark]) -> None:
        connection.exec_driver_sql(_MARK, list(marks))

    def scrub(self, engine: Engine, *, whole: bool) -> None:
        """See ``bms.store.database.scrubbing``."""
        with engine.connect() as connection:
            below = connection.connection.driver_connection
            assert isinstance(below, sqlite3.Connection)
            if whole:
                write_anew(below)
            else:
                scrub_in_steps(below, self.place)

    def add_readings(self, connection: Connection, rows: Sequence[RawReading]) -> Ingested:
        """New rows go straight in; only where some were there already are all of them compared."""
        new = connection.exec_driver_sql(_INSERT, list(rows)).rowcount
        if new == len(rows):
            return Ingested(new=new)
        corrected = self._correct(connection, rows)
        return Ingested(new=new, known=len(rows) - new - corrected, corrected=corrected)

    def _correct(self, connection: Connection, rows: Sequence[RawReading]) -> int:
        connection.exec_driver_sql(_INCOMING)
        connection.exec_driver_sql(_FILL_INCOMING, list(rows))
        corrected = connection.exec_driver_sql(_KEEP_EARLIER).rowcount
        if corrected:
            connection.exec_driver_sql(_CORRECT)
        connection.exec_driver_sql("DELETE FROM incoming")
        return corrected

    def good(
        self, connection: Connection, point: int | None, first: int, end: int
    ) -> tuple[Micros, Floats]:
        rows = connection.exec_driver_sql(_GOOD, (point, first, end, *COUNTED_CODES)).all()
        # Microseconds stay exact in a float64 until the year 2255.
        pairs = np.fromiter(chain.from_iterable(rows), np.float64, 2 * len(rows)).reshape(-1, 2)
        return pairs[:, 0].astype(np.int64), pairs[:, 1]

    def explain(self, error: Exception) -> StoreError:
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(cause, "sqlite_errorcode", None)
        if code is None:
            return StoreUnavailable(f"the database {self._file} does not answer: {cause}")
        if code == sqlite3.SQLITE_NOTADB:
            return StoreError(
                f"{self._file} is no database; move the file away or name another one"
                " in BMS_DATABASE_URL"
            )
        reason = _AWAY.get(code & 0xFF)  # the low byte is the kind, the rest its detail
        if reason is None:
            return StoreError(f"the database {self._file} refused: {cause}")
        return StoreUnavailable(f"the database {self._file} {reason} ({cause})")

    def _configure(self, connection: sqlite3.Connection, _record: object) -> None:
        for statement in _SETTINGS:
            connection.execute(statement).close()
        if self._identity is None:
            self._identity = _identity(self._file)

    def _begin(self, connection: Connection) -> None:
        self._check_same_file()
        for statement in connection.get_execution_options()["bms_begin"]:
            connection.exec_driver_sql(statement)

    def _check_same_file(self) -> None:
        """SQLite goes on writing to a file that was deleted: what it keeps would be gone."""
        if _identity(self._file) != self._identity:
            raise StoreUnavailable(
                f"the database {self._file} was moved, deleted or replaced while it was in use;"
                " put it back, or start the backend again to begin a new one"
            )


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
