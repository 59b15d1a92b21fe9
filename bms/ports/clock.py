"""Building time and the time of the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Building time and the wire's time (DESIGN, law 9)."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...
