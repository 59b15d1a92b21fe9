"""Whose value stands at a point: the clauses W6, W7 and W9, case by case and tick by tick."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bms.model.assets.site import Site
from bms.model.control.command import Accepted, Overridden, Released, Waiting
from bms.model.control.local_override import LetGo, OfferedLease, ReadBack
from bms.model.control.reasons import Holder, RefusalReason
from bms.model.fact import fact
from bms.services.control.inspection import verify_site
from bms.services.giving_back.many_points import release_leases, release_points
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.safety import (
    CONSTANT,
    ENABLE,
    LEASE,
    NULL,
    OWN,
    TICK,
    TIMETABLE,
    WANTED,
    command,
    hut,
    lease_on,
    with_rule,
)

DAY = timedelta(days=1)


async def at_work() -> ControlBench:
    """A hut whose levers we hold."""
    bench = ControlBench()
    bench.plan(hours=72)
    await bench.tick()
    assert bench.held() == WANTED
    return bench


class TestAboveUs:
    async def test_w06_a_person_who_writes_our_own_value_above_us_has_it(self) -> None:
        bench = await at_work()
        bench.device(NULL).override[NULL] = (8, WANTED[NULL])
        outcomes = await bench.tick(TICK)
        assert isinstance(outcomes[NULL], Released)
        assert outcomes[NULL].by == fact(Holder.OPERATOR)
        assert NULL not in bench.held()
        assert NULL not in bench.journal.leases()

    async def test_w06_minimum_times_keep_ours_and_the_receipt_waits(self) -> None:
        bench = await at_work()
        device = bench.device(NULL)
        device.minimum_times.add(NULL)
        device.override[NULL] = (6, 15.0)
        outcomes = await bench.tick(TICK)
        assert outcomes[NULL] == Waiting(bench.journal.leases()[NULL].command, 15.0)
        assert bench.held()[NULL] == WANTED[NULL]

    async def test_w06_slot_6_of_an_object_without_minimum_times_is_a_word(self) -> None:
        bench = await at_work()
        bench.device(NULL).override[NULL] = (6, 15.0)
        await bench.tick(TICK)
        assert NULL not in bench.held()

    async def test_w06_beneath_the_buildings_own_timetable_nothing_is_written(self) -> None:
        bench = ControlBench(with_rule(hut(), NULL, own_program=10))
        bench.plan()
        outcome = (await bench.tick())[NULL]
        assert outcome.reason.code == RefusalReason.BENEATH_OWN_PROGRAM  # type: ignore[union-attr]
        assert NULL not in bench.held()


class TestInOurPlace:
    @pytest.mark.parametrize(
        ("point", "by"),
        [(NULL, Holder.OUR_PLACE), (ENABLE, Holder.LOCAL), (CONSTANT, Holder.LOCAL)],
    )
    async def test_w07_a_foreign_value_before_our_first_write_is_left_alone(
        self, point: str, by: Holder
    ) -> None:
        bench = ControlBench()
        bench.device(point).held[point] = 3.0
        bench.plan()
        for _ in range(4):
            outcome = (await bench.tick(TICK))[point]
            assert isinstance(outcome, Overridden)
        assert bench.held()[point] == 3.0
        assert bench.journal.local_overrides()[point].by == fact(by)

    async def test_w07_release_in_observe_leaves_a_foreign_value(self) -> None:
        bench = ControlBench()
        bench.device(NULL).held[NULL] = 3.0
        receipts = await release_points(
            bench.site,
            bench.site.points,
            now=bench.now,
            drivers=bench.drivers,
            journal=bench.journal,
        )
        assert Released(NULL, 3.0, fact(Holder.OUR_PLACE)) in receipts
        assert bench.held()[NULL] == 3.0

    @pytest.mark.parametrize("point", [NULL, ENABLE, CONSTANT, TIMETABLE])
    @pytest.mark.parametrize("who", ["tick", "release", "guard"])
    async def test_w07_a_hand_during_a_lease_is_left_by_all(self, point: str, who: str) -> None:
        bench = await at_work()
        bench.device(point).held[point] = 3.0
        wired = {"now": bench.now, "drivers": bench.drivers, "journal": bench.journal}
        if who == "tick":
            await bench.tick(TICK)
        elif who == "release":
            chosen = [p for p in bench.site.points if p.id == point]
            await release_points(bench.site, chosen, **wired)  # type: ignore[arg-type]
        else:
            await release_leases([bench.journal.leases()[point]], **wired)  # type: ignore[arg-type]
        assert bench.held()[point] == 3.0
        assert point not in bench.journal.leases()
        assert bench.journal.local_overrides()[point].found == 3.0

    async def test_w07_another_master_in_our_slot_is_not_fought(self) -> None:
        bench = await at_work()
        writes = len(bench.device(NULL).writes)
        for _ in range(12):
            bench.device(NULL).held[NULL] = 17.0
            await bench.tick(TICK)
        assert len(bench.device(NULL).writes) == writes
        assert bench.held()[NULL] == 17.0

    async def test_w07_an_emptied_slot_is_a_hand_until_a_person_says_otherwise(self) -> None:
        bench = await at_work()
        del bench.device(NULL).held[NULL]
        for _ in range(3):
            await bench.tick(TICK)
            assert NULL not in bench.held()
        (shown,) = bench.store.overrides("hut", bench.now)
        assert (shown.point, shown.until) == (NULL, None)
        bench.store.remove_override(shown.id, actor="anna", at=bench.now)
        await bench.tick(TICK)
        assert bench.held()[NULL] == WANTED[NULL]

    async def test_w07_after_a_restart_a_point_is_retaken_once_a_day(self) -> None:
        bench = await at_work()
        device = bench.device(NULL)
        for retaken in (True, False):
            del device.held[NULL]
            device.silent_at = bench.now + TICK
            await bench.tick(TICK)
            assert (NULL in bench.held()) is retaken

    async def test_w07_a_hand_whose_receipt_is_lost_is_seen_by_the_book(self) -> None:
        bench = ControlBench()
        lease = lease_on(bench.site, command(CONSTANT, -2.0))
        bench.journal.intend([lease])
        bench.journal.note([ReadBack(CONSTANT, lease.command_id, -2.0)])
        bench.device(CONSTANT).held[CONSTANT] = 3.0
        bench.plan()
        await bench.tick(TICK)
        assert bench.held()[CONSTANT] == 3.0

    async def test_w07_the_buildings_own_timetable_is_no_hand(self) -> None:
        bench = await at_work()
        bench.device(TIMETABLE).held[TIMETABLE] = OWN[TIMETABLE]
        outcomes = await bench.tick(TICK)
        assert isinstance(outcomes[TIMETABLE], Accepted)
        assert bench.store.overrides("hut", bench.now) == []


class TestAnnouncedAndNeverSent:
    """The process that held the points was killed between journal and write of another value."""

    @staticmethod
    async def killed(site: Site | None = None) -> ControlBench:
        bench = ControlBench(site)
        bench.plan(hours=72)
        await bench.tick()
        bench.plan({point: value + 1.0 for point, value in WANTED.items()}, hours=72)
        await bench.announce(TICK)
        assert bench.held() == WANTED
        return bench

    @pytest.mark.parametrize("point", [NULL, ENABLE, CONSTANT])
    async def test_w07_a_place_that_a_person_empties_then_is_a_hand(self, point: str) -> None:
        bench = await self.killed()
        del bench.device(point).held[point]
        for _ in range(2):
            await bench.tick(TICK)
            assert point not in bench.held()
        assert bench.journal.local_overrides()[point].ours == WANTED[point]

    async def test_w07_what_a_person_puts_back_is_not_what_stood_before_us(self) -> None:
        """The building's timetable had 1.0 when we took the register, and has 0.0 by now."""
        bench = ControlBench(with_rule(hut(), TIMETABLE, resolution=0.1))
        bench.plan({TIMETABLE: 0.5})
        await bench.tick()
        bench.device(TIMETABLE).own[TIMETABLE] = 0.0
        bench.plan({TIMETABLE: 0.7})
        await bench.announce(TICK)
        bench.device(TIMETABLE).held[TIMETABLE] = 1.0
        await bench.tick(TICK)
        assert bench.held() == {TIMETABLE: 1.0}

    async def test_w09_a_restart_then_is_no_hand(self) -> None:
        bench = await self.killed()
        del bench.device(NULL).held[NULL]
        bench.device(NULL).silent_at = bench.now + TICK
        await bench.tick(TICK)
        assert bench.held()[NULL] == WANTED[NULL] + 1.0
        assert bench.journal.local_overrides() == {}

    async def test_w09_a_watchdog_that_has_heard_of_nothing_since_is_no_hand(self) -> None:
        """It waits for 20 minutes, and last heard of us 25 minutes ago."""
        bench = await self.killed(with_rule(hut(), NULL, watchdog_s=1200.0))
        del bench.device(NULL).held[NULL]
        await bench.tick(timedelta(minutes=10))
        assert bench.held()[NULL] == WANTED[NULL] + 1.0
        assert bench.journal.local_overrides() == {}

    async def test_w09_the_first_value_of_a_point_that_never_left_is_no_hand(self) -> None:
        bench = ControlBench()
        bench.plan()
        await bench.announce()
        await bench.tick(TICK)
        assert bench.held() == WANTED
        assert bench.journal.local_overrides() == {}

    async def test_w12_what_a_hand_leaves_behind_then_is_ours(self) -> None:
        bench = await self.killed()
        bench.device(ENABLE).held[ENABLE] = 15.0
        await bench.tick(TICK)
        assert bench.journal.local_overrides()[ENABLE].ours == WANTED[ENABLE]
        bench.device(ENABLE).held[ENABLE] = WANTED[ENABLE]  # the hand has left, its bit is set
        await bench.tick(TICK)
        await bench.tick(TICK)
        assert bench.held()[ENABLE] == WANTED[ENABLE] + 1.0
        assert bench.journal.local_overrides() == {}

    async def test_w02_what_the_guards_of_a_lost_owner_empty_then_is_no_hand(self) -> None:
        bench = await self.killed()
        left = OfferedLease(NULL, bench.now + TICK, (WANTED[NULL],))
        bench.journal.note([left])
        del bench.device(NULL).held[NULL]
        await bench.tick(TICK)
        assert bench.held()[NULL] == WANTED[NULL] + 1.0
        assert bench.journal.local_overrides() == {}


async def ignored_once(point: str) -> ControlBench:
    """A hut at which a device has acknowledged another value, and not done it."""
    bench = await at_work()
    bench.device(point).swallows_writes = True
    bench.plan({**WANTED, point: WANTED[point] + 1.0}, hours=72)
    await bench.tick(TICK)
    return bench


class TestNoFalseHands:
    async def test_w09_a_restart_that_forgets_is_no_hand(self) -> None:
        bench = await at_work()
        device = bench.device(ENABLE)
        for point in (ENABLE, CONSTANT):
            del device.held[point]
        device.silent_at = bench.now + TICK
        await bench.tick(TICK)
        assert bench.held() == WANTED
        assert bench.store.overrides("hut", bench.now) == []

    @pytest.mark.parametrize(("after", "kept"), [("b2", True), ("b1", False)])
    async def test_w07_a_device_that_tells_of_its_starts_is_believed(
        self, after: str, kept: bool
    ) -> None:
        """A reply that was lost is no restart where the device says that it did not restart."""
        bench = ControlBench()
        device = bench.device(ENABLE)
        device.boot = "b1"
        bench.plan()
        await bench.tick()
        del device.held[ENABLE]
        device.boot, device.silent_at = after, bench.now + TICK
        await bench.tick(TICK)
        assert (ENABLE in bench.held()) is kept
        assert (ENABLE in bench.journal.local_overrides()) is not kept

    async def test_w09_a_restart_that_another_look_has_noted_already_is_the_same(self) -> None:
        bench = await at_work()
        device = bench.device(CONSTANT)
        del device.held[CONSTANT]
        bench.now += TICK
        device.silent_at = bench.now
        bench.journal.note([LetGo(CONSTANT, bench.now)])
        await bench.tick()
        assert bench.journal.local_overrides() == {}
        assert bench.held()[CONSTANT] == WANTED[CONSTANT]

    @pytest.mark.parametrize("point", [NULL, ENABLE, CONSTANT])
    async def test_w09_a_restart_while_it_is_given_back_is_no_hand(self, point: str) -> None:
        bench = await at_work()
        device = bench.device(point)
        wired = {"now": bench.now, "drivers": bench.drivers, "journal": bench.journal}
        device.dead = True
        await release_leases([bench.journal.leases()[point]], **wired)  # type: ignore[arg-type]
        device.dead = False
        del device.held[point]
        await release_leases([bench.journal.leases()[point]], **wired)  # type: ignore[arg-type]
        assert point not in bench.journal.leases()
        assert bench.journal.local_overrides() == {}

    async def test_w09_another_boot_is_a_restart(self) -> None:
        bench = ControlBench()
        bench.device(NULL).boot = "monday"
        bench.plan()
        await bench.tick()
        bench.device(NULL).boot = "tuesday"
        del bench.device(NULL).held[NULL]
        await bench.tick(TICK)
        assert bench.held()[NULL] == WANTED[NULL]

    async def test_w09_a_watchdog_that_lets_go_is_no_hand(self) -> None:
        bench = ControlBench(with_rule(hut(), NULL, watchdog_s=600.0))
        bench.plan()
        await bench.tick()
        del bench.device(NULL).held[NULL]
        await bench.tick(TICK)
        assert bench.held()[NULL] == WANTED[NULL]
        assert bench.store.overrides("hut", bench.now) == []

    async def test_w14_a_calendar_that_jumps_forward_is_no_watchdog(self) -> None:
        """Somebody has emptied our slot; the device has heard of us all the time."""
        bench = ControlBench(with_rule(hut(), NULL, watchdog_s=600.0))
        bench.plan()
        await bench.tick()
        del bench.device(NULL).held[NULL]
        bench.clock.advance(timedelta(minutes=1))
        bench.clock.set_calendar(bench.now + timedelta(minutes=15))
        await bench.tick()
        assert NULL not in bench.held()
        assert bench.journal.local_overrides()[NULL].found is None

    async def test_w14_a_watchdog_lets_go_though_the_calendar_went_back(self) -> None:
        bench = ControlBench(with_rule(hut(), NULL, watchdog_s=600.0))
        bench.plan(start=bench.now - timedelta(hours=2))
        await bench.tick()
        del bench.device(NULL).held[NULL]
        bench.clock.advance(timedelta(minutes=15))
        bench.clock.set_calendar(bench.now - timedelta(hours=1))
        await bench.tick()
        assert bench.held()[NULL] == WANTED[NULL]
        assert bench.journal.local_overrides() == {}

    @pytest.mark.parametrize("point", [NULL, ENABLE, CONSTANT])
    async def test_w09_a_device_that_ignores_is_no_hand(self, point: str) -> None:
        bench = await at_work()
        bench.device(point).swallows_writes = True
        bench.plan({**WANTED, point: WANTED[point] + 1.0}, hours=72)
        for _ in range(3):
            assert not isinstance((await bench.tick(TICK))[point], Overridden)
        assert bench.journal.local_overrides() == {}
        bench.device(point).swallows_writes = False
        await bench.tick(TICK)
        assert bench.held()[point] == WANTED[point] + 1.0

    @pytest.mark.parametrize("point", [NULL, ENABLE, CONSTANT])
    async def test_w09_what_we_wrote_and_lands_late_is_given_back(self, point: str) -> None:
        bench = await ignored_once(point)
        device = bench.device(point)
        device.held[point] = WANTED[point] + 1.0
        bench.now += timedelta(minutes=1)
        await verify_site(bench.site, now=bench.now, ports=bench.ports)
        assert point not in bench.held()
        assert bench.journal.local_overrides() == {}

    @pytest.mark.parametrize("point", [NULL, ENABLE, CONSTANT])
    async def test_w09_a_late_write_in_observe_ends_with_its_lease(self, point: str) -> None:
        bench = await ignored_once(point)
        device = bench.device(point)
        device.held[point] = WANTED[point] + 1.0
        bench.now += LEASE
        await release_leases(
            bench.journal.leases().values(),
            now=bench.now,
            drivers=bench.drivers,
            journal=bench.journal,
        )
        assert point not in bench.held()
        assert bench.journal.leases() == {}

    @pytest.mark.parametrize("point", [NULL, ENABLE, CONSTANT])
    async def test_w09_somebody_elses_value_after_an_ignored_write_is_a_hand(
        self, point: str
    ) -> None:
        bench = await ignored_once(point)
        device = bench.device(point)
        device.held[point] = 3.0
        device.swallows_writes = False
        for _ in range(3):
            await bench.tick(TICK)
        assert bench.held()[point] == 3.0
        assert bench.journal.local_overrides()[point].found == 3.0

    @pytest.mark.parametrize("point", [ENABLE, CONSTANT])
    async def test_w09_zero_after_a_restart_is_no_hand(self, point: str) -> None:
        bench = await at_work()
        device = bench.device(point)
        device.held[point] = 0.0
        device.silent_at = bench.now + TICK
        await bench.tick(TICK)
        assert bench.store.overrides("hut", bench.now) == []
        assert bench.journal.local_overrides() == {}

    async def test_w09_zero_right_after_a_restart_is_nobodys_before_our_first_write(self) -> None:
        bench = ControlBench()
        bench.plan()
        device = bench.device(TIMETABLE)
        device.held[TIMETABLE], device.silent_at = 0.0, bench.now - timedelta(minutes=1)
        await bench.tick()
        assert TIMETABLE not in bench.journal.local_overrides()

    async def test_w09_zero_long_after_a_restart_is_a_hand(self) -> None:
        bench = ControlBench()
        bench.plan()
        device = bench.device(TIMETABLE)
        device.held[TIMETABLE], device.silent_at = 0.0, bench.now - timedelta(minutes=3)
        await bench.tick()
        assert bench.journal.local_overrides()[TIMETABLE].found == 0.0

    async def test_w09_a_value_of_a_person_after_a_restart_is_a_hand(self) -> None:
        bench = await at_work()
        device = bench.device(CONSTANT)
        device.held[CONSTANT], device.silent_at = 3.0, bench.now + TICK
        await bench.tick(TICK)
        assert bench.journal.local_overrides()[CONSTANT].found == 3.0

    async def test_w09_what_a_device_rounds_is_no_hand(self) -> None:
        bench = ControlBench()
        lease = lease_on(bench.site, command(NULL, 21.0))
        bench.journal.intend([replace(lease, read_back=20.5)])
        bench.device(NULL).held[NULL] = 20.5
        bench.plan()
        outcome = (await bench.tick())[NULL]
        assert isinstance(outcome, Accepted)
        assert bench.store.overrides("hut", bench.now) == []


class TestGivingBack:
    async def test_w12_only_over_our_own_value(self) -> None:
        bench = await at_work()
        bench.device(CONSTANT).held[CONSTANT] = 3.0
        bench.now += LEASE
        await release_leases(
            bench.journal.leases().values(),
            now=bench.now,
            drivers=bench.drivers,
            journal=bench.journal,
        )
        assert bench.held() == {CONSTANT: 3.0}
        assert bench.journal.leases() == {}

    async def test_w12_it_is_finished_before_anything_new_is_written(self) -> None:
        bench = await at_work()
        device = bench.device(CONSTANT)
        device.swallows_releases = True
        writes = len(device.writes)
        outcomes = await bench.tick(LEASE)
        assert {type(outcomes[p]).__name__ for p in (ENABLE, CONSTANT)} == {"StillHeld"}
        assert len(device.writes) == writes
        assert isinstance(outcomes[NULL], Accepted), "a neighbour is not kept waiting"
        device.swallows_releases = False
        await bench.tick(TICK)
        assert bench.held() == WANTED

    async def test_w12_what_is_given_back_but_not_settled_is_nobodys_hand(self) -> None:
        bench = await at_work()
        journal = bench.journal
        held = journal.leases()
        await release_leases(
            held.values(), now=bench.now, drivers=bench.drivers, journal=Unsettled(bench)
        )
        assert set(journal.leases()) == set(held)
        await bench.tick(TICK)
        assert bench.store.overrides("hut", bench.now) == []


class Unsettled:
    """The journal of a process that dies before it settles."""

    def __init__(self, bench: ControlBench) -> None:
        self._journal = bench.journal

    def __getattr__(self, name: str):
        return getattr(self._journal, name)

    def settle(self, commands: object) -> None:
        return
