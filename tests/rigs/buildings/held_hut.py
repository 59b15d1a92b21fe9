"""A hut whose levers we hold, in the devices and in the journal."""

from __future__ import annotations

from bms.journal import MemoryJournal
from tests.rigs.fakes.drivers import FakeDrivers
from tests.rigs.fakes.safety import LEVERS, NULL, OWN, WANTED, command, hut, lease_on


def devices_that_hold() -> FakeDrivers:
    """Devices of the hut that hold what we wrote."""
    made = FakeDrivers()
    for point in LEVERS:
        device = made.device("hut/bacnet" if point == NULL else "hut/modbus")
        device.own[point], device.held[point] = OWN[point], WANTED[point]
    return made


def journal_of_held() -> MemoryJournal:
    """The open leases of the same."""
    made = MemoryJournal()
    made.intend([lease_on(hut(), command(p, WANTED[p], command_id=f"c-{p}")) for p in LEVERS])
    return made
