"""People who sign in, and their sessions, as they are kept: no password and no token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPerson:
    """``name`` is what they sign in with and what stands in the audit.

    ``password`` is an Argon2id hash, None for people of a provider; ``subject`` is the issuer and
    its name for them, None for people with a password. ``grants`` are those of people with a
    password (``bms.model.access.grant``).
    """

    id: str
    name: str
    grants: str
    created: datetime
    password: str | None = None
    subject: str | None = None
    revoked: datetime | None = None


class SignInWay(StrEnum):
    """How a session began."""

    PASSWORD = "password"  # noqa: S105 - the way, not the secret
    PROVIDER = "provider"
    KEY = "key"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSession:
    """``digest`` is the SHA-256 of the token, ``of`` the id of the person or key, ``id`` what it is
    called by. Nobody is known by it from ``until`` on, and once it was idle for too long."""

    digest: str
    id: str
    of: str
    name: str
    way: SignInWay
    grants: str
    begun: datetime
    seen: datetime
    until: datetime
    ended: datetime | None = None
