"""An answer that is made beside the requests: who asks gets the newest that stands."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

LIGHT_S = 0.15
"""An answer that was made in so short a time [s] is made anew for each request."""
REST = 20.0
"""After an answer its making rests so many times as long as it took: at most 5 % of a core."""
THREAD = "answers for the pages"
FIRST_S = 3.0
"""How long after its making began the first answer is waited for [s, real]."""

T = TypeVar("T")


def while_running() -> None:
    """Raises ``SystemExit``, which ends the thread without a word, once the process ends."""
    if not threading.main_thread().is_alive():
        raise SystemExit


class Kept(Generic[T]):
    """The newest answer of ``make``, which asks ``while_running`` ever so often. Thread-safe;
    ``seconds`` is a clock that never steps [s]."""

    def __init__(self, make: Callable[[], T], seconds: Callable[[], float]) -> None:
        self._make = make
        self._seconds = seconds
        self._lock = threading.Lock()
        self._answer: T | None = None
        self._took_s: float | None = None
        self._made_at = self._begun_at = 0.0
        self._stale = False
        self._done: threading.Event | None = None

    def get(self) -> T | None:
        """Returns the newest answer; None while the first one is being made.

        Raises whatever ``make`` raises where that is light.
        """
        if self._took_s is not None and self._took_s <= LIGHT_S:
            return self._make_now()
        standing, first = self._answer, self._took_s is None
        making = self._begin() if first or self._stale or self._old() else None
        if not first or making is None:
            return standing
        making.wait(max(0.0, FIRST_S - (time.monotonic() - self._begun_at)))
        return self._answer

    def prepare(self) -> None:
        """Have the first answer made before anybody asks."""
        if self._took_s is None:
            self._begin()

    def _begin(self) -> threading.Event:
        """Have an answer made, unless one is being made; what is set when it is there."""
        with self._lock:
            if self._done is None:
                self._done, self._begun_at = threading.Event(), time.monotonic()
                threading.Thread(target=self._in_background, name=THREAD).start()
            return self._done

    def changed(self) -> None:
        """Say that the answer is no longer true: the next who asks has a new one made."""
        self._stale = True

    def _old(self) -> bool:
        return self._seconds() - self._made_at > REST * (self._took_s or 0.0)

    def _make_now(self) -> T:
        begun = self._seconds()
        self._stale = False
        answer = self._make()
        self._answer, self._made_at = answer, self._seconds()
        self._took_s = self._made_at - begun
        return answer

    def _in_background(self) -> None:
        try:
            self._make_now()
        except Exception:
            log.exception("an answer for the pages could not be made; the next request tries again")
            self._made_at = self._seconds()
        finally:
            with self._lock:
                done, self._done = self._done, None
            if done is not None:
                done.set()
