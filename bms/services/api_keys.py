"""API keys: made here, shown once, kept as a digest."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Protocol

from bms.errors import ConfigError, StoreUnavailable
from bms.model.access.actor import Actor
from bms.model.access.grant import Grant
from bms.model.control.kept_key import KeptKey
from bms.ports.storage.keys import KeyStore

PREFIX = "bms"
REMEMBERED_S = 24 * 3600.0
"""How long a key that was found is good without the database [s, real]."""
SUPPLIER_KEY_LASTS = timedelta(days=365)


def digest(secret: str) -> str:
    """SHA-256 of a secret of 256 random bits; such a secret needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create_key(
    keys: KeyStore,
    *,
    name: str,
    scope: str,
    now: datetime,
    actor: str,
    expires: datetime | None = None,
) -> str:
    """Make a key and return its text, which is shown once. ``actor`` made it, says the audit.

    Raises ``ConfigError`` for a scope that does not exist and an end that is over.
    """
    Grant.of(scope)
    if expires is not None and expires <= now:
        raise ConfigError(f"the key would have expired at {expires.isoformat()} already")
    key_id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    key = KeptKey(
        id=key_id, digest=digest(secret), scope=scope, name=name, created=now, expires=expires
    )
    keys.add_key(key, actor=actor)
    return f"{PREFIX}_{key_id}_{secret}"


def default_expiry(scope: str, now: datetime) -> datetime | None:
    """When a new key ends of which nobody said it: a supplier's after a year, others not."""
    return now + SUPPLIER_KEY_LASTS if Grant.of(scope).name == "ingest" else None


class KnownKeys(Protocol):
    """The part of a ``KeyStore`` that knows a key."""

    def key(self, key_id: str) -> KeptKey | None:
        """See ``KeyStore``."""
        ...

    def keys_of(self, ids: Collection[str]) -> dict[str, KeptKey]:
        """See ``KeyStore``."""
        ...


class RememberedKeys:
    """``KnownKeys`` of a database that may be away.

    A key that this process has found is remembered for ``keep_s`` [s, real] as it was found last,
    so that a person can say "hands off" while the database cannot be asked. A key that is revoked
    meanwhile counts until the database answers.
    """

    def __init__(
        self,
        keys: KnownKeys,
        keep_s: float = REMEMBERED_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys
        self._keep_s = keep_s
        self._monotonic = monotonic
        self._found: dict[str, tuple[float, KeptKey]] = {}

    def key(self, key_id: str) -> KeptKey | None:
        """See ``KeyStore``."""
        return self.keys_of([key_id]).get(key_id)

    def keys_of(self, ids: Collection[str]) -> dict[str, KeptKey]:
        """See ``KeyStore``."""
        try:
            found = self._keys.keys_of(ids)
        except StoreUnavailable:
            known = {id_: self._found[id_] for id_ in ids if id_ in self._found}
            oldest = self._monotonic() - self._keep_s
            if len(known) < len(ids) or any(at < oldest for at, _ in known.values()):
                raise
            return {id_: key for id_, (_, key) in known.items()}
        for id_ in ids:
            if id_ in found:
                self._found[id_] = (self._monotonic(), found[id_])
            else:
                self._found.pop(id_, None)
        return found


def find_key(keys: KnownKeys, text: str, now: datetime) -> Actor | None:
    """Who has the key of a text, None when it is unknown, revoked, expired or malformed."""
    id_ = id_in(text)
    return None if id_ is None else actor_by(keys.key(id_), text, now)


def id_in(text: str) -> str | None:
    """The id of the key of a text; None where it is malformed."""
    parts = text.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == PREFIX else None


def actor_by(found: KeptKey | None, text: str, now: datetime) -> Actor | None:
    """Who has the key of a text, if it is this one that is kept."""
    secret = text.split("_", 2)[-1]
    if found is None or not hmac.compare_digest(found.digest, digest(secret)):
        return None
    if not found.good_at(now):
        return None
    return Actor(id=found.id, name=found.name, grants=(Grant.of(found.scope),))
