"""How a device has been doing, for the people who look after it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

_RECENT = 0.1


@dataclass(slots=True)
class DeviceHealth:
    """Counts since the start. ``latency_s`` [s] is a moving mean of the answers' times.

    ``errors`` counts by code: an exception code of the protocol, ``silence`` or ``garbled``.
    ``last_good`` is building time; ``left_alone`` says that the breaker is open now;
    ``clock_drift_s`` [s] is how much its clock was ahead when it was last read.
    """

    answers: int = 0
    latency_s: float | None = None
    errors: Counter[str] = field(default_factory=Counter)
    last_good: datetime | None = None
    left_alone: bool = False
    clock_drift_s: float | None = None

    def answered(self, took_s: float, at: datetime) -> None:
        """An answer that could be used."""
        self.answers += 1
        self.last_good = at
        last = self.latency_s
        self.latency_s = took_s if last is None else last + _RECENT * (took_s - last)

    def failed(self, code: str) -> None:
        self.errors[code] += 1
