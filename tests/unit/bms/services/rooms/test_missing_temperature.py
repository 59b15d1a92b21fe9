"""A lever whose rooms nobody sees: told of after an hour, given back after three (W4)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bms.model.assets.site import Mode, Site
from bms.model.control.command import Accepted, Refused, Released
from bms.model.fact import Moment, fact
from bms.model.planning.plan import Plan
from bms.model.readings.measurement import Reading
from bms.runtime.jobs import job_table
from bms.services.control.authority import AuthorityReason
from bms.services.control.person_write import PersonWrite, write_once
from bms.services.planning.plan import site_problem
from bms.services.rooms.missing_temperature import RoomWatch
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.api import NOW, World, a_world
from tests.rigs.fakes.city import HOUR, QUARTER, lodge

SETPOINT, TEMP = "lodge/hall.setpoint", "lodge/hall.temp"


def one_sensor() -> Site:
    return replace(lodge(), mode=Mode.AUTO)


def two_sensors(**more: object) -> Site:
    """The hall with a second sensor on another device; ``more`` of that."""
    site = one_sensor()
    first = next(p for p in site.points if p.id == TEMP)
    second = replace(first, id="lodge/hall.temp2", device="lodge/plant", **more)  # type: ignore[arg-type]
    return replace(site, points=(*site.points, second))


class Life:
    """A lodge that is polled, planned and dispatched every quarter of an hour."""

    def __init__(self, home: Path, site: Site, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.world: World = a_world(
            home, store=self.store, sites=(site,), rooms=RoomWatch(self.store)
        )
        self.site = site
        self.now = NOW - QUARTER
        self.rooms = self.world.drivers.device("lodge/rooms")
        self.rooms.own[SETPOINT] = 21.0
        self.warm = 20.0

    async def tick(self, times: int = 1, shows: Callable[[float], float | None] = float) -> Plan:
        """Ticks in which the room drifts and its sensor shows what ``shows`` makes of it."""
        jobs = {job.name: job for job in job_table(self.world.city)}
        for _ in range(times):
            self.now += QUARTER
            self.warm += 0.1
            shown = shows(self.warm)
            self.rooms.own.pop(TEMP, None)
            if shown is not None:
                self.rooms.own[TEMP] = shown
            await jobs["poll"].run(self.now)
            plan = self.store.plan_in_force("lodge", self.now)
            if plan is None or self.now - plan.created_at > 5 * HOUR:
                await jobs["plan"].run(self.now)
            await jobs["dispatch"].run(self.now)
        plan = self.store.plan_in_force("lodge", self.now)
        assert plan is not None
        return plan

    @property
    def is_held(self) -> bool:
        return SETPOINT in self.rooms.held

    def outcomes(self) -> list[object]:
        """What this tick did to the setpoint."""
        found = (o for _, o in self.store.receipts("lodge", self.now))
        return [o for o in found if getattr(o, "point", None) or o.command.point == SETPOINT]  # type: ignore[union-attr]

    def blind_since(self) -> datetime | None:
        plan = self.store.plan_in_force("lodge", self.now)
        assert plan is not None
        return plan.problem.zones[0].blind_since


MISSING: Callable[[float], None] = lambda _: None  # noqa: E731
FAULTS = {
    "missing": MISSING,
    "1000 degC": lambda _: 1000.0,
    "-300 degC": lambda _: -300.0,
    "NaN": lambda _: math.nan,
    "zero": lambda _: 0.0,
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_w04_a_blind_room_goes_back_after_three_hours_and_returns_by_itself(
    fault: str, tmp_path: Path
) -> None:
    life = Life(tmp_path, one_sensor())
    await life.tick(4)
    seen = life.now
    assert life.is_held
    await life.tick(3, FAULTS[fault])
    assert life.blind_since() is None  # not planned anew yet: less than an hour
    await life.tick(1, FAULTS[fault])
    assert life.blind_since() == seen
    await life.tick(7, FAULTS[fault])
    assert life.is_held
    await life.tick(1, FAULTS[fault])
    assert life.now == seen + 3 * HOUR
    assert not life.is_held
    refused, released = life.outcomes()
    assert isinstance(refused, Refused)
    assert refused.reason == fact(
        AuthorityReason.ROOMS_BLIND, point=SETPOINT, rooms=("Hall",), since=Moment(seen)
    )
    assert isinstance(released, Released)
    assert life.world.city.journal.leases() == {}
    await life.tick(4, FAULTS[fault])
    assert not life.is_held
    await life.tick()
    assert life.is_held
    assert life.blind_since() is None


@pytest.mark.slow
async def test_w04_a_sensor_that_is_stuck_is_not_believed(tmp_path: Path) -> None:
    life = Life(tmp_path, one_sensor())
    await life.tick(30)
    since, last = life.now, life.warm
    await life.tick(12, lambda _: last)
    assert life.is_held
    await life.tick(1, lambda _: last)
    assert not life.is_held
    assert life.blind_since() == since
    await life.tick()
    assert life.is_held


@pytest.mark.slow
async def test_w04_one_good_sensor_of_several_is_enough(tmp_path: Path) -> None:
    life = Life(tmp_path, two_sensors())
    plant = life.world.drivers.device("lodge/plant")
    for k in range(24):
        plant.own["lodge/hall.temp2"] = 18.0 + 0.1 * k
        await life.tick(1, float if k < 4 else MISSING)
        assert life.is_held
    problem = site_problem(
        life.site, now=life.now, ports=life.world.city.planning, horizon=6 * HOUR
    )
    assert problem.zones[0].blind_since is None
    assert problem.history is not None
    assert problem.history.zones[0].temp_c[-3:] == (20.0, 20.1, 20.2)


async def test_w04_nothing_is_written_before_a_room_was_read_once_since_the_start(
    tmp_path: Path,
) -> None:
    before = Life(tmp_path, one_sensor())
    await before.tick(2)
    journal = before.world.city.journal  # ours was given back meanwhile
    journal.settle({point: held.command_id for point, held in journal.leases().items()})
    after = Life(tmp_path, one_sensor(), before.store)
    after.now, after.warm = before.now, before.warm
    await after.tick(3, MISSING)
    assert not after.is_held
    (refused,) = after.outcomes()
    assert isinstance(refused, Refused)
    assert refused.reason == fact(AuthorityReason.ROOMS_UNREAD, point=SETPOINT, rooms=("Hall",))
    await after.tick()
    assert after.is_held


async def test_w04_a_room_that_was_never_seen_keeps_its_lever_with_the_building(
    tmp_path: Path,
) -> None:
    life = Life(tmp_path, one_sensor())
    plan = await life.tick(4, MISSING)
    assert not life.is_held
    assert plan.problem.zones[0].lever is None
    assert any(
        isinstance(o, Refused) and o.reason.code == AuthorityReason.ROOMS_NEVER_SEEN
        for _, o in life.store.receipts("lodge", NOW)
    )


async def test_w04_a_person_sees_the_room_and_may_write(tmp_path: Path) -> None:
    life = Life(tmp_path, one_sensor())
    await life.tick(4)
    await life.tick(16, MISSING)
    assert not life.is_held
    wanted = PersonWrite(point=SETPOINT, value=21.5, lease=HOUR, actor="operator:anna", reason="x")
    receipt = await write_once(life.site, wanted, now=life.now, ports=life.world.city.control)
    assert isinstance(receipt, Accepted)


async def test_w04_a_sensor_on_a_battery_may_be_as_old_as_it_declares(tmp_path: Path) -> None:
    """It tells its temperature every four hours; an hour is nothing to it."""
    site = one_sensor()
    slow = tuple(
        replace(p, device="", max_age_s=5 * 3600) if p.id == TEMP else p for p in site.points
    )
    life = Life(tmp_path, replace(site, points=slow))
    watch = RoomWatch(life.store)
    life.store.add_readings([Reading(TEMP, NOW, 20.5)])
    for hours, cause in ((1.0, None), (5.0, None), (5.25, "missing")):
        sight = watch.look(life.site, NOW + timedelta(hours=hours))["hall"]
        assert (sight.cause, sight.read) == (cause, True)


async def test_w04_w14_rooms_are_seen_after_the_clock_has_gone_back(tmp_path: Path) -> None:
    """The store has readings of a day that is still to come."""
    site = one_sensor()
    store = MemoryStore()
    watch = RoomWatch(store)
    store.add_readings(Reading(TEMP, NOW + k * QUARTER, 20.0 + 0.1 * k) for k in range(96))
    assert watch.look(site, NOW + 23 * HOUR)["hall"].cause is None
    for k in range(1, 12):
        now = NOW + k * QUARTER + timedelta(minutes=7)
        store.add_readings([Reading(TEMP, now, 19.0 + 0.1 * k)])
        sight = watch.look(site, now)["hall"]
        assert (sight.seen, sight.cause, sight.read) == (now, None, True)
