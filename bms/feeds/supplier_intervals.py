"""How long the intervals of a meter are, learned from its own stamps where nobody declared it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bms.feeds.suppliers.times import DAY_S

Ints = NDArray[np.int64]

WEEK_S = 7 * DAY_S
SHORTEST_S = 60


def learned_intervals(numbers: Sequence[str], times: Sequence[int]) -> list[int]:
    """The interval [s] of each row, -1 where it is unclear; ``times`` UTC epoch [s].

    A meter's interval is the difference between neighbouring stamps that makes up more than half
    of them, from a minute to a day, or a week; months differ too much to be told from their
    stamps. A row off the grid of its meter is unclear as well (days begin at local midnight,
    whatever that is in UTC, and have no grid).
    """
    codes = _codes(numbers)
    stamps = np.asarray(times, dtype=np.int64)
    steps = _steps(codes, stamps)[codes]
    grid = np.where((steps > 0) & (steps < DAY_S), steps, 1)
    phase = stamps % grid
    usual = _most_common(codes, phase, least_share=0.0)[codes]
    answer: list[int] = np.where((phase == usual) & (steps > 0), steps, -1).tolist()
    return answer


def _codes(numbers: Sequence[str]) -> Ints:
    """A small integer per meter, in the order of first appearance."""
    seen: dict[str, int] = {}
    found = (seen.setdefault(number, len(seen)) for number in numbers)
    return np.fromiter(found, np.int64, len(numbers))


def _steps(codes: Ints, stamps: Ints) -> Ints:
    """The interval [s] by meter, 0 where unclear. Shape (meters,)."""
    order = np.lexsort((stamps, codes))
    codes_in_order, in_order = codes[order], stamps[order]
    gaps = np.diff(in_order)
    use = (np.diff(codes_in_order) == 0) & (gaps > 0)
    steps = np.zeros(int(codes.max()) + 1 if len(codes) else 0, np.int64)
    found = _most_common(codes_in_order[1:][use], gaps[use], least_share=0.5)
    steps[: len(found)] = found
    plausible = ((steps >= SHORTEST_S) & (steps <= DAY_S)) | (steps == WEEK_S)
    return np.where(plausible, steps, 0)


def _most_common(codes: Ints, values: Ints, *, least_share: float) -> Ints:
    """The most common value of each code that makes up more than a share; 0 for none."""
    if not len(codes):
        return np.zeros(0, np.int64)
    order = np.lexsort((values, codes))
    codes, values = codes[order], values[order]
    changes = np.ones(len(codes), bool)
    changes[1:] = (codes[1:] != codes[:-1]) | (values[1:] != values[:-1])
    fresh = np.flatnonzero(changes)
    counts = np.append(fresh[1:], len(codes)) - fresh
    best = np.lexsort((counts, codes[fresh]))
    last = np.ones(len(best), bool)
    last[:-1] = codes[fresh][best][1:] != codes[fresh][best][:-1]
    winners = best[last]
    answer = np.zeros(int(codes[-1]) + 1, np.int64)
    totals = np.bincount(codes, minlength=len(answer))
    owners = codes[fresh][winners]
    clear = counts[winners] > least_share * totals[owners]
    answer[owners] = np.where(clear, values[fresh][winners], 0)
    return answer
