"""What people say while a tick is under way, and what a lot has drawn for after it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bms.journal import MemoryJournal
from bms.model.assets.point import Point
from bms.model.control.command import Command, Lease, Override, Receipt
from bms.services.control.dispatch import dispatch_site, write_once
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.drivers import FakeDevice, FakeDrivers
from tests.rigs.fakes.ports import control_ports
from tests.rigs.fakes.safety import LEASE, LEVERS, NOW, NULL, OWN, WANTED, Keeper, hut, plan_of
from tests.rigs.fakes.trial import OURS, a_trial
from tests.rigs.fakes.trial import OWN as OWN_CONTROL

TRIAL = a_trial(arms=(OURS, OWN_CONTROL, OURS, OWN_CONTROL, OURS, OWN_CONTROL))
MIDNIGHT = TRIAL.block_start(1)


class Desk:
    """A hut whose devices tell when they are written."""

    def __init__(self, device: FakeDevice | None = None) -> None:
        self.store = MemoryStore()
        self.journal = MemoryJournal()
        self.drivers = FakeDrivers({"hut/bacnet": device} if device else None)
        for point, value in OWN.items():
            self.drivers.device("hut/bacnet" if point == NULL else "hut/modbus").own[point] = value

    def override(self, seconds: float) -> None:
        """Somebody takes the room setpoint, so long after the tick began."""
        since = NOW + timedelta(seconds=seconds)
        self.store.add_override(
            Override(
                id="o1",
                site="hut",
                point=NULL,
                since=since,
                until=None,
                reason="cold",
                actor="janitor",
            )
        )

    async def tick(self, now=NOW) -> list[object]:
        return await dispatch_site(
            hut(),
            now=now,
            lease=LEASE,
            plan_max_age=timedelta(days=3),
            ports=control_ports(
                self.store, drivers=self.drivers, journal=self.journal, keeper=Keeper()
            ),
        )


class Telling(FakeDevice):
    """Somebody overrides the point while its write is on the way."""

    desk: Desk

    async def write(self, point: Point, command: Command) -> Receipt:
        self.desk.override(seconds=20)
        return await super().write(point, command)


class TestAnOverrideDuringATick:
    async def test_after_the_write_it_gives_the_point_back_in_the_same_tick(self) -> None:
        device = Telling()
        device.desk = desk = Desk(device)
        desk.store.add_plan(plan_of(WANTED))
        await desk.tick()
        assert len(device.writes) == 1
        assert device.held == {}
        assert NULL not in desk.journal.leases()
        assert desk.drivers.device("hut/modbus").held != {}

    @pytest.mark.parametrize("seconds", [1.0, 59.0, 290.0])
    async def test_before_the_write_it_keeps_us_away(self, seconds: float) -> None:
        desk = Desk()
        desk.store.add_plan(plan_of(WANTED))
        desk.override(seconds)  # the tick was slow to begin: it planned anew
        await desk.tick()
        assert desk.drivers.device("hut/bacnet").writes == []


class TestALeaseBeforeOwnControl:
    async def test_it_ends_where_a_trial_gives_the_building_back(self) -> None:
        desk = Desk()
        desk.store.add_trial(TRIAL)
        now = MIDNIGHT - timedelta(minutes=10)
        desk.store.add_plan(plan_of(WANTED, start=now, hours=72))
        await desk.tick(now)
        assert {held.lease_end for held in desk.journal.leases().values()} == {MIDNIGHT}
        assert set(desk.journal.leases()) == set(LEVERS)

    async def test_a_trial_that_begins_with_own_control_counts_before_it_begins(self) -> None:
        desk = Desk()
        arms = (OWN_CONTROL, OURS, OWN_CONTROL, OURS, OWN_CONTROL, OURS)
        desk.store.add_trial(trial := a_trial(arms=arms))
        now = trial.start - timedelta(minutes=10)
        desk.store.add_plan(plan_of(WANTED, start=now, hours=72))
        await desk.tick(now)
        assert {held.lease_end for held in desk.journal.leases().values()} == {trial.start}

    async def test_a_persons_write_lasts_as_long_as_ever(self) -> None:
        desk = Desk()
        desk.store.add_trial(TRIAL)
        now = MIDNIGHT - timedelta(minutes=10)
        await write_once(
            hut(),
            NULL,
            20.0,
            now=now,
            lease=LEASE,
            actor="operator:anna",
            reason="test",
            ports=control_ports(
                desk.store, drivers=desk.drivers, journal=desk.journal, keeper=Keeper()
            ),
        )
        [held] = desk.journal.leases().values()
        assert isinstance(held, Lease)
        assert held.lease_end == now + LEASE
