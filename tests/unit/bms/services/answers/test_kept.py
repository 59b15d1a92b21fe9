"""Who reads an answer waits for nobody's question but the same one."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from bms.clock import VirtualClock
from bms.errors import NotMadeYet, StoreUnavailable
from bms.model.savings.avoided_use import Span
from bms.model.savings.kept_answer import AnswerKind, KeptAnswer
from bms.services.answers.kept import PATIENCE_S, KeptAnswers, Planned, Question
from bms.services.assessment.savings_cache import versions_of
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.api import NOW, World, a_world

SPAN = Span(start=NOW - timedelta(days=3), end=NOW)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return a_world(tmp_path)


def answers(
    world: World, store: MemoryStore | None = None, patience_s: float = PATIENCE_S
) -> KeptAnswers:
    versions = versions_of(world.city.assessment)
    clock = VirtualClock(NOW)
    return KeptAnswers(
        store or world.store, versions, clock, size=8, reader=True, patience_s=patience_s
    )


def a_question(world: World, work, text: str = "") -> Question[int]:
    return Question(
        AnswerKind.FIGURES,
        world.city.site("lodge"),
        int,
        lambda: Planned(SPAN, "", work),
        text=text,
        kept_current=not text,
    )


def test_one_reader_makes_an_answer_and_the_others_wait_for_it(world: World) -> None:
    made: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def work() -> int:
        made.append(1)
        begun.set()
        assert go_on.wait(5)
        return 7

    book, told = answers(world), list[int]()
    question = a_question(world, work)
    threads = [
        threading.Thread(target=lambda: told.append(book.one(question).answer)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    assert begun.wait(5)
    go_on.set()
    for thread in threads:
        thread.join(5)
    assert (told, made) == ([7] * 4, [1])


def test_a_kept_answer_is_read_while_others_are_made(world: World) -> None:
    book = answers(world)
    question = a_question(world, lambda: 7)
    assert book.one(question).answer == 7
    with book._makers, book._makers:
        assert book.one(a_question(world, lambda: 8)).answer == 7
        assert book.many([question])[0].answer == 7
        assert book.many([a_question(world, lambda: 9, "other")]) == [None]


def test_who_would_wait_too_long_is_told_so(world: World) -> None:
    book = answers(world, patience_s=0.01)
    with book._makers, book._makers, pytest.raises(NotMadeYet, match="figures of lodge"):
        book.one(a_question(world, lambda: 7))


def test_a_store_that_keeps_nothing_is_no_reason_not_to_answer(world: World) -> None:
    class Replica(MemoryStore):
        def keep_answer(self, answer: KeptAnswer) -> int:
            raise StoreUnavailable("a replica")

    book = answers(world, Replica())
    assert book.one(a_question(world, lambda: 7)).answer == 7
    assert book.one(a_question(world, lambda: 8)).answer == 8
