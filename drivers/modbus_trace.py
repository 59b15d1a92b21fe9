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

    def __str__(self) -> str:
        answer = self.answer if isinstance(self.answer, str) else self.answer.hex(" ")
        return (
            f"{self.took_s * 1000:7.1f} ms  unit {self.unit}  {self.request.hex(' ')}  →  {answer}"
        )


class Trace:
    """The last exchanges, oldest first."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._last: deque[Exchange] = deque(maxlen=kept)

    def add(self, exchange: Exchange) -> None:
        self._last.append(exchange)

    def of(self, unit: int) -> tuple[Exchange, ...]:
        """Exchanges with one unit."""
        return tuple(exchange for exchange in self._last if exchange.unit == unit)
