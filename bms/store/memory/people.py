"""People who sign in and their sessions in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from bms.errors import NotFound, StoreError
from bms.model.access.people import KeptPerson, KeptSession, SignInWay
from bms.model.control.audit import Action
from bms.model.control.evidence import EvidenceKind, Pruning
from bms.model.epoch import to_micros
from bms.store.ledger_rules import name_taken, no_person, no_session, person_reason
from bms.store.memory.audit import MemoryAudit


class MemoryPeople(MemoryAudit):
    """Implements ``PeopleStore``."""

    def __init__(self) -> None:
        super().__init__()
        self._people: dict[str, KeptPerson] = {}
        self._sessions: dict[str, KeptSession] = {}
        self._adding = threading.Lock()

    def add_person(self, person: KeptPerson, *, actor: str) -> None:
        """See ``PeopleStore``."""
        at = person.created
        to_micros(at)
        with self._adding:
            known = self._people.values()
            names, subjects = {p.name for p in known}, {p.subject for p in known} - {None}
            if person.name in names or person.subject in subjects or person.id in self._people:
                raise StoreError(name_taken(person.name))
            self._people[person.id] = person
        who = [field for field in (person.name, person.subject) if field is not None]
        self._prove(EvidenceKind.PERSON, None, person.id, at, person.grants, *who)
        why = person_reason(person)
        self.note(Action.CREATE_USER, person.id, at=at, actor=actor, site=None, reason=why)

    def _over(self, kind: EvidenceKind, row: str, at: datetime) -> datetime | None:
        if kind is EvidenceKind.PERSON:
            return self._people[row].revoked
        return super()._over(kind, row, at)

    def _forget(self, pruning: Pruning, row: str) -> None:
        if pruning.kind is EvidenceKind.PERSON:
            self._people[row] = replace(self._people[row], name="", subject="")
        super()._forget(pruning, row)

    def person(self, name: str) -> KeptPerson | None:
        """See ``PeopleStore``."""
        return self._one(lambda person: person.name == name) if name else None

    def person_of(self, subject: str) -> KeptPerson | None:
        """See ``PeopleStore``."""
        return self._one(lambda person: person.subject == subject) if subject else None

    def _one(self, which: Callable[[KeptPerson], bool]) -> KeptPerson | None:
        return next(filter(which, self._people.values()), None)

    def people(self) -> list[KeptPerson]:
        """See ``PeopleStore``."""
        return sorted(self._people.values(), key=lambda person: (person.created, person.id))

    def set_password(self, name: str, password: str, at: datetime, *, actor: str) -> None:
        """See ``PeopleStore``."""
        person = self.person(name)
        if person is None or person.password is None:
            raise NotFound(no_person(name))
        self._people[person.id] = replace(person, password=password)
        self._end_all(person.id, at)
        self.note(Action.SET_PASSWORD, person.id, at=at, actor=actor, site=None)

    def revoke_person(self, name: str, at: datetime, *, actor: str, reason: str = "") -> int:
        """See ``PeopleStore``."""
        person = self.person(name)
        if person is None:
            raise NotFound(no_person(name))
        if person.revoked is None:
            to_micros(at)
            self._people[person.id] = replace(person, revoked=at, password=None)
            self._prove(EvidenceKind.PERSON_END, None, person.id, at, at)
            self.note(Action.REVOKE_USER, person.id, at=at, actor=actor, site=None, reason=reason)
        return self._end_all(person.id, at)

    def _end_all(self, whose: str, at: datetime) -> int:
        theirs = [s for s in self._sessions.values() if s.of == whose and s.ended is None]
        self._sessions.update({s.digest: replace(s, ended=at) for s in theirs})
        return len(theirs)

    def add_session(self, session: KeptSession, at: datetime) -> None:
        """See ``PeopleStore``."""
        if session.way is not SignInWay.KEY:
            person = self._people.get(session.of)
            if person is None or person.revoked is not None:
                raise StoreError(no_person(session.name))
        self._sessions[session.digest] = session
        why = session.way.value
        self.note(Action.LOGIN, session.id, at=at, actor=session.name, site=None, reason=why)

    def session(self, digest: str) -> KeptSession | None:
        """See ``PeopleStore``."""
        found = self._sessions.get(digest)
        return None if found is None or found.ended is not None else found

    def seen(self, digest: str, at: datetime) -> None:
        """See ``PeopleStore``."""
        found = self._sessions.get(digest)
        if found is not None and found.seen < at:
            self._sessions[digest] = replace(found, seen=at)

    def sessions(self) -> list[KeptSession]:
        """See ``PeopleStore``."""
        found = [session for session in self._sessions.values() if session.ended is None]
        return sorted(found, key=lambda session: (session.begun, session.id))

    def end_session(self, session_id: str, at: datetime, *, actor: str, reason: str = "") -> None:
        """See ``PeopleStore``."""
        found = next((s for s in self._sessions.values() if s.id == session_id), None)
        if found is None:
            raise NotFound(no_session(session_id))
        if found.ended is None:
            self._sessions[found.digest] = replace(found, ended=at)
            self.note(Action.END_SESSION, session_id, at=at, actor=actor, site=None, reason=reason)

    def forget_sessions(self, before: datetime) -> int:
        """See ``PeopleStore``."""
        gone = [
            session.digest
            for session in self._sessions.values()
            if min(session.until, session.ended or session.until) < before
        ]
        for digest in gone:
            del self._sessions[digest]
        return len(gone)
