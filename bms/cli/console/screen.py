"""Where tables go, and how they look where there is little room."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from bms.model.outside_text import printable_lines


class TerminalConsole(Console):
    """A terminal that shows texts as they are: those of devices and suppliers are no markup, and
    their control characters are no orders to the terminal (CWE-150)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Returns the text to show, line by line without control characters."""
        options["markup"] = options["emoji"] = False
        return super().render_str(printable_lines(text), **options)


WIDTH = 120
"""Columns for a table where nothing says how wide it is (a file, a pipe)."""


def screen(environ: Mapping[str, str] = os.environ) -> TerminalConsole:
    """Standard output. ``COLUMNS`` of the environment says how wide it is, else the terminal."""
    console = TerminalConsole(_environ=environ)
    if console.is_terminal or environ.get("COLUMNS", "").isdigit():
        return console
    return TerminalConsole(width=WIDTH, _environ=environ)


def slim_table(first: str, *others: str) -> Table:
    """A table for 60 columns: no lines; where it is too narrow the first column is folded."""
    columns = [Column(name, no_wrap=True) for name in others]
    return Table(
        Column(first, overflow="fold"), *columns, box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )


def print_folded(console: Console, text: str, indent: int = 0) -> None:
    """Print a text as it is, folded at the edge and never cut."""
    for line in Text(printable_lines(text)).wrap(
        console, max(20, console.width - indent), overflow="fold"
    ):
        console.print(" " * indent + line.plain.rstrip(), highlight=False)


def say(text: str, *, err: bool = False) -> None:
    """Print a sentence, line by line without control characters; ``err``: on standard error."""
    typer.echo(printable_lines(text), err=err)
