"""What differs between databases, on one page. Only SQLite so far; PostgreSQL is one more class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError

from bms.errors import ConfigError, StoreError
from bms.model.reading import Ingested
from bms.store.sqlite import Sqlite
from bms.store.tables import RawReading


class Database(Protocol):
    """One kind of database. An engine's ``bms_begin`` option says how its transactions begin."""

    def engine(self) -> Engine:
        """Connections for reading. Raises ``StoreUnavailable`` where the place cannot be used."""
        ...

    def writing(self, engine: Engine) -> Engine:
        """The same connections for writing; a commit outlives the death of our process."""
        ...

    def durable(self, engine: Engine) -> Engine:
        """The same connections for writing; a commit outlives a power cut as well."""
        ...

    def add_readings(self, connection: Connection, rows: Sequence[RawReading]) -> Ingested:
        """Write a batch in one go, no two rows with the same point and time."""
        ...

    def explain(self, error: Exception) -> StoreError:
        """A refusal of the database in the words of an operator, with the way out."""
        ...


def database(url: str, patience_s: float) -> Database:
    """The kind of database that a URL asks for. Raises ConfigError.

    ``patience_s`` [s] is how long a statement waits for another process that writes.
    """
    try:
        parsed: URL = make_url(url)
    except ArgumentError as error:
        raise ConfigError(
            f"{url!r} is no database URL; write sqlite:///folder/bms.db in BMS_DATABASE_URL"
        ) from error
    if parsed.get_backend_name() != "sqlite":
        raise ConfigError(
            f"{parsed.get_backend_name()} databases are not served by this version;"
            " write sqlite:///folder/bms.db in BMS_DATABASE_URL"
        )
    if not parsed.database or parsed.database.startswith((":memory:", "file:")):
        raise ConfigError(
            f"{url!r} names no plain file, and a database in memory would lose every reading;"
            " write sqlite:///folder/bms.db in BMS_DATABASE_URL"
        )
    return Sqlite(parsed, patience_s)
