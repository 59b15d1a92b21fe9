"""An answer that is made beside the requests."""

from __future__ import annotations

import threading
import time

import pytest

from api.pages.city.kept import FIRST_S, LIGHT_S, REST, THREAD, Kept


class Making:
    """Answers 1, 2, 3…; each takes ``takes_s`` on a clock that nobody else moves."""

    def __init__(self, takes_s: float) -> None:
        self.at = 0.0
        self.takes_s = takes_s
        self.made = 0
        self.made_one = threading.Event()
        self.fails = False

    def __call__(self) -> int:
        self.at += self.takes_s
        self.made_one.set()
        if self.fails:
            raise ValueError("the database is away")
        self.made += 1
        return self.made

    def kept(self) -> Kept[int]:
        return Kept(self, lambda: self.at)


def settled(kept: Kept[int], making: Making) -> int | None:
    """What is answered once the making that the last request began is over."""
    assert making.made_one.wait(FIRST_S)
    for thread in threading.enumerate():
        if thread.name == THREAD:
            thread.join(FIRST_S)
    return kept.get()


def test_a_light_answer_is_made_for_each_request() -> None:
    kept = Making(LIGHT_S / 2).kept()
    assert [kept.get(), kept.get(), kept.get()] == [1, 2, 3]


def test_a_heavy_answer_is_the_kept_one_until_it_has_rested() -> None:
    making = Making(2.0)
    kept = making.kept()
    assert [kept.get(), kept.get()] == [1, 1]
    making.at += 2.0 * REST - 0.1
    assert kept.get() == 1
    making.made_one.clear()
    making.at += 0.2
    assert kept.get() == 1, "whoever asks does not wait for the next one"
    assert settled(kept, making) == 2


def test_what_somebody_changed_is_made_anew() -> None:
    making = Making(2.0)
    kept = making.kept()
    kept.get()
    kept.changed()
    making.made_one.clear()
    kept.get()
    assert settled(kept, making) == 2


def test_an_answer_that_fails_leaves_the_last_one(caplog: pytest.LogCaptureFixture) -> None:
    making = Making(2.0)
    kept = making.kept()
    assert kept.get() == 1
    making.fails = True
    kept.changed()
    making.made_one.clear()
    kept.get()
    assert settled(kept, making) == 1
    assert "could not be made" in caplog.text


def test_a_page_waits_once_for_answers_that_are_made_side_by_side() -> None:
    """Two first answers that take long took ten seconds, one after the other."""
    ends = threading.Event()
    slow = [Kept(ends.wait, time.monotonic) for _ in range(2)]
    began = time.monotonic()
    for kept in slow:
        kept.prepare()
    assert [kept.get() for kept in slow] == [None, None]
    assert FIRST_S <= time.monotonic() - began < 2 * FIRST_S
    ends.set()
    for thread in threading.enumerate():
        if thread.name == THREAD:
            thread.join(FIRST_S)
    assert [kept.get() for kept in slow] == [True, True]
