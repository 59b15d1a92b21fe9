"""The evidence: what every store promises about its chains (clause W16)."""

from __future__ import annotations

import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from bms.errors import NotFound
from bms.model.assets.site import Mode
from bms.model.control.audit import AuditSearch
from bms.model.control.command import Accepted
from bms.model.control.evidence import (
    CITY,
    ChainHead,
    EvidenceKind,
    FlawReason,
    Part,
    Verification,
)
from bms.ports.storage.whole import Store
from bms.services.evidence.retention import prunings
from bms.store.database import schema
from bms.store.database.connection import Link
from bms.store.evidence.chain import digest, entry_hash
from bms.store.sql.store import SqlStore
from tests.rigs.fakes.store import HOUR, MONDAY, a_plan
from tests.rigs.storage.evidence_rows import (
    OLD,
    SITE,
    a_booking,
    a_command,
    a_pruning,
    an_override,
    fill,
)
from tests.rigs.storage.stores import AnyStore


def codes(found: Verification) -> list[str]:
    return [flaw.what.code for flaw in found.flaws]


PEOPLE = {
    "bo",
    "eva",
    "kari",
    "ole",
    "mette",
    "Ann",
    "tablet",
    "choir",
    "burst pipe",
    "by the plan",
}
"""Who did something, and words that they said, in ``fill``."""


def told(store: AnyStore) -> set[str]:
    """Every word that the store still says of what people did."""
    everything = (
        store.audit(AuditSearch()),
        store.modes_said([SITE]),
        store.overrides(SITE, MONDAY + HOUR / 2),
        store.receipts(SITE, OLD),
        store.events(SITE),
        store.baselines(SITE),
        store.measures(SITE),
        store.trials(SITE),
        store.commissionings(SITE),
        store.steps_back(SITE),
        store.bookings(SITE, OLD),
        store.keys(),
        store.items([SITE]),
        store.notices(OLD),
    )
    text = repr(everything)
    return {name for name in PEOPLE if re.search(rf"['\"]{name}\b", text)}


class TestChain:
    def test_w16_every_kind_stands_in_the_chain_of_its_site_or_of_the_city(
        self, store: AnyStore
    ) -> None:
        seam: Store = store
        fill(store)
        of_site = {entry.kind for entry in seam.evidence(SITE)}
        of_city = {entry.kind for entry in seam.evidence(CITY)}
        of_none = {
            EvidenceKind.KEY,
            EvidenceKind.KEY_EXPIRY,
            EvidenceKind.KEY_END,
            EvidenceKind.NOTICE,
            EvidenceKind.PERSON,
            EvidenceKind.PERSON_END,
        }
        assert of_site == set(EvidenceKind) - of_none
        assert of_city == of_none | {EvidenceKind.AUDIT}
        assert set(seam.chain_heads()) == {SITE, CITY}

    def test_w16_each_entry_rests_on_the_one_before(self, store: AnyStore) -> None:
        fill(store)
        entries = store.evidence(SITE)
        assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
        previous = ""
        for e in entries:
            fields = (e.chain, e.number, e.kind.value, e.row, e.content, e.apart)
            assert e.previous == previous
            assert e.hash == entry_hash(*fields, previous)
            previous = e.hash
        assert store.chain_heads()[SITE] == ChainHead(number=len(entries), hash=previous)

    def test_w16_what_was_stored_passes(self, store: AnyStore) -> None:
        fill(store)
        told: list[float] = []
        found = store.verify(report=told.append)
        assert codes(found) == []
        assert found.chains == 2
        assert found.entries == sum(head.number for head in store.chain_heads().values())
        assert told[-1] == 1.0

    def test_w16_entries_are_read_page_by_page(self, store: AnyStore) -> None:
        fill(store)
        whole = store.evidence(SITE)
        assert store.evidence(SITE, 0, 3) + store.evidence(SITE, 3, 2) == whole[:5]
        assert store.evidence(SITE, len(whole)) == []
        assert store.evidence("barn") == []

    def test_w16_the_entry_of_a_row_is_found(self, store: AnyStore) -> None:
        fill(store)
        found = store.entry_of(SITE, EvidenceKind.OVERRIDE, "o2")
        assert found in store.evidence(SITE)
        assert found.row == "o2"
        assert store.entry_of(SITE, EvidenceKind.OVERRIDE, "o9") is None

    def test_w16_rows_that_are_as_they_were_written_are_proven(self, store: AnyStore) -> None:
        fill(store)
        assert store.unproven(SITE, {EvidenceKind.TRIAL, EvidenceKind.OVERRIDE}) == frozenset()

    def test_w16_what_is_refused_leaves_no_entry(self, store: AnyStore) -> None:
        with pytest.raises(NotFound):
            store.remove_override("o9", actor="eva", at=MONDAY)
        store.add_override(an_override())
        before = store.chain_heads()
        store.add_override(an_override())
        assert store.chain_heads() == before

    def test_w16_writers_side_by_side_make_one_chain(self, store: AnyStore) -> None:
        def write(i: int) -> None:
            at = MONDAY + i * HOUR
            store.set_mode(SITE, Mode.ADVISE, actor=f"p{i}", at=at, reason="")
            store.add_receipts([Accepted(a_command(f"c{i}", 18.0 + i % 5), 20.0)], at)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(12)))
        assert codes(store.verify()) == []
        assert store.chain_heads()[SITE].number >= 24


class TestElsewhere:
    def test_w16_a_head_that_was_known_has_to_be_there_still(self, store: AnyStore) -> None:
        fill(store)
        known = store.chain_heads()
        store.set_mode(SITE, Mode.OBSERVE, actor="bo", at=MONDAY, reason="noise")
        assert store.heads_that_stand(known) == {SITE, CITY}
        assert codes(store.verify(known=known)) == []

    def test_w16_a_head_further_on_shows_that_the_tail_was_cut(self, store: AnyStore) -> None:
        fill(store)
        last = store.chain_heads()[SITE].number
        known = {SITE: ChainHead(number=last + 2, hash="ab")}
        (flaw,) = store.verify(known=known).flaws
        assert flaw.what.code == FlawReason.TAIL_CUT
        assert (flaw.number, flaw.what.parameters["known"]) == (last + 1, last + 2)
        assert store.heads_that_stand(known) == frozenset()

    def test_w16_another_hash_shows_that_history_was_rewritten(self, store: AnyStore) -> None:
        fill(store)
        (flaw,) = store.verify([SITE], {SITE: ChainHead(number=2, hash="ab")}).flaws
        assert flaw.what.code == FlawReason.HISTORY_REWRITTEN
        assert (flaw.number, flaw.expected) == (2, "ab")

    def test_w16_a_chain_that_is_gone_is_missed(self, store: AnyStore) -> None:
        assert codes(store.verify(known={"barn": ChainHead(number=3, hash="ab")})) == [
            FlawReason.TAIL_CUT
        ]


class TestRemoval:
    def test_w16_a_plan_keeps_its_schedule_without_its_problem(self, store: AnyStore) -> None:
        for at in (OLD, MONDAY):
            store.add_plan(a_plan(f"p{at:%m}", SITE, at))
        (removal,) = store.prune(a_pruning(EvidenceKind.PLAN, Part.APART))
        assert (removal.rows, removal.first, removal.last) == (1, 1, 1)
        kept = store.kept_plan("p11")
        assert kept.problem is None
        assert kept.schedule == a_plan("p11", SITE, OLD).schedule
        with pytest.raises(NotFound, match="only its schedule left"):
            store.plan("p11")
        assert store.plan("p01").problem == a_plan("p01", SITE, MONDAY).problem
        assert codes(store.verify()) == []
        assert store.prune(a_pruning(EvidenceKind.PLAN, Part.APART)) == ()

    def test_w16_rows_go_with_a_checkpoint_in_the_chain(self, store: AnyStore) -> None:
        store.add_receipts([Accepted(a_command(), 21.0)], OLD)
        store.add_receipts([Accepted(a_command("c2", 22.0), 22.0)], MONDAY)
        (removal,) = store.prune(a_pruning(EvidenceKind.RECEIPT, Part.ROW))
        assert removal.rows == 1
        assert len(store.receipts(SITE, OLD)) == 1
        assert [e.kind for e in store.evidence(SITE)][-1] is EvidenceKind.REMOVAL
        assert codes(store.verify()) == []

    def test_w16_a_name_may_be_erased_and_the_chain_stays_whole(self, store: AnyStore) -> None:
        store.set_mode(SITE, Mode.AUTO, actor="bo", at=OLD, reason="as bo wished")
        store.set_mode(SITE, Mode.AUTO, actor="eva", at=MONDAY, reason="")
        for kind in (EvidenceKind.AUDIT, EvidenceKind.MODE):
            assert len(store.prune(a_pruning(kind, Part.APART))) == 1
        assert [e.actor for e in store.audit(AuditSearch())] == ["eva", ""]
        assert codes(store.verify()) == []

    def test_w16_a_booking_without_its_names_is_still_one(self, store: AnyStore) -> None:
        """Whoever looks at how a building was used years ago finds it."""
        store.add_booking(a_booking("b1"))
        before = MONDAY + timedelta(days=400)
        store.prune(a_pruning(EvidenceKind.BOOKING, Part.APART, before=before))
        (kept,) = store.bookings(SITE, OLD)
        assert (kept.author, kept.reason) == ("–", "–")
        assert kept.start == a_booking("b1").start

    def test_w16_three_years_later_no_name_is_told(self, store: AnyStore) -> None:
        fill(store)
        assert told(store) >= PEOPLE - {"kari", "choir"}, "a booking that is removed is not told"
        for chain in (SITE, CITY):
            for pruning in prunings(chain, MONDAY + timedelta(days=3 * 365)):
                store.prune(pruning)
        assert told(store) == set()
        assert len(store.receipts(SITE, OLD)) == 3
        assert codes(store.verify()) == []

    @pytest.mark.parametrize("kind", [EvidenceKind.AUDIT, EvidenceKind.MODE, EvidenceKind.OVERRIDE])
    def test_w16_what_people_did_is_never_removed(
        self, store: AnyStore, kind: EvidenceKind
    ) -> None:
        fill(store)
        with pytest.raises(ValueError, match="is never removed"):
            store.prune(a_pruning(kind, Part.ROW))


class TestMigration:
    def test_w16_a_database_of_before_gets_its_chains(self, tmp_path: Path) -> None:
        """What an earlier version stored is proven from now on, and a later change of it shows."""
        file = tmp_path / "bms.db"
        store = SqlStore(f"sqlite:///{file}")
        fill(store)
        plan = a_plan("p3", SITE, MONDAY + HOUR)
        store.add_plan(plan)
        store.close()
        link = Link(f"sqlite:///{file}")
        with link.writing(durable=True) as session:
            schema.downgrade(session.connection(), "0008")
        link.close()
        again = SqlStore(f"sqlite:///{file}")
        assert again.plan("p3") == plan
        found = again.verify()
        assert codes(found) == []
        assert found.chains == 2
        assert {e.kind for e in again.evidence(SITE)} >= {EvidenceKind.PLAN, EvidenceKind.MODE}
        again.close()
        other = sqlite3.connect(file)
        other.execute("UPDATE overrides SET until = NULL WHERE id = 'o2'")
        other.commit()
        other.close()
        changed = SqlStore(f"sqlite:///{file}")
        (flaw,) = changed.verify().flaws
        assert (flaw.kind, flaw.row, flaw.what.code) == (
            EvidenceKind.OVERRIDE,
            "o2",
            FlawReason.ROW_CHANGED,
        )
        changed.close()


def test_whoever_asks_about_no_chain_is_told_of_none(store: AnyStore) -> None:
    fill(store)
    assert store.chain_heads()
    assert store.chain_heads([]) == {}
    assert store.heads_that_stand({}) == frozenset()
    assert store.unproven(SITE, []) == frozenset()
    assert store.verify([]).chains == 0


def test_w16_a_digest_is_that_of_the_json_of_the_fields() -> None:
    """As ``printf '["a",null,1.5]' | sha256sum`` says."""
    expected = "7887e8bca69f432a804cd218ec1e6e7de2708535486c1f4221891258a715ea30"
    assert digest(["a", None, 1.5]) == expected
