"""A hut whose levers we hold, in the devices and in the journal."""

from __future__ import annotations

import pytest

from bms.journal import MemoryJournal
from tests.rigs.fakes.drivers import FakeDrivers
from tests.rigs.fakes.safety import LEVERS, NULL, OWN, WANTED, command, hut, lease_on


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
    made.intend([lease_on(hut(), command(p, WANTED[p], command_id=f"c-{p}")) for p in LEVERS])
    return made
