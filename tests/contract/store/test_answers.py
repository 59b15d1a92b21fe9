"""Every store keeps the newest answer of each question, and says how new it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bms.model.savings.kept_answer import (
    AnswerHead,
    AnswerKind,
    AnswerState,
    AnswerVersion,
    Freshness,
    KeptAnswer,
)
from bms.ports.storage.answers import AnswerStore
from tests.rigs.fakes.city import utc
from tests.rigs.storage.stores import AnyStore

MADE = utc(2026, 3, 1, 4)
LATER = MADE + timedelta(hours=1)
VERSION = AnswerVersion(data={"hut/heat.energy": "ab"}, ledger="0", code="c")


def an_answer(subject: str = "hut", **changes: object) -> KeptAnswer:
    head = AnswerHead(
        kind=AnswerKind.SAVINGS,
        subject=subject,
        question="",
        made_at=MADE,
        version=VERSION,
        edition=1,
    )
    return KeptAnswer(head=replace(head, **changes), body='{"kWh": 1.5, "navn": "Å"}')


class TestAnswers:
    def test_an_answer_comes_back_whole(self, store: AnyStore) -> None:
        port: AnswerStore = store
        port.keep_answer(an_answer())
        assert port.answer(AnswerKind.SAVINGS, "hut", "") == an_answer()
        assert port.answer(AnswerKind.FIGURES, "hut", "") is None
        assert port.answer(AnswerKind.SAVINGS, "hut", "2025") is None

    def test_the_newest_takes_the_place_of_the_one_before(self, store: AnyStore) -> None:
        store.keep_answer(an_answer(outdated_at=LATER))
        newer = replace(an_answer(made_at=LATER), body="{}")
        assert store.keep_answer(newer) == 2
        known = replace(newer, head=replace(newer.head, edition=2))
        assert store.answer(AnswerKind.SAVINGS, "hut", "") == known

    def test_many_subjects_are_asked_at_once(self, store: AnyStore) -> None:
        for name in ("hut", "barn"):
            store.keep_answer(an_answer(name))
        asked = ("hut", "barn", "nowhere")
        assert store.answers(AnswerKind.SAVINGS, asked, "") == {
            name: an_answer(name) for name in ("hut", "barn")
        }
        assert store.answer_states(AnswerKind.SAVINGS, asked, "") == {
            "hut": AnswerState(1, False),
            "barn": AnswerState(1, False),
        }
        assert store.answers(AnswerKind.SAVINGS, (), "") == {}

    def test_heads_of_a_subject_tell_the_versions(self, store: AnyStore) -> None:
        store.keep_answer(an_answer())
        store.keep_answer(an_answer(kind=AnswerKind.COOLING, question="2025"))
        store.keep_answer(an_answer("barn"))
        heads = store.answer_heads("hut")
        assert [(head.kind, head.question) for head in heads] == [
            (AnswerKind.COOLING, "2025"),
            (AnswerKind.SAVINGS, ""),
        ]
        assert {head.version for head in heads} == {VERSION}
        assert heads[0].version.data == VERSION.data

    def test_what_is_outdated_stays_so_until_it_is_made_anew(self, store: AnyStore) -> None:
        store.keep_answer(an_answer())
        which = [(AnswerKind.SAVINGS, ""), (AnswerKind.FIGURES, "")]
        store.mark_outdated("hut", which, LATER)
        store.mark_outdated("hut", which, LATER + timedelta(hours=5))
        store.mark_outdated("hut", (), LATER)
        (head,) = store.answer_heads("hut")
        assert head.outdated_at == LATER
        assert store.answer_states(AnswerKind.SAVINGS, ["hut"], "") == {"hut": AnswerState(1, True)}
        store.keep_answer(an_answer(made_at=LATER))
        assert store.answer_heads("hut")[0].outdated_at is None

    def test_freshness_is_that_of_the_oldest(self, store: AnyStore) -> None:
        nothing = Freshness(answers=0, made_at=None, outdated=0)
        assert store.freshness(AnswerKind.SAVINGS, ("hut", "barn"), "") == nothing
        store.keep_answer(an_answer(made_at=LATER))
        store.keep_answer(an_answer("barn", outdated_at=LATER))
        found = Freshness(answers=2, made_at=MADE, outdated=1)
        assert store.freshness(AnswerKind.SAVINGS, ("hut", "barn"), "") == found
        assert store.freshness(AnswerKind.SAVINGS, ("hut", "barn"), "2025") == nothing
        assert store.freshness(AnswerKind.SAVINGS, ("hut",), "").outdated == 0
        assert store.freshness(AnswerKind.SAVINGS, (), "") == nothing

    def test_old_answers_are_forgotten(self, store: AnyStore) -> None:
        store.keep_answer(an_answer())
        store.keep_answer(an_answer("barn", made_at=LATER))
        assert store.forget_answers(LATER) == 1
        assert store.answer(AnswerKind.SAVINGS, "hut", "") is None
        assert store.answer(AnswerKind.SAVINGS, "barn", "") is not None
