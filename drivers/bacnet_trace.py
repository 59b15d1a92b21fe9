"""The last exchanges with a BACnet device, for the person who looks for a fault."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

_KEPT = 20
_SHOWN = 200
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

    Long ones are kept up to 200 octets. ``at`` is the wire's time [s], ``took_s`` [s] the time to
    the answer.
    """

    service: int
    request: bytes
    answer: bytes | str
    at: float
    took_s: float

    def __str__(self) -> str:
        name = _SERVICES.get(self.service, f"service {self.service}")
        answer = self.answer if isinstance(self.answer, str) else self.answer.hex(" ")
        return f"{self.took_s * 1000:7.1f} ms  {name}  {self.request.hex(' ')}  →  {answer}"


class Trace:
    """The last exchanges, oldest first."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._last: deque[Exchange] = deque(maxlen=kept)

    def add(
        self, service: int, request: bytes, answer: bytes | str, at: float, took_s: float
    ) -> None:
        self._last.append(Exchange(service, request[:_SHOWN], answer[:_SHOWN], at, took_s))

    def all(self) -> tuple[Exchange, ...]:
        return tuple(self._last)
