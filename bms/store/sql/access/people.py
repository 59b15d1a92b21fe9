"""People who sign in and their sessions in SQL."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import ColumnElement, delete, or_, update
from sqlmodel import Session, col, select

from bms.errors import NotFound, StoreError
from bms.model.access.people import KeptPerson, KeptSession, SignInWay
from bms.model.control.audit import Action
from bms.model.control.evidence import CITY
from bms.store.database.connection import Linked
from bms.store.database.tables import StoredPerson, StoredSession
from bms.store.ledger_rules import name_taken, no_person, no_session, person_reason
from bms.store.sql.audit import note
from bms.store.sql.chains.proofs import hold_chain


class SqlPeople(Linked):
    """Implements ``PeopleStore``."""

    def add_person(self, person: KeptPerson, *, actor: str) -> None:
        """See ``PeopleStore``."""
        taken = [col(StoredPerson.name) == person.name, col(StoredPerson.id) == person.id]
        if person.subject is not None:
            taken.append(col(StoredPerson.subject) == person.subject)
        with self._link.writing(durable=True) as session:
            hold_chain(session, CITY)  # one person after the other: names are looked for, then kept
            if session.exec(select(StoredPerson.id).where(or_(*taken))).first() is not None:
                raise StoreError(name_taken(person.name))
            session.add(StoredPerson(**asdict(person)))
            why = person_reason(person)
            note(
                session,
                Action.CREATE_USER,
                person.id,
                at=person.created,
                actor=actor,
                site=None,
                reason=why,
            )

    def person(self, name: str) -> KeptPerson | None:
        """See ``PeopleStore``."""
        return self._one(col(StoredPerson.name) == name) if name else None

    def person_of(self, subject: str) -> KeptPerson | None:
        """See ``PeopleStore``."""
        return self._one(col(StoredPerson.subject) == subject) if subject else None

    def _one(self, which: ColumnElement[bool]) -> KeptPerson | None:
        with self._link.reading() as session:
            row = session.exec(select(StoredPerson).where(which)).first()
            return None if row is None else _person(row)

    def people(self) -> list[KeptPerson]:
        """See ``PeopleStore``."""
        wanted = select(StoredPerson).order_by(col(StoredPerson.created), col(StoredPerson.id))
        with self._link.reading() as session:
            return [_person(row) for row in session.exec(wanted)]

    def set_password(self, name: str, password: str, at: datetime, *, actor: str) -> None:
        """See ``PeopleStore``."""
        with self._link.writing(durable=True) as session:
            row = _standing(session, name)
            if row is None or row.password is None:
                raise NotFound(no_person(name))
            row.password = password
            _end_all(session, row.id, at)
            note(session, Action.SET_PASSWORD, row.id, at=at, actor=actor, site=None)

    def revoke_person(self, name: str, at: datetime, *, actor: str, reason: str = "") -> int:
        """See ``PeopleStore``."""
        with self._link.writing(durable=True) as session:
            row = _standing(session, name)
            if row is None:
                raise NotFound(no_person(name))
            if row.revoked is None:
                row.revoked, row.password = at, None
                note(
                    session,
                    Action.REVOKE_USER,
                    row.id,
                    at=at,
                    actor=actor,
                    site=None,
                    reason=reason,
                )
            return _end_all(session, row.id, at)

    def add_session(self, session: KeptSession, at: datetime) -> None:
        """See ``PeopleStore``."""
        with self._link.writing(durable=True) as tx:
            if session.way is not SignInWay.KEY:
                person = tx.get(StoredPerson, session.of, with_for_update=True)
                if person is None or person.revoked is not None:
                    raise StoreError(no_person(session.name))
            tx.add(StoredSession(**asdict(session)))
            why = session.way.value
            note(tx, Action.LOGIN, session.id, at=at, actor=session.name, site=None, reason=why)

    def session(self, digest: str) -> KeptSession | None:
        """See ``PeopleStore``."""
        with self._link.reading() as session:
            row = session.get(StoredSession, digest)
            return None if row is None or row.ended is not None else _session(row)

    def seen(self, digest: str, at: datetime) -> None:
        """See ``PeopleStore``."""
        which = (col(StoredSession.digest) == digest, col(StoredSession.seen) < at)
        with self._link.writing(durable=False) as session:
            session.connection().execute(update(StoredSession).where(*which).values(seen=at))

    def sessions(self) -> list[KeptSession]:
        """See ``PeopleStore``."""
        wanted = (
            select(StoredSession)
            .where(col(StoredSession.ended).is_(None))
            .order_by(col(StoredSession.begun), col(StoredSession.id))
        )
        with self._link.reading() as session:
            return [_session(row) for row in session.exec(wanted)]

    def end_session(self, session_id: str, at: datetime, *, actor: str, reason: str = "") -> None:
        """See ``PeopleStore``."""
        wanted = select(StoredSession).where(StoredSession.id == session_id)
        with self._link.writing(durable=True) as session:
            row = session.exec(wanted.with_for_update()).first()
            if row is None:
                raise NotFound(no_session(session_id))
            if row.ended is None:
                row.ended = at
                note(
                    session,
                    Action.END_SESSION,
                    row.id,
                    at=at,
                    actor=actor,
                    site=None,
                    reason=reason,
                )

    def forget_sessions(self, before: datetime) -> int:
        """See ``PeopleStore``."""
        over = or_(col(StoredSession.until) < before, col(StoredSession.ended) < before)
        with self._link.writing(durable=False) as session:
            return session.connection().execute(delete(StoredSession).where(over)).rowcount


def _standing(session: Session, name: str) -> StoredPerson | None:
    if not name:
        return None
    wanted = select(StoredPerson).where(StoredPerson.name == name)
    return session.exec(wanted.with_for_update()).first()


def _end_all(session: Session, whose: str, at: datetime) -> int:
    which = (col(StoredSession.of) == whose, col(StoredSession.ended).is_(None))
    ended = session.connection().execute(update(StoredSession).where(*which).values(ended=at))
    return ended.rowcount


def _person(row: StoredPerson) -> KeptPerson:
    return KeptPerson(**row.model_dump())


def _session(row: StoredSession) -> KeptSession:
    return KeptSession(**{**row.model_dump(), "way": SignInWay(row.way)})
