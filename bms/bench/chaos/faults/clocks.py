"""The clock of the computer, set both ways, and the two nights with 23 and 25 hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar

from bms.bench.chaos.faults.kind import Fault
from bms.bench.chaos.town import StrikeMoment, Town


class _ClockSet(Fault):
    """Somebody sets the calendar; running time goes on."""

    moments = (StrikeMoment.HELD, StrikeMoment.BETWEEN, StrikeMoment.WRITE)
    by: ClassVar[timedelta]

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        town.clock.set_calendar(town.now + self.by)


class ClockHourBack(_ClockSet):
    """One hour back."""

    by = timedelta(hours=-1)


class ClockDayBack(_ClockSet):
    """One day back."""

    by = timedelta(days=-1)


class ClockHourForward(_ClockSet):
    """One hour forward."""

    by = timedelta(hours=1)


class _DstNight(Fault):
    """The local clock jumps in the middle of a lease; building time does not."""

    moments = (StrikeMoment.HELD,)
    longest = 90
    night: ClassVar[datetime]

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        town.clock.set_calendar(self.night)
        await town.restart()


class SpringNight(_DstNight):
    """02:00 becomes 03:00."""

    night = datetime(2019, 3, 31, 0, 16, tzinfo=UTC)


class AutumnNight(_DstNight):
    """03:00 becomes 02:00."""

    night = datetime(2019, 10, 27, 0, 16, tzinfo=UTC)
