"""Which days a building is in use: holidays, closures, weekends, the change of clocks."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from drivers.simulator.buildings.archetypes import ARCHETYPES
from drivers.simulator.buildings.occupancy import UseCalendar


def days_in_use(archetype: str, first: date, days: int) -> int:
    """Local days on which at least one zone is in use."""
    last = first + timedelta(days=days - 1)
    used: set[int] = set()
    for zone in ARCHETYPES[archetype].zones:
        used |= set(UseCalendar.build(archetype, zone.use, first, last).days.tolist())
    return len(used)


@pytest.mark.parametrize(
    ("first", "days", "townhall", "school", "sportshall"),
    [
        (date(2018, 12, 24), 9, 0, 0, 6),
        (date(2019, 1, 14), 7, 5, 5, 7),
        (date(2018, 3, 23), 4, 2, 2, 4),
        (date(2018, 10, 15), 5, 5, 0, 5),
    ],
)
def test_days_in_use_know_holidays_and_closures(
    first: date, days: int, townhall: int, school: int, sportshall: int
) -> None:
    found = [days_in_use(kind, first, days) for kind in ("townhall", "school", "sportshall")]
    assert found == [townhall, school, sportshall]


def test_use_begins_by_the_clock_on_the_wall_on_both_sides_of_its_change() -> None:
    zone = ARCHETYPES["sportshall"].zones[0]
    found = UseCalendar.build("sportshall", zone.use, date(2018, 3, 24), date(2018, 3, 25))
    first, second = found.starts
    assert second - first == 23 * 3600.0
