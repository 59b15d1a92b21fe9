"""Keys of the API in SQL."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import col, select

from bms.errors import NotFound, StoreError
from bms.model.control.audit import Action
from bms.store.database.connection import Linked
from bms.store.database.tables import StoredKey
from bms.store.records import key_reason
from bms.store.sql.audit import note


class SqlKeys(Linked):
    """Implements ``KeyStore``."""

    def add_key(
        self, key_id: str, digest: str, scope: str, name: str, at: datetime, *, actor: str
    ) -> None:
        """See ``KeyStore``."""
        with self._link.writing(durable=True) as session:
            if session.get(StoredKey, key_id) is not None:
                raise StoreError(f"a key {key_id} exists already; choose another id")
            session.add(StoredKey(id=key_id, digest=digest, scope=scope, name=name, created=at))
            what = key_reason(scope, name)
            note(session, Action.CREATE_KEY, key_id, at=at, actor=actor, site=None, reason=what)

    def key(self, key_id: str) -> tuple[str, str, str] | None:
        """See ``KeyStore``."""
        with self._link.reading() as session:
            row = session.get(StoredKey, key_id)
            return None if row is None or row.revoked else (row.digest, row.scope, row.name)

    def keys(self) -> list[tuple[str, str, str, datetime, datetime | None]]:
        """See ``KeyStore``."""
        wanted = select(StoredKey).order_by(col(StoredKey.created), col(StoredKey.id))
        with self._link.reading() as session:
            rows = session.exec(wanted).all()
            return [(row.id, row.scope, row.name, row.created, row.revoked) for row in rows]

    def revoke_key(self, key_id: str, at: datetime, *, actor: str, reason: str = "") -> None:
        """See ``KeyStore``."""
        with self._link.writing(durable=True) as session:
            row = session.get(StoredKey, key_id, with_for_update=True)
            if row is None:
                raise NotFound(f"there is no key {key_id}")
            if row.revoked is None:
                row.revoked = at
                note(
                    session, Action.REVOKE_KEY, key_id, at=at, actor=actor, site=None, reason=reason
                )
