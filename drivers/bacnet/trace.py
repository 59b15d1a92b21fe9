"""The last exchanges with a BACnet device, for the person who looks for a fault."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

_KEPT = 50
_OCTETS = 16384
_SERVICES = {
    5: "SubscribeCOV",
    12: "ReadProperty",
    14: "ReadPropertyMultiple",
    15: "WriteProperty",
    26: "ReadRange",
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """Service parameters that went out, and those that came back, or what stood in the way.

    ``at`` is the wire's time [s], ``took_s`` [s] the time to the answer.
    """

    service: int
    request: bytes
    answer: bytes | str
    at: float
    took_s: float

    @property
    def to(self) -> str:
        return _SERVICES.get(self.service, f"service {self.service}")

    @property
    def octets(self) -> int:
        """Its size in memory, roughly."""
        return len(self.request) + len(self.answer)

    def __str__(self) -> str:
        answer = self.answer if isinstance(self.answer, str) else self.answer.hex(" ")
        return f"{self.took_s * 1000:7.1f} ms  {self.to}  {self.request.hex(' ')}  →  {answer}"


class Trace:
    """The last exchanges, oldest first and whole: 50, or as many as fit into 16 KiB.

    The last one is kept whatever its size.
    """

    def __init__(self, kept: int = _KEPT, octets: int = _OCTETS) -> None:
        self._kept = kept
        self._most = octets
        self._octets = 0
        self._last: deque[Exchange] = deque()

    def add(
        self, service: int, request: bytes, answer: bytes | str, at: float, took_s: float
    ) -> None:
        exchange = Exchange(service, request, answer, at, took_s)
        self._last.append(exchange)
        self._octets += exchange.octets
        while len(self._last) > self._kept or (self._octets > self._most and len(self._last) > 1):
            self._octets -= self._last.popleft().octets

    def all(self) -> tuple[Exchange, ...]:
        return tuple(self._last)
