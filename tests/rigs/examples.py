"""How many examples a slow property is tried on: some at every run, all of them at length."""

from __future__ import annotations

import os

LONG = os.environ.get("BMS_TESTS") == "long"
"""Set by ``make test-long``."""

SHARE, LEAST = 4, 10


def examples(many: int) -> int:
    """``many`` at length; otherwise a quarter of them, but no fewer than ten."""
    return many if LONG else min(many, max(LEAST, many // SHARE))
