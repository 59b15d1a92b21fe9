"""A link to a database that may be away when we start: opened by the first call that finds it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlmodel import Session

from bms.errors import StoreError, StoreUnavailable
from bms.store.database.availability import Availability
from bms.store.database.connection import Link
from bms.store.database.dialect import Database

log = logging.getLogger(__name__)


class ReconnectingLink:
    """Implements ``Transactions``. ``open_link`` is called again until the database is there.

    Every method raises ConfigError, ``StoreUnavailable`` or StoreError where it cannot be opened.
    Safe for several threads.
    """

    def __init__(self, open_link: Callable[[], Link], availability: Availability) -> None:
        self._open_link = open_link
        self._availability = availability
        self._link: Link | None = None
        self._opening = threading.Lock()
        self._closed = False

    def open(self) -> None:
        """Open the database if it is there; being away is no error.

        Raises ConfigError or StoreError for one that waiting does not mend.
        """
        try:
            self._opened()
        except StoreUnavailable as error:
            log.info("starting without a database: %s", error)

    @property
    def database(self) -> Database:
        """What differs between databases."""
        return self._opened().database

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """See ``Transactions``."""
        with self._opened().reading() as session:
            yield session

    @contextmanager
    def writing(self, *, durable: bool) -> Iterator[Session]:
        """See ``Transactions``."""
        with self._opened().writing(durable=durable) as session:
            yield session

    def scrub(self, *, whole: bool = False) -> None:
        """See ``Transactions``."""
        self._opened().scrub(whole=whole)

    def close(self) -> None:
        """Close the link if it was opened; whatever is asked afterwards is refused."""
        with self._opening:
            self._closed = True
            if self._link is not None:
                self._link.close()

    def _opened(self) -> Link:
        if self._link is None:
            with self._opening:
                if self._closed:
                    raise StoreError("the store is closed")
                if self._link is None:
                    self._link = self._first()
        return self._link

    def _first(self) -> Link:
        if not self._availability.worth_trying:
            raise StoreUnavailable(str(self._availability.away))
        try:
            link = self._open_link()
        except StoreUnavailable as error:
            self._availability.lost(error)
            raise
        self._availability.answered()
        return link
