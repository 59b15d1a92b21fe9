"""The audit in SQL: only added to, and read newest first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, desc, select

from bms.model.control.audit import Action, AuditEntry, AuditSearch
from bms.store.database.connection import Linked
from bms.store.database.tables import StoredAudit

NO_SITE = ""
"""Stands in the column of the site where an action concerns none."""


class SqlAudit(Linked):
    """The part of ``LedgerStore`` that keeps the actions of people."""

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
        with self._link.writing(durable=True) as session:
            note(session, action, subject, at=at, actor=actor, site=site, reason=reason)

    def audit(self, search: AuditSearch) -> list[AuditEntry]:
        """See ``LedgerStore``."""
        wanted = (
            select(StoredAudit).where(*_conditions(search)).order_by(desc(col(StoredAudit.seq)))
        )
        if search.most is not None:
            wanted = wanted.limit(search.most)
        with self._link.reading() as session:
            return [_entry(row) for row in session.exec(wanted)]


def note(
    session: Session,
    action: Action,
    subject: str,
    *,
    at: datetime,
    actor: str,
    site: str | None,
    reason: str = "",
) -> None:
    """Add an entry in the transaction of ``session``."""
    session.add(
        StoredAudit(
            at=at,
            actor=actor,
            action=action.value,
            site=NO_SITE if site is None else site,
            subject=subject,
            reason=reason,
        )
    )


def _conditions(search: AuditSearch) -> Iterator[ColumnElement[bool]]:
    if search.site is not None:
        yield col(StoredAudit.site) == search.site
    if search.sites is not None:
        yield col(StoredAudit.site).in_(sorted(search.sites))
    if search.actor is not None:
        yield col(StoredAudit.actor) == search.actor
    if search.action is not None:
        yield col(StoredAudit.action) == search.action.value
    if search.since is not None:
        yield col(StoredAudit.at) >= search.since
    if search.until is not None:
        yield col(StoredAudit.at) < search.until
    if search.before is not None:
        yield col(StoredAudit.seq) < search.before


def _entry(row: StoredAudit) -> AuditEntry:
    assert row.seq is not None
    return AuditEntry(
        number=row.seq,
        at=row.at,
        actor=row.actor,
        action=Action(row.action),
        site=None if row.site == NO_SITE else row.site,
        subject=row.subject,
        reason=row.reason,
    )
