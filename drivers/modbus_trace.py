"""The last exchanges of a line, for the person who looks for a fault."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

_KEPT = 50


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
    """The last exchanges with each unit, oldest first: a talkative one hides no other."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._last: dict[int, deque[Exchange]] = {}

    def add(self, exchange: Exchange) -> None:
        last = self._last.get(exchange.unit)
        if last is None:
            last = self._last[exchange.unit] = deque(maxlen=self._kept)
        last.append(exchange)

    def of(self, unit: int) -> tuple[Exchange, ...]:
        """Exchanges with one unit."""
        return tuple(self._last.get(unit, ()))
