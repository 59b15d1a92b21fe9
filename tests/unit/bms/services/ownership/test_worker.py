"""Workers that come, go, die, sleep and wake over one table of owners."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from bms.errors import NotOwner, StoreUnavailable
from bms.guard import Guard
from bms.model.control.command import Refused, Released
from bms.model.control.local_override import GivingBack
from bms.model.control.ownership import CITY_WIDE
from bms.model.fact import fact
from bms.ports.ownership import SiteOwners
from bms.services.control.authority import AuthorityReason
from bms.services.control.dispatch import dispatch_site
from bms.services.control.person_write import PersonWrite, write_once
from bms.services.giving_back.many_points import release_everything
from bms.services.ownership.bequest import bequest_of, written
from bms.services.ownership.worker import SiteWorker
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.safety import LEASE, NOW, NULL, WANTED, hut, plan_of
from tests.rigs.workers import LASTS_S, WorkerBench, World


def city(count: int) -> World:
    return World(sites={f"s{i}": replace(hut(), id=f"s{i}") for i in range(count)})


def owners(world: World) -> dict[str, str]:
    return {row.site: row.owner for row in world.store.owners() if not row.site.startswith("@")}


def planned(world: World) -> World:
    world.store.add_plan(plan_of(WANTED, start=NOW - timedelta(hours=1), hours=12))
    return world


async def tick(bench: WorkerBench) -> list[object]:
    """A tick of dispatch as the job table does it."""
    site = bench.world.sites["hut"]
    if not bench.held.may_send("hut"):
        return []
    now = bench.clock.now()
    return list(await dispatch_site(site, now=now, lease=LEASE, ports=bench.control()))


def held(world: World) -> dict[str, float]:
    return {p: v for d in world.drivers.devices.values() for p, v in d.held.items()}


def touched(world: World) -> int:
    """Frames that changed anything at a device [1]."""
    return sum(len(d.writes) + len(d.releases) for d in world.drivers.devices.values())


class Late:
    """A table of owners in which offers are withdrawn before they are accepted."""

    def __init__(self, store: MemoryStore) -> None:
        self._store, self.refused = store, False

    def accept(self, heir: str, bequests: Mapping[str, str]) -> frozenset[str]:
        self._store.withdraw("anna", bequests)
        self.refused = True
        return self._store.accept(heir, bequests)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


async def started(bench: WorkerBench) -> SiteWorker:
    worker = SiteWorker(bench.ports())
    for _ in range(3):
        await worker.step()
    return worker


async def beating(world: World, worker: SiteWorker, length: timedelta) -> None:
    """Time goes by, and one worker beats."""
    for _ in range(round(length / timedelta(seconds=30))):
        world.sleep(30.0)
        await worker.step()


async def give_back(bench: WorkerBench) -> None:
    await release_everything(
        now=bench.clock.now(), drivers=bench.world.drivers, journal=bench.journal
    )


async def test_w02_the_first_worker_owns_all_and_the_second_gets_its_share() -> None:
    world = city(10)
    anna, bo = world.worker("anna"), world.worker("bo")
    first = await started(anna)
    assert set(owners(world).values()) == {"anna"}
    second = SiteWorker(bo.ports())
    await second.step()
    steps = [asyncio.create_task(_stepping(each)) for each in (first, second)]
    async with asyncio.timeout(5):
        while list(owners(world).values()).count("bo") < 5:
            await asyncio.sleep(0.01)
    for each in steps:
        each.cancel()
    assert list(owners(world).values()).count("bo") == 5
    assert next(row for row in world.store.owners() if row.site == CITY_WIDE).owner == "anna"


async def _stepping(worker: SiteWorker) -> None:
    while True:
        await worker.step()
        await asyncio.sleep(0.01)


async def test_w02_a_clean_stop_hands_over_and_no_setpoint_moves() -> None:
    world = planned(World())
    anna, bo = world.worker("anna"), world.worker("bo", apart=timedelta(hours=2))
    first = await started(anna)
    await tick(anna)
    assert held(world) == WANTED
    second = await started(bo)
    assert owners(world) == {"hut": "anna"}
    moved = touched(world)
    stepping = asyncio.create_task(_stepping(second))
    await first.stop(lambda: give_back(anna))
    await asyncio.sleep(0.05)
    stepping.cancel()
    assert owners(world) == {"hut": "bo"}
    assert anna.journal.leases() == {}
    assert set(bo.journal.leases()) == set(WANTED)
    assert touched(world) == moved
    assert held(world) == WANTED
    bo.clock.advance(timedelta(seconds=1))
    world.store.add_plan(plan_of(WANTED, plan_id="p2", start=bo.clock.now()))
    await tick(bo)
    assert held(world) == WANTED
    assert bo.journal.local_overrides() == {}
    assert world.store.overrides("hut", bo.clock.now()) == []


async def test_w02_what_nobody_takes_is_given_back() -> None:
    world = planned(World())
    anna = world.worker("anna")
    first = await started(anna)
    await tick(anna)
    await first.stop(lambda: give_back(anna))
    assert held(world) == {}
    assert next(row for row in world.store.owners() if row.site == "hut").released
    bo = world.worker("bo")
    await started(bo)
    await tick(bo)
    assert held(world) == WANTED


@pytest.mark.slow
async def test_w02_an_heir_that_does_not_answer_leaves_the_points_to_us() -> None:
    world = planned(World())
    anna, bo = world.worker("anna"), world.worker("bo")
    first = await started(anna)
    await tick(anna)
    await started(bo)  # and then it beats no more
    await first.stop(lambda: give_back(anna))
    assert held(world) == {}
    assert bo.journal.leases() == {}


async def test_w02_an_heir_that_answers_too_late_lets_go_of_what_it_has_opened() -> None:
    """Else its guards would give back at the end of the old leases what the owner has renewed."""
    world = planned(World())
    anna, bo = world.worker("anna"), world.worker("bo")
    first, second = await started(anna), await started(bo)
    await tick(anna)
    assert anna.journal.leases()
    text = {"hut": written(bequest_of("hut", anna.clock.reading(), anna.journal))}
    world.store.offer("anna", "bo", text)
    late = Late(world.store)
    bo.owners = cast("SiteOwners", late)
    second = SiteWorker(bo.ports())
    await second.step()
    assert late.refused
    assert bo.journal.leases()
    await second.step()
    assert bo.journal.leases() == {}
    await beating(world, first, LEASE)
    assert anna.journal.leases()


@pytest.mark.slow
async def test_w09_what_the_guards_of_a_lost_heir_give_back_is_nobodys_word() -> None:
    """They cannot know that the hand-over did not come about; the owner takes its points again."""
    world = planned(World())
    anna, bo = world.worker("anna"), world.worker("bo")
    first, _ = await started(anna), await started(bo)
    await tick(anna)
    bo.owners = cast("SiteOwners", Late(world.store))
    handing = asyncio.create_task(first.hand_over({"bo": ["hut"]}))
    await asyncio.sleep(0.1)
    await SiteWorker(bo.ports()).step()
    await handing
    assert owners(world)["hut"] == "anna"
    assert bo.journal.leases(), "it has opened them, and is killed"
    guard = Guard(bo.journal, world.drivers, bo.clock)
    emptied = False
    for _ in range(8):
        await beating(world, first, timedelta(minutes=5))
        await guard.step()
        emptied = emptied or held(world) != WANTED
        await tick(anna)
    await tick(anna)
    assert emptied
    assert held(world) == WANTED
    assert anna.journal.local_overrides() == {}


@pytest.mark.slow
async def test_w02_a_site_with_a_replaced_write_on_the_way_is_not_handed_over() -> None:
    """Once the newer one is closed here our guards would give its point back, when it has arrived,
    while the heir holds it."""
    world = planned(World())
    anna, bo = world.worker("anna"), world.worker("bo")
    first, second = await started(anna), await started(bo)
    await tick(anna)
    newest = anna.journal.leases()[NULL]
    lost = replace(newest, command=replace(newest.command, id="lost"), writer="it was killed")
    again = replace(newest, command=replace(newest.command, id="again"))
    anna.journal.intend([lost])
    anna.journal.intend([again])
    stepping = asyncio.create_task(_stepping(second))
    await first.hand_over({"bo": ["hut"]})
    assert owners(world) == {"hut": "anna"}
    anna.journal.arrived({NULL: "lost"})
    await first.hand_over({"bo": ["hut"]})
    stepping.cancel()
    assert owners(world) == {"hut": "bo"}
    assert anna.journal.leases() == {}


async def test_w16_what_cannot_be_handed_over_is_given_back_with_a_receipt() -> None:
    world = planned(World())
    anna = world.worker("anna")
    first = await started(anna)
    await tick(anna)
    anna.journal.note([GivingBack(NULL, anna.journal.leases()[NULL].command_id)])
    await first.hand_over({"bo": ["hut"]})
    assert held(world).keys() == set(WANTED) - {NULL}
    [note] = anna.journal.unrecorded()
    assert isinstance(note.receipt, Released)
    assert note.point == NULL


async def test_w02_a_site_that_waits_for_an_earlier_owner_is_not_handed_on() -> None:
    """A third worker would take what still stands there for somebody's word."""
    world = planned(World())
    anna, bo, carl = world.worker("anna"), world.worker("bo"), world.worker("carl")
    await started(anna)
    await tick(anna)
    second = await started(bo)  # and then anna beats no more
    await beating(world, second, timedelta(minutes=4))
    assert owners(world) == {"hut": "bo"}
    third = await started(carl)
    stepping = asyncio.create_task(_stepping(third))
    await second.stop(lambda: give_back(bo))
    stepping.cancel()
    assert owners(world) == {"hut": "bo"}
    await beating(world, third, timedelta(minutes=4))
    assert owners(world) == {"hut": "carl"}
    assert not carl.held.may_send("hut")
    await give_back(anna)
    await beating(world, third, LEASE + timedelta(minutes=1))
    world.store.add_plan(plan_of(WANTED, plan_id="p2", start=carl.clock.now()))
    await tick(carl)
    assert held(world) == WANTED
    assert carl.journal.local_overrides() == {}


@pytest.mark.parametrize("accepted", [False, True])
async def test_w09_an_owner_lost_while_handing_over_leaves_no_false_hand(accepted: bool) -> None:
    """The guards of both know the leases; the one that comes second finds an empty place."""
    world = planned(World())
    anna, bo = world.worker("anna"), world.worker("bo")
    await started(anna)
    await started(bo)
    await tick(anna)
    text = {"hut": written(bequest_of("hut", anna.clock.reading(), anna.journal))}
    world.store.offer("anna", "bo", text)
    if not accepted:
        bo.owners = cast("SiteOwners", Late(world.store))
    second = SiteWorker(bo.ports())
    await second.step()  # and then anna beats no more
    await give_back(anna)
    await beating(world, second, LEASE)
    await give_back(bo)
    assert bo.journal.local_overrides() == {}
    await beating(world, second, LEASE + timedelta(minutes=2))
    world.store.add_plan(plan_of(WANTED, plan_id="p2", start=bo.clock.now()))
    await tick(bo)
    assert held(world) == WANTED
    assert world.store.overrides("hut", bo.clock.now()) == []


async def test_w02_a_successor_of_a_killed_owner_waits_for_its_leases_and_a_free_place() -> None:
    world = planned(World())
    anna, bo = world.worker("anna"), world.worker("bo")
    await started(anna)
    await tick(anna)
    await started(bo)
    world.sleep(LASTS_S + 3.1)  # anna is gone
    second = await started(bo)
    assert owners(world) == {"hut": "bo"}
    before = touched(world)
    assert await tick(bo) == []
    assert touched(world) == before
    await beating(world, second, LEASE)
    await give_back(anna)  # her guard
    await second.step()
    await tick(bo)
    assert held(world) == WANTED
    assert bo.journal.local_overrides() == {}


async def taken_from_a_lost_owner(world: World) -> tuple[WorkerBench, WorkerBench]:
    """Anna is gone with her guards, and bo may write by now."""
    anna, bo = world.worker("anna"), world.worker("bo")
    await started(anna)
    await tick(anna)
    world.sleep(LASTS_S + 3.1)
    second = await started(bo)
    await beating(world, second, LEASE)
    await second.step()
    return anna, bo


async def test_w12_what_an_owner_left_that_was_lost_with_its_guards_is_given_back() -> None:
    world = planned(World())
    _, bo = await taken_from_a_lost_owner(world)
    world.drivers.device("hut/bacnet").held[NULL] = 17.0  # meanwhile a person has come
    await tick(bo)
    await tick(bo)
    assert held(world) == WANTED | {NULL: 17.0}
    assert [each.point for each in world.store.overrides("hut", bo.clock.now())] == [NULL]
    assert len([p for d in world.drivers.devices.values() for p in d.releases]) == len(WANTED) - 1


async def test_w09_guards_of_a_lost_owner_that_come_late_are_nobodys_hand() -> None:
    """Its devices were silent when its leases ended: its guards try on, and meet our value."""
    world = planned(World())
    anna, bo = await taken_from_a_lost_owner(world)
    await tick(bo)
    guard, second = Guard(anna.journal, world.drivers, anna.clock), SiteWorker(bo.ports())
    await guard.step()
    assert held(world) != WANTED
    await beating(world, second, timedelta(minutes=1))
    await tick(bo)
    assert held(world) == WANTED
    assert world.store.overrides("hut", bo.clock.now()) == []


async def test_w02_an_old_owner_that_wakes_writes_nothing_and_gives_nothing_back() -> None:
    world = planned(World())
    anna, bo = world.worker("anna"), world.worker("bo")
    await started(anna)
    await tick(anna)
    world.sleep(LASTS_S + 3.1)
    second = await started(bo)
    await beating(world, second, LEASE)
    await give_back(anna)
    await second.step()
    await tick(bo)
    before = touched(world)
    assert await tick(anna) == []  # she wakes
    site = world.sites["hut"]
    outcomes = await dispatch_site(  # in the middle of a tick
        site, now=anna.clock.now(), lease=LEASE, ports=anna.control()
    )
    assert touched(world) == before
    assert outcomes == []
    assert world.store.overrides("hut", bo.clock.now()) == []
    wanted = PersonWrite(point=NULL, value=20.0, lease=LEASE, actor="anna", reason="test")
    receipt = await write_once(site, wanted, now=anna.clock.now(), ports=anna.control())
    assert isinstance(receipt, Refused)
    assert receipt.reason == fact(AuthorityReason.OTHER_OWNER, site="hut")


async def test_w02_a_write_that_waited_too_long_is_not_taken_back_either() -> None:
    """Its frame did not leave; a give-back would meet what the next owner has written."""
    world = planned(World())
    anna = world.worker("anna")
    await started(anna)
    device = world.drivers.device("hut/bacnet")

    class Lapsing(type(anna.keeper)):  # type: ignore[misc]
        async def ensure(self) -> None:
            if anna.journal.leases():
                world.sleep(LASTS_S)
                device.dead = True

    anna.keeper = Lapsing()
    outcomes = await tick(anna)
    assert outcomes
    assert all(not d.releases for d in world.drivers.devices.values())


async def test_w02_plans_of_an_old_owner_are_refused() -> None:
    world = planned(World())
    anna, bo = world.worker("anna"), world.worker("bo")
    await started(anna)
    world.store.fence(anna.held.fencing_tokens)
    world.sleep(LASTS_S + 3.1)
    await started(bo)
    with pytest.raises(NotOwner) as refusal:
        world.store.add_plan(plan_of(WANTED, plan_id="late"))
    assert refusal.value.sites == {"hut"}


async def test_w02_what_is_owned_runs_out_while_the_database_is_away() -> None:
    world = planned(World())
    anna = world.worker("anna")
    worker = await started(anna)

    class Away:
        def __getattr__(self, name: str) -> object:
            raise StoreUnavailable("away")

    anna.held.renewed({"hut": 1}, anna.clock.elapsed(), LASTS_S)
    lost = SiteWorker(anna.ports(owners=Away()))
    await lost.step()
    assert anna.held.may_send("hut")
    world.sleep(LASTS_S)
    await lost.step()
    assert not anna.held.may_send("hut")
    gained: list[frozenset[str]] = []
    back = SiteWorker(anna.ports(), gained.append)
    for _ in range(3):
        await back.step()
    assert anna.held.may_send("hut")
    assert frozenset({"hut"}) in gained
    del worker


async def test_w02_one_building_under_two_names_is_written_by_one_home(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    anna, bo = world.worker("anna"), world.worker("bo")
    await started(anna)
    again = replace(hut(), id="hytte")
    second = SiteWorker(bo.ports(sites={"hytte": again}))
    for _ in range(4):
        await second.step()
    assert anna.held.may_send("hut")
    assert not bo.held.owns("hytte")
    said = [r.getMessage() for r in caplog.records if "site hut of another home" in r.getMessage()]
    assert len(said) == 1


async def test_w02_a_worker_with_other_sites_gives_up_those_of_before() -> None:
    world = city(3)
    anna = world.worker("anna")
    await started(anna)
    world.sites = {"s1": world.sites["s1"]}
    await started(anna)
    left = {row.site for row in world.store.owners() if row.owner == "anna" and not row.released}
    assert "s1" in left
    assert not {"s0", "s2"} & left
