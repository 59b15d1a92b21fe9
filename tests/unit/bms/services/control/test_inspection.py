"""What a look at our leases settles, between the ticks of dispatch."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bms.journal import MemoryJournal
from bms.model.control.command import Accepted, Failed, Overridden, Released
from bms.model.control.local_override import ReadBack
from bms.model.control.reasons import Holder
from bms.model.fact import fact
from bms.services.control.inspection import verify_site
from bms.store.memory.store import MemoryStore
from tests.rigs.buildings.held_hut import devices_that_hold, journal_of_held
from tests.rigs.fakes.drivers import FakeDevice, FakeDrivers, held
from tests.rigs.fakes.ports import control_ports
from tests.rigs.fakes.safety import (
    CONSTANT,
    ENABLE,
    LEASE,
    LEVERS,
    NOW,
    NULL,
    TIMETABLE,
    command,
    hut,
    lease_on,
)

SITE = hut()


@pytest.fixture
def drivers() -> FakeDrivers:
    return devices_that_hold()


@pytest.fixture
def journal() -> MemoryJournal:
    return journal_of_held()


class GivenBackMeanwhile(FakeDevice):
    """While the first answer is on its way, somebody else of ours gives everything back."""

    journal: MemoryJournal

    async def command_states(self, points, at):
        states = await super().command_states(points, at)
        if self.looks == 1:
            self.held.clear()
            open_leases = self.journal.leases()
            self.journal.settle({p.id: open_leases[p.id].command_id for p in points})
        return states


class WrittenMeanwhile(FakeDevice):
    """While the first answer is on its way, what was announced before arrives and is read back."""

    journal: MemoryJournal

    async def command_states(self, points, at):
        states = await super().command_states(points, at)
        if self.looks == 1:
            sent = [self.journal.leases()[p.id].command for p in points]
            self.held.update({each.point: each.value for each in sent})
            self.journal.note([ReadBack(each.point, each.id, each.value) for each in sent])
        return states


class TestVerify:
    """Reading back between the ticks of dispatch."""

    async def look(self, drivers, journal, store=None, *, at=NOW):
        return await verify_site(
            SITE,
            now=at,
            ports=control_ports(store or MemoryStore(), drivers=drivers, journal=journal),
        )

    async def test_what_stands_is_left_alone_and_leaves_no_receipt(self, drivers, journal) -> None:
        store = MemoryStore()
        outcomes = await self.look(drivers, journal, store)
        assert [type(o) for o in outcomes] == [Accepted] * len(LEVERS)
        assert held(drivers) == set(LEVERS)
        assert store.receipts("hut", NOW) == []

    async def test_an_ended_lease_goes_back(self, drivers, journal) -> None:
        outcomes = await self.look(drivers, journal, at=NOW + LEASE)
        assert {type(o) for o in outcomes} == {Released}
        assert held(drivers) == set()
        assert journal.leases() == {}

    async def test_w07_another_value_in_our_slot_is_somebodys(self, drivers, journal) -> None:
        drivers.device("hut/bacnet").held[NULL] = 17.5
        outcomes = await self.look(drivers, journal)
        [met] = [o for o in outcomes if not isinstance(o, Accepted)]
        assert isinstance(met, Overridden)
        assert (met.by, met.value, met.priority) == (fact(Holder.OUR_PLACE), 17.5, 13)
        assert NULL not in journal.leases()
        assert drivers.device("hut/bacnet").held[NULL] == 17.5

    async def test_a_timetable_register_moved_by_its_building_is_no_mismatch(
        self, drivers, journal
    ) -> None:
        drivers.device("hut/modbus").held[TIMETABLE] = 1.0
        await self.look(drivers, journal)
        assert drivers.device("hut/modbus").releases == []
        assert TIMETABLE in journal.leases()

    @pytest.mark.parametrize("point", [ENABLE, CONSTANT, TIMETABLE])
    async def test_w07_a_hand_is_seen_and_respected(self, drivers, journal, point) -> None:
        store = MemoryStore()
        drivers.device("hut/modbus").held[point] = 4.0
        outcomes = await self.look(drivers, journal, store)
        assert [o.by for o in outcomes if isinstance(o, Overridden)] == [fact(Holder.LOCAL)]
        assert drivers.device("hut/modbus").held.get(point) == 4.0
        assert [o.point for o in store.overrides("hut", NOW)] == [point]
        assert point not in journal.leases()

    async def test_what_cannot_be_read_proves_nothing(self, drivers, journal) -> None:
        drivers.device("hut/modbus").dead = True
        outcomes = await self.look(drivers, journal)
        assert [type(o) for o in outcomes].count(Failed) == 3
        assert set(journal.leases()) == set(LEVERS)

    @pytest.mark.parametrize("device", ["hut/bacnet", "hut/modbus"])
    async def test_w09_what_others_of_ours_gave_back_meanwhile_is_no_hand(
        self, drivers, journal, device
    ) -> None:
        """What was seen is older than the book: our own value would be a stranger's."""
        before = drivers.device(device)
        drivers.devices[device] = slow = GivenBackMeanwhile(own=before.own, held=before.held)
        slow.journal = journal
        store = MemoryStore()
        outcomes = await self.look(drivers, journal, store)
        assert {type(o) for o in outcomes} <= {Accepted}
        assert store.overrides("hut", NOW) == []
        assert journal.local_overrides() == {}
        assert slow.looks >= 2

    @pytest.mark.parametrize("point", [NULL, ENABLE, CONSTANT])
    async def test_w09_a_write_that_arrived_meanwhile_was_not_emptied_by_a_hand(
        self, drivers, point
    ) -> None:
        """Dispatch and read-back are due together where a site was gained: the place was empty when
        it was looked at, and the write has been read back when the book is asked."""
        journal, made = MemoryJournal(), lease_on(SITE, command(point, 21.0))
        before = drivers.devices[made.device.id]
        before.held.clear()
        drivers.devices[made.device.id] = late = WrittenMeanwhile(own=before.own)
        late.journal = journal
        journal.intend([made])
        store = MemoryStore()
        assert [type(o) for o in await self.look(drivers, journal, store)] == [Accepted]
        assert store.overrides("hut", NOW) == []
        assert point in journal.leases()

    async def test_nothing_held_nothing_read(self, drivers) -> None:
        assert await self.look(drivers, MemoryJournal()) == []
        assert drivers.device("hut/modbus").reads == 0

    async def test_a_lease_of_a_device_that_left_the_site_file_runs_out(self, drivers) -> None:
        journal = MemoryJournal()
        made = lease_on(SITE, command(NULL, 21.0))
        point, gone = replace(made.point, device="hut/old"), replace(made.device, id="hut/old")
        journal.intend([replace(made, point=point, device=gone)])
        drivers.device("hut/old").held[NULL] = 21.0
        assert [type(o) for o in await self.look(drivers, journal)] == [Accepted]
        later = await self.look(drivers, journal, at=NOW + LEASE + timedelta(minutes=1))
        assert [type(o) for o in later] == [Released]
