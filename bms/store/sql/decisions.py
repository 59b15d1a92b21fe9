"""What people decide, in SQL: modes, overrides and keys, with an audit that is only added to."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, desc, or_, select

from bms.errors import NotFound, StoreError
from bms.model.assets.site import Mode
from bms.model.control.command import Override
from bms.store.database.connection import Linked
from bms.store.database.tables import AuditRow, KeyRow, ModeRow, OverrideRow
from bms.store.records import Action, AuditEntry


class SqlPeople(Linked):
    """The part of ``DecisionStore`` that keeps what people decide."""

    def mode(self, site: str) -> Mode | None:
        """The mode that a person set last."""
        last = select(ModeRow.mode).where(ModeRow.site == site).order_by(desc(col(ModeRow.seq)))
        with self._link.reading() as session:
            mode = session.exec(last.limit(1)).first()
        return None if mode is None else Mode(mode)

    def set_mode(self, site: str, mode: Mode, *, actor: str, at: datetime, reason: str) -> None:
        """Set the mode, with a line in the audit."""
        with self._link.writing(durable=True) as session:
            session.add(ModeRow(site=site, mode=mode.value, actor=actor, at=at, reason=reason))
            _note(session, at, actor, Action.SET_MODE, site, mode.value, reason)

    def audit(self, site: str, since: datetime) -> list[AuditEntry]:
        """What people did to a site at or after ``since``, in the order it was done."""
        wanted = (
            select(AuditRow)
            .where(AuditRow.site == site, AuditRow.at >= since)
            .order_by(col(AuditRow.seq))
        )
        with self._link.reading() as session:
            return [_entry(row) for row in session.exec(wanted)]

    def add_override(self, override: Override) -> None:
        """Keep an override, with a line in the audit. Raises StoreError where the id is taken."""
        with self._link.writing(durable=True) as session:
            row = session.get(OverrideRow, override.id)
            if row is not None:
                if _override(row) != override:
                    raise StoreError(f"another override is kept as {override.id} already")
                return
            session.add(_override_row(override))
            _note(
                session,
                override.since,
                override.actor,
                Action.ADD_OVERRIDE,
                override.site,
                override.id,
                override.reason,
            )

    def remove_override(self, override_id: str, *, actor: str, at: datetime) -> None:
        """End an override, with a line in the audit; twice is once. Raises NotFound."""
        with self._link.writing(durable=True) as session:
            row = session.get(OverrideRow, override_id, with_for_update=True)
            if row is None:
                raise NotFound(f"there is no override {override_id}")
            if row.removed_at is None:
                row.removed_at, row.removed_by = at, actor
                _note(session, at, actor, Action.REMOVE_OVERRIDE, row.site, override_id, "")

    def overrides(self, site: str, at: datetime) -> list[Override]:
        """Overrides of a site in force at ``at``, oldest first."""
        until, removed = col(OverrideRow.until), col(OverrideRow.removed_at)
        in_force = (
            select(OverrideRow)
            .where(OverrideRow.site == site, OverrideRow.since <= at)
            .where(or_(until.is_(None), until > at), or_(removed.is_(None), removed > at))
            .order_by(col(OverrideRow.since), col(OverrideRow.id))
        )
        with self._link.reading() as session:
            return [_override(row) for row in session.exec(in_force)]

    def add_key(self, key_id: str, digest: str, scope: str, name: str, at: datetime) -> None:
        """Keep a key. Raises StoreError where the id is taken."""
        with self._link.writing(durable=True) as session:
            if session.get(KeyRow, key_id) is not None:
                raise StoreError(f"a key {key_id} exists already; choose another id")
            session.add(KeyRow(id=key_id, digest=digest, scope=scope, name=name, created=at))

    def key(self, key_id: str) -> tuple[str, str, str] | None:
        """(digest, scope, name) of a key that is not revoked."""
        with self._link.reading() as session:
            row = session.get(KeyRow, key_id)
            return None if row is None or row.revoked else (row.digest, row.scope, row.name)

    def keys(self) -> list[tuple[str, str, str, datetime, datetime | None]]:
        """(id, scope, name, created, revoked), oldest first."""
        wanted = select(KeyRow).order_by(col(KeyRow.created), col(KeyRow.id))
        with self._link.reading() as session:
            rows = session.exec(wanted).all()
            return [(row.id, row.scope, row.name, row.created, row.revoked) for row in rows]

    def revoke_key(self, key_id: str, at: datetime) -> None:
        """Revoke a key; twice is once. Raises NotFound."""
        with self._link.writing(durable=True) as session:
            row = session.get(KeyRow, key_id, with_for_update=True)
            if row is None:
                raise NotFound(f"there is no key {key_id}")
            row.revoked = row.revoked or at


def _note(
    session: Session, at: datetime, actor: str, action: Action, site: str, subject: str, reason: str
) -> None:
    session.add(
        AuditRow(at=at, actor=actor, action=action.value, site=site, subject=subject, reason=reason)
    )


def _entry(row: AuditRow) -> AuditEntry:
    return AuditEntry(
        at=row.at,
        actor=row.actor,
        action=Action(row.action),
        site=row.site,
        subject=row.subject,
        reason=row.reason,
    )


def _override_row(override: Override) -> OverrideRow:
    return OverrideRow(
        id=override.id,
        site=override.site,
        point=override.point,
        since=override.since,
        until=override.until,
        reason=override.reason,
        actor=override.actor,
    )


def _override(row: OverrideRow) -> Override:
    return Override(
        id=row.id,
        site=row.site,
        point=row.point,
        since=row.since,
        until=row.until,
        reason=row.reason,
        actor=row.actor,
    )
