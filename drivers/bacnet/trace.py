"""The last exchanges with a BACnet device, for troubleshooting."""

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
class BacnetExchange:
    """A request and its reply as service parameters (``bms.ports.drivers.Exchange``).

    ``answer`` is the error as text where there was no reply. ``at`` is monotonic time [s],
    ``took_s`` [s] the time to the reply.
    """

    service: int
    request: bytes
    answer: bytes | str
    at: float
    took_s: float

    @property
    def to(self) -> str:
        """The name of the service."""
        return _SERVICES.get(self.service, f"service {self.service}")

    @property
    def octets(self) -> int:
        """Approximate size in memory [octets]."""
        return len(self.request) + len(self.answer)

    def __str__(self) -> str:
        answer = self.answer if isinstance(self.answer, str) else self.answer.hex(" ")
        return f"{self.took_s * 1000:7.1f} ms  {self.to}  {self.request.hex(' ')}  →  {answer}"


class BacnetTrace:
    """The last exchanges, oldest first: 50, or as many as fit into 16 KiB, but at least one."""

    def __init__(self, kept: int = _KEPT, octets: int = _OCTETS) -> None:
        self._kept = kept
        self._most = octets
        self._octets = 0
        self._last: deque[BacnetExchange] = deque()

    def add(
        self, service: int, request: bytes, answer: bytes | str, at: float, took_s: float
    ) -> None:
        """Keep an exchange; times [s] as in ``BacnetExchange``."""
        exchange = BacnetExchange(service, request, answer, at, took_s)
        self._last.append(exchange)
        self._octets += exchange.octets
        while len(self._last) > self._kept or (self._octets > self._most and len(self._last) > 1):
            self._octets -= self._last.popleft().octets

    def all(self) -> tuple[BacnetExchange, ...]:
        """The exchanges that are kept, oldest first."""
        return tuple(self._last)
