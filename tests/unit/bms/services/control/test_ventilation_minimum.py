"""Air for people is looked at again at the moment of writing, however old the plan is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import nan

import pytest

from bms.model.assets.site import Mode, Site
from bms.model.control.booking import Booking, BookingKind
from bms.model.control.command import Accepted, Clamped, Command, Refused, Released
from bms.model.control.reasons import ReceiptReason, RefusalReason
from bms.model.fact import Fact, fact
from bms.model.planning.plan import Step
from bms.model.planning.plan_digest import sealed
from bms.runtime.city import City
from bms.services.control.ventilation_minimum import AirReason, bookings_ahead, least_flow
from bms.services.controllers.schedule import ControllerSchedule, controller_schedule
from bms.services.occupancy import Use
from bms.store.memory.store import MemoryStore
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.api import a_world
from tests.rigs.fakes.city import HOUR, lodge, utc
from tests.rigs.fakes.safety import LEASE, TICK, lease_of, plan_of
from tests.rigs.fakes.ventilation import FLOW, RUN, SUPPLY, airy_lodge

SITE = replace(airy_lodge(), mode=Mode.AUTO)
MIDNIGHT = utc(2019, 1, 14, 23)
"""Of local time; people are in from 08:00 to 16:00, and need 33 % in steps of 5."""


def with_flow_rule(**changes: float) -> Site:
    points = tuple(
        replace(p, write=replace(p.write, **changes)) if p.id == FLOW else p for p in SITE.points
    )
    return replace(SITE, points=points)


def handed_out(city: City) -> ControllerSchedule:
    return controller_schedule(
        city.sites,
        "lodge/rooms",
        now=city.clock.now(),
        ports=city.control,
        lease=city.settings.lease,
    )


class Bench(ControlBench):
    """The lodge at an hour of local time, with a plan that holds its values all day."""

    def __init__(self, hour: float, values: dict[str, float], site: Site = SITE) -> None:
        super().__init__(site, MIDNIGHT + hour * HOUR, {RUN: 1.0, FLOW: 100.0, SUPPLY: 18.0})
        self.plan(values)

    def plan(self, values: dict[str, float], *, flawed: bool = False) -> None:
        """Put another plan in force."""
        super().plan(values, hours=12, objections=(Fact("no"),) if flawed else ())

    def book(self, first_h: float, last_h: float, kind: BookingKind = BookingKind.IN_USE) -> None:
        self.store.add_booking(
            Booking(
                id="b1",
                site="lodge",
                zone=None,
                start=MIDNIGHT + first_h * HOUR,
                end=MIDNIGHT + last_h * HOUR,
                kind=kind,
                reason="choir",
                author="anna",
                made_at=MIDNIGHT,
            )
        )


class TestFlow:
    async def test_what_people_need_is_written_in_place_of_less(self) -> None:
        bench = Bench(10.0, {FLOW: 20.0})
        outcome = (await bench.tick())[FLOW]
        assert bench.held() == {FLOW: 35.0}  # 33 rounded up to what the point takes
        assert isinstance(outcome, Clamped)
        need = fact(AirReason.LEAST_FLOW, unit="ahu1", least_pct=33.0)
        assert outcome.limit == fact(ReceiptReason.LEAST_AIR, wish=20.0, need=need)

    @pytest.mark.parametrize(
        ("hour", "written"),
        [(3.0, 20.0), (7.4, 20.0), (7.5, 35.0), (7.9, 35.0), (15.9, 35.0), (16.0, 20.0)],
    )
    async def test_it_holds_as_long_as_the_lease_does(self, hour: float, written: float) -> None:
        bench = Bench(hour, {FLOW: 20.0})
        await bench.tick()
        assert bench.held() == {FLOW: written}

    async def test_enough_is_written_as_planned(self) -> None:
        bench = Bench(10.0, {FLOW: 60.0, SUPPLY: 16.0})
        outcomes = await bench.tick()
        assert bench.held() == {FLOW: 60.0, SUPPLY: 16.0}
        assert all(isinstance(outcome, Accepted) for outcome in outcomes.values())

    async def test_a_booking_that_the_plan_does_not_know_of_gets_its_air(self) -> None:
        bench = Bench(19.0, {FLOW: 20.0})
        await bench.tick()
        assert bench.held() == {FLOW: 20.0}
        bench.book(19.2, 22.0)
        await bench.tick(TICK)
        assert bench.held() == {FLOW: 35.0}

    async def test_what_is_closed_needs_none(self) -> None:
        bench = Bench(10.0, {FLOW: 20.0})
        bench.book(0.0, 24.0, BookingKind.CLOSED)
        await bench.tick()
        assert bench.held() == {FLOW: 20.0}

    async def test_a_person_cannot_write_less_either(self) -> None:
        bench = Bench(10.0, {})
        receipt = await bench.write(FLOW, 20.0)
        assert bench.held() == {FLOW: 35.0}
        assert isinstance(receipt, Clamped)
        assert receipt.limit.code == ReceiptReason.LEAST_AIR

    async def test_where_the_ramp_cannot_reach_it_nothing_is_written(self) -> None:
        bench = Bench(10.0, {FLOW: 20.0}, with_flow_rule(max_change=20.0))
        bench.drivers.device("lodge/rooms").own[FLOW] = 10.0
        outcome = (await bench.tick())[FLOW]
        assert bench.held() == {}
        assert isinstance(outcome, Refused)
        need = fact(AirReason.LEAST_FLOW, unit="ahu1", least_pct=33.0)
        assert outcome.reason == fact(RefusalReason.TOO_LITTLE_AIR, value=15.0, need=need)

    async def test_less_than_that_does_not_stand_in_for_it_within_the_tolerance(self) -> None:
        """A read-back may lie 5 % off; 30 % is still not the 35 % that people need."""
        bench = Bench(7.3, {FLOW: 30.0}, with_flow_rule(tolerance=5.0))
        await bench.tick()
        assert bench.held() == {FLOW: 30.0}
        await bench.tick(TICK)
        assert bench.held() == {FLOW: 35.0}

    async def test_what_the_device_shows_a_little_lower_is_not_written_again(self) -> None:
        bench = Bench(10.0, {FLOW: 35.0}, with_flow_rule(tolerance=1.0))
        await bench.tick()
        device = bench.drivers.device("lodge/rooms")
        writes = len(device.writes)
        device.held[FLOW] = 34.5
        await bench.tick(TICK)
        assert len(device.writes) == writes

    async def test_what_is_no_number_stays_none(self) -> None:
        bench = Bench(10.0, {})
        assert isinstance(await bench.write(FLOW, nan), Refused)
        assert bench.held() == {}

    def test_points_that_move_no_air_need_none(self) -> None:
        points = {point.id: point for point in SITE.points}
        start = MIDNIGHT + 10 * HOUR
        use = Use(SITE, ())
        assert least_flow(use, points[SUPPLY], start, start + LEASE) is None
        assert least_flow(use, points[FLOW], start, start + LEASE) is not None
        assert least_flow(None, points[FLOW], start, start + LEASE) is None


class TestRun:
    @pytest.mark.parametrize(
        ("hour", "written"), [(3.0, 0.0), (7.4, 0.0), (7.5, 1.0), (12.0, 1.0), (16.0, 0.0)]
    )
    async def test_a_plan_does_not_stop_what_has_to_run_now(self, hour, written) -> None:
        bench = Bench(hour, {RUN: 0.0})
        await bench.tick()
        assert bench.held() == {RUN: written}

    async def test_nor_where_somebody_booked_since(self) -> None:
        bench = Bench(19.0, {RUN: 0.0})
        bench.book(19.1, 22.0)
        outcome = (await bench.tick())[RUN]
        assert bench.held() == {RUN: 1.0}
        assert isinstance(outcome, Clamped)
        assert outcome.limit == fact(
            ReceiptReason.LEAST_AIR, wish=0.0, need=fact(AirReason.HAS_TO_RUN, unit="ahu1")
        )

    async def test_a_person_who_sees_the_building_may(self) -> None:
        bench = Bench(12.0, {})
        assert isinstance(await bench.write(RUN, 0.0), Accepted)
        assert bench.held() == {RUN: 0.0}


class TestWhatIsHeldAlready:
    """A booking may come while a lease of less air still runs and nothing raises it."""

    async def test_it_is_given_back_where_the_plan_may_no_longer_be_written(self) -> None:
        bench = Bench(19.0, {FLOW: 20.0})
        await bench.tick()
        bench.book(19.2, 22.0)
        bench.plan({FLOW: 20.0}, flawed=True)
        outcome = (await bench.tick(TICK))[FLOW]
        assert isinstance(outcome, Released)
        assert bench.held() == {}
        assert bench.journal.leases() == {}

    async def test_it_is_given_back_where_a_new_plan_has_nothing_for_it(self) -> None:
        bench = Bench(19.0, {FLOW: 20.0, RUN: 0.0, SUPPLY: 17.0})
        await bench.tick()
        bench.book(19.2, 22.0)
        bench.plan({})
        await bench.tick(TICK)
        assert bench.held() == {SUPPLY: 17.0}

    async def test_it_is_given_back_where_the_ramp_cannot_reach_what_people_need(self) -> None:
        bench = Bench(19.0, {FLOW: 20.0}, with_flow_rule(max_change=20.0))
        bench.drivers.device("lodge/rooms").own[FLOW] = 20.0
        await bench.tick()
        assert bench.held() == {FLOW: 20.0}
        bench.book(19.2, 22.0)
        await bench.tick(TICK)
        assert bench.held() == {}

    async def test_it_is_given_back_where_a_person_wrote_it_before_the_booking(self) -> None:
        bench = Bench(19.0, {})
        await bench.write(FLOW, 20.0)
        assert bench.held() == {FLOW: 20.0}
        await bench.tick()
        assert bench.held() == {FLOW: 20.0}
        bench.book(19.2, 22.0)
        await bench.tick(TICK)
        assert bench.held() == {}

    async def test_more_that_was_announced_and_never_sent_hides_it_not(self) -> None:
        """The backend was killed between journal and write; nothing is written after that."""
        bench = Bench(19.0, {FLOW: 20.0})
        await bench.tick()
        bench.book(19.2, 22.0)
        bench.announce_only(FLOW, 40.0)
        bench.plan({FLOW: 40.0}, flawed=True)
        await bench.tick(TICK)
        assert bench.held() == {}

    async def test_a_person_who_stopped_the_unit_while_people_are_in_is_left_alone(self) -> None:
        bench = Bench(12.0, {RUN: 1.0})
        await bench.write(RUN, 0.0)
        await bench.tick(TICK)
        assert bench.held() == {RUN: 0.0}

    async def test_enough_stays_until_its_lease_ends(self) -> None:
        bench = Bench(12.0, {FLOW: 40.0})
        await bench.tick()
        bench.plan({})
        await bench.tick(TICK)
        assert bench.held() == {FLOW: 40.0}


class TestHandout:
    def test_a_controller_that_fetches_is_not_told_to_stop_what_was_booked_since(
        self, tmp_path
    ) -> None:
        """It is 10:05 of local time, and all is closed but for a choir from 10:20; what is to come
        after the lease is handed out again before."""
        world = a_world(tmp_path, sites=(SITE,))
        city = world.city
        now = city.clock.now()
        shut = Booking(
            id="shut",
            site="lodge",
            zone=None,
            start=now - 12 * HOUR,
            end=now + 36 * HOUR,
            kind=BookingKind.CLOSED,
            reason="holidays",
            author="anna",
            made_at=now,
        )
        city.stores.decisions.add_booking(shut)
        made = plan_of({RUN: 0.0}, site="lodge", start=now - timedelta(minutes=5), hours=12)
        first, *_ = made.schedule.setpoints[0].steps
        rows = (
            replace(first, end=now + HOUR),
            replace(first, start=now + HOUR, end=now + 12 * HOUR),
        )
        row = replace(made.schedule.setpoints[0], steps=rows)
        schedule = replace(made.schedule, setpoints=(row,))
        city.stores.plans.add_plan(sealed(replace(made, schedule=schedule)))
        (before,) = handed_out(city).setpoints
        assert [step.value for step in before.steps] == [0.0, 0.0]
        choir = replace(
            shut,
            id="choir",
            start=now + timedelta(minutes=15),
            end=now + 3 * HOUR,
            kind=BookingKind.IN_USE,
        )
        city.stores.decisions.add_booking(choir)
        (after,) = handed_out(city).setpoints
        assert [step.value for step in after.steps] == [1.0, 0.0]

    @pytest.mark.parametrize(
        ("actor", "until_h", "handed"),
        [("operator:anna", 1, False), ("operator:anna", 0, True), ("plan", 1, True)],
    )
    def test_what_a_person_has_written_is_left_to_them(
        self, tmp_path, actor: str, until_h: int, handed: bool
    ) -> None:
        city = a_world(tmp_path, sites=(SITE,)).city
        now = city.clock.now()
        start = now - timedelta(minutes=5)
        city.stores.plans.add_plan(plan_of({FLOW: 60.0}, site="lodge", start=start, hours=12))
        wrote = Command(
            id="c1",
            point=FLOW,
            value=80.0,
            issued_at=now - HOUR,
            lease_end=now + until_h * HOUR,
            reason="dust",
            actor=actor,
        )
        point = next(p for p in SITE.points if p.id == FLOW)
        city.journal.intend([lease_of(wrote, point, SITE.device(point.device))])
        told = handed_out(city)
        assert bool(told.setpoints) is handed
        assert [found.code for found in told.reasons] == ([] if handed else ["overridden"])

    def test_what_cannot_be_enough_is_left_out(self, tmp_path) -> None:
        site = with_flow_rule(maximum=30.0)
        world = a_world(tmp_path, sites=(site,))
        now = world.city.clock.now()
        start = now - timedelta(minutes=5)
        world.city.stores.plans.add_plan(plan_of({FLOW: 20.0}, site="lodge", start=start, hours=12))
        assert handed_out(world.city).setpoints == ()

    def test_a_controller_that_fetches_gets_enough_too(self, tmp_path) -> None:
        """It is 10:05 of local time; the second hour is after everybody has gone."""
        world = a_world(tmp_path, sites=(SITE,))
        now = world.city.clock.now()
        hours = [now - timedelta(minutes=5) + h * HOUR for h in (0, 6)]
        rows = tuple(Step(start=at, end=at + HOUR, value=20.0) for at in hours)
        made = plan_of({FLOW: 20.0}, site="lodge", start=hours[0], hours=12)
        row = replace(made.schedule.setpoints[0], steps=rows)
        schedule = replace(made.schedule, setpoints=(row,))
        world.city.stores.plans.add_plan(sealed(replace(made, schedule=schedule)))
        (handed,) = handed_out(world.city).setpoints
        assert [(step.start, step.value) for step in handed.steps] == [
            (hours[0], 35.0),
            (hours[1], 20.0),
        ]


def test_where_no_air_may_be_written_bookings_are_not_asked_for() -> None:
    assert bookings_ahead(lodge(), MemoryStore(), MIDNIGHT) is None
    assert bookings_ahead(SITE, MemoryStore(), MIDNIGHT) is not None
