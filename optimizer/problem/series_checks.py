"""A mistake in a problem with its place, and the checks of every series."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

from bms.model.readings.units import Unit
from optimizer.problem.units import ZERO_C_IN_K

COLDEST_C, HOTTEST_C = -60.0, 70.0
LAST_YEAR = 9000
"""A calendar ends with the year 9999: nothing can be planned beyond."""

Row = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class ProblemMistake:
    """``path`` is the place in the JSON of the problem, like ``zones[0].low_c[12]``."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def is_plausible(temperature: float) -> bool:
    """Whether a temperature [degC] is one of weather or rooms; NaN is."""
    return not (temperature < COLDEST_C or temperature > HOTTEST_C)


def length(path: str, row: Sequence[object], n: int) -> Iterator[ProblemMistake]:
    """Yields a mistake where ``row`` has another length than ``n``."""
    if len(row) != n:
        yield ProblemMistake(path, f"has {len(row)} values, and {n} are due")


def temperatures(
    path: str, row: Row, unit: Unit, *, whole: bool = False
) -> Iterator[ProblemMistake]:
    """Yields values that are no plausible temperatures [``unit``]."""
    zero = ZERO_C_IN_K if unit is Unit.KELVIN else 0.0
    low, high = COLDEST_C + zero, HOTTEST_C + zero
    other = "temperature_unit is degC: is this K?" if not zero else "K: is this degC?"
    yield from between(path, row, low, high, f"{unit} ({other})", whole=whole)


def between(
    path: str, row: Row, low: float, high: float, what: str, *, whole: bool = False
) -> Iterator[ProblemMistake]:
    """Yields values outside of ``low`` to ``high``; ``whole`` series have no gaps."""
    wrong: list[tuple[str, str]] = []
    for k, value in enumerate(row):
        place = path if len(row) == 1 else f"{path}[{k}]"
        if value is None or not isfinite(value):
            if whole:
                wrong.append((place, f"{value} is not a number"))
        elif not low <= value <= high:
            wrong.append((place, f"{value:g} is not between {low:g} and {high:g} {what}".rstrip()))
    yield from named(wrong)


def named(wrong: Iterable[tuple[str, str]]) -> Iterator[ProblemMistake]:
    """Yields the first mistake, and how many more there are."""
    rows = list(wrong)
    if rows:
        place, message = rows[0]
        more = f" (and {len(rows) - 1} more in this series)" if len(rows) > 1 else ""
        yield ProblemMistake(place, f"{message}{more}")
