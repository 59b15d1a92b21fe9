"""A database that was away is left alone for a while, and no longer."""

from __future__ import annotations

from bms.errors import StoreUnavailable
from bms.store.database.availability import Availability

GONE = StoreUnavailable("nobody answers")


class Wall:
    """A clock that tests move [s]."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_is_worth_trying_until_it_was_away() -> None:
    known = Availability(5.0, wall := Wall())
    assert known.worth_trying
    known.lost(GONE)
    assert (known.away, known.worth_trying) == (GONE, False)
    wall.now = 105.0
    assert known.worth_trying


def test_calls_that_were_refused_at_once_do_not_make_it_longer() -> None:
    known = Availability(5.0, wall := Wall())
    known.lost(GONE)
    wall.now = 104.0
    known.lost(StoreUnavailable("left alone"))
    assert known.away is GONE
    wall.now = 105.0
    assert known.worth_trying


def test_it_may_be_tried_at_once_when_somebody_asks_for_it() -> None:
    known = Availability(3600.0, Wall())
    known.lost(GONE)
    known.retry_now()
    assert known.worth_trying


def test_an_answer_ends_it() -> None:
    known = Availability(3600.0, Wall())
    known.lost(GONE)
    known.answered()
    assert known.away is None
    assert known.worth_trying
