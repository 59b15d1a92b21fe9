"""Parsing of JSON responses that may hold anything.

For any bytes the parsers of this package return values or raise ``FeedError``. A number that cannot
be one (text, infinite, outside its physical range) becomes NaN, never zero.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bms.errors import FeedError
from bms.model.readings.series import Floats

EpochSeconds = NDArray[np.int64]
"""Whole seconds since 1970-01-01 00:00 UTC [s]."""

FIRST_YEAR, LAST_YEAR = 1970, 2199

_WRONG = (
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    AttributeError,
    OverflowError,
    RecursionError,
)


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Values by time, in ascending order without duplicates. Shapes (n,); NaN where unknown."""

    seconds: EpochSeconds
    values: Floats

    def __len__(self) -> int:
        return len(self.seconds)


@contextmanager
def parsing(name: str) -> Iterator[None]:
    """Raises ``FeedError`` with ``name`` for whatever a malformed response makes fail inside."""
    try:
        yield
    except _WRONG as error:
        raise FeedError(f"{name}: the answer cannot be read ({error!r:.120})") from error


def json_object(body: bytes, name: str) -> dict[str, Any]:
    """Returns the JSON object of a response. Raises ``FeedError``."""
    with parsing(name):
        answer = json.loads(body)
        if not isinstance(answer, dict):
            raise TypeError(f"expects an object, not {type(answer).__name__}")
        return answer


def number_within(value: object, low: float, high: float) -> float:
    """Returns ``value`` where it is a number from ``low`` to ``high``, else NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return float("nan")
    return float(value) if low <= value <= high else float("nan")


def epoch_second(text: str) -> int:
    """Returns the epoch seconds [s] of an ISO 8601 time; one without an offset is UTC.

    Raises ValueError or TypeError.
    """
    moment = datetime.fromisoformat(text)
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    if not FIRST_YEAR < aware.year < LAST_YEAR:
        raise ValueError(f"{text} lies outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return int(aware.timestamp())


def utc_time(seconds: int) -> datetime:
    """Returns the time of epoch seconds [s]."""
    return datetime.fromtimestamp(int(seconds), UTC)


def samples_of(pairs: dict[int, float]) -> Samples:
    """Returns samples in ascending order from values by epoch second [s]."""
    ordered = sorted(pairs)
    return Samples(
        np.array(ordered, dtype=np.int64),
        np.array([pairs[at] for at in ordered], dtype=np.float64),
    )
