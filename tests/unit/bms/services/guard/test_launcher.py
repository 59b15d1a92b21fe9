"""The guard reads the timetables of a way back by the same clock on the wall as we do."""

from __future__ import annotations

from pathlib import Path

import pytest

from bms.config import Settings
from bms.runtime.wire import wire
from bms.services.guard.launcher import GuardLauncher


@pytest.mark.slow
def test_a_city_starts_its_guard_with_the_zone_of_its_drivers(tmp_path: Path) -> None:
    city = wire(Settings(home=tmp_path, timezone="Atlantic/Faroe"), sites=())
    try:
        assert isinstance(city.keeper, GuardLauncher)
        assert city.keeper.timezone == "Atlantic/Faroe"
    finally:
        city.stores.close()
