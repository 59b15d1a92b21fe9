"""Bookings and closures: what every store promises about them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from bms.errors import NotFound, StoreError
from bms.model.control.audit import Action, AuditSearch
from bms.model.control.booking import Booking, BookingKind
from bms.ports.storage.whole import Store
from tests.rigs.fakes.city import HOUR, utc
from tests.rigs.storage.stores import AnyStore

EVENING = Booking(
    id="b1",
    site="lodge",
    zone="hall",
    start=utc(2019, 1, 15, 18),
    end=utc(2019, 1, 15, 21),
    kind=BookingKind.IN_USE,
    reason="parents' evening",
    author="kari",
    made_at=utc(2019, 1, 14),
)
WEEK = replace(
    EVENING,
    id="b2",
    zone=None,
    start=utc(2019, 1, 13),
    end=utc(2019, 1, 20),
    kind=BookingKind.CLOSED,
    reason="closed week",
)


def test_it_is_a_store(store: AnyStore) -> None:
    seam: Store = store  # mypy holds the signatures to the port
    assert seam.bookings("lodge", utc(2019, 1, 1)) == []


class TestBookings:
    def test_they_come_back_whole_by_their_start(self, store: AnyStore) -> None:
        crowded = replace(EVENING, id="b4", people=120.0)
        for booking in (EVENING, WEEK, replace(EVENING, id="b3", site="barn"), crowded):
            store.add_booking(booking)
        assert store.bookings("lodge", utc(2019, 1, 1)) == [WEEK, EVENING, crowded]
        assert [b.id for b in store.bookings("barn", utc(2019, 1, 1))] == ["b3"]

    def test_only_those_that_overlap_are_given(self, store: AnyStore) -> None:
        store.add_booking(EVENING)

        def ids(start: datetime, end: datetime | None) -> list[str]:
            return [booking.id for booking in store.bookings("lodge", start, end)]

        assert ids(EVENING.start - HOUR, EVENING.start) == []
        assert ids(EVENING.start - HOUR, EVENING.start + HOUR) == ["b1"]
        assert ids(EVENING.end - HOUR, None) == ["b1"]
        assert ids(EVENING.end, None) == []

    def test_twice_is_once_and_an_id_is_one_booking(self, store: AnyStore) -> None:
        store.add_booking(EVENING)
        store.add_booking(replace(EVENING))
        with pytest.raises(StoreError, match="b1"):
            store.add_booking(replace(EVENING, reason="another"))
        assert store.bookings("lodge", utc(2019, 1, 1)) == [EVENING]
        assert len(store.audit(AuditSearch(site="lodge"))) == 1

    def test_one_is_taken_back_once_and_both_words_are_on_record(self, store: AnyStore) -> None:
        store.add_booking(EVENING)
        at = utc(2019, 1, 15)
        for _ in range(2):
            store.remove_booking("lodge", "b1", actor="ole", at=at)
        assert store.bookings("lodge", utc(2019, 1, 1)) == []
        done = [(e.action, e.actor, e.subject) for e in store.audit(AuditSearch(site="lodge"))]
        assert done == [(Action.REMOVE_BOOKING, "ole", "b1"), (Action.ADD_BOOKING, "kari", "b1")]

    def test_a_site_removes_only_its_own(self, store: AnyStore) -> None:
        store.add_booking(EVENING)
        for site, booking in (("barn", "b1"), ("lodge", "b9")):
            with pytest.raises(NotFound, match=f"{site} has no booking {booking}"):
                store.remove_booking(site, booking, actor="ole", at=utc(2019, 1, 15))
        assert store.bookings("lodge", utc(2019, 1, 1)) == [EVENING]
