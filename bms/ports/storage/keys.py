"""Keys of the API. Creating and revoking one leaves an entry in the audit."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class KeyStore(Protocol):
    """Keys by their id; their secrets are never kept. Synchronous: call it off the event loop.

    Raises ``bms.errors.StoreUnavailable`` when the database is away.
    """

    def add_key(
        self, key_id: str, digest: str, scope: str, name: str, at: datetime, *, actor: str
    ) -> None:
        """Keep a key. ``digest`` is the SHA-256 of the secret; ``scope`` is ``read``, ``operate``,
        ``ingest``, ``ingest:<site id>`` or ``controller:<device id>``. Raises ``StoreError`` where
        the id is taken."""
        ...

    def key(self, key_id: str) -> tuple[str, str, str] | None:
        """(digest, scope, name) of a key that is not revoked."""
        ...

    def keys(self) -> list[tuple[str, str, str, datetime, datetime | None]]:
        """(id, scope, name, created, revoked), oldest first."""
        ...

    def revoke_key(self, key_id: str, at: datetime, *, actor: str, reason: str = "") -> None:
        """Revoke a key; twice is once. Raises ``NotFound``."""
        ...
