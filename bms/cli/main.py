"""Entry point: every command, and errors as sentences instead of tracebacks.

Exit codes: 0 done, 1 the work failed, 2 the call was wrong.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import typer
from pydantic import ValidationError
from rich.console import Console

from bms.cli import demo, operations, plans, points, run, savings, site_files
from bms.errors import BmsError, NotFound, SiteFileError

app = typer.Typer(
    name="bms",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Energy backend of a municipality: reads meters and controllers, plans setpoints, "
    "writes them safely, and proves what was saved.",
)
for group in (demo, run, points, plans, savings, operations):
    group.register(app)
app.add_typer(site_files.app, name="sites")

errors = Console(stderr=True, highlight=False, soft_wrap=True)


def main() -> None:
    """Run the command line."""
    logging.basicConfig(
        level=os.environ.get("BMS_LOG", "WARNING"), format="%(levelname)s %(message)s"
    )
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    try:
        app()
    except BmsError as error:
        sys.exit(_say(error))
    except ValidationError as error:
        errors.print(f"error: the input is not valid:\n{error}", markup=False)
        sys.exit(2)
    except BrokenPipeError:
        # The reader of our output has gone (`bms … | head`); nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        where = f" ({Path(error.filename)})" if isinstance(error.filename, str) else ""
        errors.print(f"error: {error.strerror or error}{where}", markup=False)
        sys.exit(1)


def _say(error: BmsError) -> int:
    if isinstance(error, SiteFileError):
        count = len(error.mistakes)
        errors.print(
            f"error: {count} mistake{'s' if count > 1 else ''} in the site files:", markup=False
        )
    errors.print(
        str(error) if isinstance(error, SiteFileError) else f"error: {error}", markup=False
    )
    return 2 if isinstance(error, NotFound) else 1
