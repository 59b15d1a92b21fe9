"""Decisions of people in memory: modes, overrides and bookings."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from bms.errors import NotFound, StoreError
from bms.model.assets.site import Mode
from bms.model.control.audit import Action
from bms.model.control.booking import Booking
from bms.model.control.command import Override
from bms.model.control.evidence import EvidenceKind, Pruning
from bms.model.control.hands_off import SiteMode
from bms.model.epoch import to_micros
from bms.store.ledger_rules import NAME_GONE
from bms.store.memory.audit import MemoryAudit
from bms.store.personal_text import without_texts


class MemoryDecisions(MemoryAudit):
    """Implements ``DecisionStore``."""

    def __init__(self) -> None:
        super().__init__()
        self._modes: list[SiteMode] = []
        self._overrides: dict[str, Override] = {}
        self._removed: dict[str, datetime] = {}
        self._bookings: dict[str, Booking] = {}
        self._removed_bookings: set[str] = set()

    def mode(self, site: str) -> Mode | None:
        """See ``DecisionStore``."""
        said = (word.mode for word in reversed(self._modes) if word.site == site)
        return next(said, None)

    def modes(self, sites: Collection[str]) -> dict[str, Mode]:
        """See ``DecisionStore``."""
        return {word.site: word.mode for word in self._modes if word.site in sites}

    def set_mode(self, site: str, mode: Mode, *, actor: str, at: datetime, reason: str) -> None:
        """See ``DecisionStore``."""
        self.note(Action.SET_MODE, mode.value, at=at, actor=actor, site=site, reason=reason)
        self._say_mode(site, mode, at, actor, reason)

    def _say_mode(self, site: str, mode: Mode, at: datetime, actor: str, reason: str) -> None:
        word = SiteMode(site=site, mode=mode, at=at, actor=actor, reason=reason)
        self._modes.append(word)
        number = str(len(self._modes))
        self._prove(EvidenceKind.MODE, site, number, at, mode.value, actor, reason)

    def say_modes(self, words: Iterable[SiteMode]) -> None:
        """See ``DecisionStore``."""
        for word in words:
            if word != next((w for w in reversed(self._modes) if w.site == word.site), None):
                self.set_mode(
                    word.site, word.mode, actor=word.actor, at=word.at, reason=word.reason
                )

    def modes_said(self, sites: Collection[str]) -> list[SiteMode]:
        """See ``DecisionStore``."""
        return [word for word in self._modes if word.site in sites]

    def add_override(self, override: Override) -> None:
        """See ``DecisionStore``."""
        to_micros(override.since)
        known = self._overrides.setdefault(override.id, override)
        if known is not override:
            if known != override:
                raise StoreError(f"another override is kept as {override.id} already")
            return
        self._prove(
            EvidenceKind.OVERRIDE,
            override.site,
            override.id,
            override.since,
            (override.point, override.since, override.until),
            override.actor,
            str(override.reason),
        )
        self.note(
            Action.ADD_OVERRIDE,
            override.id,
            at=override.since,
            actor=override.actor,
            site=override.site,
            reason=str(override.reason),
        )

    def remove_override(self, override_id: str, *, actor: str, at: datetime) -> None:
        """See ``DecisionStore``."""
        to_micros(at)
        if override_id not in self._overrides:
            raise NotFound(f"there is no override {override_id}")
        if override_id in self._removed:
            return
        site = self._overrides[override_id].site
        self.note(Action.REMOVE_OVERRIDE, override_id, at=at, actor=actor, site=site)
        self._removed[override_id] = at
        self._prove(EvidenceKind.OVERRIDE_END, site, override_id, at, at, actor)

    def overrides(self, site: str, at: datetime) -> list[Override]:
        """See ``DecisionStore``."""
        to_micros(at)
        found = [o for o in list(self._overrides.values()) if o.site == site and self._holds(o, at)]
        return sorted(found, key=lambda override: (override.since, override.id))

    def overrides_of(self, sites: Collection[str], at: datetime) -> dict[str, list[Override]]:
        """See ``DecisionStore``."""
        return {site: self.overrides(site, at) for site in sites}

    def removed_overrides(self, ids: Collection[str]) -> dict[str, bool]:
        """See ``DecisionStore``."""
        return {id_: id_ in self._removed for id_ in ids if id_ in self._overrides}

    def _over(self, kind: EvidenceKind, row: str, at: datetime) -> datetime | None:
        if kind is EvidenceKind.OVERRIDE:
            ends = (self._removed.get(row), self._overrides[row].until)
            return min((end for end in ends if end is not None), default=None)
        if kind is EvidenceKind.BOOKING:
            return self._bookings[row].end
        return super()._over(kind, row, at)

    def _forget(self, pruning: Pruning, row: str) -> None:
        if pruning.kind is EvidenceKind.MODE:
            place = int(row) - 1
            self._modes[place] = replace(self._modes[place], actor="", reason="")
        if pruning.kind is EvidenceKind.OVERRIDE:
            nameless = replace(self._overrides[row], actor="")
            if isinstance(nameless.reason, str):
                nameless = replace(nameless, reason="")
            self._overrides[row] = without_texts(nameless)[0]
        if pruning.kind is EvidenceKind.BOOKING:
            self._bookings[row] = replace(self._bookings[row], author=NAME_GONE, reason=NAME_GONE)
        super()._forget(pruning, row)

    def _holds(self, override: Override, at: datetime) -> bool:
        expired = override.until is not None and override.until <= at
        return not expired and override.id not in self._removed

    def add_booking(self, booking: Booking) -> None:
        """See ``DecisionStore``."""
        for moment in (booking.start, booking.end, booking.made_at):
            to_micros(moment)
        known = self._bookings.setdefault(booking.id, booking)
        if known is booking:
            self._prove(
                EvidenceKind.BOOKING,
                booking.site,
                booking.id,
                booking.made_at,
                (booking.start, booking.end, booking.zone, booking.kind),
                booking.author,
                booking.reason,
            )
            self.note(
                Action.ADD_BOOKING,
                booking.id,
                at=booking.made_at,
                actor=booking.author,
                site=booking.site,
                reason=booking.reason,
            )
        elif known != booking:
            raise StoreError(f"another booking is kept as {booking.id} already")

    def remove_booking(self, site: str, booking_id: str, *, actor: str, at: datetime) -> None:
        """See ``DecisionStore``."""
        to_micros(at)
        booking = self._bookings.get(booking_id)
        if booking is None or booking.site != site:
            raise NotFound(f"{site} has no booking {booking_id}")
        if booking_id not in self._removed_bookings:
            self._removed_bookings.add(booking_id)
            self.note(Action.REMOVE_BOOKING, booking_id, at=at, actor=actor, site=site)
            self._prove(EvidenceKind.BOOKING_END, site, booking_id, at, at, actor)

    def bookings(self, site: str, start: datetime, end: datetime | None = None) -> list[Booking]:
        """See ``DecisionStore``."""
        found = [
            booking
            for booking in list(self._bookings.values())
            if booking.site == site and booking.id not in self._removed_bookings
            if booking.end > start and (end is None or booking.start < end)
        ]
        return sorted(found, key=lambda booking: (booking.start, booking.id))

    def bookings_of(self, sites: Collection[str], start: datetime) -> dict[str, list[Booking]]:
        """See ``DecisionStore``."""
        return {site: self.bookings(site, start) for site in sites}
