"""Errors as sentences: whatever goes wrong, a user reads what, where and the way out."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.console import Console
from typer.core import TyperGroup

from bms.errors import BmsError, NotFound, SiteFileError

FAILED, WRONG_CALL = 1, 2
errors = Console(stderr=True, highlight=False, soft_wrap=True)


class SayingGroup(TyperGroup):
    """Commands whose errors end as a sentence and an exit code: 1 it failed, 2 wrong call."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command line. Raises SystemExit."""
        try:
            return super().main(*args, **kwargs)
        except (BmsError, ValidationError) as error:
            sys.exit(_said(error))
        except BrokenPipeError:
            # The reader of our output has gone (`bms … | head`); nothing is left to say.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except OSError as error:
            where = f" ({Path(error.filename)})" if isinstance(error.filename, str) else ""
            errors.print(f"error: {error.strerror or error}{where}", markup=False)
            sys.exit(FAILED)


def _said(error: BmsError | ValidationError) -> int:
    match error:
        case SiteFileError():
            count = len(error.mistakes)
            noun = "mistakes" if count > 1 else "mistake"
            text, code = f"error: {count} {noun} in the site files:\n{error}", FAILED
        case ValidationError():
            lines = "\n".join(mistakes(error))
            text, code = f"error: {_what(error.title)} is not valid:\n{lines}", WRONG_CALL
        case _:
            text, code = f"error: {error}", WRONG_CALL if isinstance(error, NotFound) else FAILED
    errors.print(text, markup=False)
    return code


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
