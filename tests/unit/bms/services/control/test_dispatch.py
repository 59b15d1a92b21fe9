"""The tick that writes: only what is allowed, announced first, renewed without wear, seen."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bms.errors import StoreUnavailable
from bms.model.assets.address import BacnetAddress
from bms.model.assets.point import Role
from bms.model.assets.site import Mode, Site
from bms.model.control.command import (
    Accepted,
    Clamped,
    Failed,
    Overridden,
    Receipt,
    Refused,
    Released,
    StillHeld,
)
from bms.model.control.local_override import GivingBack
from bms.model.control.reasons import CommandReason, Holder, ReceiptReason, RefusalReason
from bms.model.fact import Fact, Moment, fact
from bms.model.planning.plan_digest import sealed
from bms.model.planning.problem import HeldValue, Lever, ZoneTask
from bms.model.readings.units import Unit
from bms.services import operator
from bms.services.control.authority import AuthorityReason
from bms.services.rooms.missing_temperature import BlindCause, Sight, ZoneSight
from bms.store.memory.store import MemoryStore
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.drivers import FakeDevice, FakeDrivers
from tests.rigs.fakes.ports import SeenRooms
from tests.rigs.fakes.safety import (
    CONSTANT,
    ENABLE,
    LEASE,
    LEVERS,
    NOW,
    NULL,
    OWN,
    TICK,
    TIMETABLE,
    WANTED,
    hut,
    hut_with_room_at,
    plan_of,
    with_rule,
)


async def test_what_the_plan_says_is_written_leased_and_kept_on_record() -> None:
    bench = ControlBench()
    bench.plan()
    outcomes = await bench.tick()
    assert all(isinstance(outcomes[p], Accepted) for p in LEVERS)
    assert bench.held() == WANTED
    leases = bench.journal.leases()
    assert {p: leases[p].lease_end for p in LEVERS} == dict.fromkeys(LEVERS, NOW + LEASE)
    assert len(bench.store.receipts("hut", NOW)) == len(LEVERS)


async def test_every_write_is_announced_before_the_first_leaves() -> None:
    bench = ControlBench()
    bench.plan()
    seen: list[set[str]] = []

    class Watching(FakeDrivers):
        def driver(self, device):
            seen.append(set(bench.journal.leases()))
            return super().driver(device)

    reads = 2  # one look at each device before anything is announced
    bench.drivers = Watching(bench.drivers.devices)
    await bench.tick()
    assert seen[:reads] == [set()] * reads
    assert seen[reads:]
    assert all(announced == set(LEVERS) for announced in seen[reads:])
    assert bench.keeper.asked == 2


async def test_law5_nothing_is_written_over_a_value_that_is_not_good() -> None:
    bench = ControlBench()
    bench.plan()
    bench.device(NULL).doubted.add(NULL)
    outcomes = await bench.tick()
    refused = outcomes[NULL]
    assert isinstance(refused, Failed)
    assert refused.error == fact(ReceiptReason.UNREADABLE, text="uncertain: out of service")
    assert bench.held() == {p: v for p, v in WANTED.items() if p != NULL}


async def test_law5_what_is_not_good_is_no_local_override() -> None:
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    device = bench.device(CONSTANT)
    device.held[CONSTANT] += 1.0
    device.doubted.add(CONSTANT)
    outcomes = await bench.tick(TICK)
    assert isinstance(outcomes[CONSTANT], Failed)
    assert bench.store.overrides("hut", NOW) == []


async def test_a_value_that_stands_is_renewed_without_touching_the_device() -> None:
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    first = bench.writes()
    outcomes = await bench.tick(TICK)
    assert bench.writes() == first
    assert all(isinstance(outcomes[p], Accepted) for p in LEVERS)
    assert all(held.lease_end == NOW + TICK + LEASE for held in bench.journal.leases().values())


BEAT = BacnetAddress(object_type="binary-value", instance=7)


def watched() -> Site:
    """The hut with a controller that watches our heartbeat."""
    site = hut()
    bacnet, modbus = site.devices
    return replace(site, devices=(replace(bacnet, heartbeat=BEAT), modbus))


async def test_a_value_that_stands_is_written_again_where_the_device_watches_us() -> None:
    bench = ControlBench(watched())
    bench.plan()
    for _ in range(3):
        await bench.tick(TICK)
    assert len(bench.device(NULL).writes) == 3
    assert len(bench.device(ENABLE).writes) == len(LEVERS) - 1


async def test_the_heartbeat_goes_on_while_a_person_holds_a_point() -> None:
    bench = ControlBench(watched())
    assert isinstance(await bench.write(NULL, 20.0, lease=4 * LEASE), Accepted)
    await bench.tick(TICK)
    await bench.tick(TICK)
    assert bench.device(NULL).beats == [NOW + TICK, NOW + 2 * TICK]


async def test_the_same_value_by_the_buildings_own_control_is_not_taken_for_ours() -> None:
    bench = ControlBench()
    bench.plan({NULL: OWN[NULL]})
    await bench.tick()
    assert bench.held() == {NULL: OWN[NULL]}


async def test_an_ended_lease_is_written_anew_and_not_renewed() -> None:
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    bench.device(ENABLE).held.pop(ENABLE)  # the guard has given it back, and could not note it
    lease = bench.journal.leases()[ENABLE]
    bench.journal.note([GivingBack(ENABLE, lease.command_id)])
    outcomes = await bench.tick(LEASE)
    assert isinstance(outcomes[ENABLE], Accepted)
    assert bench.held() == WANTED
    assert bench.writes() == 2 * len(LEVERS)


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.ADVISE])
async def test_only_auto_writes(mode: Mode) -> None:
    bench = ControlBench(hut(mode))
    bench.plan()
    assert await bench.tick() == {}
    assert bench.writes() == 0
    assert bench.journal.leases() == {}


async def test_leaving_auto_gives_everything_back_at_once() -> None:
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    bench.store.set_mode("hut", Mode.ADVISE, actor="anna", at=bench.now, reason="test")
    outcomes = await bench.tick(TICK)
    assert {type(o) for o in outcomes.values()} == {Released}
    assert bench.held() == {}
    assert bench.journal.leases() == {}


async def test_the_mode_of_the_site_file_is_the_highest() -> None:
    bench = ControlBench(hut(Mode.ADVISE))
    bench.store.set_mode("hut", Mode.AUTO, actor="anna", at=NOW, reason="gate met")
    bench.plan()
    assert await bench.tick() == {}
    assert bench.held() == {}


async def test_no_plan_no_write() -> None:
    bench = ControlBench()
    assert await bench.tick() == {}
    assert bench.writes() == 0


async def test_without_a_valid_plan_leases_run_out_and_then_points_go_back() -> None:
    bench = ControlBench()
    bench.plan(hours=0.25)
    await bench.tick()
    outcomes = await bench.tick(TICK)
    assert all(isinstance(outcomes[p], Refused) for p in LEVERS)
    assert outcomes[NULL].reason == fact(
        RefusalReason.LEASE_RUNS_OUT,
        why=fact(AuthorityReason.PLAN_ELSEWHEN),
        end=Moment(NOW + LEASE),
    )
    assert bench.held() == WANTED
    outcomes = await bench.tick(TICK)
    assert all(isinstance(outcomes[p], Released) for p in LEVERS)
    assert bench.held() == {}


async def test_a_plan_with_objections_is_never_written() -> None:
    bench = ControlBench()
    bench.plan(objections=[Fact("too_warm")])
    assert await bench.tick() == {}
    assert bench.writes() == 0


async def test_an_operators_override_suspends_writes_and_gives_back() -> None:
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    bench.override(NULL)
    outcomes = await bench.tick(TICK)
    assert NULL not in bench.held()
    assert NULL not in bench.journal.leases()
    assert set(bench.held()) == set(LEVERS) - {NULL}
    kinds = [r for _, r in bench.store.receipts("hut", bench.now) if _point(r) == NULL]
    assert [type(r) for r in kinds] == [Overridden, Released]
    assert kinds[0].by == fact(Holder.PERSON, name="janitor")
    assert isinstance(outcomes[ENABLE], Accepted)


async def test_an_override_of_the_site_stops_everything() -> None:
    bench = ControlBench()
    bench.plan()
    bench.override(None)
    outcomes = await bench.tick()
    assert {type(o) for o in outcomes.values()} == {Overridden}
    assert bench.writes() == 0
    bench.store.remove_override("o1", actor="anna", at=bench.now)
    await bench.tick(TICK)
    assert bench.held() == WANTED


async def test_a_bacnet_operator_wins_and_nothing_of_ours_stays_beneath() -> None:
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    bench.device(NULL).override[NULL] = (8, 22.5)
    await bench.tick(TICK)
    kinds = [r for _, r in bench.store.receipts("hut", bench.now) if _point(r) == NULL]
    assert kinds == [kinds[0], Released(NULL, 22.5, fact(Holder.OPERATOR))]
    assert isinstance(kinds[0], Overridden)
    assert (kinds[0].priority, kinds[0].value) == (8, 22.5)
    assert NULL not in bench.held()
    assert NULL not in bench.journal.leases()
    del bench.device(NULL).override[NULL]
    await bench.tick(TICK)
    assert bench.held()[NULL] == WANTED[NULL]


async def test_an_operators_value_that_equals_the_new_plan_is_not_taken_for_ours() -> None:
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    bench.plan({**WANTED, NULL: 19.0})
    bench.device(NULL).override[NULL] = (8, 19.0)
    await bench.tick(TICK)
    assert NULL not in bench.held()  # 21 degC of ours must not wait beneath


async def test_a_slot_that_holds_more_than_we_may_write_is_asked_for_all_the_same() -> None:
    bench = ControlBench()
    plan = plan_of({NULL: 27.0})
    lever = Lever(
        point=NULL,
        role=Role.ZONE_SETPOINT,
        unit=Unit.DEG_C,
        minimum=15.0,
        maximum=22.0,
        held=HeldValue(value=27.0, by=fact(Holder.OPERATOR)),
    )
    task = ZoneTask(
        id="room",
        area_m2=20.0,
        occupied=(),
        low_c=(),
        high_c=(),
        own_setpoint_c=(),
        lever=lever,
    )
    bench.store.add_plan(sealed(replace(plan, problem=replace(plan.problem, zones=(task,)))))
    bench.device(NULL).override[NULL] = (8, 27.0)
    outcomes = await bench.tick()
    assert isinstance(outcomes[NULL], Overridden)
    kinds = [r for _, r in bench.store.receipts("hut", bench.now) if _point(r) == NULL]
    assert isinstance(kinds[0], Overridden)
    assert kinds[0].at_device
    del bench.device(NULL).override[NULL]
    await bench.tick(TICK)
    assert bench.held() == {NULL: 22.0}


async def test_a_release_in_the_middle_of_a_tick_wins() -> None:
    bench = ControlBench()
    bench.plan()

    class Interrupted(FakeDrivers):
        def driver(self, device):
            if bench.journal.leases():  # announced, and about to be written
                mode = {"actor": "anna", "at": NOW, "reason": "stop"}
                bench.store.set_mode("hut", Mode.OBSERVE, **mode)
            return super().driver(device)

    bench.drivers = Interrupted(bench.drivers.devices)
    await bench.tick()
    assert bench.writes() == len(LEVERS)
    assert bench.held() == {}
    assert bench.journal.leases() == {}


async def test_a_database_that_goes_away_in_the_middle_of_a_tick_loses_no_safety() -> None:
    bench = ControlBench()
    bench.plan()

    class Leaving(MemoryStore):
        gone = False

        def mode(self, site):
            if self.gone:
                raise StoreUnavailable("away")
            return super().mode(site)

        def removed_overrides(self, ids):
            raise StoreUnavailable("away")

        def add_receipts(self, receipts, at):
            if self.gone:
                raise StoreUnavailable("away")
            super().add_receipts(receipts, at)

    class Leaves(FakeDrivers):
        def driver(self, device):
            bench.store.gone = bench.now > NOW
            return super().driver(device)

    bench.drivers = Leaves(bench.drivers.devices)
    bench.store = Leaving()
    bench.plan()
    await bench.tick()
    bench.device(ENABLE).held[ENABLE] = 20.0
    outcomes = await bench.tick(TICK)
    assert isinstance(outcomes[NULL], Accepted)
    assert bench.held()[ENABLE] == 20.0
    assert ENABLE not in bench.journal.leases()
    with pytest.raises(StoreUnavailable):
        await bench.tick(TICK)


async def test_w08_a_hand_on_the_thermostat_suspends_that_point_until_it_runs_out() -> None:
    bench = ControlBench()
    bench.plan(hours=48)
    await bench.tick()
    bench.device(ENABLE).held[ENABLE] = 20.0
    await bench.tick(TICK)
    first = [r for _, r in bench.store.receipts("hut", bench.now) if _point(r) == ENABLE]
    assert isinstance(first[0], Overridden)
    assert (first[0].by, first[0].value) == (fact(Holder.LOCAL), 20.0)
    [override] = bench.store.overrides("hut", bench.now)
    assert (override.point, override.actor) == (ENABLE, "local")
    assert override.until == bench.now + timedelta(hours=24)
    for _ in range(6):
        assert isinstance((await bench.tick(TICK))[ENABLE], Overridden)
    assert bench.held()[ENABLE] == 20.0
    bench.now = override.until - TICK
    bench.plan(hours=6)
    await bench.tick()
    assert bench.held()[ENABLE] == 20.0
    await bench.tick(TICK)
    assert bench.held()[ENABLE] == WANTED[ENABLE]


async def test_a_person_may_end_the_suspension_earlier() -> None:
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    bench.device(ENABLE).held[ENABLE] = 20.0
    await bench.tick(TICK)
    [override] = bench.store.overrides("hut", bench.now)
    bench.store.remove_override(override.id, actor="anna", at=bench.now)
    await bench.tick(TICK)
    assert bench.held()[ENABLE] == WANTED[ENABLE]


async def test_a_constant_that_a_person_changed_stays_as_the_person_put_it() -> None:
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    bench.device(CONSTANT).held[CONSTANT] = 3.0
    outcomes = await bench.tick(TICK)
    assert isinstance(outcomes[CONSTANT], Overridden)
    assert bench.held()[CONSTANT] == 3.0
    assert CONSTANT not in bench.journal.leases()
    assert [p for p, _ in bench.device(CONSTANT).releases] == []


async def test_a_timetable_register_that_its_building_moved_is_simply_written_again() -> None:
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    bench.device(TIMETABLE).held[TIMETABLE] = 1.0
    outcomes = await bench.tick(TICK)
    assert isinstance(outcomes[TIMETABLE], Accepted)
    assert bench.held()[TIMETABLE] == WANTED[TIMETABLE]
    assert bench.store.overrides("hut", bench.now) == []


async def test_a_write_that_never_arrived_is_not_taken_for_a_hand() -> None:
    bench = ControlBench()
    bench.plan()
    bench.device(CONSTANT).swallows_writes = True
    await bench.tick()
    bench.device(CONSTANT).swallows_writes = False
    outcomes = await bench.tick(TICK)
    assert isinstance(outcomes[CONSTANT], Accepted)
    assert CONSTANT not in bench.journal.local_overrides()


async def test_a_failed_write_gives_back_what_stood_and_leaves_the_lease_to_the_guard() -> None:
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    bench.plan({**WANTED, ENABLE: 16.0})
    bench.device(ENABLE).swallows_writes = True
    outcomes = await bench.tick(TICK)
    assert isinstance(outcomes[ENABLE], Released)
    assert ENABLE not in bench.held()
    assert ENABLE in bench.journal.leases()  # the write may still arrive


async def test_a_dead_device_spares_its_neighbour_and_is_not_written_blindly() -> None:
    bench = ControlBench()
    bench.plan()
    bench.device(ENABLE).dead = True
    outcomes = await bench.tick()
    assert isinstance(outcomes[NULL], Accepted)
    failed = outcomes[ENABLE]
    assert isinstance(failed, Failed)
    assert failed.retryable
    assert failed.error.code == ReceiptReason.UNREADABLE
    assert "no reply" in str(failed.error.parameters["text"])
    assert list(bench.journal.leases()) == [NULL]


async def test_a_device_that_dies_lets_its_lease_run_out() -> None:
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    bench.device(ENABLE).dead = True
    await bench.tick(TICK)
    assert bench.journal.leases()[ENABLE].lease_end == NOW + LEASE
    outcomes = await bench.tick(TICK)
    assert isinstance(outcomes[CONSTANT], StillHeld)
    assert CONSTANT in bench.journal.leases()


async def test_a_write_that_outlasts_its_lease_is_taken_back() -> None:
    bench = ControlBench()
    bench.plan({NULL: 21.0})

    class Slow(FakeDevice):
        async def write(self, point, command):
            bench.journal.settle({point.id: command.id})  # the guard was here meanwhile
            return await super().write(point, command)

    bench.drivers.devices["hut/bacnet"] = Slow(own={NULL: 19.0})
    assert isinstance((await bench.tick())[NULL], Released)
    assert bench.held() == {}


async def test_a_refused_register_spares_its_neighbours() -> None:
    bench = ControlBench()
    bench.plan()
    bench.device(ENABLE).bad_points.add(ENABLE)
    outcomes = await bench.tick()
    assert isinstance(outcomes[ENABLE], Failed)
    assert isinstance(outcomes[CONSTANT], Accepted)


async def test_a_driver_with_a_bug_is_a_failed_receipt() -> None:
    bench = ControlBench()
    bench.plan({NULL: 21.0, ENABLE: 18.0})

    class Buggy:
        def __init__(self, inner) -> None:
            self.inner = inner

        async def command_states(self, points, at):
            return await self.inner.command_states(points, at)

        async def write(self, point, command):
            raise ZeroDivisionError("bug")

        async def release(self, point, at):
            raise ZeroDivisionError("bug")

    class Some(FakeDrivers):
        def driver(self, device):
            inner = super().driver(device)
            return Buggy(inner) if device.id == "hut/modbus" else inner

    bench.drivers = Some(bench.drivers.devices)
    await bench.tick()
    kinds = [r for _, r in bench.store.receipts("hut", NOW) if _point(r) == ENABLE]
    assert [type(r) for r in kinds] == [Failed, Released]  # looked at: nothing of ours stands there
    assert bench.held() == {NULL: 21.0}
    assert set(bench.journal.leases()) == {NULL, ENABLE}


async def test_without_a_guard_nothing_is_written_and_nothing_renewed() -> None:
    bench = ControlBench()
    bench.plan()
    bench.keeper.broken = True
    outcomes = await bench.tick()
    assert {type(o) for o in outcomes.values()} == {Failed}
    assert outcomes[NULL].error.code == ReceiptReason.NO_GUARD
    assert "no guard" in str(outcomes[NULL].error.parameters["text"])
    assert bench.held() == {}
    assert bench.journal.leases() == {}


async def test_limits_clamp_visibly() -> None:
    bench = ControlBench(with_rule(hut(), NULL, hold_safe=(15.0, 23.0)))
    bench.plan({NULL: 30.0})
    clamped = (await bench.tick())[NULL]
    assert isinstance(clamped, Clamped)
    assert (clamped.written, clamped.read_back) == (23.0, 23.0)
    assert clamped.limit == fact(ReceiptReason.LIMITS_NOW, wish=30.0, low=15.0, high=23.0)


async def test_w03_a_ramp_takes_several_ticks() -> None:
    bench = ControlBench(with_rule(hut(), NULL, max_change=4.0))
    bench.plan({NULL: 21.4})
    steps = []
    for _ in range(4):
        await bench.tick(TICK)
        steps.append(bench.held()[NULL])
    assert steps == [20.0, 21.0, 21.4, 21.4]


@pytest.mark.parametrize(("value", "kind"), [(0.0, Accepted), (1.0, Accepted), (0.5, Refused)])
async def test_w03_a_switch_is_on_or_off(value: float, kind: type[Receipt]) -> None:
    site = with_rule(hut(), NULL, minimum=0.0, maximum=1.0, resolution=1.0, hold_safe=(0.0, 1.0))
    points = tuple(replace(p, unit=Unit.ON_OFF) if p.id == NULL else p for p in site.points)
    bench = ControlBench(replace(site, points=points))
    assert isinstance(await bench.write(NULL, value), kind)
    assert bench.held() == ({NULL: value} if kind is Accepted else {})


@pytest.mark.parametrize(
    ("site", "value"),
    [(hut(), 22.9), (with_rule(hut(), NULL, hold_safe=None), 20.0)],
    ids=["outside hold_safe", "no hold_safe"],
)
async def test_what_could_not_stand_alone_is_refused(site: Site, value: float) -> None:
    bench = ControlBench(site)
    bench.plan({NULL: value, ENABLE: 18.0})
    outcomes = await bench.tick()
    assert isinstance(outcomes[NULL], Refused)
    assert bench.held() == {ENABLE: 18.0}
    assert list(bench.journal.leases()) == [ENABLE]


async def test_points_that_cannot_be_written_or_are_unknown_are_refused() -> None:
    bench = ControlBench()
    bench.plan({"hut/room.temp": 20.0, "hut/gone": 20.0})
    bench.drivers.device("hut/bacnet").own["hut/room.temp"] = 20.0
    outcomes = await bench.tick()
    assert {type(o) for o in outcomes.values()} == {Refused}


async def test_one_leased_write_by_a_person_goes_the_same_way_in_any_mode() -> None:
    bench = ControlBench(hut(Mode.OBSERVE))
    receipt = await bench.write(NULL, 20.04)
    assert isinstance(receipt, Accepted)
    assert bench.held() == {NULL: 20.0}
    assert bench.journal.leases()[NULL].command.actor == "operator:anna"
    assert [type(r) for _, r in bench.store.receipts("hut", NOW)] == [Accepted]
    await bench.tick(TICK)  # below auto the plan gives back only what is its own
    assert bench.held() == {NULL: 20.0}
    await bench.tick(TICK)
    assert bench.held() == {}


async def test_the_plan_keeps_away_from_a_persons_write_until_it_ends() -> None:
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    await bench.write(NULL, 19.5)
    outcomes = await bench.tick(TICK)
    assert isinstance(outcomes[NULL], Overridden)
    assert outcomes[NULL].by == fact(Holder.PERSON, name="operator:anna")
    assert bench.held()[NULL] == 19.5
    await bench.tick(TICK)
    assert bench.held()[NULL] == WANTED[NULL]


async def test_a_persons_write_respects_an_override_and_the_limits() -> None:
    bench = ControlBench()
    bench.override(NULL)
    assert isinstance(await bench.write(NULL, 20.0), Refused)
    assert isinstance(await bench.write(ENABLE, 22.9), Refused)
    assert isinstance(await bench.write("hut/nothing", 1.0), Refused)
    assert bench.writes() == 0


def _point(receipt: object) -> str:
    return getattr(receipt, "point", None) or receipt.command.point


@pytest.mark.slow
async def test_law7_a_slow_device_delays_no_write_to_its_neighbours() -> None:
    """A device that does not answer before its neighbours are written."""
    bench = ControlBench()
    bench.plan()
    neighbours_written = asyncio.Event()
    batches = []

    class Slow(FakeDevice):
        async def command_states(self, points, at):
            async with asyncio.timeout(5.0):
                await neighbours_written.wait()
            return await super().command_states(points, at)

    class Fast(FakeDevice):
        async def write(self, point, command):
            assert NULL not in bench.journal.leases()
            batches.append(set(bench.journal.leases()))
            if len(batches) == len(LEVERS) - 1:
                neighbours_written.set()
            return await super().write(point, command)

    bench.drivers.devices["hut/bacnet"] = Slow(own={NULL: OWN[NULL]})
    bench.drivers.devices["hut/modbus"] = Fast(own={p: v for p, v in OWN.items() if p != NULL})
    outcomes = await bench.tick()
    assert {point: type(outcomes[point]) for point in LEVERS} == dict.fromkeys(LEVERS, Accepted)
    assert batches == 3 * [{ENABLE, TIMETABLE, CONSTANT}]  # announced together
    assert bench.held() == WANTED


@pytest.mark.slow
async def test_law7_what_ends_is_given_back_beside_a_slow_device() -> None:
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    given_back = asyncio.Event()
    slow, fast = bench.device(NULL), bench.device(ENABLE)

    class Slow(FakeDevice):
        async def command_states(self, points, at):
            async with asyncio.timeout(5.0):
                await given_back.wait()
            return await super().command_states(points, at)

    class Fast(FakeDevice):
        async def release(self, point, at):
            given_back.set()
            return await super().release(point, at)

    bench.drivers.devices["hut/bacnet"] = Slow(own=slow.own, held=slow.held)
    bench.drivers.devices["hut/modbus"] = Fast(own=fast.own, held=fast.held)
    bench.override(ENABLE)
    outcomes = await bench.tick(TICK)
    assert isinstance(outcomes[ENABLE], Released)
    assert isinstance(outcomes[NULL], Accepted)
    assert set(bench.journal.leases()) == set(LEVERS) - {ENABLE}


class SlowRelease(FakeDevice):
    """A device that takes its time to give back."""

    done: asyncio.Event

    async def release(self, point, at):
        await self.done.wait()
        return await super().release(point, at)


@pytest.mark.slow
async def test_w10_a_slow_device_that_people_keep_us_from_holds_up_no_other() -> None:
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    device = SlowRelease(own=bench.device(NULL).own, held=bench.device(NULL).held)
    device.done = asyncio.Event()
    bench.drivers.devices["hut/bacnet"] = device
    asked = {"now": bench.now, "ports": bench.ports, "actor": "bo", "reason": "smoke"}
    saying = asyncio.create_task(
        operator.override(bench.site, point=NULL, until=None, **asked)  # type: ignore[arg-type]
    )
    bench.plan({**WANTED, ENABLE: 16.0})
    async with asyncio.timeout(8):
        while not bench.hands_off.marks():
            await asyncio.sleep(0.01)
    tick = asyncio.create_task(bench.tick(TICK))
    async with asyncio.timeout(8):
        while bench.held()[ENABLE] != 16.0:
            await asyncio.sleep(0.02)
    assert bench.held()[NULL] == WANTED[NULL]
    device.done.set()
    outcomes = await tick
    await saying
    assert isinstance(outcomes[NULL], Released)
    assert NULL not in bench.held()
    assert bench.journal.leases().keys() == set(LEVERS) - {NULL}


class SlowWrite(FakeDevice):
    """A device that shows how it stands at once, and takes its time to write."""

    done: asyncio.Event

    async def write(self, point, command):
        await self.done.wait()
        return await super().write(point, command)


async def test_w12_a_slow_write_holds_up_no_give_back_of_a_neighbour() -> None:
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    device = SlowWrite(own=bench.device(ENABLE).own, held=bench.device(ENABLE).held)
    device.done = asyncio.Event()
    bench.drivers.devices["hut/modbus"] = device
    bench.plan({**WANTED, ENABLE: 16.0})
    bench.override(NULL)
    tick = asyncio.create_task(bench.tick(TICK))
    async with asyncio.timeout(8):
        while NULL in bench.held():
            await asyncio.sleep(0.02)
    assert bench.held()[ENABLE] == WANTED[ENABLE]
    device.done.set()
    outcomes = await tick
    assert isinstance(outcomes[NULL], Released)
    assert bench.held()[ENABLE] == 16.0


class Blind(SeenRooms):
    """A room that nobody has seen for 40 minutes."""

    def look(self, site: Site, now: datetime) -> Sight:
        room = ZoneSight(
            zone="room",
            name="Room",
            sensor="hut/room.temp",
            seen=now - timedelta(minutes=40),
            cause=BlindCause.MISSING,
        )
        return {"room": room}


async def test_w04_what_is_written_for_a_room_that_is_not_seen_says_so() -> None:
    """Before its plan does, after an hour, and the lever goes back, after three."""
    bench = ControlBench(hut_with_room_at(NULL), rooms=Blind())
    bench.plan()
    receipt = (await bench.tick())[NULL]
    assert isinstance(receipt, Accepted)
    by = fact(CommandReason.PLAN, plan="p0", status="optimal")
    unseen = fact(CommandReason.PLAN_UNSEEN, by=by, rooms=("Room",))
    assert receipt.command.reason == unseen
    assert bench.journal.leases()[ENABLE].command.reason == by


async def test_w03_a_value_that_new_limits_do_not_allow_is_written_anew_within_them() -> None:
    """Also where the point is so tolerant that old and new value read as the same."""
    bench = ControlBench(with_rule(hut(), NULL, tolerance=1.0))
    bench.plan()
    await bench.tick()
    bench.site = with_rule(bench.site, NULL, maximum=20.5, hold_safe=(16.0, 20.5))
    await bench.tick(TICK)
    assert bench.held()[NULL] == 20.5


@pytest.mark.parametrize("actor", ["the plan", "operator:anna"])
async def test_w03_a_value_that_new_limits_do_not_allow_goes_back_where_nothing_is_written(
    actor: str,
) -> None:
    """As after a start, or where the plan is too old; whoever wrote it."""
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    if actor != "the plan":
        await bench.write(NULL, 21.0, actor=actor)
    bench.site = with_rule(bench.site, NULL, maximum=20.5, hold_safe=(16.0, 20.5))
    outcomes = await bench.tick(TICK, plan_max_age=timedelta(minutes=1))  # nothing is written
    assert isinstance(outcomes[NULL], Released)
    assert bench.held() == {point: WANTED[point] for point in LEVERS if point != NULL}


async def test_w03_what_was_announced_and_never_sent_hides_no_value_beyond_new_limits() -> None:
    """The backend was killed between journal and write, and the file narrows the limit: 21.0 still
    stands, and nothing is written before the rooms are read."""
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    bench.announce_only(NULL, 20.0)
    bench.site = with_rule(bench.site, NULL, maximum=20.5, hold_safe=(16.0, 20.5))
    outcomes = await bench.tick(TICK, plan_max_age=timedelta(minutes=1))
    assert isinstance(outcomes[NULL], Released)
    assert NULL not in bench.held()


async def test_w03_what_was_never_sent_is_not_renewed_within_a_wide_tolerance() -> None:
    bench = ControlBench(with_rule(hut(), NULL, tolerance=1.0))
    bench.plan()
    await bench.tick()
    bench.announce_only(NULL, 20.4)
    bench.site = with_rule(bench.site, NULL, maximum=20.5, hold_safe=(16.0, 20.5))
    bench.plan({NULL: 20.4})
    await bench.tick(TICK)
    assert bench.held()[NULL] == 20.4


async def test_w03_what_was_renewed_within_a_wide_tolerance_was_not_written() -> None:
    """21.0 stands, and goes on standing for a wish of 20.4; then the file narrows the limit."""
    bench = ControlBench(with_rule(hut(), NULL, tolerance=1.0))
    bench.plan()
    await bench.tick()
    bench.plan({NULL: 20.4})
    receipt = (await bench.tick(TICK))[NULL]
    assert isinstance(receipt, Accepted)
    assert (receipt.command.value, bench.held()[NULL]) == (21.0, 21.0)
    bench.site = with_rule(bench.site, NULL, maximum=20.5, hold_safe=(16.0, 20.5))
    outcomes = await bench.tick(TICK, plan_max_age=timedelta(minutes=1))
    assert isinstance(outcomes[NULL], Released)
    assert NULL not in bench.held()


def moved(site: Site, point: str) -> Site:
    """The site, whose file has the point at another device by now."""
    second = replace(site.devices[0], id="hut/second", port=3)
    points = tuple(replace(p, device=second.id) if p.id == point else p for p in site.points)
    return replace(site, devices=(*site.devices, second), points=points)


@pytest.mark.parametrize("silent", [False, True])
async def test_w12_what_an_older_site_file_has_written_elsewhere_goes_back_first(
    silent: bool,
) -> None:
    """A person mends the address of a point within the lease of the first try."""
    bench = ControlBench()
    await bench.write(NULL, 20.0)
    first = bench.device(NULL)
    first.dead = silent
    bench.site = moved(bench.site, NULL)
    second = bench.device(NULL)
    second.own[NULL] = 19.0
    receipt = await bench.write(NULL, 21.0)
    assert isinstance(receipt, Failed if silent else Accepted)
    assert first.held == ({NULL: 20.0} if silent else {})
    assert second.held == ({} if silent else {NULL: 21.0})
    assert bench.journal.leases()[NULL].device.id == ("hut/bacnet" if silent else "hut/second")


async def test_w07_somebody_at_the_other_place_is_found_there() -> None:
    bench = ControlBench()
    await bench.write(NULL, 20.0)
    bench.site = moved(bench.site, NULL)
    bench.device(NULL).held[NULL] = 17.0
    assert isinstance(await bench.write(NULL, 21.0), Overridden)
    assert bench.drivers.device("hut/bacnet").held == {}
    assert bench.held() == {NULL: 17.0}


async def test_w03_a_person_writes_what_they_say_within_a_wide_tolerance() -> None:
    bench = ControlBench(with_rule(hut(), NULL, tolerance=1.0))
    await bench.write(NULL, 21.0)
    await bench.write(NULL, 20.4)
    assert bench.held()[NULL] == 20.4


async def test_w09_a_point_of_another_name_is_no_hand_at_itself() -> None:
    """The building is taken in anew under a lease: the register has a new name, and our value."""
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    renamed = "hut/ahu1.fan"
    points = tuple(replace(p, id=renamed) if p.id == TIMETABLE else p for p in bench.site.points)
    bench.site = replace(bench.site, points=points)
    device = bench.device(renamed)
    device.own[renamed] = OWN[TIMETABLE]
    device.held[renamed] = device.held[TIMETABLE]  # one register under two names
    bench.plan({renamed: 0.0})
    await bench.tick(TICK)
    assert bench.journal.local_overrides() == {}
    assert TIMETABLE not in bench.journal.leases()
    del device.held[renamed]
    assert isinstance((await bench.tick(TICK))[renamed], Accepted)


@pytest.mark.parametrize("change", ["the point is gone", "it is only read"])
async def test_w03_what_the_site_file_lets_nobody_write_any_more_goes_back(change: str) -> None:
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    points = tuple(
        replace(point, write=None) if point.id == NULL else point
        for point in bench.site.points
        if point.id != NULL or change == "it is only read"
    )
    bench.site = replace(bench.site, points=points)
    outcomes = await bench.tick(TICK)
    assert isinstance(outcomes[NULL], Released)
    assert NULL not in bench.held()
