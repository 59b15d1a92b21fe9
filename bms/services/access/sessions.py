"""Sessions: begun at a sign-in, known by a token that only the browser has."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from bms.model.access.actor import Actor
from bms.model.access.grant import grants_of
from bms.model.access.people import KeptPerson, KeptSession, SignInWay
from bms.ports.storage.people import PeopleStore
from bms.services.api_keys import KnownKeys, digest

LASTS = timedelta(days=7)
"""How long a session is good at most, however much it is used."""
PROVIDED_LASTS = timedelta(hours=12)
"""How long one is good that began with a provider: whom it knows no more is let in no more."""
IDLE = timedelta(hours=12)
"""How long a session is good without being used."""
SEEN_EVERY = timedelta(minutes=5)
"""How exactly its last use is kept."""
KEPT = timedelta(days=90)
"""How long it is kept that there was a session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Who has signed in, how, and with which grants."""

    of: str
    name: str
    way: SignInWay
    grants: str
    lasts: timedelta = LASTS

    @classmethod
    def with_password(cls, person: KeptPerson) -> SignedIn:
        return cls(of=person.id, name=person.name, way=SignInWay.PASSWORD, grants=person.grants)


def begin_session(people: PeopleStore, who: SignedIn, *, now: datetime, at: datetime) -> str:
    """Keep a new session and return its token. ``now`` is what sessions end by, ``at`` building
    time for the audit. Raises ``StoreError`` where the person was revoked meanwhile."""
    token = secrets.token_urlsafe(32)
    kept = KeptSession(
        digest=digest(token),
        id=secrets.token_hex(4),
        of=who.of,
        name=who.name,
        way=who.way,
        grants=who.grants,
        begun=now,
        seen=now,
        until=now + who.lasts,
    )
    people.add_session(kept, at)
    return token


def good_at(session: KeptSession, now: datetime) -> bool:
    """Whether a session that was not ended still counts."""
    return now < session.until and now - session.seen < IDLE


def find_session(
    people: PeopleStore, keys: KnownKeys, token: str, *, now: datetime, at: datetime
) -> Actor | None:
    """Who has the session of this token; None where it is unknown, over or ended, or where the key
    that it began with is no longer good ``at`` building time."""
    session = people.session(digest(token))
    if session is None or not good_at(session, now):
        return None
    if session.way is SignInWay.KEY:
        key = keys.key(session.of)
        if key is None or not key.good_at(at):
            return None
    if now - session.seen >= SEEN_EVERY:
        people.seen(session.digest, now)
    grants = grants_of(session.grants)
    return Actor(id=session.of, name=session.name, grants=grants, session=session.id)
