"""The last exchanges with each meter of a line, for troubleshooting."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass

_KEPT = 20


@dataclass(frozen=True, slots=True)
class MbusExchange:
    """A request as its frame, and CI field and data of the answer (``bms.ports.drivers.Exchange``);
    ``answer`` is the error as text where there was none.

    ``at`` is monotonic time [s], ``took_s`` the time to the whole answer [s].
    """

    to: str
    request: bytes
    answer: bytes | str
    at: float
    took_s: float

    def __str__(self) -> str:
        answer = self.answer if isinstance(self.answer, str) else self.answer.hex(" ")
        return f"{self.took_s * 1000:7.1f} ms  {self.to}  {self.request.hex(' ')}  →  {answer}"


class MbusTrace:
    """The last exchanges with each meter, oldest first."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._last: dict[str, deque[MbusExchange]] = defaultdict(lambda: deque(maxlen=kept))

    def add(self, to: str, request: bytes, answer: bytes | str, at: float, took_s: float) -> None:
        """Keep an exchange; times [s] as in ``MbusExchange``."""
        self._last[to].append(MbusExchange(to, request, answer, at, took_s))

    def of(self, to: str) -> tuple[MbusExchange, ...]:
        """The exchanges with one meter, oldest first."""
        return tuple(self._last.get(to, ()))
