"""Whether the calendar is believed, kept beside the journal so that it outlives the process (W14).

A clock that is set a year forward makes everything old: what is deleted then does not come back
when the clock does.
"""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

from pydantic import ValidationError

from bms.journal.locks import locked, replace_file
from bms.model.clock_reading import BELIEVED_AFTER, CalendarTrust, ClockReading
from bms.model.codec import from_json, to_json

log = logging.getLogger(__name__)


class MemoryCalendarBook:
    """Implements ``bms.ports.clock.CalendarBook`` for one process."""

    def __init__(self) -> None:
        self._trust: CalendarTrust | None = None
        self._turn = threading.Lock()

    def believed(self, at: ClockReading) -> bool:
        """See ``CalendarBook``."""
        with self._turn:
            before = self._trust
            now = CalendarTrust.first(at) if before is None else before.seen(at)
            self._trust = now
        _tell(before, now)
        return now.holds


class FileCalendarBook(MemoryCalendarBook):
    """Implements ``bms.ports.clock.CalendarBook`` in a file that processes share. Constructing it
    does no input or output.

    A file that cannot be read, or is damaged, begins the time of doubt anew.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def believed(self, at: ClockReading) -> bool:
        """See ``CalendarBook``."""
        try:
            with locked(self.path):
                self._trust = self._read(at)
                answer = super().believed(at)
                assert self._trust is not None
                replace_file(self.path, [to_json(self._trust).encode(), b"\n"], os.fsync)
        except OSError as error:
            log.error("whether the clock was set is not kept in %s: %s", self.path, error)
            return super().believed(at)
        return answer

    def _read(self, at: ClockReading) -> CalendarTrust | None:
        try:
            return from_json(CalendarTrust, self.path.read_bytes())
        except FileNotFoundError:
            return self._trust
        except (OSError, ValidationError) as error:
            log.error("whether the clock was set cannot be read from %s: %s", self.path, error)
            return self._trust or CalendarTrust.lost(at)


def _tell(before: CalendarTrust | None, now: CalendarTrust) -> None:
    """Say once that the calendar is doubted, and once that it is not any more."""
    doubted_before = before is not None and not before.holds
    if not now.holds and not doubted_before:
        log.error(
            "the clock says %s, which is further ahead than the time that has gone by: nothing is "
            "deleted by age. Set the clock right; where it is right already nothing is to be done, "
            "and deleting goes on after %d days",
            now.last.calendar.isoformat(),
            BELIEVED_AFTER.days,
        )
    elif now.holds and doubted_before:
        log.warning("the clock is believed again: what is too old is deleted")
