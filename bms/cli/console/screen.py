"""Where tables go, and how they look where there is little room."""

from __future__ import annotations

import os
from collections.abc import Mapping

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

WIDTH = 120
"""Columns for a table where nothing says how wide it is (a file, a pipe)."""


def screen(environ: Mapping[str, str] = os.environ) -> Console:
    """Standard output. ``COLUMNS`` of the environment says how wide it is, else the terminal."""
    console = Console(_environ=environ)
    if console.is_terminal or environ.get("COLUMNS", "").isdigit():
        return console
    return Console(width=WIDTH, _environ=environ)


def slim_table(first: str, *others: str) -> Table:
    """A table for 60 columns: no lines; where it is too narrow the first column is folded."""
    columns = [Column(name, no_wrap=True) for name in others]
    return Table(
        Column(first, overflow="fold"), *columns, box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )


def print_folded(console: Console, text: str, indent: int = 0) -> None:
    """Print a text as it is, folded at the edge and never cut."""
    for line in Text(text).wrap(console, max(20, console.width - indent), overflow="fold"):
        console.print(" " * indent + line.plain.rstrip(), markup=False, highlight=False)
