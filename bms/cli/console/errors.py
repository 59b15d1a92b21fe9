"""Errors as sentences: whatever goes wrong, a user reads what, where and the way out."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.core import TyperGroup

from bms.cli.console.screen import TerminalConsole
from bms.errors import BmsError, NotFound, SiteFileError

if TYPE_CHECKING:
    from pydantic import ValidationError

FAILED, WRONG_CALL = 1, 2
errors = TerminalConsole(stderr=True, highlight=False, soft_wrap=True)


class CommandGroup(TyperGroup):
    """Commands whose errors end as a sentence and an exit code: 1 it failed, 2 wrong call."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command line. Raises SystemExit."""
        try:
            return super().main(*args, **kwargs)
        except BmsError as error:
            sys.exit(_report(error))
        except ValueError as error:
            from pydantic import ValidationError  # `bms --help` does without it

            if not isinstance(error, ValidationError):
                raise
            sys.exit(_report_invalid(error))
        except BrokenPipeError:
            # The reader of our output has gone (`bms … | head`); nothing is left to say.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except OSError as error:
            where = f" ({Path(error.filename)})" if isinstance(error.filename, str) else ""
            errors.print(f"error: {error.strerror or error}{where}")
            sys.exit(FAILED)


def _report(error: BmsError) -> int:
    if isinstance(error, SiteFileError):
        count = len(error.mistakes)
        noun = "mistakes" if count > 1 else "mistake"
        text = f"error: {count} {noun} in the site files:\n{error}"
    else:
        text = f"error: {_text(error)}"
    errors.print(text)
    return WRONG_CALL if isinstance(error, NotFound) else FAILED


def _text(error: BmsError) -> str:
    from bms.model.fact import Explained  # what is only asked for by errors of plans

    if not isinstance(error, Explained):
        return str(error)
    from bms.messages import translator

    return f"{error.text}: {'; '.join(map(translator('en').describe, error.facts))}"


def _report_invalid(error: ValidationError) -> int:
    lines = "\n".join(mistakes(error))
    errors.print(f"error: {_what(error.title)} is not valid:\n{lines}")
    return WRONG_CALL


def _what(title: str) -> str:
    return "the environment (BMS_*)" if title == "Settings" else f"the {title}"


def mistakes(error: ValidationError) -> list[str]:
    """One line for each mistake: where it stands and what is allowed."""
    rows = []
    for each in error.errors(include_url=False, include_context=False):
        place = ".".join(str(part) for part in each["loc"]) or "text"
        if error.title == "Settings":
            place = f"BMS_{place.upper()}"
        rows.append(f"  {place}: {each['msg']}")
    return rows
