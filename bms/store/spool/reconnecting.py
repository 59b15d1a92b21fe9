"""A store that is opened when it is needed, and left alone for a while after it was away."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bms.errors import StoreError, StoreUnavailable
from bms.ports.storage.whole import Store

log = logging.getLogger(__name__)

RETRY_S = 5.0


class Reach:
    """``open_store`` opens the store and is called again until it is there. Safe for threads.

    ``retry_s`` is how long one that was away is left alone [s]: what would ask it in that time is
    answered at once.
    """

    def __init__(
        self,
        open_store: Callable[[], Store],
        *,
        retry_s: float = RETRY_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_store = open_store
        self._retry_s = retry_s
        self._monotonic = monotonic
        self._store: Store | None = None
        self._opening = threading.Lock()
        self._since = 0.0
        self._told = False
        self.away: StoreUnavailable | None = None
        self.closed = False

    @property
    def worth_trying(self) -> bool:
        """Whether the store was there the last time, or that is long enough ago."""
        return self.away is None or self._monotonic() - self._since >= self._retry_s

    def hurry(self) -> None:
        """Whoever asks next may try, however short ago the store was away."""
        self._since = -math.inf

    def store(self) -> Store:
        """The store. Raises ConfigError, ``StoreUnavailable`` or StoreError where it cannot be
        opened."""
        if self._store is None:
            with self._opening:
                if self.closed:
                    raise StoreError("the store is closed")
                if self._store is None:
                    self._store = self._opened()
        return self._store

    def _opened(self) -> Store:
        if not self.worth_trying:
            raise StoreUnavailable(str(self.away))
        try:
            return self._open_store()
        except StoreUnavailable as error:
            self._note(error)
            raise

    @contextmanager
    def trying(self) -> Iterator[Store]:
        """Use the store for readings; say once when it goes away, and once when it is back."""
        try:
            yield self.store()
        except StoreUnavailable as error:
            self._note(error)
            if not self._told:
                self._told = True
                log.warning("readings wait on disk until the database is back: %s", error)
            raise
        self.away = None
        if self._told:
            self._told = False
            log.warning("the database is back and takes readings")

    def _note(self, error: StoreUnavailable) -> None:
        if self.worth_trying:
            self.away, self._since = error, self._monotonic()

    def close(self) -> None:
        """Close the store if it was opened; whoever asks for it afterwards is refused."""
        with self._opening:
            self.closed = True
            if self._store is not None:
                self._store.close()
