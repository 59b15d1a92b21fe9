"""The last exchanges of a line, for the person who looks for a fault."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass

_KEPT = 50
_Row = tuple[bytes, bytes | str, float, float]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its reply, both without framing; ``answer`` is text where there was none.

    ``at`` is the wire's time [s], ``took_s`` the time to the answer [s].
    """

    unit: int
    request: bytes
    answer: bytes | str
    at: float
    took_s: float

    @property
    def to(self) -> str:
        return f"unit {self.unit}"

    def __str__(self) -> str:
        answer = self.answer if isinstance(self.answer, str) else self.answer.hex(" ")
        return f"{self.took_s * 1000:7.1f} ms  {self.to}  {self.request.hex(' ')}  →  {answer}"


class Trace:
    """The last exchanges with each unit, oldest first: a talkative one hides no other.

    They are kept as plain rows: making an ``Exchange`` of each would cost more than the checks of
    the reply, and hardly any is ever looked at.
    """

    def __init__(self, kept: int = _KEPT) -> None:
        self._last: dict[int, deque[_Row]] = defaultdict(lambda: deque(maxlen=kept))

    def add(self, unit: int, request: bytes, answer: bytes | str, at: float, took_s: float) -> None:
        """Times in seconds [s], as in ``Exchange``."""
        self._last[unit].append((request, answer, at, took_s))

    def of(self, unit: int) -> tuple[Exchange, ...]:
        """Exchanges with one unit."""
        return tuple(Exchange(unit, *row) for row in self._last.get(unit, ()))
