"""Entry point: every command.

Exit codes: 0 done, 1 the work failed, 2 the call was wrong.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings

import typer

from bms.cli.console.errors import WRONG_CALL, errors
from bms.cli.console.lazy_commands import LazyGroup
from bms.logs import LogFormat, log_to_stderr
from bms.model.private_umask import PRIVATE

app = typer.Typer(
    name="bms",
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Energy backend of a municipality: reads meters and controllers, plans setpoints, "
    "writes them safely, and proves what was saved.",
)


@app.callback()
def every_command() -> None:
    """Holds the commands together; they come with their modules."""


def main() -> None:
    """Run the command line of this process. What it writes is for its user alone; outputs that are
    meant for others keep the umask of the caller (``bms.cli.console.output_file``)."""
    set_up_logging(os.environ.get("BMS_LOG", "WARNING"), os.environ.get("BMS_LOG_FORMAT", "text"))
    app(obj=os.umask(PRIVATE))


def set_up_logging(level: str, form: str) -> None:
    """Log to standard error from ``level`` on, in the form ``text`` or ``json``.

    Raises SystemExit for a level or a form that is none.
    """
    known = logging.getLevelNamesMapping()
    if level.upper() not in known:
        errors.print(f"error: BMS_LOG={level} is no level; use {', '.join(known)}")
        sys.exit(WRONG_CALL)
    if form not in list(LogFormat):
        errors.print(f"error: BMS_LOG_FORMAT={form} is no form; use {', '.join(LogFormat)}")
        sys.exit(WRONG_CALL)
    log_to_stderr(level.upper(), LogFormat(form))
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    for chatty in ("httpx", "httpcore"):  # every request that a feed makes
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # Jobs say themselves what failed (bms.store.shared_jobs).
    for engine in ("procrastinate", "psycopg.pool"):
        logging.getLogger(engine).setLevel(logging.CRITICAL)
    # A pulse that finds its job still running is skipped on purpose (bms.runtime.scheduler).
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    # What is known of nothing is NaN on purpose (bms.faults); numpy says so each time.
    warnings.filterwarnings("ignore", r"All-NaN|Mean of empty slice", RuntimeWarning)
