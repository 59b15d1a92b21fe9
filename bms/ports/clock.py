"""Building time, running time and the time of the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from bms.model.clock_reading import ClockReading, Elapsed


class CalendarBook(Protocol):
    """What is known of the calendar from one day to the next."""

    def believed(self, at: ClockReading) -> bool:
        """Whether what the calendar calls old may be deleted. Call it off the event loop."""
        ...


class Clock(Protocol):
    """The three readings of the clock (DESIGN, law 9)."""

    def now(self) -> datetime:
        """Building time: schedules, ages. It steps when somebody sets the clock."""
        ...

    def elapsed(self) -> Elapsed:
        """Running building time, which never steps, with the boot that it belongs to: ends of
        leases. Processes of one computer, or of one simulator, share it."""
        ...

    def reading(self) -> ClockReading:
        """Calendar and running time of one moment."""
        ...

    def monotonic(self) -> float:
        """The time of the wire [s]: deadlines. Always real, and of this process only."""
        ...
