"""What the watch raises from the readings, receipts and overrides of a site, and what clears it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bms.model.control.command import Failed, Override, Released, StillHeld
from bms.model.control.evidence import CITY
from bms.model.fact import Fact
from bms.model.readings.measurement import Quality, Reading
from bms.model.work.detection import Detection
from bms.model.work.finding import CannotRun, RuleId
from bms.model.work.item import WorkItem, WorkKind
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.work.watch import watch_city, watch_proofs, watch_site
from tests.rigs.fakes.api import NOW, SETPOINT, World, a_command, a_lodge_plan, a_world
from tests.rigs.fakes.city import HOUR
from tests.rigs.work.rows import a_finding

DAY = timedelta(days=1)
QUARTER = timedelta(minutes=15)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return a_world(tmp_path)


class Watched:
    """The lodge as it is looked at every quarter of an hour; ``dead`` points give no value."""

    def __init__(self, world: World) -> None:
        self.world, self.dead, self.temp = world, set[str](), 20.5
        self.site = world.city.sites["lodge"]

    def run(self, lasts: timedelta, *, polls: bool = True) -> None:
        end = self.world.clock.now() + lasts
        while self.world.clock.now() < end:
            self.world.clock.advance(QUARTER)
            now = self.world.clock.now()
            if polls:
                self.world.store.add_readings(self.readings(now))
            watch_site(self.site, now, self.world.city.work)

    def readings(self, now: datetime) -> list[Reading]:
        rows = []
        for point in self.site.points:
            value = self.temp if point.id == "lodge/hall.temp" else 20.0
            dead = point.id in self.dead or point.device in self.dead
            quality = Quality.NO_REPLY if dead else Quality.GOOD
            rows.append(Reading(point.id, now, None if dead else value, quality))
        return rows

    def open(self) -> list[WorkItem]:
        return self.world.store.items(["lodge", CITY])

    def kinds(self) -> list[WorkKind]:
        return sorted(item.cause.kind for item in self.open())


@pytest.fixture
def watched(world: World) -> Watched:
    made = Watched(world)
    made.run(HOUR)
    assert made.open() == []
    return made


class TestSilence:
    def test_a_silent_device_is_one_item_with_its_points(self, watched: Watched) -> None:
        device = watched.site.devices[0].id
        watched.dead = {device}
        watched.run(HOUR / 2)
        assert watched.open() == []
        watched.run(HOUR)
        (item,) = watched.open()
        points = {p.id for p in watched.site.points if p.device == device}
        assert item.cause.kind is WorkKind.DEVICE_SILENT
        assert points <= set(item.cause.follows)
        watched.run(2 * DAY)
        assert [row.id for row in watched.open()] == [item.id]
        watched.dead = set()
        watched.run(HOUR)
        assert watched.open() == []

    def test_one_point_without_values_is_raised_after_a_day(self, watched: Watched) -> None:
        watched.dead = {"lodge/outdoor.temp"}
        watched.run(20 * HOUR)
        assert watched.open() == []
        watched.run(6 * HOUR)
        assert [i.cause.subject for i in watched.open()] == ["lodge/outdoor.temp"]

    def test_after_an_outage_of_ours_nothing_is_raised_that_answers_again(
        self, watched: Watched
    ) -> None:
        watched.world.clock.advance(3 * DAY)
        now = watched.world.clock.now()
        watch_site(watched.site, now, watched.world.city.work)
        assert watched.open() == []
        watched.run(2 * HOUR)
        assert watched.open() == []

    def test_where_most_sites_are_silent_it_is_our_own_connection(self, watched: Watched) -> None:
        ports = watched.world.city.work
        ports.silent.update({f"s{i}": True for i in range(10)})
        watched.dead = {device.id for device in watched.site.devices}
        watched.run(3 * HOUR)
        assert watched.open() == []
        watch_city(watched.world.clock.now(), ports)
        (item,) = watched.open()
        assert (item.cause.site, len(item.cause.follows)) == (CITY, 11)


class TestControl:
    def test_a_write_that_fails_again_and_again(self, watched: Watched) -> None:
        store, start = watched.world.store, watched.world.clock.now()
        for i in range(4):
            watched.run(QUARTER)
            now = watched.world.clock.now()
            failed = Failed(a_command(f"c{i}", now, 21.0 + i), Fact("no_reply", {}), True)
            store.add_receipts([failed], now)
        watched.run(QUARTER)
        (item,) = watched.open()
        assert (item.cause.kind, item.cause.subject) == (WorkKind.WRITE_FAILED, SETPOINT)
        assert item.cause.since - start <= QUARTER
        watched.run(7 * HOUR)
        assert watched.open() == []

    def test_a_point_that_is_not_given_back(self, watched: Watched) -> None:
        now, store = watched.world.clock.now(), watched.world.store
        store.add_receipts([StillHeld(SETPOINT, Fact("no_reply", {}))], now)
        watched.run(HOUR)
        assert watched.kinds() == [WorkKind.NOT_GIVEN_BACK]
        store.add_receipts([Released(SETPOINT, 20.0)], watched.world.clock.now())
        watched.run(HOUR)
        assert watched.open() == []

    def test_an_override_that_stands_for_a_day_with_its_cost(self, watched: Watched) -> None:
        now, store = watched.world.clock.now(), watched.world.store
        plan = a_lodge_plan(at=now)
        store.add_plan(plan)
        made = Override(
            id="o1",
            site="lodge",
            point=SETPOINT,
            since=now,
            until=None,
            reason="cold today",
            actor="Mette",
        )
        store.add_override(made)
        watched.run(23 * HOUR)
        assert watched.open() == []
        watched.run(2 * HOUR)
        (item,) = watched.open()
        assert item.cause.kind is WorkKind.OVERRIDE_STANDING
        assert item.cause.dkk_day == pytest.approx(30.0 / 36 * 24)
        assert "Mette" not in repr(item.cause), "who stands in the list of overrides only"
        store.remove_override("o1", actor="Mette", at=watched.world.clock.now())
        watched.run(QUARTER)
        assert watched.open() == []

    def test_a_room_in_use_that_is_too_cold(self, watched: Watched) -> None:
        watched.temp = 16.0
        watched.run(HOUR)
        (item,) = watched.open()
        assert item.cause.kind is WorkKind.COMFORT_AT_RISK
        assert item.cause.what.parameters["value"] == 16.0
        watched.temp = 20.5
        watched.run(HOUR)
        assert watched.open() == []


class TestFaults:
    def test_a_finding_is_raised_once_and_clears_after_two_nights(self, watched: Watched) -> None:
        store, clock = watched.world.store, watched.world.clock
        cooling = a_finding()
        store.keep_detection(Detection(site="lodge", at=clock.now(), findings=(cooling,)))
        watched.run(HOUR)
        (item,) = watched.open()
        assert item.cause.price == cooling.price
        store.keep_detection(Detection(site="lodge", at=clock.now()))
        watched.run(20 * HOUR)
        assert len(watched.open()) == 1
        store.keep_detection(Detection(site="lodge", at=clock.now()))
        watched.run(12 * HOUR)
        assert watched.open() == []

    def test_a_rule_that_cannot_run_leaves_its_items(self, watched: Watched) -> None:
        store, clock = watched.world.store, watched.world.clock
        store.keep_detection(Detection(site="lodge", at=clock.now(), findings=(a_finding(),)))
        watched.run(QUARTER)
        cannot = CannotRun(
            rule=RuleId("cooling_low"), site_id="lodge", subject="", reason=Fact("x", {})
        )
        for _ in range(3):
            store.keep_detection(Detection(site="lodge", at=clock.now(), cannot=(cannot,)))
            watched.run(DAY)
        assert len(watched.open()) == 1
        watched.run(3 * DAY)  # and where nobody looks any more, nothing is known
        assert len(watched.open()) == 1


def test_the_city_watches_what_it_relies_on(world: World) -> None:
    watch_city(NOW, world.city.work)
    assert world.store.items([CITY]) == []


def test_proposed_events_and_measures_are_asked_for(world: World) -> None:
    done = watch_proofs(
        world.city.sites["lodge"], NOW, world.city.work, SavingsCache(world.city.assessment)
    )
    assert done.items == ()
