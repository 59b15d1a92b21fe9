"""Whether values count on, as those of a register do, and which of them are typos.

A file seldom says whether it holds amounts or readings of a register. Taken for amounts, the
readings of a year are some thousand times its use, so both doors for files ask (``bms assess`` and
``bms ingest``), by the same rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bms.metering.register.usual_rate import learn_usual_rate, rounding_of
from bms.metering.time_order import held, typos
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
MOST_TYPOS = 1 / 3
"""Share of typos [1] beyond which nobody knows which of the readings are right."""
MICRO = 1_000_000


class RegisterCourse(NamedTuple):
    """The readings of a register at rising ``seconds`` [epoch s], with their lines in the file."""

    number: str
    seconds: NDArray[np.int64]
    values: Floats
    lines: NDArray[np.int64]


def is_register(seconds: NDArray[np.int64], values: Floats) -> bool:
    """Whether the ``values`` at rising ``seconds`` [epoch s] count on as a register does: among at
    least ten they fall no more often than once in two hundred steps (exchanges), and rise in a
    fifth of them to far above the usual rise, or never fall and are all far above the largest.
    Of fewer than 25 within months both are asked. Amounts fall about as often as they rise. One
    reading in fifty, and one of a few, may be a typo, and steps back by rounding are none."""
    known = np.isfinite(values)
    seconds, values = seconds[known], values[known]
    if len(values) < MIN_REGISTER:
        return False
    wrong = typos(values)
    if wrong.sum() <= max(1, len(values) // 50):
        values = values[~wrong]
        seconds = seconds[~wrong]
    steps = np.diff(values)
    if rounded := int((steps < 0).sum()) > len(steps) / 200:
        steps = np.diff(values := without_rounding(seconds, values))
    rises, falls = steps[steps > 0], int((steps < 0).sum())
    if len(rises) < LEAST_RISES or falls > len(steps) / 200:
        return False
    often = len(rises) >= len(steps) / 5 and bool(values.max() > 3.0 * np.median(rises))
    far_above = falls == 0 and not rounded and bool(values.min() > FAR_ABOVE * rises.max())
    few = len(values) < MANY and np.median(np.diff(seconds)) < BILL_S
    return (often and far_above) if few else (often or far_above)


def without_rounding(seconds: NDArray[np.int64], values: Floats) -> Floats:
    """The readings of a register at rising ``seconds`` [epoch s] where it stood still in place of
    stepping back by rounding."""
    times = seconds * MICRO
    return held(times, values, rounding_of(values, learn_usual_rate(times, values)))[0]


def told_of_courses(courses: Iterable[RegisterCourse]) -> Iterator[str]:
    """Says which registers have readings that do not lie between those before and after them, which
    fall and count on from there, and of which nothing of the use is known."""
    for number, seconds, values, lines in courses:
        known = np.isfinite(values)
        seconds, values, lines = seconds[known], values[known], lines[known]
        if np.any(np.diff(values) < 0):
            values = without_rounding(seconds, values)
            for said in _wrong_readings(values, lines):
                yield printable(f"{number}: {said}")


def _wrong_readings(values: Floats, lines: NDArray[np.int64]) -> Iterator[str]:
    wrong = typos(values)
    if wrong.mean() > MOST_TYPOS:
        yield (
            "more than a third of the meter's readings do not lie between those before and after"
            " them, as where units or meters are mixed, and nothing is known of its use; give each"
            " unit a column, or a file, of its own in a mapping"
        )
        return
    if wrong.any():
        at = _named_lines(lines[wrong])
        yield f"readings that do not lie between those before and after them do not count: {at}"
    fell = np.diff(values[~wrong]) < 0
    if fell.any():
        yield (
            "the register falls and counts on from there, as after an exchange, a reset or where it"
            f" starts again from zero: {_named_lines(lines[~wrong][1:][fell])}"
        )


def _named_lines(lines: NDArray[np.int64]) -> str:
    shown = ", ".join(str(line) for line in lines[:MOST_NAMED])
    more = len(lines) - MOST_NAMED
    return f"line{'s' if len(lines) > 1 else ''} {shown}" + (
        f" and {more} more" if more > 0 else ""
    )


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
