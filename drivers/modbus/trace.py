"""The last exchanges of a line, for troubleshooting."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass

_KEPT = 50
_Row = tuple[bytes, bytes | str, float, float]


@dataclass(frozen=True, slots=True)
class ModbusExchange:
    """A request and its reply as PDUs (``bms.ports.drivers.Exchange``); ``answer`` is the error as
    text where there was no reply.

    ``at`` is monotonic time [s], ``took_s`` the time to the reply [s].
    """

    unit: int
    request: bytes
    answer: bytes | str
    at: float
    took_s: float

    @property
    def to(self) -> str:
        """The unit, as text."""
        return f"unit {self.unit}"

    def __str__(self) -> str:
        answer = self.answer if isinstance(self.answer, str) else self.answer.hex(" ")
        return f"{self.took_s * 1000:7.1f} ms  {self.to}  {self.request.hex(' ')}  →  {answer}"


class ModbusTrace:
    """The last exchanges with each unit, oldest first.

    They are kept as tuples: making a ``ModbusExchange`` of each would cost more than the check of
    the reply, and few are ever read.
    """

    def __init__(self, kept: int = _KEPT) -> None:
        self._last: dict[int, deque[_Row]] = defaultdict(lambda: deque(maxlen=kept))

    def add(self, unit: int, request: bytes, answer: bytes | str, at: float, took_s: float) -> None:
        """Keep an exchange; times [s] as in ``ModbusExchange``."""
        self._last[unit].append((request, answer, at, took_s))

    def of(self, unit: int) -> tuple[ModbusExchange, ...]:
        """The exchanges with one unit, oldest first."""
        return tuple(ModbusExchange(unit, *row) for row in self._last.get(unit, ()))
