"""Keys of the API. Creating and revoking one leaves an entry in the audit."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from bms.model.control.kept_key import KeptKey


class KeyStore(Protocol):
    """Keys by their id; their secrets are never kept. Synchronous: call it off the event loop.

    Raises ``bms.errors.StoreUnavailable`` when the database is away.
    """

    def add_key(self, key: KeptKey, *, actor: str) -> None:
        """Keep a new key. Raises ``StoreError`` where the id is taken."""
        ...

    def key(self, key_id: str) -> KeptKey | None:
        """A key that is not revoked; it may have expired."""
        ...

    def keys_of(self, ids: Collection[str]) -> dict[str, KeptKey]:
        """Keys that are not revoked, by their id; those that are not there are left out."""
        ...

    def keys(self) -> list[KeptKey]:
        """All that there ever were, oldest first."""
        ...

    def revoke_key(self, key_id: str, at: datetime, *, actor: str, reason: str = "") -> None:
        """Revoke a key; twice is once. Raises ``NotFound``."""
        ...
