"""How each building stands, from the stores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bms.model.assets.site import Mode
from bms.model.assets.timetable import WeekTimetable
from bms.model.control.booking import Booking, BookingKind
from bms.model.control.command import Override
from bms.model.planning.plan import PlanStatus
from bms.model.readings.measurement import Reading
from bms.services.overview import buildings
from bms.services.overview.buildings import BuildingNow, buildings_now
from tests.rigs.fakes.api import NOW, World, a_world, live_in
from tests.rigs.fakes.city import HOUR, another_lodge


def seen(world: World) -> list[BuildingNow]:
    ports = world.city.api.control
    return list(buildings_now(world.city.sites.values(), ports, world.clock.now()))


def test_a_building_with_a_past(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    live_in(world)
    (lodge,) = seen(world)
    assert lodge.mode is Mode.AUTO
    assert lodge.plan is not None
    assert lodge.plan.status is PlanStatus.OPTIMAL
    assert lodge.in_use
    assert lodge.coldest is not None
    assert lodge.coldest.name == "Hall"
    assert lodge.newest is not None
    assert NOW - lodge.newest <= HOUR


def test_every_building_in_order_whatever_the_portions(tmp_path: Path) -> None:
    n = buildings.PORTION + 2
    sites = tuple(another_lodge(f"b{i:03d}") for i in range(n))
    found = seen(a_world(tmp_path, sites=sites))
    assert [each.site.id for each in found] == [site.id for site in sites]
    assert all(each.coldest is None and each.newest is None for each in found)


def test_an_old_temperature_says_nothing_of_now(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    world.store.add_readings([Reading("lodge/hall.temp", NOW - 2 * HOUR, 12.0)])
    (lodge,) = seen(world)
    assert lodge.coldest is None


@pytest.mark.parametrize(("kind", "in_use"), [(BookingKind.CLOSED, False), (None, True)])
def test_a_closure_counts(tmp_path: Path, kind: BookingKind | None, in_use: bool) -> None:
    world = a_world(tmp_path)
    if kind is not None:
        world.store.add_booking(
            Booking(
                id="b1",
                site="lodge",
                zone=None,
                start=NOW - HOUR,
                end=NOW + HOUR,
                kind=kind,
                reason="closed",
                author="Ane",
                made_at=NOW - HOUR,
            )
        )
    (lodge,) = seen(world)
    assert lodge.in_use is in_use


def test_the_room_in_use_comes_before_a_colder_one_out_of_use(tmp_path: Path) -> None:
    site = another_lodge("two")
    hall = site.zones[0]
    point = next(p for p in site.points if p.id == "two/hall.temp")
    two = replace(
        site,
        zones=(hall, replace(hall, id="loft", name="Loft", occupancy=WeekTimetable())),
        points=(*site.points, replace(point, id="two/loft.temp", zone="loft")),
    )
    world = a_world(tmp_path, sites=(two,))
    world.store.add_readings(
        [Reading("two/hall.temp", NOW, 19.0), Reading("two/loft.temp", NOW, 12.0)]
    )
    world.store.add_override(
        Override(
            id="o1",
            site="two",
            point=None,
            since=NOW - HOUR,
            until=None,
            reason="a fair",
            actor="Ane",
        )
    )
    (found,) = seen(world)
    assert found.coldest is not None
    assert found.coldest.zone == "hall"
    assert found.held == 1
