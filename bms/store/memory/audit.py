"""The audit in memory."""

from __future__ import annotations

from datetime import datetime
from itertools import count

from bms.model.control.audit import Action, AuditEntry, AuditSearch
from bms.model.epoch import to_micros


class MemoryAudit:
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

    def _note(
        self,
        action: Action,
        subject: str,
        *,
        at: datetime,
        actor: str,
        site: str | None,
        reason: str = "",
    ) -> None:
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


def _matches(entry: AuditEntry, search: AuditSearch) -> bool:
    return (
        search.site in (None, entry.site)
        and search.actor in (None, entry.actor)
        and search.action in (None, entry.action)
        and (search.since is None or entry.at >= search.since)
        and (search.until is None or entry.at < search.until)
        and (search.before is None or entry.number < search.before)
    )
