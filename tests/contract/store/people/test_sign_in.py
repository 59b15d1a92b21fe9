"""People who sign in and their sessions: what every store promises about them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from bms.errors import NotFound, StoreError
from bms.model.access.people import SignInWay
from bms.model.control.audit import Action, AuditSearch
from bms.model.control.evidence import CITY, EvidenceKind, Part
from bms.ports.sign_in import ProvidedIdentity
from bms.services.access.provided import person_of_provider
from tests.rigs.fakes.store import HOUR, MONDAY, a_person, a_session
from tests.rigs.storage.evidence_rows import a_pruning
from tests.rigs.storage.stores import AnyStore

KARI = a_person("u1", name="kari", grants="facility_manager@lodge")
OLE = a_person("u2", name="ole", password=None, subject="https://id.example 77", grants="")


def done(store: AnyStore) -> list[tuple[Action, str, str]]:
    return [(e.action, e.actor, e.subject) for e in reversed(store.audit(AuditSearch()))]


class TestPeople:
    def test_they_come_back_whole_by_name_and_by_subject(self, store: AnyStore) -> None:
        for person in (KARI, OLE):
            store.add_person(person, actor="root")
        assert store.person("kari") == KARI
        assert store.person_of("https://id.example 77") == OLE
        assert store.person("ida") is store.person_of("nobody") is None
        assert store.person("") is store.person_of("") is None
        assert store.people() == [KARI, OLE]
        [first, _] = store.audit(AuditSearch())[::-1]
        assert (first.action, first.actor, first.subject) == (Action.CREATE_USER, "root", "u1")
        assert "kari: facility_manager@lodge" in first.reason
        assert "hash" not in first.reason

    @pytest.mark.parametrize("same", [{"name": "kari"}, {"id": "u1"}, {"subject": "s"}])
    def test_a_name_is_one_persons_for_good(self, store: AnyStore, same: dict[str, str]) -> None:
        store.add_person(replace(KARI, subject="s"), actor="root")
        store.revoke_person("kari", MONDAY, actor="root")
        other = replace(OLE, **{"id": "u9", "name": "other", **same})  # type: ignore[arg-type]
        with pytest.raises(StoreError, match="choose another name"):
            store.add_person(other, actor="root")
        assert len(store.people()) == 1

    def test_first_sign_ins_of_one_moment_are_one_person(self, store: AnyStore) -> None:
        """Two windows, two processes, or a double click."""
        identity = ProvidedIdentity(subject="https://id.example 77", name="ole", groups=())
        namesake = replace(identity, subject="https://id.example 78")
        together = threading.Barrier(8)

        def sign_in(number: int) -> str:
            together.wait(timeout=10)
            who = namesake if number % 4 == 3 else identity
            return person_of_provider(store, who, "viewer", MONDAY).id

        with ThreadPoolExecutor(8) as threads:
            ids = list(threads.map(sign_in, range(8)))
        assert len({id_ for number, id_ in enumerate(ids) if number % 4 != 3}) == 1
        assert len({person.name for person in store.people()}) == len(store.people()) == 2

    def test_who_is_revoked_has_no_password_and_no_session(self, store: AnyStore) -> None:
        store.add_person(KARI, actor="root")
        for name in ("s1", "s2"):
            store.add_session(a_session(name, "u1", way=SignInWay.PASSWORD), MONDAY)
        store.add_session(a_session("s3", "u7"), MONDAY)
        assert store.revoke_person("kari", MONDAY + HOUR, actor="root", reason="left") == 2
        assert store.revoke_person("kari", MONDAY + 2 * HOUR, actor="root") == 0
        kept = store.person("kari")
        assert kept == replace(KARI, revoked=MONDAY + HOUR, password=None)
        assert [session.id for session in store.sessions()] == ["s3"]
        assert store.session("of s1") is None
        assert done(store)[-1] == (Action.REVOKE_USER, "root", "u1")
        with pytest.raises(StoreError, match="kari"):
            store.add_session(a_session("s4", "u1", way=SignInWay.PASSWORD), MONDAY)

    def test_a_new_password_ends_every_session(self, store: AnyStore) -> None:
        store.add_person(KARI, actor="root")
        store.add_person(OLE, actor="root")
        store.add_session(a_session("s1", "u1", way=SignInWay.PASSWORD), MONDAY)
        store.set_password("kari", "another hash", MONDAY, actor="kari")
        assert store.person("kari") == replace(KARI, password="another hash")
        assert store.sessions() == []
        assert done(store)[-1] == (Action.SET_PASSWORD, "kari", "u1")
        with pytest.raises(NotFound, match="ole"):
            store.set_password("ole", "x", MONDAY, actor="kari")

    def test_nobody_is_found_by_a_name_that_nobody_has(self, store: AnyStore) -> None:
        for name in ("ida", ""):
            with pytest.raises(NotFound):
                store.revoke_person(name, MONDAY, actor="root")
            with pytest.raises(NotFound):
                store.set_password(name, "x", MONDAY, actor="root")

    def test_the_names_of_who_has_left_are_removed_and_the_chain_stays_whole(
        self, store: AnyStore
    ) -> None:
        for person in (KARI, OLE):
            store.add_person(person, actor="root")
        store.revoke_person("ole", MONDAY, actor="root")
        pruning = a_pruning(EvidenceKind.PERSON, Part.APART, site=CITY, before=MONDAY + HOUR)
        [removal] = store.prune(pruning)
        assert removal.rows == 1
        assert [person.name for person in store.people()] == ["kari", ""]
        assert store.person_of("https://id.example 77") is None
        assert store.verify().flaws == ()


class TestSessions:
    def test_they_come_back_whole_until_they_are_ended(self, store: AnyStore) -> None:
        first, second = a_session("s1"), a_session("s2", begun=MONDAY + HOUR)
        for session in (second, first):
            store.add_session(session, session.begun)
        assert store.sessions() == [first, second]
        assert store.session("of s1") == first
        assert store.session("s1") is None
        for _ in range(2):
            store.end_session("s1", MONDAY + HOUR, actor="kari", reason="signed out")
        assert store.session("of s1") is None
        assert store.sessions() == [second]
        assert done(store)[1:] == [
            (Action.LOGIN, "kari", "s1"),
            (Action.END_SESSION, "kari", "s1"),
        ]
        with pytest.raises(NotFound, match="s9"):
            store.end_session("s9", MONDAY, actor="kari")

    def test_the_last_use_only_moves_on(self, store: AnyStore) -> None:
        store.add_session(a_session("s1"), MONDAY)
        for at in (MONDAY + 2 * HOUR, MONDAY + HOUR):
            store.seen("of s1", at)
        store.seen("of nobody", MONDAY)
        found = store.session("of s1")
        assert found is not None
        assert found.seen == MONDAY + 2 * HOUR

    def test_what_is_long_over_is_forgotten(self, store: AnyStore) -> None:
        day = timedelta(days=1)
        store.add_session(a_session("over"), MONDAY)
        store.add_session(a_session("ended", until=MONDAY + 9 * day), MONDAY)
        store.end_session("ended", MONDAY + HOUR, actor="kari")
        store.add_session(a_session("good", until=MONDAY + 9 * day), MONDAY)
        assert store.forget_sessions(MONDAY + HOUR) == 0
        assert store.forget_sessions(MONDAY + day) == 2
        assert [session.id for session in store.sessions()] == ["good"]
