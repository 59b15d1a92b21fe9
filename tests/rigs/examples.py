"""How many examples a property is tried on: few at hand, more in every run, many at length."""

from __future__ import annotations

import os

from hypothesis import settings

LEVEL = os.environ.get("BMS_TESTS", "")
"""``fast`` in ``make test-fast``, ``long`` in ``make test-long``."""

LEAST = 5


def examples(usual: int) -> int:
    """``usual`` in every run; at hand a fifth, but no fewer than five; at length four times."""
    match LEVEL:
        case "fast":
            return min(usual, max(LEAST, usual // 5))
        case "long":
            return 4 * usual
        case _:
            return usual


def set_usual_examples() -> None:
    """The same for properties that name no number."""
    settings.register_profile(LEVEL or "usual", max_examples=examples(100))
    settings.load_profile(LEVEL or "usual")
