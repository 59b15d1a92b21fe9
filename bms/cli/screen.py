"""Where tables go."""

from __future__ import annotations

from rich.console import Console

WIDTH = 120
"""Columns for a table where no terminal says how wide it is (a file, a pipe)."""


def screen() -> Console:
    """Standard output."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)
