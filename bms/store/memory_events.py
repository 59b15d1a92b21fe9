"""The ledger of non-routine events, and the baselines that were used, in memory."""

from __future__ import annotations

from bms.errors import StoreError
from bms.model.epoch import to_micros
from bms.model.kept_baseline import KeptBaseline
from bms.model.savings.event import NonRoutineEvent
from bms.store.sql.events import check_superseded, stands, taken


class MemoryEvents:
    """The part of ``bms.ports.store.Store`` that keeps what an auditor asks for."""

    def __init__(self) -> None:
        super().__init__()
        self._events: dict[str, NonRoutineEvent] = {}
        self._baselines: list[KeptBaseline] = []

    def add_event(self, event: NonRoutineEvent) -> None:
        """See ``bms.ports.store.Store``."""
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
        """See ``bms.ports.store.Store``."""
        known = list(self._events.values())
        return [event for event in known if event.meter.partition("/")[0] == site]

    def keep_baseline(self, kept: KeptBaseline) -> None:
        """See ``bms.ports.store.Store``."""
        to_micros(kept.at)
        if not stands(self.baselines(kept.site)[::-1], kept):
            self._baselines.append(kept)

    def baselines(self, site: str) -> list[KeptBaseline]:
        """See ``bms.ports.store.Store``."""
        return [kept for kept in list(self._baselines) if kept.site == site]
