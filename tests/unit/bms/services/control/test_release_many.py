"""Back to the building's own control: what we hold, nothing else, and believed only when seen."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bms.errors import GuardError
from bms.journal import MemoryJournal
from bms.model.assets.device import Fingerprint
from bms.model.control.command import Accepted, Failed, Overridden, Released, StillHeld
from bms.model.control.reasons import Holder, ReceiptReason
from bms.model.fact import fact
from bms.services.control.inspection import verify_site
from bms.services.control.release_many import (
    release_everything,
    release_leases,
    release_points,
)
from bms.services.control.release_point import take_away
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.drivers import FakeDrivers, device_said
from tests.rigs.fakes.ports import control_ports
from tests.rigs.fakes.safety import (
    CONSTANT,
    ENABLE,
    LEASE,
    LEVERS,
    NOW,
    NULL,
    OWN,
    TIMETABLE,
    WANTED,
    command,
    hut,
    lease_on,
)

SITE = hut()


def device_of(point: str) -> str:
    return "hut/bacnet" if point == NULL else "hut/modbus"


@pytest.fixture
def drivers() -> FakeDrivers:
    """Devices that hold what we wrote."""
    made = FakeDrivers()
    for point in LEVERS:
        made.device(device_of(point)).own[point] = OWN[point]
        made.device(device_of(point)).held[point] = WANTED[point]
    return made


@pytest.fixture
def journal() -> MemoryJournal:
    made = MemoryJournal()
    made.intend([lease_on(SITE, command(p, WANTED[p], command_id=f"c-{p}")) for p in LEVERS])
    return made


def held(drivers: FakeDrivers) -> set[str]:
    return {point for device in drivers.devices.values() for point in device.held}


async def test_everything_in_the_journal_goes_back_and_is_settled(drivers, journal) -> None:
    receipts = await release_everything(now=NOW, drivers=drivers, journal=journal)
    assert sorted(receipts, key=lambda r: r.point) == [Released(p, OWN[p]) for p in sorted(LEVERS)]
    assert held(drivers) == set()
    assert journal.leases() == {}


async def test_only_what_is_seen_to_be_back_is_settled(drivers, journal) -> None:
    drivers.device("hut/modbus").swallows_releases = True
    receipts = await release_everything(now=NOW, drivers=drivers, journal=journal)
    assert [type(r) for r in receipts].count(StillHeld) == 3
    assert set(journal.leases()) == {ENABLE, TIMETABLE, CONSTANT}


async def test_a_dead_device_spares_its_neighbour(drivers, journal) -> None:
    drivers.device("hut/bacnet").dead = True
    receipts = await release_everything(now=NOW, drivers=drivers, journal=journal)
    assert StillHeld(NULL, device_said("no reply")) in receipts
    assert Released(ENABLE, 17.0) in receipts
    assert list(journal.leases()) == [NULL]


async def test_a_driver_that_cannot_be_had_is_a_receipt() -> None:
    class Stuck(FakeDrivers):
        def driver(self, device):
            raise RuntimeError("no such protocol")

    journal = MemoryJournal()
    journal.intend([lease_on(SITE, command(NULL, 20.0))])
    [receipt] = await release_everything(now=NOW, drivers=Stuck(), journal=journal)
    assert isinstance(receipt, StillHeld)
    assert receipt.error.code == ReceiptReason.DRIVER_FAILED
    assert "no such protocol" in str(receipt.error.parameters["text"])
    assert NULL in journal.leases()


async def test_a_driver_that_never_comes_back_is_given_up() -> None:
    class Stuck(FakeDrivers):
        def driver(self, device):
            return self

        async def release(self, point, at):
            await asyncio.sleep(60)

    made = lease_on(SITE, command(NULL, 20.0))
    device = replace(made.device, timeout_s=0.001)
    receipt = await take_away(made.point, device, now=NOW, drivers=Stuck())
    assert isinstance(receipt, StillHeld)
    assert receipt.retryable


async def test_a_newer_intent_survives_the_settling_of_an_older_lease(drivers, journal) -> None:
    class Racing(FakeDrivers):
        """While the point is given back, another process announces a new write."""

        def driver(self, device):
            newer = command(NULL, 20.0, command_id="newer")
            journal.intend([lease_on(SITE, newer)])
            return super().driver(device)

    leases = [journal.leases()[NULL]]
    await release_leases(leases, now=NOW, drivers=Racing(drivers.devices), journal=journal)
    assert journal.leases()[NULL].command_id == "newer"


async def test_a_journal_that_cannot_settle_does_not_stop_the_release(drivers, caplog) -> None:
    class Full(MemoryJournal):
        def settle(self, commands):
            raise GuardError("the disk is full")

    journal = Full()
    journal.intend([lease_on(SITE, command(NULL, 21.0))])
    [receipt] = await release_everything(now=NOW, drivers=drivers, journal=journal)
    assert isinstance(receipt, Released)
    assert "disk is full" in caplog.text


async def test_one_point_may_be_released(drivers, journal) -> None:
    one = [p for p in SITE.points if p.id == CONSTANT]
    receipts = await release_points(SITE, one, now=NOW, drivers=drivers, journal=journal)
    assert [r.point for r in receipts] == [CONSTANT]
    assert held(drivers) == {NULL, ENABLE, TIMETABLE}


async def test_w01_a_lease_of_a_replaced_device_ends_once_the_new_one_is_accepted(
    drivers, journal
) -> None:
    """The journal has the device with the fingerprint of then."""
    asked = []

    class Recording(FakeDrivers):
        def driver(self, device):
            asked.append(device.fingerprint)
            return super().driver(device)

    new = Fingerprint(model="B2")
    accepted = replace(SITE, devices=tuple(replace(d, fingerprint=new) for d in SITE.devices))
    recording = Recording(drivers.devices)
    for site, fingerprint in ((SITE, None), (accepted, new)):
        await release_points(site, site.points, now=NOW, drivers=recording, journal=journal)
        assert set(asked) == {fingerprint}
        asked.clear()
        journal.intend([lease_on(SITE, command(NULL, 21.0, command_id=f"of {fingerprint}"))])
    ports = control_ports(MemoryStore(), drivers=recording, journal=journal)
    await verify_site(accepted, now=NOW + 2 * LEASE, ports=ports)
    assert set(asked) == {new}
    elsewhere = replace(accepted, devices=(replace(accepted.devices[0], host="127.0.0.2"),))
    journal.intend([lease_on(SITE, command(NULL, 21.0, command_id="c9"))])
    asked.clear()
    await release_points(elsewhere, SITE.points[:1], now=NOW, drivers=recording, journal=journal)
    assert asked == [None]


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
