"""Cooling of district heating water by what a meter happens to tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.errors import NotFound
from bms.model.assets.point import Role
from bms.model.assets.site import Site
from bms.model.readings.measurement import Reading
from bms.model.readings.units import Unit
from bms.services.cooling import cooling
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import HOUR, lodge, utc

START = utc(2026, 3, 2)
END = START + 3 * HOUR


def with_points(*named: tuple[str, Role, Unit]) -> Site:
    site = lodge()
    heat = next(point for point in site.points if point.id == "lodge/heat.energy")
    made = tuple(
        replace(heat, id=f"lodge/heat.{name}", role=role, unit=unit) for name, role, unit in named
    )
    return replace(site, points=(*site.points, *made))


VOLUME = ("volume", Role.METER_VOLUME, Unit.M3)
FLOW = ("flow", Role.METER_FLOW_TEMP, Unit.DEG_C)
BACK = ("back", Role.METER_RETURN_TEMP, Unit.DEG_C)


def test_the_hours_in_which_more_water_flowed_weigh_more() -> None:
    store = MemoryStore()
    for name, values in (
        ("volume", (0.0, 1.0, 4.0, 4.0)),
        ("flow", (70.0, 80.0, 90.0)),
        ("back", (40.0, 40.0, 20.0)),
    ):
        store.add_readings(
            Reading(f"lodge/heat.{name}", START + i * HOUR, value) for i, value in enumerate(values)
        )
    found = cooling(with_points(VOLUME, FLOW, BACK), "heat", store, START, END)
    assert found.mean == pytest.approx((1 * 30 + 3 * 40) / 4)
    assert found.volume_m3 == 4.0
    assert found.energy_ratio is None


def test_a_meter_without_a_volume_says_so() -> None:
    with pytest.raises(NotFound, match="has no volume"):
        cooling(lodge(), "heat", MemoryStore(), START, END)


def test_a_volume_alone_says_what_is_missing() -> None:
    site = with_points(VOLUME, FLOW)
    points = tuple(point for point in site.points if point.id != "lodge/heat.energy")
    with pytest.raises(NotFound, match="neither its energy nor its temperatures nor E8 and E9"):
        cooling(replace(site, points=points), "heat", MemoryStore(), START, END)
