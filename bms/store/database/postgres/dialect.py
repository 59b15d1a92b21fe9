"""PostgreSQL: many processes on many hosts share one database.

Readings lie in partitions of one calendar month each (``bms.store.database.postgres.partitions``).
A batch is sent with COPY straight into its months; only where some of it is there already, all of
it is compared on the server. Rows are always sent by month, point and time: what is read together
lies together, and two writers of the same readings wait for each other in the same order.

A commit is kept with the care that the server's ``synchronous_commit`` asks for: unless somebody
turned it off, it outlives a power cut. Turning it off for readings here would lose the last of
them with the death of one server process, which is more than SQLite risks. Who accepts that turns
it off for the database user; what people decide, plans, receipts and pushed readings turn it on
again for themselves. See https://www.postgresql.org/docs/current/wal-async-commit.html.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import numpy as np
import psycopg
from psycopg import IsolationLevel
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from bms.errors import StoreError
from bms.model.readings.measurement import Ingested
from bms.model.readings.series import Floats, Micros
from bms.store.database.postgres.errors import explained
from bms.store.database.postgres.partitions import ensure_months, months_of
from bms.store.database.tables import COUNTED_CODES, Mark, RawReading

#: Any number will do, as long as every process of this product asks for the same one.
_MIGRATION_LOCK = 0x626D73_01
_DURABLY = (
    "SELECT set_config('synchronous_commit', 'on', true)"
    " WHERE current_setting('synchronous_commit') = 'off'"
)
_LIMIT = "SELECT set_config('statement_timeout', %s, true)"

_COLUMNS = "point, time, value, quality, lag, detail"
_TYPES = ("int4", "int8", "float8", "int2", "int8", "text")
_INCOMING = (
    "CREATE TEMP TABLE IF NOT EXISTS incoming (point integer, time bigint,"
    " value double precision, quality smallint, lag bigint, detail text) ON COMMIT DROP"
)
_ADD = (
    "INSERT INTO readings (point, time, value, quality, lag, detail)"
    " SELECT point, time, value, quality, lag, detail FROM incoming"
    " ON CONFLICT (point, time) DO NOTHING"
)
#: Locked until we commit: no other writer may change them between this question and ``_CORRECT``.
#: The bounds let the planner leave out every other month.
_KEEP_EARLIER = (
    "WITH held AS (SELECT r.point, r.time, r.value, r.quality, r.lag, r.detail,"
    " i.value AS new_value, i.quality AS new_quality, i.lag AS new_lag, i.detail AS new_detail"
    " FROM incoming AS i JOIN readings AS r ON r.point = i.point AND r.time = i.time"
    " WHERE r.time BETWEEN %(first)s AND %(last)s"
    " AND (r.value IS DISTINCT FROM i.value OR r.quality <> i.quality)"
    " ORDER BY r.time, r.point FOR UPDATE OF r)"
    " INSERT INTO corrections (point, time, old_value, old_quality, old_lag, old_detail,"
    " new_value, new_quality, new_lag, new_detail) SELECT * FROM held"
)
_CORRECT = (
    "UPDATE readings AS r SET value = i.value, quality = i.quality, lag = i.lag,"
    " detail = i.detail FROM incoming AS i WHERE r.point = i.point AND r.time = i.time"
    " AND r.time BETWEEN %(first)s AND %(last)s"
    " AND (r.value IS DISTINCT FROM i.value OR r.quality <> i.quality)"
)

_MARK = (
    "INSERT INTO stale (point, first, until)"
    " SELECT * FROM unnest(%s::int4[], %s::int8[], %s::int8[])"
    " ON CONFLICT (point, first) DO NOTHING"
)

#: One answer of 16 bytes per reading, which numpy reads as it is.
_GOOD = (
    "SELECT string_agg(int8send(time) || float8send(value), ''::bytea ORDER BY time)"
    " FROM readings WHERE point = %s AND time >= %s AND time < %s AND quality = ANY(%s)"
)
_PAIR = np.dtype([("time", ">i8"), ("value", ">f8")])


class _Begin(NamedTuple):
    """How a transaction begins. The first two ride on its BEGIN, without a question of their own.

    ``read_only`` is None, not False, for those that write: a replica refuses to be told so before
    anything is written, and serves whoever reads only.
    """

    isolation: IsolationLevel
    read_only: bool | None = None
    first: str = ""


POOL_MODE = "pool_mode"
"""In a URL: ``transaction`` where a pgbouncer lends its connections for single transactions."""


def is_lent(url: URL) -> bool:
    """Whether a connection is ours for one transaction only."""
    return url.query.get(POOL_MODE) == "transaction"


def without_pool_mode(url: URL) -> URL:
    """The URL as libpq knows it."""
    return url.difference_update_query([POOL_MODE])


class Postgres:
    """A PostgreSQL database; implements ``bms.store.database.dialect.Database``."""

    errors: tuple[type[Exception], ...] = (psycopg.Error,)

    def __init__(self, url: URL, patience_s: float) -> None:
        self._lent = is_lent(url)
        self._url = without_pool_mode(url).set(drivername="postgresql+psycopg")
        self._patience_s = patience_s
        self.place = f"{url.database or 'of the service file'} on {_host(url)}"

    def engine(self) -> Engine:
        """Connections for reading; nothing is sent yet. A dead one is noticed and replaced."""
        engine = create_engine(
            self._url,
            connect_args={
                **_connect_args(self._url, self._patience_s),
                **({"prepare_threshold": None} if self._lent else {}),
            },
            pool_pre_ping=True,
            pool_reset_on_return=None,  # by _reset
            use_native_hstore=False,
        )
        if not self._lent:
            event.listen(engine, "connect", self._configure)
        event.listen(engine, "begin", _begin)
        event.listen(engine, "reset", _reset)
        begin = _Begin(IsolationLevel.REPEATABLE_READ, True, self._first())
        return engine.execution_options(bms_begin=begin)

    def writing(self, engine: Engine) -> Engine:
        begin = _Begin(IsolationLevel.READ_COMMITTED, first=self._first())
        return engine.execution_options(bms_begin=begin)

    def durable(self, engine: Engine) -> Engine:
        begin = _Begin(IsolationLevel.READ_COMMITTED, first=self._first(_DURABLY))
        return engine.execution_options(bms_begin=begin)

    @contextmanager
    def limited(self, connection: Connection, seconds: float) -> Iterator[None]:
        """Each statement of the transaction; the server cuts it off."""
        _driver(connection).execute(_LIMIT, (str(max(1, math.ceil(1000 * seconds))),))
        yield

    def cut_off(self, error: Exception) -> bool:
        cause = error.orig if isinstance(error, DBAPIError) else error
        return isinstance(cause, psycopg.errors.QueryCanceled)

    def lock_migrations(self, connection: Connection) -> None:
        """Two processes that start at once would make the same tables."""
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")

    def lock_stale_days(self, connection: Connection, *, alone: bool) -> None:
        """A lock of the marks' table: those who only add marks share it with each other."""
        mode = "SHARE ROW EXCLUSIVE" if alone else "ROW EXCLUSIVE"
        connection.exec_driver_sql(f"LOCK TABLE stale IN {mode} MODE")

    def mark(self, connection: Connection, marks: Sequence[Mark]) -> None:
        columns = [list(column) for column in zip(*marks, strict=True)]
        _driver(connection).execute(_MARK, columns)

    def scrub(self, engine: Engine, *, whole: bool) -> None:
        """Deleted rows give their room back; it is overwritten as new rows come. Only the whole
        scrub writes the tables anew, and nobody reads them meanwhile."""
        how = "VACUUM (FULL)" if whole else "VACUUM"
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql(f"{how} readings, corrections, rollups")

    def add_readings(self, connection: Connection, rows: Sequence[RawReading]) -> Ingested:
        """New rows go straight in; only where some were there already are all of them compared."""
        cleaned = [_cleaned(row) for row in rows]
        months = months_of(cleaned)
        ordered = [row for _, row in sorted(zip(months, cleaned, strict=True))]
        ensure_months(connection, set(months))
        try:
            with connection.begin_nested():
                _send(_driver(connection), "readings", ordered)
        except psycopg.errors.UniqueViolation:
            return self._merge(_driver(connection), ordered)
        return Ingested(new=len(ordered))

    def _merge(self, driver: psycopg.Connection[Any], rows: Sequence[RawReading]) -> Ingested:
        times = [row[1] for row in rows]
        window = {"first": min(times), "last": max(times)}
        driver.execute(_INCOMING)
        _send(driver, "incoming", rows)
        new = driver.execute(_ADD).rowcount
        corrected = driver.execute(_KEEP_EARLIER, window).rowcount
        if corrected:
            driver.execute(_CORRECT, window)
        driver.execute("TRUNCATE incoming")
        return Ingested(new=new, known=len(rows) - new - corrected, corrected=corrected)

    def good(
        self, connection: Connection, point: int | None, first: int, end: int
    ) -> tuple[Micros, Floats]:
        with _driver(connection).cursor(binary=True) as cursor:
            row = cursor.execute(_GOOD, (point, first, end, list(COUNTED_CODES))).fetchone()
        pairs = np.frombuffer(row[0] if row and row[0] else b"", _PAIR)
        return pairs["time"].astype(np.int64), pairs["value"].astype(np.float64)

    def explain(self, error: Exception) -> StoreError:
        return explained(error, f"the database {self.place}", self._url.password)

    def _first(self, statement: str = "") -> str:
        """What a transaction begins with; where connections are lent nothing is left to them."""
        wait = f"SET LOCAL lock_timeout = {self._patience_ms}" if self._lent else ""
        return "; ".join(filter(None, (wait, statement)))

    @property
    def _patience_ms(self) -> int:
        return max(1, math.ceil(1000 * self._patience_s))

    def _configure(self, connection: psycopg.Connection[Any], _record: object) -> None:
        connection.execute(f"SET lock_timeout = {self._patience_ms}")
        connection.commit()


def _host(url: URL) -> str:
    """Where the server is, in words; a socket is a folder."""
    query = url.query.get("host") or ("the local socket",)
    host = url.host or (query if isinstance(query, str) else ", ".join(query))
    return f"{host}:{url.port}" if url.port else host


def _connect_args(url: URL, patience_s: float) -> dict[str, str | int]:
    """Give up on a host that does not answer; what the URL itself says comes first."""
    args: dict[str, str | int] = {
        "application_name": "bms",
        "connect_timeout": max(2, math.ceil(patience_s)),
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
    }
    return {name: value for name, value in args.items() if name not in url.query}


def _begin(connection: Connection) -> None:
    begin: _Begin = connection.get_execution_options()["bms_begin"]
    driver = _driver(connection)
    driver.isolation_level, driver.read_only = begin.isolation, begin.read_only
    if begin.first:
        driver.execute(begin.first)


def _reset(driver: psycopg.Connection[Any], record: ConnectionPoolEntry, _: object) -> None:
    """What comes back into the pool has no transaction; a dead one goes without a word. SQLAlchemy
    logs both with a traceback each, for as long as a pgbouncer goes on without its server."""
    if not driver.closed:
        with suppress(psycopg.Error):
            driver.rollback()
    if driver.closed:
        record.invalidate()


def _driver(connection: Connection) -> psycopg.Connection[Any]:
    """The connection below: SQLAlchemy knows no COPY and no binary answers."""
    below = connection.connection.driver_connection
    assert isinstance(below, psycopg.Connection)
    return below


def _send(driver: psycopg.Connection[Any], table: str, rows: Sequence[RawReading]) -> None:
    statement = f"COPY {table} ({_COLUMNS}) FROM STDIN (FORMAT BINARY)"
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(_TYPES)
        for row in rows:
            copy.write_row(row)


def _cleaned(row: RawReading) -> RawReading:
    """PostgreSQL takes no NUL and no half of a surrogate pair in a text, as devices may send."""
    detail = row[5]
    if detail is None:
        return row
    text = detail.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return *row[:5], text.encode("utf-8", "replace").decode("utf-8")
