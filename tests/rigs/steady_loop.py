"""An event loop whose time stands still while the machine does.

On a busy machine a test process may be left waiting for seconds at any moment. By the wall's clock
every time-out of the test has then passed, though nobody was slow. ``SteadyLoop`` counts what it
meant to sleep as slept, and of all other time only short steps: server and client of a test, which
share the loop, see the same time go by, and deadlines hold on any machine.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from typing import Any

STEP_S = 0.002
"""The most that counts of a step of work, or of waiting for what then came [s]."""
OVERSLEPT_S = 0.02
"""Who sleeps this much longer [s] than was meant was held up: replies may be held up, too."""


class SteadyTime:
    """Counts the wall's time, each stretch up to what it may have been at most."""

    def __init__(self) -> None:
        self._seen = self._at = time.monotonic()

    def passed(self, most_s: float = STEP_S) -> float:
        """Count what has passed since the last call, at most ``most_s`` [s]; the time now [s]."""
        now = time.monotonic()
        self._at += min(now - self._seen, most_s)
        self._seen = now
        return self._at


class _Selector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    """Sleeping without an event counts as long as was meant to be slept."""

    def __init__(self, steady: SteadyTime) -> None:
        super().__init__()
        self._steady = steady

    def select(self, timeout: float | None = None) -> Any:
        self._steady.passed()
        began = time.monotonic()
        events = super().select(timeout)
        if events or timeout is None:
            self._steady.passed()
        elif time.monotonic() - began > timeout + OVERSLEPT_S:
            self._steady.passed(max(timeout / 2, STEP_S))  # look once more before it is over
        else:
            self._steady.passed(timeout)
        return events


class SteadyLoop(asyncio.SelectorEventLoop):
    """The usual loop on steady time."""

    def __init__(self) -> None:
        self._steady = SteadyTime()
        super().__init__(_Selector(self._steady))

    def time(self) -> float:
        return self._steady.passed()


def now_s() -> float:
    """The time of the running loop [s]."""
    return asyncio.get_running_loop().time()
