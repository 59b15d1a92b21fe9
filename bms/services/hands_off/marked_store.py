"""Decisions of people as they stand: what was said at once comes before what the database has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from bms.model.assets.site import Mode
from bms.model.clock_reading import ClockReading
from bms.model.control.booking import Booking
from bms.model.control.command import Override
from bms.model.control.hands_off import HandsOff, SiteMode
from bms.ports.clock import Clock
from bms.ports.safety import HandsOffMarks
from bms.ports.storage.decisions import DecisionStore


class MarkedDecisions:
    """Implements ``DecisionStore`` over that of a database and the hands-off marks of this home.

    A mode that a mark sets is answered without the database. What is kept goes to the database
    alone: ``bms.services.hands_off.record`` brings the words of the marks there. Raises
    ``GuardError`` where the marks cannot be read, as nothing may be written then.
    """

    def __init__(self, kept: DecisionStore, marks: HandsOffMarks, clock: Clock) -> None:
        self._kept = kept
        self._marks = marks
        self._clock = clock

    def mode(self, site: str) -> Mode | None:
        """See ``DecisionStore``."""
        marked = marked_mode(self._marks.marks(), site)
        return self._kept.mode(site) if marked is None else marked

    def modes(self, sites: Collection[str]) -> dict[str, Mode]:
        """See ``DecisionStore``."""
        marks = self._marks.marks()
        marked = {site: marked_mode(marks, site) for site in sites}
        return self._kept.modes(sites) | {site: mode for site, mode in marked.items() if mode}

    def set_mode(self, site: str, mode: Mode, *, actor: str, at: datetime, reason: str) -> None:
        """See ``DecisionStore``."""
        self._kept.set_mode(site, mode, actor=actor, at=at, reason=reason)

    def say_modes(self, words: Iterable[SiteMode]) -> None:
        """See ``DecisionStore``."""
        self._kept.say_modes(words)

    def modes_said(self, sites: Collection[str]) -> list[SiteMode]:
        """See ``DecisionStore``."""
        return self._kept.modes_said(sites)

    def add_override(self, override: Override) -> None:
        """See ``DecisionStore``."""
        self._kept.add_override(override)

    def remove_override(self, override_id: str, *, actor: str, at: datetime) -> None:
        """See ``DecisionStore``."""
        self._kept.remove_override(override_id, actor=actor, at=at)

    def overrides(self, site: str, at: datetime) -> list[Override]:
        """See ``DecisionStore``."""
        return self._with_marks(site, at, self._kept.overrides(site, at))

    def overrides_of(self, sites: Collection[str], at: datetime) -> dict[str, list[Override]]:
        """See ``DecisionStore``."""
        kept = self._kept.overrides_of(sites, at)
        return {site: self._with_marks(site, at, found) for site, found in kept.items()}

    def removed_overrides(self, ids: Collection[str]) -> dict[str, bool]:
        """See ``DecisionStore``."""
        return self._kept.removed_overrides(ids)

    def add_booking(self, booking: Booking) -> None:
        """See ``DecisionStore``."""
        self._kept.add_booking(booking)

    def remove_booking(self, site: str, booking_id: str, *, actor: str, at: datetime) -> None:
        """See ``DecisionStore``."""
        self._kept.remove_booking(site, booking_id, actor=actor, at=at)

    def bookings(self, site: str, start: datetime, end: datetime | None = None) -> list[Booking]:
        """See ``DecisionStore``."""
        return self._kept.bookings(site, start, end)

    def bookings_of(self, sites: Collection[str], start: datetime) -> dict[str, list[Booking]]:
        """See ``DecisionStore``."""
        return self._kept.bookings_of(sites, start)

    def _with_marks(self, site: str, at: datetime, kept: Iterable[Override]) -> list[Override]:
        """Those of the database that nobody has taken back meanwhile, and those of the marks."""
        moment = ClockReading(at, self._clock.elapsed())
        standing, history = self._marks.marks(), self._marks.history()
        found = {o.id: o for o in kept if o.id in standing or o.id not in history}
        for mark in standing.values():
            override = mark.as_override() if mark.site == site and mark.stands(moment) else None
            if override is not None:
                found.setdefault(override.id, override)
        return sorted(found.values(), key=lambda override: (override.since, override.id))


def marked_mode(marks: Mapping[str, HandsOff], site: str) -> Mode | None:
    """The mode that the marks set at a site, by the newest of them; None where none does."""
    modes = [mark.mode for mark in marks.values() if mark.mode and mark.covers_site(site)]
    return modes[-1] if modes else None
