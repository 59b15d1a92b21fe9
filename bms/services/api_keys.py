"""API keys: made here, shown once, kept as a digest."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from bms.errors import ConfigError
from bms.model.assets.point import Point
from bms.ports.storage.keys import KeyStore

PREFIX = "bms"
SCOPE = re.compile(
    r"read|operate|ingest(:[a-z0-9][a-z0-9_-]*)?|controller:[a-z0-9_-]+/[A-Za-z0-9_.-]+"
)
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

    def may_fetch(self, device: str) -> bool:
        """Whether this key is the controller's own, or a person's with all rights."""
        return self.scope == f"controller:{device}" or self.may_operate

    @property
    def may_ingest(self) -> bool:
        """Whether there is anything that this key may push."""
        return self.scope.split(":")[0] in ("operate", "ingest", "controller")

    def may_push(self, point: Point) -> bool:
        """Whether this key may push readings of a point: any, those of its site, or those of its
        controller."""
        if self.scope in ("operate", "ingest", f"ingest:{point.site}"):
            return True
        return bool(point.device) and self.scope == f"controller:{point.device}"


def digest(secret: str) -> str:
    """SHA-256 of a secret of 256 random bits; such a secret needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create_key(keys: KeyStore, *, name: str, scope: str, now: datetime, actor: str) -> str:
    """Make a key and return its text, which is shown once. ``actor`` made it, says the audit.

    Raises ``ConfigError`` for a scope that does not exist.
    """
    if SCOPE.fullmatch(scope) is None:
        raise ConfigError(f"scope {scope!r} is not known; use {SCOPES}")
    key_id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    keys.add_key(key_id, digest(secret), scope, name, now, actor=actor)
    return f"{PREFIX}_{key_id}_{secret}"


def find_key(keys: KeyStore, text: str) -> Key | None:
    """The key behind a text, None when it is unknown, revoked or malformed."""
    parts = text.split("_", 2)
    if len(parts) != 3 or parts[0] != PREFIX:
        return None
    found = keys.key(parts[1])
    if found is None or not hmac.compare_digest(found[0], digest(parts[2])):
        return None
    return Key(parts[1], found[1], found[2])
