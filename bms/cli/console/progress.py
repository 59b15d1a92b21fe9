"""What takes time says how far it is: bars on a terminal, lines where nobody draws."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TextIO

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from bms.cli.console.screen import TerminalConsole

TITLES = {
    "past": "Simulating the time before",
    "readings": "Storing its readings",
    "models": "Learning the buildings",
    "commissioning": "Commissioning points",
    "days": "Running the days",
    "reading": "Reading the files",
    "assessing": "Assessing the meters",
    "ingesting": "Storing the files",
    "checking": "Looking at the meters",
}
FIRST_LINE_S = 2.0
"""What is done within this time needs no line [s]."""
A_LINE_S = 15.0
"""Time between two lines about one kind of work [s]."""

Report = Callable[[str, float], None]


@contextlib.contextmanager
def progress_bars(*, quiet: bool = False) -> Iterator[Report]:
    """A report function that tells on standard error what is done and how much of it is: a bar for
    each kind of work on a terminal, else a line now and then."""
    console = TerminalConsole(stderr=True)
    if quiet:
        yield lambda what, share: None
    elif not console.is_terminal:
        yield ProgressLines(sys.stderr, time.monotonic)
    else:
        columns = (TextColumn("{task.description:28}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console) as progress:
            tasks: dict[str, TaskID] = {}

            def report(what: str, share: float) -> None:
                if what not in tasks:
                    tasks[what] = progress.add_task(TITLES.get(what, what), total=1.0)
                progress.update(tasks[what], completed=share)

            yield report


class ProgressLines:
    """Writes a line about each kind of work: after ``FIRST_LINE_S``, then every ``A_LINE_S``, and
    when it is done where a line said that it had begun."""

    def __init__(self, out: TextIO, seconds: Callable[[], float]) -> None:
        self._out, self._seconds = out, seconds
        self._began: dict[str, float] = {}
        self._told: dict[str, float] = {}
        self._done: set[str] = set()

    def __call__(self, what: str, share: float) -> None:
        now, done = self._seconds(), share >= 1.0
        began = self._began.setdefault(what, now)
        if what in self._done or not self._due(what, now - began, now, done=done):
            return
        self._told[what] = now
        if done:
            self._done.add(what)
        print(f"{TITLES.get(what, what)}: {share:.0%}", file=self._out, flush=True)

    def _due(self, what: str, took_s: float, now: float, *, done: bool) -> bool:
        if what not in self._told:
            return took_s >= FIRST_LINE_S and not done
        return done or now - self._told[what] >= A_LINE_S
