"""People who sign in, and their sessions. What is done to them leaves an entry in the audit."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from bms.model.access.people import KeptPerson, KeptSession


class PeopleStore(Protocol):
    """People by name, sessions by the digest of their token. Synchronous: call it off the event
    loop.

    Raises ``bms.errors.StoreUnavailable`` when the database is away.
    """

    def add_person(self, person: KeptPerson, *, actor: str) -> None:
        """Keep a new person. Raises ``StoreError`` where the name, the subject or the id is taken,
        by somebody who was revoked, too."""
        ...

    def person(self, name: str) -> KeptPerson | None:
        """Somebody by name, revoked or not."""
        ...

    def person_of(self, subject: str) -> KeptPerson | None:
        """Somebody of a provider, revoked or not."""
        ...

    def people(self) -> list[KeptPerson]:
        """All that there ever were, oldest first."""
        ...

    def set_password(self, name: str, password: str, at: datetime, *, actor: str) -> None:
        """Keep the hash of a new password and end every session. Raises ``NotFound``."""
        ...

    def revoke_person(self, name: str, at: datetime, *, actor: str, reason: str = "") -> int:
        """Nobody signs in by this name any more, and every session of theirs ends.

        Twice is once. Returns how many sessions ended [1]. Raises ``NotFound``.
        """
        ...

    def add_session(self, session: KeptSession, at: datetime) -> None:
        """Keep a session that begins; ``at`` is the moment for the audit [building time].

        Raises ``StoreError`` where its person was revoked meanwhile.
        """
        ...

    def session(self, digest: str) -> KeptSession | None:
        """A session that was not ended; it may be over."""
        ...

    def seen(self, digest: str, at: datetime) -> None:
        """A session was used at ``at``; one that is gone is no error."""
        ...

    def sessions(self) -> list[KeptSession]:
        """Those that were not ended, the oldest first; they may be over."""
        ...

    def end_session(self, session_id: str, at: datetime, *, actor: str, reason: str = "") -> None:
        """End a session; twice is once. Raises ``NotFound``."""
        ...

    def forget_sessions(self, before: datetime) -> int:
        """Delete sessions that were over or ended before ``before``. Returns how many [1]."""
        ...
