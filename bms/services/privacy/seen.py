"""Who saw series about people: an entry of the audit for each person, point and day."""

from __future__ import annotations

import threading
from datetime import date, datetime

from bms.model.access.actor import Actor
from bms.model.assets.point import Point, Privacy
from bms.model.control.audit import Action
from bms.ports.storage.ledgers import LedgerStore

MOST = 100_000
"""Entries [1] that are remembered, so that a day has one of each; then the day is begun anew."""


class PersonalViews:
    """Notes who sees personal series. Thread-safe."""

    def __init__(self, ledgers: LedgerStore) -> None:
        self._ledgers = ledgers
        self._noted: set[tuple[str, str, date]] = set()
        self._lock = threading.Lock()

    def note(self, actor: Actor, point: Point, now: datetime) -> None:
        """Note that ``actor`` sees the series of a point; others than personal ones are not
        noted."""
        if point.privacy is not Privacy.PERSONAL:
            return
        entry = (actor.id, point.id, now.date())
        with self._lock:
            if entry in self._noted:
                return
            if len(self._noted) >= MOST:
                self._noted.clear()
            self._noted.add(entry)
        self._ledgers.note(Action.SEE_PERSONAL, point.id, at=now, actor=actor.name, site=point.site)
