"""Keys of the API in memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bms.errors import NotFound, StoreError
from bms.model.control.audit import Action
from bms.model.control.evidence import EvidenceKind
from bms.model.epoch import to_micros
from bms.store.memory.audit import MemoryAudit
from bms.store.records import key_reason


@dataclass(frozen=True, slots=True)
class _Key:
    digest: str
    scope: str
    name: str
    created: datetime
    revoked: datetime | None = None


class MemoryKeys(MemoryAudit):
    """Implements ``KeyStore``."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: dict[str, _Key] = {}

    def add_key(
        self, key_id: str, digest: str, scope: str, name: str, at: datetime, *, actor: str
    ) -> None:
        """See ``KeyStore``."""
        if key_id in self._keys:
            raise StoreError(f"a key {key_id} exists already; choose another id")
        to_micros(at)
        self._keys[key_id] = _Key(digest, scope, name, at)
        self._prove(EvidenceKind.KEY, None, key_id, at, (digest, scope), name)
        what = key_reason(scope, name)
        self._note(Action.CREATE_KEY, key_id, at=at, actor=actor, site=None, reason=what)

    def key(self, key_id: str) -> tuple[str, str, str] | None:
        """See ``KeyStore``."""
        key = self._keys.get(key_id)
        return None if key is None or key.revoked else (key.digest, key.scope, key.name)

    def keys(self) -> list[tuple[str, str, str, datetime, datetime | None]]:
        """See ``KeyStore``."""
        rows = [(i, k.scope, k.name, k.created, k.revoked) for i, k in list(self._keys.items())]
        return sorted(rows, key=lambda row: (row[3], row[0]))

    def revoke_key(self, key_id: str, at: datetime, *, actor: str, reason: str = "") -> None:
        """See ``KeyStore``."""
        to_micros(at)
        if key_id not in self._keys:
            raise NotFound(f"there is no key {key_id}")
        key = self._keys[key_id]
        if key.revoked is None:
            self._keys[key_id] = _Key(key.digest, key.scope, key.name, key.created, at)
            self._prove(EvidenceKind.KEY_END, None, key_id, at, at)
            self._note(Action.REVOKE_KEY, key_id, at=at, actor=actor, site=None, reason=reason)
