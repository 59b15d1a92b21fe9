"""Progress bars for what takes time; silent where nobody looks at a screen."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from bms.cli.console.screen import TerminalConsole

TITLES = {
    "past": "Simulating the year before",
    "readings": "Storing its readings",
    "models": "Learning the buildings",
    "commissioning": "Commissioning points",
    "days": "Running the days",
    "reading": "Reading the files",
    "assessing": "Assessing the meters",
    "ingesting": "Storing the files",
    "checking": "Looking at the meters",
}


@contextlib.contextmanager
def progress_bars(*, quiet: bool = False) -> Iterator[Callable[[str, float], None]]:
    """A report function that draws one bar per kind of work on standard error."""
    columns = (TextColumn("{task.description:28}"), BarColumn(), TimeElapsedColumn())
    console = TerminalConsole(stderr=True)
    with Progress(*columns, console=console, disable=quiet) as progress:
        tasks: dict[str, TaskID] = {}

        def report(what: str, share: float) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(TITLES.get(what, what), total=1.0)
            progress.update(tasks[what], completed=share)

        yield report
