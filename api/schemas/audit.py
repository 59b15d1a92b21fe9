"""What people did."""

from __future__ import annotations

from typing import Self

from pydantic import AwareDatetime

from api.schemas.base import Answer
from bms.model.control.audit import Action, AuditEntry


class AuditEntryAnswer(Answer):
    """One action of a person. ``site`` is null where it concerns none; ``subject`` is the id or
    value that it is about."""

    number: int
    at: AwareDatetime
    actor: str
    action: Action
    site: str | None
    subject: str
    reason: str


class AuditPage(Answer):
    """Entries, the newest first; ``next`` is the ``cursor`` of the older ones after them."""

    entries: list[AuditEntryAnswer]
    next: str | None

    @classmethod
    def of(cls, entries: list[AuditEntry], limit: int) -> Self:
        """The first ``limit`` of ``entries``, which are one more where there is another page."""
        shown = entries[:limit]
        more = len(entries) > limit
        return cls(
            entries=[AuditEntryAnswer.model_validate(entry) for entry in shown],
            next=str(shown[-1].number) if more else None,
        )
