"""What people say while a tick is under way or before the clock is set; leases before a trial."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bms.model.assets.point import Point
from bms.model.control.command import Accepted, Command, Overridden, Receipt, Released
from bms.model.control.lease import Lease
from bms.services.operator import override
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.drivers import FakeDevice
from tests.rigs.fakes.safety import LEASE, LEVERS, NOW, NULL, OWN
from tests.rigs.fakes.trial import OURS, a_trial
from tests.rigs.fakes.trial import OWN as OWN_CONTROL

TRIAL = a_trial(arms=(OURS, OWN_CONTROL, OURS, OWN_CONTROL, OURS, OWN_CONTROL))
MIDNIGHT = TRIAL.block_start(1)


class Telling(FakeDevice):
    """Somebody overrides the point while its write is on the way."""

    bench: ControlBench

    async def write(self, point: Point, command: Command) -> Receipt:
        self.bench.override(NULL, since=NOW + timedelta(seconds=20))
        return await super().write(point, command)


class TestAnOverrideDuringATick:
    async def test_after_the_write_it_gives_the_point_back_in_the_same_tick(self) -> None:
        device = Telling(own={NULL: OWN[NULL]})
        device.bench = bench = ControlBench()
        bench.drivers.devices["hut/bacnet"] = device
        bench.plan()
        await bench.tick()
        assert len(device.writes) == 1
        assert device.held == {}
        assert NULL not in bench.journal.leases()
        assert bench.drivers.device("hut/modbus").held != {}

    @pytest.mark.parametrize("seconds", [1.0, 59.0, 290.0])
    async def test_before_the_write_it_keeps_us_away(self, seconds: float) -> None:
        bench = ControlBench()
        bench.plan()
        # the tick was slow to begin: it planned anew
        bench.override(NULL, since=NOW + timedelta(seconds=seconds))
        await bench.tick()
        assert bench.drivers.device("hut/bacnet").writes == []


class TestALeaseBeforeOwnControl:
    async def test_it_ends_where_a_trial_gives_the_building_back(self) -> None:
        bench = ControlBench()
        bench.store.add_trial(TRIAL)
        bench.now = MIDNIGHT - timedelta(minutes=10)
        bench.plan(hours=72)
        await bench.tick()
        assert {held.lease_end for held in bench.journal.leases().values()} == {MIDNIGHT}
        assert set(bench.journal.leases()) == set(LEVERS)

    async def test_a_trial_that_begins_with_own_control_counts_before_it_begins(self) -> None:
        bench = ControlBench()
        arms = (OWN_CONTROL, OURS, OWN_CONTROL, OURS, OWN_CONTROL, OURS)
        bench.store.add_trial(trial := a_trial(arms=arms))
        bench.now = trial.start - timedelta(minutes=10)
        bench.plan(hours=72)
        await bench.tick()
        assert {held.lease_end for held in bench.journal.leases().values()} == {trial.start}

    async def test_a_persons_write_lasts_as_long_as_ever(self) -> None:
        bench = ControlBench()
        bench.store.add_trial(TRIAL)
        bench.now = MIDNIGHT - timedelta(minutes=10)
        await bench.write(NULL, 20.0)
        [held] = bench.journal.leases().values()
        assert isinstance(held, Lease)
        assert held.lease_end == bench.now + LEASE


class TestAClockThatIsSet:
    @pytest.mark.parametrize("hours", [-24, -1])
    async def test_w14_what_people_said_before_is_seen_after(self, hours: int) -> None:
        bench = ControlBench()
        bench.override(NULL, until=NOW + timedelta(hours=2))
        bench.clock.set_calendar(NOW + timedelta(hours=hours))
        bench.plan()
        outcomes = await bench.tick()
        assert isinstance(outcomes[NULL], Overridden)
        assert bench.drivers.device("hut/bacnet").writes == []
        assert bench.drivers.device("hut/modbus").held != {}

    @pytest.mark.parametrize("hours", [-24, -1, 3])
    async def test_w14_a_lease_of_before_ends_in_its_running_time(self, hours: int) -> None:
        bench = ControlBench()
        bench.plan(hours=2)
        await bench.tick()
        bench.clock.set_calendar(NOW + timedelta(hours=hours))
        bench.clock.advance(LEASE)
        outcomes = await bench.tick()
        assert {type(outcomes[point]) for point in LEVERS} == {Released}
        assert bench.held() == {}

    async def test_w14_an_override_expires_by_the_calendar_and_by_running_time(self) -> None:
        """A clock that is set forth takes nobody's word away (W8)."""
        bench = ControlBench()
        bench.plan(hours=24)
        await override(
            bench.site,
            now=bench.now,
            ports=bench.ports,
            point=NULL,
            until=NOW + timedelta(hours=2),
            reason="cold today",
            actor="janitor",
        )
        bench.clock.set_calendar(NOW + timedelta(hours=3))
        bench.plan()
        outcomes = await bench.tick()
        assert isinstance(outcomes[NULL], Overridden)
        bench.clock.advance(timedelta(minutes=119))
        assert isinstance((await bench.tick())[NULL], Overridden)
        bench.clock.advance(timedelta(minutes=1))
        assert isinstance((await bench.tick())[NULL], Accepted)

    async def test_w14_across_a_reboot_an_override_expires_by_the_calendar(self) -> None:
        bench = ControlBench()
        await override(
            bench.site,
            now=bench.now,
            ports=bench.ports,
            point=NULL,
            until=NOW + timedelta(hours=2),
            reason="cold today",
            actor="janitor",
        )
        bench.clock.reboot("second")
        bench.clock.advance(timedelta(hours=2))
        bench.plan()
        assert isinstance((await bench.tick())[NULL], Accepted)

    async def test_w14_a_renewal_after_it_is_a_whole_lease(self) -> None:
        bench = ControlBench()
        bench.plan()
        await bench.tick()
        bench.clock.set_calendar(NOW - timedelta(hours=1))
        bench.plan()
        await bench.tick()
        bench.clock.advance(LEASE - timedelta(seconds=1))
        assert not any(
            held.ended(bench.clock.reading()) for held in bench.journal.leases().values()
        )
        assert bench.held() != {}
