"""The ends of the chains are kept as long as the database continues them (W16)."""

from __future__ import annotations

from pathlib import Path

from bms.journal.evidence_heads import FileHeads
from bms.model.assets.site import Mode
from bms.model.control.evidence import ChainHead
from bms.runtime.evidence import keep_continued_heads
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.store import MONDAY


def a_store(*actors: str) -> MemoryStore:
    store = MemoryStore()
    for actor in actors:
        store.set_mode("school", Mode.ADVISE, actor=actor, at=MONDAY, reason="")
    return store


def test_w16_the_end_moves_on_with_the_chain(tmp_path: Path) -> None:
    store, known = a_store("bo"), FileHeads(tmp_path / "evidence.heads")
    assert keep_continued_heads(store, known) == frozenset()
    store.set_mode("school", Mode.AUTO, actor="eva", at=MONDAY, reason="")
    assert keep_continued_heads(store, known) == frozenset()
    assert known.heads() == store.chain_heads()


def test_w16_the_end_of_a_chain_that_was_cut_stays_known(tmp_path: Path) -> None:
    known = FileHeads(tmp_path / "evidence.heads")
    keep_continued_heads(a_store("bo", "eva"), known)
    before = known.heads()
    assert keep_continued_heads(a_store("bo"), known) == {"school"}
    assert known.heads() == before


def test_w16_a_chain_that_was_rewritten_and_is_longer_does_not_take_its_place(
    tmp_path: Path,
) -> None:
    known = FileHeads(tmp_path / "evidence.heads")
    keep_continued_heads(a_store("bo"), known)
    before = known.heads()
    rewritten = a_store("nobody", "eva")
    assert keep_continued_heads(rewritten, known) == {"school"}
    assert known.heads() == before
    assert [flaw.number for flaw in rewritten.verify(known=known.heads()).flaws] == [2]


def test_w16_the_chain_of_another_site_moves_on_all_the_same(tmp_path: Path) -> None:
    known = FileHeads(tmp_path / "evidence.heads")
    known.keep({"hall": ChainHead(number=9, hash="ab")})
    store = a_store("bo")
    assert keep_continued_heads(store, known) == {"hall"}
    assert known.heads()["school"] == store.chain_heads()["school"]
