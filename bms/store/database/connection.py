"""Transactions on one database: open it, read, write, and say in plain words what went wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session

from bms.errors import StoreError, StoreTimeout
from bms.ports.storage.time_limit import database_time_limit_s
from bms.store.database import schema
from bms.store.database.dialect import Database, database

PATIENCE_S = 5.0
AT_ONCE = 6
"""Questions [1] with a time limit that are answered at once; an engine has 15 connections."""
_ASK_LESS = "ask for less, or again in a while"


class Transactions(Protocol):
    """Transactions on one database."""

    @property
    def database(self) -> Database:
        """What differs between databases."""
        ...

    def reading(self) -> AbstractContextManager[Session]:
        """One consistent view of the database."""
        ...

    def writing(self, *, durable: bool) -> AbstractContextManager[Session]:
        """All of what is done inside, or nothing; once it returns, it is kept.

        ``durable`` commits outlive a power cut, the others the death of our process.
        """
        ...

    def scrub(self, *, whole: bool = False) -> None:
        """See ``bms.store.database.dialect.Database``."""
        ...

    def close(self) -> None:
        """Close the connections; whatever is asked afterwards is refused."""
        ...


Witness = Callable[[Session], AbstractContextManager[None]]
"""Sees what is written inside, and may add to it at the end, before it is committed."""


def unseen(session: Session) -> AbstractContextManager[None]:
    """The witness that adds nothing."""
    return nullcontext()


class Link:
    """Implements ``Transactions``: opens the database of ``url``, brings its tables up to date.

    Safe for several threads.

    ``patience_s`` [s] is how long a statement waits for another process that writes. Raises
    ConfigError for a URL that cannot be served, ``StoreUnavailable`` where the database is
    away, StoreError where it belongs to a newer version or to somebody else. ``witness`` sees every
    transaction that writes.
    """

    def __init__(self, url: str, patience_s: float = PATIENCE_S, witness: Witness = unseen) -> None:
        self._witness = witness
        self.database: Database = database(url, patience_s)
        self._reading: Engine = self.database.engine()
        self._writing = self.database.writing(self._reading)
        self._durable = self.database.durable(self._reading)
        self._refusals: tuple[type[Exception], ...] = (
            DBAPIError,
            PoolTimeout,
            *self.database.errors,
        )
        self._one_writer = threading.Lock()
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._view = threading.local()
        self._closed = False
        try:
            with self.writing(durable=True) as session:
                self.database.lock_migrations(session.connection())
                schema.upgrade(session.connection(), self.database.place)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """See ``Transactions``; inside another one of the same thread it is that one."""
        outer: Session | None = getattr(self._view, "session", None)
        if outer is not None:
            with self._answering():
                yield outer
            return
        limit_s = database_time_limit_s()
        with self._turn(limit_s), self._answering(limit_s), Session(self._reading) as session:
            self._view.session = session
            try:
                with self._limited(session, limit_s):
                    yield session
            finally:
                self._view.session = None

    @contextmanager
    def _turn(self, limit_s: float | None) -> Iterator[None]:
        """Whoever is limited leaves connections to those who are not."""
        if limit_s is None:
            yield
            return
        if not self._turns.acquire(timeout=limit_s):
            raise StoreTimeout(f"{AT_ONCE} questions are before this one; {_ASK_LESS}")
        try:
            yield
        finally:
            self._turns.release()

    def _limited(self, session: Session, limit_s: float | None) -> AbstractContextManager[None]:
        if limit_s is None:
            return nullcontext()
        return self.database.limited(session.connection(), limit_s)

    @contextmanager
    def writing(self, *, durable: bool) -> Iterator[Session]:
        """See ``Transactions``."""
        engine = self._durable if durable else self._writing
        with (
            self._answering(),
            self._one_writer,
            Session(engine) as session,
            session.begin(),
            self._witness(session),
        ):
            yield session

    def scrub(self, *, whole: bool = False) -> None:
        """See ``Transactions``. The database itself lets writers in between its steps."""
        with self._answering():
            self.database.scrub(self._writing, whole=whole)

    def close(self) -> None:
        """Close the connections; whatever is asked afterwards is refused."""
        self._closed = True
        self._reading.dispose()

    @contextmanager
    def _answering(self, limit_s: float | None = None) -> Iterator[None]:
        if self._closed:
            raise StoreError("the store is closed")
        try:
            yield
        except self._refusals as error:
            if limit_s is not None and self.database.cut_off(error):
                told = f"the database takes more than {limit_s:g} s for it; {_ASK_LESS}"
                raise StoreTimeout(told) from error
            raise self.database.explain(error) from error
        except StatementError as error:  # a value that its column refuses: a naive moment, say
            if isinstance(error.orig, ValueError):
                raise error.orig from None
            raise


class Linked:
    """A part of the store: it talks to the database through one link."""

    def __init__(self, link: Transactions) -> None:
        self._link = link
