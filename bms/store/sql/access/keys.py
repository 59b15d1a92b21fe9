"""Keys of the API in SQL."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime

from sqlmodel import col, select

from bms.errors import NotFound, StoreError
from bms.model.control.audit import Action
from bms.model.control.kept_key import KeptKey
from bms.store.database.connection import Linked
from bms.store.database.tables import StoredKey
from bms.store.ledger_rules import key_reason
from bms.store.sql.audit import note


class SqlKeys(Linked):
    """Implements ``KeyStore``."""

    def add_key(self, key: KeptKey, *, actor: str) -> None:
        """See ``KeyStore``."""
        with self._link.writing(durable=True) as session:
            if session.get(StoredKey, key.id) is not None:
                raise StoreError(f"a key {key.id} exists already; choose another id")
            session.add(StoredKey(**asdict(key)))
            what, at = key_reason(key), key.created
            note(session, Action.CREATE_KEY, key.id, at=at, actor=actor, site=None, reason=what)

    def key(self, key_id: str) -> KeptKey | None:
        """See ``KeyStore``."""
        with self._link.reading() as session:
            row = session.get(StoredKey, key_id)
            return None if row is None or row.revoked else _kept(row)

    def keys_of(self, ids: Collection[str]) -> dict[str, KeptKey]:
        """See ``KeyStore``."""
        wanted = select(StoredKey).where(
            col(StoredKey.id).in_(ids), col(StoredKey.revoked).is_(None)
        )
        with self._link.reading() as session:
            return {row.id: _kept(row) for row in session.exec(wanted)}

    def keys(self) -> list[KeptKey]:
        """See ``KeyStore``."""
        wanted = select(StoredKey).order_by(col(StoredKey.created), col(StoredKey.id))
        with self._link.reading() as session:
            return [_kept(row) for row in session.exec(wanted)]

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


def _kept(row: StoredKey) -> KeptKey:
    return KeptKey(**row.model_dump())
