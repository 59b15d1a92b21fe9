"""Savings as files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bms.model.savings.avoided_use import SiteSavings


class Reporter(Protocol):
    """Turns savings into files."""

    def savings_csv(
        self, rows: Sequence[SiteSavings], decimal_comma: bool = False, language: str | None = None
    ) -> bytes:
        """Returns a table as CSV: with codes for programs, or in a ``language`` for people."""
