"""People, CO2, flows and supply air of a site in the question for the optimiser."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bms.model.assets.point import Role
from bms.model.assets.site import Site
from bms.model.assets.timetable import WeekTimetable
from bms.model.codec import from_json, to_json
from bms.model.control.booking import Booking, BookingKind
from bms.model.planning.problem import Problem
from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.units import Unit
from bms.model.savings.avoided_use import Span
from bms.services.occupancy import Use, outdated
from bms.services.planning.problem import assemble
from bms.services.planning.what_if import Change, changed_problem
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import HOUR, QUARTER, lodge, utc
from tests.rigs.fakes.ports import problem_ports
from tests.rigs.fakes.store import a_plan
from tests.rigs.fakes.ventilation import CO2, FLOW, LEAST_PCT, RUN, SUPPLY, airy_lodge

SITE = airy_lodge()
MIDNIGHT = utc(2019, 1, 14, 23)
"""Of local time; the hall is in use from step 32 until step 64."""
NOW = MIDNIGHT + timedelta(minutes=7)


def asked(site: Site = SITE, *, store: MemoryStore | None = None, now: datetime = NOW) -> Problem:
    return assemble(
        site,
        now=now,
        horizon=24 * HOUR,
        history_days=0.25,
        ports=problem_ports(store or MemoryStore()),
    )


def a_booking(first_h: float, last_h: float, kind: BookingKind = BookingKind.IN_USE) -> Booking:
    return Booking(
        id=f"b{first_h}",
        site="lodge",
        zone=None,
        start=MIDNIGHT + first_h * HOUR,
        end=MIDNIGHT + last_h * HOUR,
        kind=kind,
        reason="choir",
        author="anna",
        made_at=MIDNIGHT,
    )


class TestPeople:
    def test_they_are_in_while_the_timetable_says_so(self) -> None:
        (zone,) = asked().zones
        assert zone.people == (0.0,) * 32 + (30.0,) * 32 + (0.0,) * 32
        assert zone.volume_m3 == 600.0

    def test_nobody_knows_how_many_come_to_what_was_booked(self) -> None:
        store = MemoryStore()
        store.add_booking(a_booking(15, 18))
        (zone,) = asked(store=store).zones
        assert zone.people == (0.0,) * 32 + (30.0,) * 28 + (None,) * 12 + (0.0,) * 24
        assert zone.occupied[60:72] == (True,) * 12

    def test_a_plan_that_counted_them_is_made_again_when_something_is_booked(self) -> None:
        made = asked()
        plan = replace(a_plan("p1", "lodge", MIDNIGHT, steps=96), problem=made)
        assert not outdated(plan, Use(SITE, ()), NOW)
        assert outdated(plan, Use(SITE, (a_booking(9, 12),)), NOW)  # in use anyway, by others
        silent = replace(made.zones[0], people=())
        plan = replace(plan, problem=replace(made, zones=(silent,)))
        assert not outdated(plan, Use(SITE, (a_booking(9, 12),)), NOW)

    def test_those_who_were_booked_come_beside_those_of_an_ordinary_week(self) -> None:
        store = MemoryStore()
        store.add_booking(replace(a_booking(15, 18), people=50.0))
        store.add_booking(replace(a_booking(17, 18), id="b2", people=20.0))
        (zone,) = asked(store=store).zones
        assert zone.people[58:74] == (30.0,) * 2 + (80.0,) * 4 + (50.0,) * 4 + (70.0,) * 4 + (
            0.0,
            0.0,
        )
        store.add_booking(replace(a_booking(17, 18), id="b3"))
        assert asked(store=store).zones[0].people[64:72] == (50.0,) * 4 + (None,) * 4

    def test_only_those_who_were_booked_are_in_what_was_closed(self) -> None:
        store = MemoryStore()
        store.add_booking(replace(a_booking(0, 24, BookingKind.CLOSED), id="shut"))
        store.add_booking(replace(a_booking(10, 11), people=12.0))
        assert set(asked(store=store).zones[0].people[40:44]) == {12.0}
        assert sum(asked(store=store).zones[0].people) == 48.0

    def test_nobody_is_in_what_was_closed(self) -> None:
        store = MemoryStore()
        store.add_booking(a_booking(0, 24, BookingKind.CLOSED))
        assert set(asked(store=store).zones[0].people) == {0.0}

    def test_where_nobody_said_how_many_it_is_not_known(self) -> None:
        (zone,) = asked(lodge()).zones
        assert (zone.people, zone.volume_m3) == ((), None)

    def test_nobody_is_in_a_week_that_is_closed_to_see_what_would_happen(self) -> None:
        day = Span(start=MIDNIGHT, end=MIDNIGHT + 24 * HOUR)
        changed = changed_problem(asked(), Change(closed=day))
        assert set(changed.zones[0].people) == {0.0}
        unknown = changed_problem(asked(lodge()), Change(closed=day))
        assert unknown.zones[0].people == ()


class TestCO2:
    @pytest.mark.parametrize(
        ("minutes", "quality", "told"),
        [
            (7, Quality.GOOD, 840.0),
            (7, Quality.UNCERTAIN, None),
            (7, Quality.ESTIMATED, None),
            (16, Quality.GOOD, None),
            (-1, Quality.GOOD, None),
        ],
    )
    def test_only_a_good_value_of_now_is_told(self, minutes, quality, told) -> None:
        store = MemoryStore()
        store.add_readings([Reading(CO2, NOW - timedelta(minutes=minutes), 840.0, quality)])
        assert asked(store=store).zones[0].co2_ppm == told

    @pytest.mark.parametrize(("ppm", "told"), [(0.0, None), (299.0, None), (300.0, 300.0)])
    def test_air_fresher_than_any_outdoors_is_a_broken_sensor(self, ppm, told) -> None:
        store = MemoryStore()
        store.add_readings([Reading(CO2, NOW - QUARTER / 2, ppm)])
        assert asked(store=store).zones[0].co2_ppm == told

    @pytest.mark.parametrize(
        ("now", "wobble", "told"),
        [
            (10.1, 0.0, None),  # people have been in for two hours
            (10.1, 1.0, 421.0),
            (9.6, 0.0, 420.0),  # not long enough to tell
            (7.9, 0.0, 420.0),  # nobody is in yet
        ],
    )
    def test_a_sensor_that_people_do_not_move_is_not_believed(self, now, wobble, told) -> None:
        """Stuck low it would have every plan begin in fresh air."""
        store, end = MemoryStore(), MIDNIGHT + now * HOUR
        store.add_readings(
            [
                Reading(
                    CO2, end - timedelta(minutes=5) - k * QUARTER, 420.0 + wobble * (k % 2 == 0)
                )
                for k in range(20)
            ]
        )
        assert asked(store=store, now=end).zones[0].co2_ppm == told

    def test_the_limit_is_that_of_the_site_file(self) -> None:
        assert asked().zones[0].co2_limit_ppm == 1000.0
        assert asked(lodge()).zones[0].co2_limit_ppm is None

    def test_what_tells_who_was_in_stays_where_no_limit_needs_it(self) -> None:
        store = MemoryStore()
        store.add_readings([Reading(CO2, NOW - QUARTER / 2, 840.0)])
        assert asked(airy_lodge(co2_limit_ppm=None), store=store).zones[0].co2_ppm is None


class TestLevers:
    def test_run_flow_and_supply_air_are_levers_of_their_unit(self) -> None:
        (unit,) = asked().ventilation
        assert unit.lever is not None
        assert unit.lever.point == RUN
        flow, supply = unit.flow_lever, unit.supply_lever
        assert flow is not None
        assert (flow.point, flow.role, flow.unit) == (FLOW, Role.VENTILATION_FLOW, Unit.PERCENT)
        assert (flow.minimum, flow.maximum, flow.resolution) == (10.0, 100.0, 5.0)
        assert supply is not None
        assert (supply.point, supply.role) == (SUPPLY, Role.SUPPLY_AIR_SETPOINT)
        assert (supply.minimum, supply.maximum) == (15.0, 22.0)
        assert unit.least_flow_pct == LEAST_PCT

    def test_they_are_left_alone_where_they_may_not_be_written(self) -> None:
        (unit,) = asked(lodge()).ventilation
        assert (unit.flow_lever, unit.supply_lever, unit.own_supply_c) == (None, None, ())

    def test_a_plan_keeps_to_what_may_stand_for_days(self) -> None:
        points = tuple(
            replace(p, write=replace(p.write, hold_safe=(40.0, 90.0))) if p.id == FLOW else p
            for p in SITE.points
        )
        lever = asked(replace(SITE, points=points)).ventilation[0].flow_lever
        assert lever is not None
        assert (lever.minimum, lever.maximum) == (40.0, 90.0)
        watched = tuple(
            replace(p, write=replace(p.write, watchdog_s=60.0)) if p.id == FLOW else p
            for p in points
        )
        lever = asked(replace(SITE, points=watched)).ventilation[0].flow_lever
        assert lever is not None
        assert (lever.minimum, lever.maximum) == (10.0, 100.0)

    def test_own_supply_air_follows_its_timetable(self) -> None:
        assert asked().ventilation[0].own_supply_c == (18.0,) * 20 + (20.0,) * 12 + (18.0,) * 64

    def test_own_flow_is_told_only_where_it_is_not_full(self) -> None:
        assert asked().ventilation[0].own_flow_pct == ()
        slow = replace(SITE.ventilation[0], own_flow_pct=WeekTimetable(default=80.0))
        made = asked(replace(SITE, ventilation=(slow,)))
        assert set(made.ventilation[0].own_flow_pct) == {80.0}
        assert len(made.ventilation[0].own_flow_pct) == made.steps

    def test_the_question_survives_being_stored(self) -> None:
        made = asked()
        assert from_json(Problem, to_json(made)) == made


class TestThePast:
    def past(self, flow: list[float]) -> tuple[float | None, ...]:
        store = MemoryStore()
        start = MIDNIGHT - 6 * HOUR
        rows = [Reading(RUN, start + QUARTER * i, 1.0) for i in range(4)]
        rows += [Reading(FLOW, start + QUARTER * i, value) for i, value in enumerate(flow)]
        store.add_readings(rows)
        history = asked(store=store).history
        assert history is not None
        return history.ventilation[0].run[:5]

    def test_a_unit_at_half_its_flow_ran_half(self) -> None:
        assert self.past([100.0, 50.0, 40.0, 100.0]) == (1.0, 0.5, 0.4, 1.0, None)

    def test_where_nobody_measured_the_flow_it_was_whole(self) -> None:
        assert self.past([]) == (1.0, 1.0, 1.0, 1.0, None)
