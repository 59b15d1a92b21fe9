"""Bookings and closures in memory."""

from __future__ import annotations

from datetime import datetime

from bms.errors import NotFound, StoreError
from bms.model.control.booking import Booking
from bms.model.epoch import to_micros
from bms.model.savings.event import NonRoutineEvent
from bms.model.savings.savings import KeptBaseline
from bms.store.records import Action, AuditEntry, check_superseded, stands, taken


class MemoryBookings:
    """The part of ``DecisionStore`` that keeps what people know about the coming use."""

    def __init__(self, audit: list[AuditEntry]) -> None:
        self._audit = audit
        self._bookings: dict[str, Booking] = {}
        self._gone: set[str] = set()

    def add(self, booking: Booking) -> None:
        """Keep one, with a line in the audit. Raises StoreError where the id is taken."""
        for moment in (booking.start, booking.end, booking.made_at):
            to_micros(moment)
        known = self._bookings.setdefault(booking.id, booking)
        if known is booking:
            self._note(Action.ADD_BOOKING, booking, booking.made_at, booking.author, booking.reason)
        elif known != booking:
            raise StoreError(f"another booking is kept as {booking.id} already")

    def remove(self, site: str, booking_id: str, *, actor: str, at: datetime) -> None:
        """Take one back, with a line in the audit; twice is once. Raises NotFound."""
        to_micros(at)
        booking = self._bookings.get(booking_id)
        if booking is None or booking.site != site:
            raise NotFound(f"{site} has no booking {booking_id}")
        if booking_id not in self._gone:
            self._gone.add(booking_id)
            self._note(Action.REMOVE_BOOKING, booking, at, actor, "")

    def find(self, site: str, start: datetime, end: datetime | None) -> list[Booking]:
        """Those that stand and overlap, by their start."""
        found = [
            booking
            for booking in list(self._bookings.values())
            if booking.site == site and booking.id not in self._gone
            if booking.end > start and (end is None or booking.start < end)
        ]
        return sorted(found, key=lambda booking: (booking.start, booking.id))

    def _note(
        self, action: Action, booking: Booking, at: datetime, actor: str, reason: str
    ) -> None:
        self._audit.append(
            AuditEntry(
                at=at,
                actor=actor,
                action=action,
                site=booking.site,
                subject=booking.id,
                reason=reason,
            )
        )


class MemoryEvents:
    """The part of ``LedgerStore`` that keeps what an auditor asks for."""

    def __init__(self) -> None:
        super().__init__()
        self._events: dict[str, NonRoutineEvent] = {}
        self._baselines: list[KeptBaseline] = []

    def add_event(self, event: NonRoutineEvent) -> None:
        """See ``LedgerStore``."""
        for moment in (event.start, event.end, event.entered_at):
            to_micros(moment)
        if event.id in self._events:
            if self._events[event.id] != event:
                raise StoreError(taken(event))
            return
        if event.supersedes is not None:
            kept = list(self._events.values())
            again = any(known.supersedes == event.supersedes for known in kept)
            check_superseded(event, self._events.get(event.supersedes), again)
        self._events[event.id] = event

    def events(self, site: str) -> list[NonRoutineEvent]:
        """See ``LedgerStore``."""
        known = list(self._events.values())
        return [event for event in known if event.meter.partition("/")[0] == site]

    def keep_baseline(self, kept: KeptBaseline) -> None:
        """See ``LedgerStore``."""
        to_micros(kept.at)
        if not stands(self.baselines(kept.site)[::-1], kept):
            self._baselines.append(kept)

    def baselines(self, site: str) -> list[KeptBaseline]:
        """See ``LedgerStore``."""
        return [kept for kept in list(self._baselines) if kept.site == site]
