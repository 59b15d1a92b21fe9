"""Records that are kept for controllers are those that the database has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bms.model.assets.site import Mode, Site
from bms.model.control.booking import Booking, BookingKind
from bms.model.control.hands_off import HandsOff, HandsOffKind, SpokenWord
from bms.services.control.ports import ControlPorts
from bms.services.control.site_state import ControlRecords, records_of
from bms.services.controllers.kept_records import KEPT_FOR_S, LOOK_AGAIN, KeptRecords
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.ports import SeenRooms
from tests.rigs.fakes.safety import CONSTANT

HOUR = timedelta(hours=1)


class Watched(SeenRooms):
    """Rooms that count how often they are looked at."""

    looks = 0

    def look(self, site: Site, now: datetime) -> Mapping[str, object]:
        self.looks += 1
        return {}


class Desk:
    """A bench whose records are kept, and how often the database was asked for all of them."""

    def __init__(self) -> None:
        self.rooms = Watched()
        self.bench = ControlBench(rooms=self.rooms)
        self.bench.plan()
        self.real_s = 0.0
        self.kept = KeptRecords(self.bench.store, lambda: self.real_s)
        self.asked = 0

    def ports(self) -> ControlPorts:
        desk, ports = self, self.bench.ports

        class Counting(type(ports.plans)):
            def plans_in_force(self, sites: Collection[str], at: datetime):
                desk.asked += 1
                return ports.plans.plans_in_force(sites, at)

        return replace(ports, plans=Counting())

    def records(self) -> ControlRecords:
        site = self.bench.site
        return self.kept([site], self.bench.now, self.ports())[site.id]

    def right(self) -> ControlRecords:
        site = self.bench.site
        return records_of([site], self.bench.now, self.bench.ports)[site.id]


def test_the_database_is_asked_once_for_what_does_not_change() -> None:
    desk = Desk()
    assert [desk.records() for _ in range(5)] == [desk.right()] * 5
    assert desk.asked == 1


def _books(desk: Desk) -> None:
    start = desk.bench.now + HOUR
    booking = Booking(
        id="b1",
        site=desk.bench.site.id,
        zone=None,
        start=start,
        end=start + HOUR,
        kind=BookingKind.IN_USE,
        reason="meeting",
        author="bo",
        made_at=desk.bench.now,
    )
    desk.bench.store.add_booking(booking)


def _sets_mode(desk: Desk) -> None:
    site, now = desk.bench.site.id, desk.bench.now
    desk.bench.store.set_mode(site, Mode.OBSERVE, actor="bo", at=now, reason="work on the boiler")


CHANGES: dict[str, Callable[[Desk], object]] = {
    "mode": _sets_mode,
    "override of a point": lambda desk: desk.bench.override(CONSTANT),
    "override of the site": lambda desk: desk.bench.override(),
    "booking": _books,
    "plan": lambda desk: desk.bench.plan(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_somebody_else_changes_is_seen_at_once(change: str) -> None:
    desk = Desk()
    desk.records()
    CHANGES[change](desk)
    assert desk.records() == desk.right()
    assert desk.asked == 2


def test_an_override_ends_and_is_taken_back() -> None:
    desk = Desk()
    ending = desk.bench.override(CONSTANT, until=desk.bench.now + HOUR)
    other = desk.bench.override()
    assert [o.id for o in desk.records().overrides] == [ending.id, other.id]
    desk.bench.now += HOUR
    assert [o.id for o in desk.records().overrides] == [other.id]
    assert desk.asked == 1
    desk.bench.store.remove_override(other.id, actor="bo", at=desk.bench.now)
    assert not desk.records().overrides


def test_marks_of_people_come_before_what_is_kept() -> None:
    desk = Desk()
    desk.records()
    site, now = desk.bench.site.id, desk.bench.now
    mark = HandsOff(
        id="m1",
        kind=HandsOffKind.MODE,
        site=site,
        point=None,
        since=now,
        until=None,
        actor="bo",
        reason="smoke",
        mode=Mode.OBSERVE,
        sites={site: Mode.AUTO},
    )
    desk.bench.hands_off.say([SpokenWord(mark)])
    assert desk.records() == desk.right()
    assert desk.records().mode is Mode.OBSERVE


@pytest.mark.parametrize("why", ["time", "clock", "file"])
def test_records_are_read_anew(why: str) -> None:
    desk = Desk()
    desk.records()
    if why == "time":
        desk.real_s += KEPT_FOR_S
    elif why == "clock":
        desk.bench.now -= HOUR
    else:
        desk.bench.site = replace(desk.bench.site)
    desk.records()
    assert desk.asked == 2


def test_rooms_are_looked_at_again() -> None:
    desk = Desk()
    for _ in range(3):
        desk.records()
    looked = desk.rooms.looks
    desk.bench.now += LOOK_AGAIN
    desk.records()
    desk.records()
    assert (desk.rooms.looks, desk.asked) == (looked + 1, 1)
