"""Keys of the API in memory."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from bms.errors import NotFound, StoreError
from bms.model.control.audit import Action
from bms.model.control.evidence import EvidenceKind, Pruning
from bms.model.control.kept_key import KeptKey
from bms.model.epoch import to_micros
from bms.store.ledger_rules import key_reason
from bms.store.memory.audit import MemoryAudit


class MemoryKeys(MemoryAudit):
    """Implements ``KeyStore``."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: dict[str, KeptKey] = {}

    def add_key(self, key: KeptKey, *, actor: str) -> None:
        """See ``KeyStore``."""
        if key.id in self._keys:
            raise StoreError(f"a key {key.id} exists already; choose another id")
        at = key.created
        to_micros(at)
        self._keys[key.id] = key
        self._prove(EvidenceKind.KEY, None, key.id, at, (key.digest, key.scope), key.name)
        if key.expires is not None:
            to_micros(key.expires)
            self._prove(EvidenceKind.KEY_EXPIRY, None, key.id, at, key.expires)
        what = key_reason(key)
        self.note(Action.CREATE_KEY, key.id, at=at, actor=actor, site=None, reason=what)

    def _over(self, kind: EvidenceKind, row: str, at: datetime) -> datetime | None:
        if kind is EvidenceKind.KEY:
            ends = (self._keys[row].revoked, self._keys[row].expires)
            return min((end for end in ends if end is not None), default=None)
        return super()._over(kind, row, at)

    def _forget(self, pruning: Pruning, row: str) -> None:
        if pruning.kind is EvidenceKind.KEY:
            self._keys[row] = replace(self._keys[row], name="")
        super()._forget(pruning, row)

    def key(self, key_id: str) -> KeptKey | None:
        """See ``KeyStore``."""
        key = self._keys.get(key_id)
        return None if key is None or key.revoked else key

    def keys_of(self, ids: Collection[str]) -> dict[str, KeptKey]:
        """See ``KeyStore``."""
        return {key.id: key for key in map(self.key, ids) if key is not None}

    def keys(self) -> list[KeptKey]:
        """See ``KeyStore``."""
        return sorted(self._keys.values(), key=lambda key: (key.created, key.id))

    def revoke_key(self, key_id: str, at: datetime, *, actor: str, reason: str = "") -> None:
        """See ``KeyStore``."""
        to_micros(at)
        if key_id not in self._keys:
            raise NotFound(f"there is no key {key_id}")
        key = self._keys[key_id]
        if key.revoked is None:
            self._keys[key_id] = replace(key, revoked=at)
            self._prove(EvidenceKind.KEY_END, None, key_id, at, at)
            self.note(Action.REVOKE_KEY, key_id, at=at, actor=actor, site=None, reason=reason)
