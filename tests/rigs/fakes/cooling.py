"""The lodge with a volume meter, and what it has shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from bms.model.assets.point import Role
from bms.model.assets.site import Site
from bms.model.readings.measurement import Reading
from bms.model.readings.units import Unit
from bms.services.periods import midnight
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import lodge

ZONE = "Europe/Copenhagen"
PER_DAY_M3 = 10.0


def with_volume(site: Site | None = None) -> Site:
    """The lodge with a volume beside the energy of its heat meter."""
    site = site or lodge()
    energy = next(point for point in site.points if point.id == "lodge/heat.energy")
    volume = replace(energy, id="lodge/heat.volume", role=Role.METER_VOLUME, unit=Unit.M3)
    return replace(site, points=(*site.points, volume))


def registers(store: MemoryStore, first: date, last: date, cooling_k: dict[int, float]) -> None:
    """Daily readings at local midnight: the same volume every day, by year another cooling."""
    volume = energy = 0.0
    day = first
    rows: list[Reading] = []
    while day <= last:
        at = midnight(day, ZONE)
        rows.append(Reading("lodge/heat.volume", at, volume))
        rows.append(Reading("lodge/heat.energy", at, energy))
        volume += PER_DAY_M3
        energy += 1.163 * PER_DAY_M3 * cooling_k[day.year]
        day += timedelta(days=1)
    store.add_readings(rows)
