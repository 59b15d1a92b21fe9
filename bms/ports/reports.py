"""TODO"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bms.model.savings.savings import SiteSavings


class Reporter(Protocol):
    """Turns savings into files."""

    def savings_csv(self, rows: Sequence[SiteSavings], decimal_comma: bool = False) -> bytes: ...
