"""What was met on the way from readings to use, before it is put into words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from bms.metering.step_edges import Mask
from bms.model.readings.metering import Flaw
from bms.model.readings.series import Micros


@dataclass(frozen=True, slots=True)
class Mark:
    """A flaw from ``start`` to ``end`` [us]. ``code`` picks the sentence, ``amount`` is the use
    inside it as the register counts, None where it is unknown, ``count`` how many readings."""

    flaw: Flaw
    code: str
    start: int
    end: int
    amount: float | None = None
    count: int = 0
    whole: bool = False
    """Speaks of the file as a whole, and is no reason for a missing step."""


def runs(mask: Mask) -> list[list[int]]:
    """[first, end] of every stretch of true values, end exclusive."""
    if not mask.any():
        return []
    padded = np.concatenate(([False], mask, [False])).astype(np.int8)
    pairs: list[list[int]] = np.flatnonzero(np.diff(padded)).reshape(-1, 2).tolist()
    return pairs


def stretch_marks(flaw: Flaw, code: str, times: Micros, mask: Mask) -> list[Mark]:
    """One mark for each stretch of readings for which ``mask`` is true."""
    return [
        Mark(flaw, code, int(times[first]), int(times[end - 1]), count=end - first)
        for first, end in runs(mask)
    ]


def explain(spans: Iterable[tuple[int, int, float | None]], marks: list[Mark]) -> list[Mark]:
    """The marks so that each span of missing steps lies inside one of them.

    ``spans`` are (start [us], end [us], use inside it or None). The first mark that touches a span
    is stretched over it; a span that none touches is a gap. A gap between two readings is known to
    hold their difference; a span with a reset inside is not.
    """
    told = _merged(marks)
    for start, end, amount in spans:
        reason = _touching(told, start, end)
        if reason is None:
            told.append(Mark(Flaw.GAP, "gap", start, end, amount))
            continue
        mark = told[reason]
        wider = replace(mark, start=min(mark.start, start), end=max(mark.end, end))
        told[reason] = replace(wider, amount=amount) if wider != mark else mark
    return sorted(told, key=lambda mark: (mark.start, mark.end, mark.flaw))


def _merged(marks: list[Mark]) -> list[Mark]:
    """The marks without amounts that say the same of one stretch after the other as one mark."""
    merged: list[Mark] = []
    open_at: dict[str, int] = {}
    for mark in sorted(marks, key=lambda mark: (mark.start, mark.end)):
        place = open_at.get(mark.code)
        if place is not None and merged[place].amount is None and mark.amount is None:
            last = merged[place]
            if last.end == mark.start and not (last.whole or mark.whole):
                count = last.count + mark.count
                merged[place] = replace(last, end=mark.end, count=count)
                continue
        open_at[mark.code] = len(merged)
        merged.append(mark)
    return merged


def _touching(marks: list[Mark], start: int, end: int) -> int | None:
    """The mark that explains the span best: one that cannot be known before one that can."""
    at = [i for i, m in enumerate(marks) if not m.whole and m.start < end and m.end > start]
    at += [
        i for i, m in enumerate(marks) if not m.whole and m.start == m.end and start <= m.end <= end
    ]
    return min(at, key=lambda i: (marks[i].amount is not None, i), default=None)
