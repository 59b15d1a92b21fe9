"""What a night's run keeps of a site: faults that stand, once each, by what people said of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from bms.model.assets.equipment import Meter
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Site
from bms.model.readings.measurement import Reading
from bms.model.readings.units import Commodity, Unit
from bms.model.work.detection import Detection
from bms.model.work.finding import Finding
from bms.model.work.item import Closing
from bms.services.detection.site_faults import keep_faults, keep_urgent
from bms.services.work.people import Word, close
from tests.rigs.fakes.api import NOW, World, a_world, temperature_c
from tests.rigs.fakes.city import HOUR
from tests.rigs.work.rows import a_cause, a_finding, a_work_item

DAY = timedelta(days=1)
QUIET_H = 30
"""How long ago the heat meter told something last [h]."""


def heat_register(days: int, until_h: int) -> list[Reading]:
    rows, total = [], 0.0
    for i in range(-days * 24, -until_h):
        at = NOW.replace(minute=0) + i * HOUR
        wobble = 1.0 + 0.05 * np.sin(i * 0.7) * np.cos(i * 0.113)
        total += wobble * (1.0 + 0.5 * max(0.0, 17.0 - temperature_c(at)))
        rows.append(Reading("lodge/heat.energy", at, round(total, 3)))
    return rows


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = a_world(tmp_path)
    made.store.add_readings(heat_register(120, QUIET_H))
    return made


def run(world: World) -> Detection:
    site, now, ports = world.city.sites["lodge"], world.clock.now(), world.city.work
    return keep_faults(site, now, ports.work, ports)


def silent(found: Detection) -> list[Finding]:
    return [row for row in found.findings if row.rule == "DH-METER-SILENT"]


def test_what_stands_is_kept_with_what_could_not_be_looked_at(world: World) -> None:
    found = run(world)
    assert [row.subject for row in silent(found)] == ["heat"]
    assert world.store.detections(["lodge"]) == [found]
    refused = {str(row.rule): row.reason.code for row in found.cannot if row.subject == "heat"}
    assert refused["DH-EXTRA-FLOW"] == "cannot_missing_signals"


def test_what_has_gone_for_days_is_no_more_told(world: World) -> None:
    world.clock.advance(timedelta(days=1))
    rows = [replace(row, time=row.time + 29 * HOUR) for row in heat_register(120, QUIET_H)[-60:]]
    last = heat_register(120, QUIET_H)[-1].value
    world.store.add_readings([replace(row, value=(last or 0.0) + n) for n, row in enumerate(rows)])
    world.clock.advance(timedelta(days=5))
    end = world.clock.now()
    world.store.add_readings(
        [Reading("lodge/heat.energy", end - n * HOUR, 9e5 - n) for n in range(90)]
    )
    assert silent(run(world)) == []


def test_no_fault_raises_the_delay_and_the_tolerance_there(world: World) -> None:
    cause = a_cause("heat", rule="DH-METER-SILENT")
    world.store.keep_items([a_work_item(cause=cause)], [])
    word = Word(actor="Mette", at=world.clock.now(), note="the plant stands still in holidays")
    close(world.store, "w1", Closing.NOT_A_FAULT, word)
    assert silent(run(world)) == []
    world.clock.advance(8 * HOUR)
    assert silent(run(world))


def test_a_burst_is_told_within_the_hour_and_takes_nothing_else_away(world: World) -> None:
    lodge = world.city.sites["lodge"]
    point = lodge.points[-1]
    water = replace(point, id="lodge/water.volume", meter="water", role=Role.METER_ENERGY)
    water = replace(water, unit=Unit.M3)
    site = replace(
        lodge,
        meters=(*lodge.meters, Meter(id="water", commodity=Commodity.WATER)),
        points=(*lodge.points, water),
    )
    total, rows = 0.0, []
    for i in range(-45 * 24, 1):
        at = NOW.replace(minute=0) + i * HOUR
        total += 0.2 if 8 <= at.hour < 15 else 0.0
        total += 2.0 if i > -6 else 0.0
        rows.append(Reading(water.id, at, round(total, 3)))
    world.store.add_readings(rows)
    night = Detection(site="lodge", at=NOW - 5 * HOUR, findings=(a_finding(),))
    world.store.keep_detection(night)
    ports = world.city.work
    keep_urgent(site, NOW, ports.work, ports)
    (kept,) = world.store.detections(["lodge"])
    assert {row.rule for row in kept.findings} == {"cooling_low", "W-BURST"}
    assert kept.at == night.at


def circuit_and_exhaust(world: World) -> Site:
    """The lodge with a supply that stays 9 K below its setpoint while the pump runs, and exhaust
    air at freezing."""
    lodge = world.city.sites["lodge"]
    outdoor = next(p for p in lodge.points if p.role is Role.OUTDOOR_TEMP)
    air = {"ventilation": "ahu1"}
    values: dict[Point, float] = {
        replace(outdoor, id="lodge/plant.supply", role=Role.SUPPLY_WATER_TEMP): 46.0,
        replace(outdoor, id="lodge/plant.setpoint", role=Role.SUPPLY_WATER_SETPOINT): 55.0,
        replace(outdoor, id="lodge/plant.pump", role=Role.PUMP_RUN, unit=Unit.ON_OFF): 1.0,
        replace(outdoor, id="lodge/ahu1.exhaust", role=Role.EXHAUST_AIR_TEMP, **air): -0.4,
        next(p for p in lodge.points if p.role is Role.VENTILATION_RUN): 1.0,
    }
    ends = world.clock.now()
    for point, value in values.items():
        times = (ends - n * timedelta(minutes=15) for n in range(10 * 96))
        world.store.add_readings([Reading(point.id, at, value) for at in times])
    new = (point for point in values if point not in lodge.points)
    return replace(lodge, points=(*lodge.points, *new))


def test_setpoint_pump_and_exhaust_air_of_a_site_are_looked_at(world: World) -> None:
    site = circuit_and_exhaust(world)
    now, ports = world.clock.now(), world.city.work
    rules = {row.rule for row in keep_faults(site, now, ports.work, ports).findings}
    assert {"HC-TOO-COLD", "HRU-FROST"} <= rules


def test_a_pump_at_rest_is_not_asked_for_warm_water(world: World) -> None:
    site = circuit_and_exhaust(world)
    now, ports = world.clock.now(), world.city.work
    times = (now - n * timedelta(minutes=15) for n in range(10 * 96))
    world.store.add_readings([Reading("lodge/plant.pump", at, 0.0) for at in times])
    rules = {row.rule for row in keep_faults(site, now, ports.work, ports).findings}
    assert "HC-TOO-COLD" not in rules
