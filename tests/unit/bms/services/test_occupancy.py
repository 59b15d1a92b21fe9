"""Bookings and closures over the weekly timetable, and a plan that is made again for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bms.errors import ConfigError, NotFound
from bms.messages import translator
from bms.model.assets.site import Mode, Site
from bms.model.control.booking import Booking, BookingKind
from bms.model.planning.plan import Plan
from bms.model.planning.problem import Problem
from bms.runtime.jobs import job_table
from bms.services.occupancy import BookingRequest, Use, book, outdated
from bms.services.planning.plan import is_of_now, plan_is_outdated
from bms.services.planning.problem import assemble
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.api import FixedPlanner, a_lodge_plan, a_world
from tests.rigs.fakes.city import HOUR, QUARTER, lodge, utc
from tests.rigs.fakes.ports import planning_ports, problem_ports
from tests.rigs.fakes.store import a_plan

SITE = lodge()
HALL, UNIT = SITE.zones[0], SITE.ventilation[0]
MIDNIGHT = utc(2019, 1, 14, 23)
"""Of a Tuesday in Copenhagen: in use 08:00 to 16:00, own ventilation 06:00 to 18:00."""


def a_booking(start_h: float, end_h: float, **changes: object) -> Booking:
    made = Booking(
        id="b1",
        site="lodge",
        zone="hall",
        start=MIDNIGHT + start_h * HOUR,
        end=MIDNIGHT + end_h * HOUR,
        kind=BookingKind.IN_USE,
        reason="concert",
        author="kari",
        made_at=MIDNIGHT,
    )
    return replace(made, **changes)


def closed(start_h: float, end_h: float, **changes: object) -> Booking:
    return a_booking(start_h, end_h, kind=BookingKind.CLOSED, **changes)


def hours(flags: tuple[bool, ...]) -> list[float]:
    """First and past-last hour of each stretch."""
    return [i / 4 for i in range(len(flags) + 1) if [*flags, False][i] != [False, *flags][i]]


def in_use(*bookings: Booking) -> list[float]:
    return hours(Use(SITE, bookings).in_use(HALL, MIDNIGHT, 900, 96))


def ventilated(*bookings: Booking) -> list[float]:
    return hours(Use(SITE, bookings).ventilated(UNIT, MIDNIGHT, 900, 96))


class TestUse:
    def test_without_bookings_it_is_the_week_s(self) -> None:
        assert in_use() == [8, 16]
        assert ventilated() == [7.5, 16]

    def test_an_evening_is_added(self) -> None:
        assert in_use(a_booking(18, 21.5)) == [8, 16, 18, 21.5]

    def test_a_step_that_is_booked_in_part_is_in_use(self) -> None:
        assert in_use(a_booking(18.1, 20.9)) == [8, 16, 18, 21]

    def test_a_step_that_is_closed_in_part_stays_open(self) -> None:
        assert in_use(closed(9.1, 9.9)) == [8, 9.25, 9.75, 16]

    def test_a_closed_day_is_empty_but_for_what_is_booked_in_it(self) -> None:
        week = closed(-48, 120, id="b2", zone=None)
        assert in_use(week) == []
        assert in_use(week, a_booking(18, 21)) == [18, 21]
        assert in_use(a_booking(18, 21), week) == [18, 21]

    def test_what_another_zone_has_booked_is_no_use_of_this_one(self) -> None:
        assert in_use(a_booking(18, 21, zone="cellar")) == [8, 16]
        assert in_use(a_booking(18, 21, zone=None)) == [8, 16, 18, 21]

    def test_ventilation_runs_for_a_booking_though_its_own_control_would_rest(self) -> None:
        assert ventilated(a_booking(20, 22)) == [7.5, 16, 19.5, 22]
        assert ventilated(closed(0, 24)) == []

    def test_a_booking_after_the_horizon_starts_the_ventilation_within_it(self) -> None:
        store = MemoryStore()
        store.add_booking(a_booking(24.25, 26))
        made = problem(store, MIDNIGHT, 24)
        assert hours(made.ventilation[0].required) == [7.5, 16, 23.75, 24]
        assert hours(made.zones[0].occupied) == [8, 16]

    def test_the_sentences_say_what_is_booked_when_in_local_time(self) -> None:
        use = Use(SITE, (a_booking(18, 21), closed(-48, 120, zone=None, reason="holiday")))
        evening, week = use.facts(MIDNIGHT, MIDNIGHT + 24 * HOUR)
        assert (
            translator("en", SITE.timezone).describe(evening)
            == "Hall is booked 2019-01-15 18:00–21:00: concert"
        )
        assert (
            translator("da", SITE.timezone).describe(evening)
            == "Hall er booket 2019-01-15 18:00–21:00: concert"
        )
        assert translator("en", SITE.timezone).describe(week) == (
            "The whole building is closed 2019-01-13 00:00–2019-01-20 00:00: holiday"
        )
        assert [each.code for each in use.facts(MIDNIGHT, MIDNIGHT + 12 * HOUR)] == [
            "booked_closed"
        ]


def problem(store: MemoryStore, now: datetime = MIDNIGHT, horizon_h: float = 24) -> Problem:
    return assemble(SITE, now=now, horizon=timedelta(hours=horizon_h), ports=problem_ports(store))


class TestProblem:
    def test_a_booked_evening_has_the_comfort_band_and_a_sentence(self) -> None:
        store = MemoryStore()
        store.add_booking(a_booking(18, 21))
        made = problem(store)
        zone = made.zones[0]
        assert zone.low_c[18 * 4 - 1 : 18 * 4 + 1] == (16.0, 20.0)
        assert zone.high_c[18 * 4 - 1 : 18 * 4 + 1] == (28.0, 24.0)
        assert [note.code for note in made.notes] == ["booked_in_use"]
        assert set(zone.own_setpoint_c) == {18.0, 21.0}  # the own control knows of nothing

    def test_the_past_has_its_bookings_too(self) -> None:
        store = MemoryStore()
        store.add_booking(a_booking(18, 21))
        history = problem(store, MIDNIGHT + 24 * HOUR).history
        assert history is not None
        assert hours(history.zones[0].occupied[-96:]) == [8, 16, 18, 21]

    def test_what_was_taken_back_is_no_part_of_it(self) -> None:
        store = MemoryStore()
        store.add_booking(a_booking(18, 21))
        store.remove_booking("lodge", "b1", actor="ole", at=MIDNIGHT)
        assert problem(store) == problem(MemoryStore())


def planned(store: MemoryStore, at: datetime = MIDNIGHT) -> Plan:
    made = a_plan("p1", "lodge", at, steps=96)
    kept = replace(made, problem=problem(store, at), objections=())
    store.add_plan(kept)
    return kept


class TestOutdated:
    @pytest.mark.parametrize("booking", [a_booking(18, 21), closed(9, 12)])
    def test_a_plan_is_outdated_by_a_booking_and_by_its_removal(self, booking: Booking) -> None:
        plan = planned(MemoryStore())
        assert not outdated(plan, Use(SITE, ()), MIDNIGHT)
        assert outdated(plan, Use(SITE, (booking,)), MIDNIGHT)
        store = MemoryStore()
        store.add_booking(booking)
        knowing = planned(store)
        assert not outdated(knowing, Use(SITE, (booking,)), MIDNIGHT)
        assert outdated(knowing, Use(SITE, ()), MIDNIGHT)

    def test_what_changes_nothing_or_is_over_outdates_no_plan(self) -> None:
        plan = planned(MemoryStore())
        assert not outdated(plan, Use(SITE, (a_booking(9, 12),)), MIDNIGHT)  # in use anyway
        assert not outdated(plan, Use(SITE, (a_booking(30, 32),)), MIDNIGHT)  # too far off
        gone = Use(SITE, (a_booking(1, 2),))
        assert outdated(plan, gone, MIDNIGHT + HOUR)
        assert not outdated(plan, gone, MIDNIGHT + 2 * HOUR)

    def test_w17_without_a_plan_of_now_the_next_tick_makes_one(self) -> None:
        store = MemoryStore()
        ports = planning_ports(store, planner=FixedPlanner())
        assert plan_is_outdated(SITE, now=MIDNIGHT, ports=ports)
        store.add_plan(a_lodge_plan(at=MIDNIGHT))
        assert is_of_now(store.plan("p1"), MIDNIGHT + 5 * HOUR)
        for moment in (MIDNIGHT + 7 * HOUR, MIDNIGHT + 40 * HOUR):
            assert plan_is_outdated(SITE, now=moment, ports=ports)

    async def test_the_next_tick_plans_again_once(self, tmp_path) -> None:
        site = replace(SITE, mode=Mode.OBSERVE)
        world = a_world(tmp_path, sites=(site,))
        now = world.clock.now()
        at = now.replace(minute=0)
        planned(world.store, at)
        dispatch = next(job for job in job_table(world.city) if job.name == "dispatch")
        await dispatch.run(now)
        assert world.store.plan_in_force("lodge", now).id == "p1"
        concert = BookingRequest(
            zone="hall",
            start=now + 8 * HOUR,
            end=now + 11 * HOUR,
            kind=BookingKind.IN_USE,
            reason="concert",
            author="kari",
        )
        book(site, world.store, concert, now=now)
        await dispatch.run(now + QUARTER)
        again = world.store.plan_in_force("lodge", now + QUARTER)
        assert again.created_at == now + QUARTER
        assert "booked_in_use" in {note.code for note in again.problem.notes}
        await dispatch.run(now + 2 * QUARTER)
        assert world.store.plan_in_force("lodge", now + 2 * QUARTER).id == again.id


class TestBook:
    @pytest.mark.parametrize(
        ("changes", "error", "said"),
        [
            ({"zone": "attic"}, NotFound, "there are: hall"),
            ({"end": MIDNIGHT - HOUR}, ConfigError, "before it starts"),
            ({"now": MIDNIGHT + 12 * HOUR}, ConfigError, "is over"),
            ({"end": MIDNIGHT + timedelta(days=400)}, ConfigError, "a year at most"),
            ({"reason": "  "}, ConfigError, "needs a reason"),
            ({"people": -1.0}, ConfigError, "-1 people cannot come"),
            ({"people": float("nan")}, ConfigError, "cannot come"),
            ({"people": 5.0, "kind": BookingKind.CLOSED}, ConfigError, "nobody comes"),
        ],
    )
    def test_what_cannot_be_is_refused_and_nothing_is_kept(self, changes, error, said) -> None:
        store = MemoryStore()
        asked = {
            "zone": "hall",
            "start": MIDNIGHT,
            "end": MIDNIGHT + HOUR,
            "kind": BookingKind.IN_USE,
            "reason": "concert",
            "author": "kari",
        } | changes
        now = asked.pop("now", MIDNIGHT)
        with pytest.raises(error, match=said):
            book(SITE, store, BookingRequest(**asked), now=now)
        assert store.bookings("lodge", MIDNIGHT) == []

    def test_how_many_come_is_said_zone_by_zone(self) -> None:
        other = replace(SITE.zones[0], id="attic")
        asked = {
            "start": MIDNIGHT,
            "end": MIDNIGHT + HOUR,
            "kind": BookingKind.IN_USE,
            "reason": "concert",
            "author": "kari",
            "people": 80.0,
        }

        def booked(site: Site, zone: str | None) -> Booking:
            request = BookingRequest(zone=zone, **asked)
            return book(site, MemoryStore(), request, now=MIDNIGHT)

        two = replace(SITE, zones=(*SITE.zones, other))
        with pytest.raises(ConfigError, match="in which zone"):
            booked(two, None)
        assert booked(two, "attic").people == 80.0
        assert booked(SITE, None).people == 80.0
