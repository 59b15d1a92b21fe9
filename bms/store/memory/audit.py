"""The audit in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import count

from bms.model.control.audit import Action, AuditEntry, AuditSearch
from bms.model.control.evidence import EvidenceKind, Part, Pruning
from bms.model.epoch import to_micros
from bms.store.memory.evidence import MemoryEvidence


class MemoryAudit(MemoryEvidence):
    """The part of ``LedgerStore`` that keeps the actions of people."""

    def __init__(self) -> None:
        super().__init__()
        self._audit: list[AuditEntry] = []
        self._numbers = count(1)

    def audit(self, search: AuditSearch) -> list[AuditEntry]:
        """See ``LedgerStore``."""
        for moment in (search.since, search.until):
            if moment is not None:
                to_micros(moment)
        found = [entry for entry in reversed(list(self._audit)) if _matches(entry, search)]
        return found if search.most is None else found[: search.most]

    def note(
        self,
        action: Action,
        subject: str,
        *,
        at: datetime,
        actor: str,
        site: str | None,
        reason: str = "",
    ) -> None:
        """See ``LedgerStore``."""
        to_micros(at)
        entry = AuditEntry(
            number=next(self._numbers),
            at=at,
            actor=actor,
            action=action,
            site=site,
            subject=subject,
            reason=reason,
        )
        self._audit.append(entry)
        what = (at, action, subject)
        self._prove(EvidenceKind.AUDIT, site, str(entry.number), at, what, actor, reason)

    def _forget(self, pruning: Pruning, row: str) -> None:
        if (pruning.kind, pruning.part) == (EvidenceKind.AUDIT, Part.APART):
            self._audit = [
                replace(entry, actor="", reason="") if str(entry.number) == row else entry
                for entry in self._audit
            ]
        super()._forget(pruning, row)


def _matches(entry: AuditEntry, search: AuditSearch) -> bool:
    return (
        search.site in (None, entry.site)
        and (search.sites is None or entry.site in search.sites)
        and search.actor in (None, entry.actor)
        and search.action in (None, entry.action)
        and (search.since is None or entry.at >= search.since)
        and (search.until is None or entry.at < search.until)
        and (search.before is None or entry.number < search.before)
    )
