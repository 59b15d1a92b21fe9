"""Answers of providers: JSON that may be anything, taken apart without surprises.

Whatever bytes come in, the readers of this room give values or raise ``FeedError``; a number that
cannot be what it says (text, infinite, out of its physical range) is unknown, not zero.
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

Seconds = NDArray[np.int64]
"""Moments as whole seconds since 1970, UTC [s]."""

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
    """Values at moments, oldest first and each moment once; shapes (n,). NaN is unknown."""

    seconds: Seconds
    values: Floats

    def __len__(self) -> int:
        return len(self.seconds)


@contextmanager
def taking_apart(name: str) -> Iterator[None]:
    """Whatever is wrong with an answer of ``name`` becomes a ``FeedError`` that names it."""
    try:
        yield
    except _WRONG as error:
        raise FeedError(f"{name}: the answer cannot be read ({error!r:.120})") from error


def parsed(body: bytes, name: str) -> dict[str, Any]:
    """The JSON object of an answer. Raises ``FeedError``."""
    with taking_apart(name):
        answer = json.loads(body)
        if not isinstance(answer, dict):
            raise TypeError(f"expects an object, not {type(answer).__name__}")
        return answer


def number(value: object, low: float, high: float) -> float:
    """A number within its physical range, else NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return float("nan")
    return float(value) if low <= value <= high else float("nan")


def second(text: str) -> int:
    """Seconds since 1970 of an ISO 8601 moment; a naive one is UTC.

    Raises ValueError or TypeError.
    """
    moment = datetime.fromisoformat(text)
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    if not FIRST_YEAR < aware.year < LAST_YEAR:
        raise ValueError(f"{text} is no moment of our time")
    return int(aware.timestamp())


def moment_of(second: int) -> datetime:
    """The moment so many seconds after 1970 [s], UTC."""
    return datetime.fromtimestamp(int(second), UTC)


def samples(pairs: dict[int, float]) -> Samples:
    """Samples in the order of time from value by moment [s]."""
    ordered = sorted(pairs)
    return Samples(
        np.array(ordered, dtype=np.int64),
        np.array([pairs[at] for at in ordered], dtype=np.float64),
    )
