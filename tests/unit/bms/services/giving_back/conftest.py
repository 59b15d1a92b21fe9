"""A hut whose levers we hold, in the devices and in the journal."""

from __future__ import annotations

import pytest

from bms.journal import MemoryJournal
from tests.rigs.buildings.held_hut import devices_that_hold, journal_of_held
from tests.rigs.fakes.drivers import FakeDrivers


@pytest.fixture
def drivers() -> FakeDrivers:
    return devices_that_hold()


@pytest.fixture
def journal() -> MemoryJournal:
    return journal_of_held()
