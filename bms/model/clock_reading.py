"""What a clock says at one moment: building time by the calendar, and running time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

CALENDAR = "calendar"
"""The boot of a clock that has no running time of its own: it counts what its calendar goes forward
(simulated clocks that are moved by hand)."""


@dataclass(frozen=True, slots=True)
class Elapsed:
    """Running building time: ``seconds`` [s] on a count that never steps and that began with
    ``boot``. Counts of different boots cannot be compared."""

    boot: str
    seconds: float

    def after(self, length: timedelta) -> Elapsed:
        """The reading that the same count will have when ``length`` has gone by."""
        return Elapsed(self.boot, self.seconds + length.total_seconds())

    def since(self, earlier: Elapsed) -> timedelta | None:
        """The running time that has gone by since an earlier reading; None across a boot."""
        if self.boot != earlier.boot:
            return None
        return timedelta(seconds=self.seconds - earlier.seconds)


@dataclass(frozen=True, slots=True)
class ClockReading:
    """Both readings of one moment: ``calendar`` is building time, which people may set."""

    calendar: datetime
    elapsed: Elapsed
