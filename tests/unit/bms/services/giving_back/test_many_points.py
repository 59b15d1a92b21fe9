"""Back to the building's own control: what we hold, nothing else, and believed only when seen."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bms.errors import GuardError
from bms.journal import MemoryJournal
from bms.model.assets.device import Fingerprint
from bms.model.assets.site import Site
from bms.model.control.command import Released, StillHeld
from bms.model.control.reasons import ReceiptReason
from bms.services.control.inspection import verify_site
from bms.services.giving_back.many_points import (
    release_everything,
    release_leases,
    release_points,
)
from bms.services.giving_back.one_point import take_away
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.drivers import FakeDrivers, device_said, held
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
    command,
    hut,
    lease_on,
)

SITE = hut()


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


def moved(point: str) -> Site:
    """The hut; its file has the point at another device by now."""
    second = replace(SITE.devices[0], id="hut/second", port=3)
    points = tuple(replace(p, device=second.id) if p.id == point else p for p in SITE.points)
    return replace(SITE, devices=(*SITE.devices, second), points=points)


@pytest.mark.parametrize("point", [NULL, CONSTANT])
async def test_w17_a_device_that_has_moved_under_a_lease_is_found_by_the_site_file(
    drivers, journal, point: str
) -> None:
    """Nothing will ever answer at the old address, and its guard would go on for ever."""
    site = moved(point)
    old = drivers.device("hut/bacnet" if point == NULL else "hut/modbus")
    second = drivers.device("hut/second")
    second.own[point], second.held[point] = OWN[point], old.held[point]
    old.dead = True
    chosen = [each for each in site.points if each.id == point]
    receipts = await release_points(site, chosen, now=NOW, drivers=drivers, journal=journal)
    assert receipts == [Released(point, OWN[point])]
    assert point not in second.held
    assert point not in journal.leases()


@pytest.mark.parametrize("there", [None, 17.0])
async def test_w12_what_is_not_ours_at_the_new_place_ends_no_lease_of_the_old_one(
    drivers, journal, there: float | None
) -> None:
    site = moved(NULL)
    drivers.device("hut/bacnet").dead = True
    if there is not None:
        drivers.device("hut/second").held[NULL] = there
    chosen = [each for each in site.points if each.id == NULL]
    receipts = await release_points(site, chosen, now=NOW, drivers=drivers, journal=journal)
    assert receipts == [StillHeld(NULL, device_said("no reply"))]
    assert drivers.device("hut/second").releases == []
    assert NULL in journal.leases()


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
