"""``bms run``, ``bms serve``, ``bms work``, ``bms guard``."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from bms import guard as guard_process
from bms.config import PRIVATE, Settings
from bms.runtime.serve import Parts, run_city
from bms.runtime.wire import wire


def register(app: typer.Typer) -> None:
    app.command()(run)
    app.command()(serve)
    app.command()(work)
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(guard)


def run() -> None:
    """Everything in one process: poll, plan, dispatch, API and dashboard; starts its guard.

    Example: BMS_SITES=my-sites bms run
    """
    _run(Parts.ALL)


def serve() -> None:
    """API and dashboard only.

    Example: BMS_PORT=8080 bms serve
    """
    _run(Parts.SERVE)


def work() -> None:
    """Poll, plan and dispatch only.

    Example: bms work
    """
    _run(Parts.WORK)


def _run(parts: Parts) -> None:
    """Run in this process; what it writes is for its user alone."""
    os.umask(PRIVATE)
    asyncio.run(run_city(wire(Settings()), parts))


def guard(
    context: typer.Context,
    journal: Annotated[Path | None, typer.Option(help="the release journal")] = None,
) -> None:
    """Give back every point whose lease has ended. Started by `bms run`; may run as a service.

    Example: bms guard --journal var/release.journal
    """
    path = journal or Settings().journal
    sys.exit(guard_process.main(["--journal", str(path), *context.args]))
