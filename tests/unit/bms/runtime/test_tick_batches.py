"""The sites of a tick ask the database together; what they see and keep is as if each asked."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from bms.errors import GuardError, StoreUnavailable
from bms.model.assets.point import Point
from bms.model.assets.site import Mode, Site
from bms.model.control.command import Accepted, Command, Failed, Overridden, Receipt
from bms.model.planning.plan_digest import sealed
from bms.runtime.jobs import job_table
from bms.services import operator
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.api import NOW, SETPOINT, World, a_lodge_plan, a_world
from tests.rigs.fakes.city import HOUR, lodge
from tests.rigs.fakes.drivers import FakeDevice

SITES = ("lodge", "barn", "mill")


class Counting(MemoryStore):
    """A store that counts what it is asked, and may be away."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.away = False

    def __getattribute__(self, name: str) -> object:
        found = super().__getattribute__(name)
        if not callable(found) or name.startswith("_"):
            return found
        self.asked.append(name)
        if self.away:
            raise StoreUnavailable("the database is away")
        return found


def named(name: str) -> Site:
    """The lodge under another name."""
    site = replace(lodge(), mode=Mode.AUTO)

    def other(id_: str) -> str:
        return id_.replace("lodge", name)

    return replace(
        site,
        id=name,
        devices=tuple(replace(d, id=other(d.id), site=name) for d in site.devices),
        points=tuple(
            replace(p, id=other(p.id), site=name, device=other(p.device)) for p in site.points
        ),
    )


@pytest.fixture
def world(tmp_path: Path) -> World:
    store = Counting()
    made = a_world(tmp_path, store=store, sites=tuple(map(named, SITES)))
    for name in SITES:
        made.drivers.device(f"{name}/rooms").own[SETPOINT.replace("lodge", name)] = 21.0
    return made


def planned(world: World) -> None:
    for name in SITES:
        plan = a_lodge_plan(f"p-{name}")
        rows = tuple(
            replace(row, point=row.point.replace("lodge", name)) for row in plan.schedule.setpoints
        )
        schedule = replace(plan.schedule, site=name, setpoints=rows)
        problem = replace(plan.problem, site=name)
        plan = replace(plan, site=name, schedule=schedule, problem=problem, digest="")
        world.store.add_plan(sealed(plan))


async def tick(world: World, at=NOW) -> None:
    jobs = {job.name: job for job in job_table(world.city)}
    await jobs["dispatch"].run(at)


def held(world: World) -> set[str]:
    return {p for device in world.drivers.devices.values() for p in device.held}


async def test_one_question_serves_every_site(world: World) -> None:
    planned(world)
    world.store.asked.clear()
    await tick(world)
    assert held(world) == {SETPOINT.replace("lodge", name) for name in SITES}
    for name in ("modes", "overrides_of"):
        assert world.store.asked.count(name) <= 2
    for name in ("plans_in_force", "bookings_of", "trials_of", "add_receipts"):
        assert world.store.asked.count(name) == 1
    assert "receipts_of" not in world.store.asked  # nobody holds anything


async def test_what_stands_where_people_hold_is_looked_up_once_for_every_site(world: World) -> None:
    planned(world)
    for name in SITES:
        await operator.override(
            world.city.site(name),
            now=NOW,
            ports=world.city.control,
            point=None,
            until=None,
            reason="a concert",
            actor="anna",
        )
    world.store.asked.clear()
    await tick(world)
    assert world.store.asked.count("receipts_of") == 1


class CountedThreads(ThreadPoolExecutor):
    """Counts how often work leaves the event loop."""

    calls = 0

    def submit(self, *args, **kwargs):
        self.calls += 1
        return super().submit(*args, **kwargs)


async def test_sites_with_nothing_to_do_leave_the_loop_together(world: World) -> None:
    """Handing work to a thread costs more processor time than most looks do."""
    planned(world)
    for name in SITES:
        world.store.set_mode(name, Mode.ADVISE, actor="bo", at=NOW, reason="autumn")
    threads = CountedThreads()
    asyncio.get_running_loop().set_default_executor(threads)
    await tick(world)
    assert threads.calls <= len(SITES)  # records, plans, first look


async def test_a_look_that_fails_at_one_site_costs_no_other(world: World) -> None:
    planned(world)
    leases_of = world.city.journal.leases_of

    def broken(site: str):
        if site == "barn":
            raise GuardError("the disk is gone")
        return leases_of(site)

    world.city.journal.leases_of = broken  # type: ignore[method-assign]
    await tick(world)
    assert held(world) == {SETPOINT, SETPOINT.replace("lodge", "mill")}


async def test_the_receipts_of_every_site_are_kept(world: World) -> None:
    planned(world)
    await tick(world)
    for name in SITES:
        kinds = [type(receipt) for _, receipt in world.store.receipts(name, NOW)]
        assert Accepted in kinds


async def test_what_people_say_while_a_tick_is_under_way_counts_in_it(world: World) -> None:
    """An override of another computer, in the database after everything was read."""
    planned(world)
    writes = world.drivers.device("lodge/rooms").write

    async def write(point, command):
        world.store.set_mode("lodge", Mode.OBSERVE, actor="bo", at=NOW, reason="smoke")
        return await writes(point, command)

    world.drivers.device("lodge/rooms").write = write  # type: ignore[method-assign]
    await tick(world)
    assert SETPOINT not in held(world)
    assert len(held(world)) == 2


async def test_w10_marks_count_without_the_database(world: World) -> None:
    planned(world)
    await tick(world)
    site = world.city.site("lodge")
    world.store.away = True
    device = world.drivers.device("lodge/rooms")
    device.swallows_releases = True  # the process that was told dies before anything is free
    await operator.release(site, now=NOW, ports=world.city.control, actor="anna", reason="smoke")
    assert SETPOINT in held(world)
    device.swallows_releases = False
    await tick(world, NOW + HOUR / 4)
    assert held(world) == {SETPOINT.replace("lodge", name) for name in SITES[1:]}


async def test_an_override_of_one_site_leaves_the_others(world: World) -> None:
    planned(world)
    await operator.override(
        world.city.site("barn"),
        now=NOW,
        ports=world.city.control,
        point=None,
        until=None,
        reason="a concert",
        actor="anna",
    )
    await tick(world)
    assert held(world) == {SETPOINT, SETPOINT.replace("lodge", "mill")}
    kinds = {type(receipt) for _, receipt in world.store.receipts("barn", NOW)}
    assert Overridden in kinds


@pytest.mark.slow
async def test_a_site_that_hangs_holds_up_no_other(world: World) -> None:
    planned(world)
    gate = asyncio.Event()
    device = world.drivers.device("lodge/rooms")
    look = device.command_states

    async def slow(points, at):
        await gate.wait()
        return await look(points, at)

    device.command_states = slow  # type: ignore[method-assign]
    task = asyncio.create_task(tick(world))
    for _ in range(300):
        await asyncio.sleep(0.01)
        if len(held(world)) == 2 and world.store.receipts("mill", NOW):
            break
    assert held(world) == {SETPOINT.replace("lodge", name) for name in SITES[1:]}
    gate.set()
    await task
    assert len(held(world)) == 3


class Hanging(FakeDevice):
    """A device that never answers a write."""

    asked = False

    async def write(self, point: Point, command: Command) -> Receipt:
        self.asked = True
        await asyncio.Event().wait()
        raise AssertionError


def read_back(world: World) -> int:
    """Writes that have come to their end [1]: the device has answered, and it is in the book."""
    return sum(each.read_back is not None for each in world.city.journal.leases().values())


async def test_w16_a_site_that_is_cut_off_costs_no_receipt_of_its_neighbours(world: World) -> None:
    planned(world)
    slow = Hanging(own={SETPOINT: 21.0})
    world.drivers.devices["lodge/rooms"] = slow
    task = asyncio.create_task(tick(world))
    while read_back(world) < 2 or not slow.asked:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for name in SITES:
        expected = Failed if name == "lodge" else Accepted
        assert [type(r) for _, r in world.store.receipts(name, NOW)][-1:] == [expected]


async def test_w16_a_site_that_raises_keeps_what_it_has_done(world: World) -> None:
    planned(world)
    marks = world.city.hands_off.marks

    def broken():
        if held(world):
            raise GuardError("the disk is gone")
        return marks()

    world.city.hands_off.marks = broken  # type: ignore[method-assign]
    await tick(world)
    assert Accepted in [type(r) for name in SITES for _, r in world.store.receipts(name, NOW)]
