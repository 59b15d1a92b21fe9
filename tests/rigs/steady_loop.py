"""An event loop whose time does not hang on the machine: it neither runs while the machine stands,
nor is sat out where nobody can come.

On a busy machine a test process may be left waiting for seconds at any moment. By the wall's clock
every time-out of the test has then passed, though nobody was slow. ``SteadyLoop`` counts what it
meant to sleep as slept, and of all other time only short steps: server and client of a test, which
share the loop, see the same time go by, and deadlines hold on any machine.

Where server and client are all there is, nothing comes from outside: no thread works for the loop,
and the test has no process of its own. Then a sleep during which no octet is on its way counts as
slept at once, so that a time-out of seconds takes milliseconds.
"""

from __future__ import annotations

import asyncio
import os
import selectors
import threading
import time
from collections.abc import Callable
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

STEP_S = 0.002
"""The most that counts of a step of work, or of waiting for what then came [s]."""
OVERSLEPT_S = 0.02
"""Who sleeps this much longer [s] than was meant was held up: replies may be held up, too."""
IN_FLIGHT_S = 0.004
"""For so long [s] the kernel may hold what one socket of the loopback has sent to another."""
IN_FLIGHT_TTY_S = 0.1
"""The same of a pseudo-terminal, whose octets wait for a thread of the kernel."""
POOLED = ("asyncio_", "ThreadPoolExecutor-", "asyncio-portal-", "AnyIO worker thread")
"""Threads that wait for orders: those of this loop are counted, not looked at; the others are what
a client of another test has kept (schemathesis ends its portal with the process)."""

_EARLIER = frozenset(threading.enumerate())
_of_pools: Any = resource_tracker._resource_tracker  # type: ignore[attr-defined]
"""Its process, which pools of processes leave behind, tidies up after this one and does no more."""


def _alone() -> bool:
    """Whether this process has no child and no thread that acts by itself."""
    acting = (
        thread
        for thread in threading.enumerate()
        if thread not in _EARLIER
        and not thread.name.startswith(POOLED)
        and not isinstance(thread, threading._DummyThread)  # type: ignore[attr-defined]
    )
    if next(acting, None) is not None:
        return False
    tasks = Path(f"/proc/{os.getpid()}/task")
    try:
        found = {pid for f in tasks.glob("*/children") for pid in f.read_text().split()}
        return tasks.exists() and not found - {str(_of_pools._pid)}
    except OSError:  # a thread has ended meanwhile
        return False


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

    def slept(self, seconds: float) -> None:
        """Count so much [s], whatever has passed."""
        self._seen = time.monotonic()
        self._at += seconds


class _Selector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    """Sleeping without an event counts as long as was meant to be slept."""

    def __init__(self, steady: SteadyTime, nobody_comes: Callable[[], bool]) -> None:
        super().__init__()
        self._steady = steady
        self._nobody_comes = nobody_comes

    def select(self, timeout: float | None = None) -> Any:
        self._steady.passed()
        flight = IN_FLIGHT_TTY_S if self._has_terminal() else IN_FLIGHT_S
        skips = timeout is not None and timeout > flight and self._nobody_comes()
        meant = flight if skips else timeout
        began = time.monotonic()
        events = super().select(meant)
        if events or timeout is None or meant is None:
            self._steady.passed()
        elif time.monotonic() - began > meant + OVERSLEPT_S:
            self._steady.passed(max(meant / 2, STEP_S))  # look once more before it is over
        else:
            self._steady.slept(timeout)
        return events

    def _has_terminal(self) -> bool:
        return any(os.isatty(key.fd) for key in self.get_map().values())


class SteadyLoop(asyncio.SelectorEventLoop):
    """The usual loop on steady time."""

    def __init__(self) -> None:
        self._steady = SteadyTime()
        self._ordered = 0
        super().__init__(_Selector(self._steady, lambda: not self._ordered and _alone()))

    def time(self) -> float:
        return self._steady.passed()

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        """As usual; until it is done its threads may come at any moment."""
        done = super().run_in_executor(executor, func, *args)
        self._ordered += 1
        done.add_done_callback(self._came)
        return done

    def _came(self, _: object) -> None:
        self._ordered -= 1


def now_s() -> float:
    """The time of the running loop [s]."""
    return asyncio.get_running_loop().time()
