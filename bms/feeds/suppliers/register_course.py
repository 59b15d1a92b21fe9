"""Whether values count on, as those of a register do, and which of them are typos.

A file seldom says whether it holds amounts or readings of a register. Taken for amounts, the
readings of a year are some thousand times its use, so both doors for files ask (``bms assess`` and
``bms ingest``), by the same rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from bms.model.outside_text import printable
from bms.model.readings.series import Floats

MIN_REGISTER, MANY = 10, 25
"""Fewest values [1] by which a register is told; fewer than the second may be amounts of a day that
only rises."""
BILL_S = 20 * 86400
"""From this interval on [s] there are few values."""
FAR_ABOVE, LEAST_RISES = 10.0, 3
"""A coarse register seldom rises: it is known by values that are all so many times their largest
rise."""

MOST_NAMED = 5
"""Meters [1] that a warning names."""


def is_register(seconds: NDArray[np.int64], values: Floats) -> bool:
    """Whether the ``values`` at rising ``seconds`` [epoch s] count on as a register does: among at
    least ten they fall no more often than once in two hundred steps (exchanges), and rise in a
    fifth of them to far above the usual rise, or never fall and are all far above the largest.
    Of fewer than 25 within months both are asked. Amounts fall about as often as they rise. One
    reading in fifty, and one of a few, may be a typo."""
    known = np.isfinite(values)
    seconds, values = seconds[known], values[known]
    if len(values) < MIN_REGISTER:
        return False
    wrong = typos(values)
    if wrong.sum() <= max(1, len(values) // 50):
        values = values[~wrong]
    steps = np.diff(values)
    rises, falls = steps[steps > 0], int((steps < 0).sum())
    if len(rises) < LEAST_RISES or falls > len(steps) / 200:
        return False
    often = len(rises) >= len(steps) / 5 and bool(values.max() > 3.0 * np.median(rises))
    far_above = falls == 0 and bool(values.min() > FAR_ABOVE * rises.max())
    few = len(values) < MANY and np.median(np.diff(seconds)) < BILL_S
    return (often and far_above) if few else (often or far_above)


def typos(values: Floats) -> NDArray[np.bool_]:
    """Which readings of a register lie above or below both their neighbours, which count on."""
    found = np.zeros(len(values), dtype=np.bool_)
    before, here, after = values[:-2], values[1:-1], values[2:]
    found[1:-1] = (before <= after) & ((here > after) | (here < before))
    return found


def taken_for_registers(numbers: Sequence[str]) -> Iterator[str]:
    """Says which meters look like registers."""
    if not numbers:
        return
    named = ", ".join(numbers[:MOST_NAMED])
    more = len(numbers) - MOST_NAMED
    who = f"{named} and {more} more" if more > 0 else named
    yield printable(
        f"{who} look{'s' if len(numbers) == 1 else ''} like a register: the values count on, and"
        " their differences are taken for the use. Declare interval_s in a mapping: register, or"
        " the length of the intervals of amounts"
    )
