"""What differs between databases, on one page."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError

from bms.errors import ConfigError, StoreError
from bms.model.readings.measurement import Ingested
from bms.model.readings.series import Floats, Micros
from bms.store.database.sqlite import Sqlite
from bms.store.database.tables import Mark, RawReading

_WRITE = "write sqlite:///folder/bms.db or postgresql://user:password@host/bms in BMS_DATABASE_URL"


class Database(Protocol):
    """One kind of database. An engine's ``bms_begin`` option says how its transactions begin."""

    place: str
    """Where it is, for people: a file, a name and a host; never a password."""

    errors: tuple[type[Exception], ...]
    """What its driver raises where it is used without SQLAlchemy; ``explain`` takes these, too."""

    def engine(self) -> Engine:
        """Connections for reading. Raises ``StoreUnavailable`` where the place cannot be used."""
        ...

    def writing(self, engine: Engine) -> Engine:
        """The same connections for writing; a commit outlives the death of our process."""
        ...

    def durable(self, engine: Engine) -> Engine:
        """The same connections for writing; a commit outlives a power cut as well."""
        ...

    def limited(self, connection: Connection, seconds: float) -> AbstractContextManager[None]:
        """What is asked inside is cut off after ``seconds`` [s]."""
        ...

    def cut_off(self, error: Exception) -> bool:
        """Whether ``error`` says that a question was cut off."""
        ...

    def lock_migrations(self, connection: Connection) -> None:
        """Until the transaction ends, no other process brings the tables up to date."""
        ...

    def add_readings(self, connection: Connection, rows: Sequence[RawReading]) -> Ingested:
        """Write a batch in one go, no two rows with the same point and time."""
        ...

    def lock_stale_days(self, connection: Connection, *, alone: bool) -> None:
        """Until the transaction ends, what is stale stays so unless we change it.

        Whoever adds readings shares the hold with others who do; whoever folds or deletes them
        holds it ``alone``, and sees whatever was added before.
        """
        ...

    def mark(self, connection: Connection, marks: Sequence[Mark]) -> None:
        """Add to the days that are stale, at least one; those that are already stay so."""
        ...

    def scrub(self, engine: Engine, *, whole: bool) -> None:
        """Take what was deleted out of the files as well, as far as the database can while no
        writer waits for more than a second; where ``whole``, all of it, and writers wait.

        ``engine`` is one for writing; no transaction of this thread is open.
        """
        ...

    def good(
        self, connection: Connection, point: int | None, first: int, end: int
    ) -> tuple[Micros, Floats]:
        """Times [us] and values of a point's readings that count, first <= time < end.

        Both have shape (m,), oldest first; m is 0 for the point None.
        """
        ...

    def explain(self, error: Exception) -> StoreError:
        """A refusal of the database in the words of an operator, with the way out."""
        ...


def database(url: str, patience_s: float) -> Database:
    """The kind of database that a URL asks for. Raises ConfigError, without what the URL holds.

    ``patience_s`` [s] is how long a statement waits for another process that writes.
    """
    try:
        parsed: URL = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError(f"what was given is no database URL; {_WRITE}") from None
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        return _sqlite(parsed, patience_s)
    if kind in ("postgresql", "postgres"):
        return _postgres(parsed, patience_s)
    raise ConfigError(f"{kind} databases are not served; {_WRITE}")


def _sqlite(url: URL, patience_s: float) -> Database:
    if not url.database or url.database.startswith((":memory:", "file:")):
        raise ConfigError(
            f"{str(url)!r} names no plain file, and a database in memory would lose every reading;"
            f" {_WRITE}"
        )
    return Sqlite(url, patience_s)


def _postgres(url: URL, patience_s: float) -> Database:
    """Imported only when asked for: psycopg comes with an extra."""
    if not url.database and "service" not in url.query:
        raise ConfigError(f"{url.render_as_string()!r} names no database; {_WRITE}")
    try:
        from bms.store.database.postgres.dialect import Postgres
    except ImportError as error:
        raise ConfigError(
            f"PostgreSQL needs a library that is not there ({error}); run: pip install"
            " 'bms[postgres]'"
        ) from error
    return Postgres(url, patience_s)
