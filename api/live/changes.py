"""What changes at buildings, told to whoever listens: receipts of writes, and what people decided.

One task of a process looks into the store once a second while somebody listens, however many do.
Nothing that is told bears a reason or the name of a person; who may know them asks for them.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from api.pages.panels.receipts import KINDS, receipt_point, receipt_value
from api.ports import ApiPorts
from bms.errors import StoreError
from bms.model.control.audit import AuditSearch
from bms.services.off_loop import off_loop

log = logging.getLogger(__name__)

EVERY_S = 1.0
KEPT = 500
"""Changes that a listener who comes back can still be told."""
MOST_LISTENERS = 100
MOST_OF_ONE = 40
"""Listeners [1] of one key, session or address: a wall of screens, and room for others."""
MOST_WAITING = 200
"""Changes that may wait for a listener who is slow; then it is let go."""
LOOK_BACK = timedelta(minutes=5)
MOST_AUDIT = 200


@dataclass(frozen=True, slots=True)
class LiveChange:
    """One change. ``id`` is that of the process that told it and a number that rises."""

    id: str
    kind: str
    site: str | None
    data: dict[str, Any]

    def text(self) -> str:
        """The change as an event (WHATWG, server-sent events)."""
        body = json.dumps({"site": self.site, **self.data}, separators=(",", ":"))
        return f"id: {self.id}\nevent: {self.kind}\ndata: {body}\n\n"


@dataclass(slots=True)
class Listener:
    """Who listens to one site, or (None) to all of them; ``who`` names the key or the session."""

    site: str | None
    who: str
    waiting: asyncio.Queue[LiveChange | None] = field(
        default_factory=lambda: asyncio.Queue(MOST_WAITING)
    )

    def wants(self, change: LiveChange) -> bool:
        return self.site is None or change.site in (None, self.site)

    def tell(self, change: LiveChange) -> bool:
        """False where too much waits for it already."""
        try:
            self.waiting.put_nowait(change)
        except asyncio.QueueFull:
            return False
        return True


class LiveChanges:
    """The changes of the sites of ``ports``. ``epoch`` stands in the ids of the changes that this
    process tells, ``every_s`` is how often it looks [s]."""

    def __init__(self, ports: ApiPorts, epoch: str, every_s: float = EVERY_S) -> None:
        self._ports = ports
        self._epoch = epoch
        self._every_s = every_s
        self._count = 0
        self._kept: deque[LiveChange] = deque(maxlen=KEPT)
        self._listeners: list[Listener] = []
        self._task: asyncio.Task[None] | None = None
        self._seen: dict[str, tuple[str, float | None]] = {}
        self._last_audit: int | None = None

    def has_room(self, who: str) -> bool:
        """Whether one more may listen: so many in all, and so many of each."""
        own = sum(listener.who == who for listener in self._listeners)
        return len(self._listeners) < MOST_LISTENERS and own < MOST_OF_ONE

    @asynccontextmanager
    async def listening(self, site: str | None, who: str = "") -> AsyncIterator[Listener]:
        """A listener while the block runs."""
        listener = Listener(site, who)
        self._listeners.append(listener)
        if self._task is None:
            self._task = asyncio.create_task(self._look())
        try:
            yield listener
        finally:
            if listener in self._listeners:
                self._listeners.remove(listener)
            if not self._listeners and self._task is not None:
                self._task.cancel()
                self._task = None

    def missed(self, last_id: str, site: str | None) -> list[LiveChange] | None:
        """What a listener was not told since ``last_id``; None where nobody knows any more."""
        ids = [change.id for change in self._kept]
        if last_id not in ids:
            return None
        later = list(self._kept)[ids.index(last_id) + 1 :]
        return [change for change in later if site is None or change.site in (None, site)]

    async def _look(self) -> None:
        since = self._ports.clock.now() - LOOK_BACK
        first = True
        while True:
            try:
                now = self._ports.clock.now()
                for kind, site, data in await off_loop(self._found, since, first):
                    self._tell(kind, site, data)
                since, first = now - LOOK_BACK, False
            except StoreError as error:
                log.warning("changes cannot be looked for: %s", error)
            await asyncio.sleep(self._every_s)

    def _tell(self, kind: str, site: str | None, data: dict[str, Any]) -> None:
        self._count += 1
        change = LiveChange(f"{self._epoch}-{self._count}", kind, site, data)
        self._kept.append(change)
        for listener in list(self._listeners):
            if listener.wants(change) and not listener.tell(change):
                self._listeners.remove(listener)
                listener.waiting.get_nowait()
                listener.waiting.put_nowait(None)

    def _found(self, since: datetime, first: bool) -> list[tuple[str, str | None, dict[str, Any]]]:
        """What is new; the first look only learns what stands."""
        new = [*self._receipts(since), *self._decisions()]
        return [] if first else new

    def _receipts(self, since: datetime) -> list[tuple[str, str | None, dict[str, Any]]]:
        ports = self._ports
        new: list[tuple[str, str | None, dict[str, Any]]] = []
        asked = {listener.site for listener in list(self._listeners)}
        sites = list(ports.sites) if None in asked else [site for site in asked if site is not None]
        for site, rows in ports.control.ledgers.receipts_of(sites, since).items():
            newest = {receipt_point(receipt): (at, receipt) for at, receipt in rows}
            for point, (at, receipt) in newest.items():
                value = receipt_value(receipt)
                state = (KINDS[type(receipt)], value)
                if self._seen.get(point) == state:
                    continue
                self._seen[point] = state
                told = {"point": point, "outcome": state[0], "value": value, "at": at.isoformat()}
                new.append(("receipt", site, told))
        return new

    def _decisions(self) -> list[tuple[str, str | None, dict[str, Any]]]:
        entries = self._ports.control.ledgers.audit(AuditSearch(most=MOST_AUDIT))
        last, self._last_audit = self._last_audit, entries[0].number if entries else 0
        if last is None:
            return []
        return [
            (
                "decision",
                entry.site,
                {"action": entry.action.value, "number": entry.number, "at": entry.at.isoformat()},
            )
            for entry in reversed(entries)
            if entry.number > last and entry.site is not None
        ]
