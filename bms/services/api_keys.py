"""API keys: made here, shown once, kept as a digest."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bms.errors import ConfigError, StoreUnavailable
from bms.model.assets.address import SupplierAddress
from bms.model.assets.point import Point, Privacy
from bms.model.control.kept_key import KeptKey
from bms.ports.storage.keys import KeyStore

PREFIX = "bms"
SCOPE = re.compile(
    r"read|operate|ingest(:[a-z0-9][a-z0-9_-]*)?|controller:[a-z0-9_-]+/[A-Za-z0-9_.-]+"
)
REMEMBERED_S = 24 * 3600.0
"""How long a key that was found is good without the database [s, real]."""
SUPPLIER_KEY_LASTS = timedelta(days=365)
SCOPES = "read, operate, ingest, ingest:SITE or controller:SITE/DEVICE"


@dataclass(frozen=True, slots=True)
class Key:
    """Who asks, and what they may: ``read``, ``operate``, ``ingest``, ``ingest:<site id>`` or
    ``controller:<device id>``."""

    id: str
    scope: str
    name: str

    @property
    def may_operate(self) -> bool:
        return self.scope == "operate"

    @property
    def may_read(self) -> bool:
        return self.scope in ("read", "operate")

    def may_see(self, point: Point) -> bool:
        """Whether this key may see readings of a point: personal ones are for those who operate."""
        return self.may_operate or (self.may_read and point.privacy is not Privacy.PERSONAL)

    def may_fetch(self, device: str) -> bool:
        """Whether this key is the controller's own, or a person's with all rights."""
        return self.scope == f"controller:{device}" or self.may_operate

    @property
    def may_ingest(self) -> bool:
        """Whether there is anything that this key may push."""
        return self.scope.split(":")[0] in ("operate", "ingest")

    def may_push(self, point: Point) -> bool:
        """Whether this key may push readings of a point: of a supplier's meter, of any site or of
        its own. What we read from a device takes no pushes: they would pass for what it says."""
        supplied = isinstance(point.address, SupplierAddress)
        return supplied and self.scope in ("operate", "ingest", f"ingest:{point.site}")


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
    if SCOPE.fullmatch(scope) is None:
        raise ConfigError(f"scope {scope!r} is not known; use {SCOPES}")
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
    return now + SUPPLIER_KEY_LASTS if scope.split(":")[0] == "ingest" else None


class KnownKeys(Protocol):
    """The part of a ``KeyStore`` that knows a key."""

    def key(self, key_id: str) -> KeptKey | None:
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
        try:
            found = self._keys.key(key_id)
        except StoreUnavailable:
            known = self._found.get(key_id)
            if known is None or self._monotonic() - known[0] > self._keep_s:
                raise
            return known[1]
        if found is None:
            self._found.pop(key_id, None)
        else:
            self._found[key_id] = (self._monotonic(), found)
        return found


def find_key(keys: KnownKeys, text: str, now: datetime) -> Key | None:
    """The key behind a text, None when it is unknown, revoked, expired or malformed."""
    parts = text.split("_", 2)
    if len(parts) != 3 or parts[0] != PREFIX:
        return None
    found = keys.key(parts[1])
    if found is None or not hmac.compare_digest(found.digest, digest(parts[2])):
        return None
    return Key(found.id, found.scope, found.name) if found.good_at(now) else None
