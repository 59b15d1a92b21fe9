"""What people have said in other processes on the same database: their sites act at once (W10)."""

from __future__ import annotations

from bms.model.control.audit import Action, AuditSearch
from bms.model.control.local_override import LOCAL
from bms.ports.storage.ledgers import LedgerStore

SPOKEN = frozenset({Action.SET_MODE, Action.ADD_OVERRIDE})
MOST = 5_000
"""Entries that are read at once [1]: more than the sites of a city that is released."""


class WordsElsewhere:
    """Follows the audit. Synchronous: call it off the event loop."""

    def __init__(self, ledgers: LedgerStore) -> None:
        self._ledgers = ledgers
        self._last: int | None = None

    def sites(self) -> frozenset[str]:
        """The sites about which people have spoken since the last call; none at the first. Raises
        ``StoreUnavailable``."""
        newest = self._ledgers.audit(AuditSearch(most=1))
        last, self._last = self._last, newest[0].number if newest else 0
        if last is None or self._last <= last:
            return frozenset()
        entries = self._ledgers.audit(AuditSearch(most=MOST))
        return frozenset(
            entry.site
            for entry in entries
            if entry.number > last
            and entry.site is not None
            and entry.action in SPOKEN
            and entry.actor != LOCAL
        )
