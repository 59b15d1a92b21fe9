"""The simulated past as readings: meters hourly all the way, everything else only lately."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from bms.services.simulated_worlds import past_readings
from tests.rigs.fakes.city import HOUR, QUARTER, lodge, utc

SITE = lodge()
START = utc(2019, 1, 1)
DETAILED = START + timedelta(hours=4)
END = START + timedelta(hours=6)
STEPS = 24
TIMES = START.timestamp() + 900.0 * np.arange(1, STEPS + 1)
RISING = np.arange(1.0, STEPS + 1)


def test_meters_are_hourly_at_first_and_everything_is_there_from_the_detailed_part_on() -> None:
    signals = {"heat.energy": RISING, "hall.temp": RISING + 100, "unknown.signal": RISING}
    found = list(past_readings(SITE, TIMES, signals, DETAILED))
    by_point = {p: [r for r in found if r.point == p] for p in {r.point for r in found}}
    assert set(by_point) == {"lodge/heat.energy", "lodge/hall.temp"}
    late = [DETAILED + i * QUARTER for i in range(9)]
    assert [r.time for r in by_point["lodge/hall.temp"]] == late
    hours = [START + i * HOUR for i in (1, 2, 3)]
    assert [r.time for r in by_point["lodge/heat.energy"]] == hours + late


def test_values_belong_to_their_moment() -> None:
    found = list(past_readings(SITE, TIMES, {"el.energy": RISING}, END + HOUR))
    assert [(r.time, r.value) for r in found] == [(START + i * HOUR, 4.0 * i) for i in range(1, 7)]


def test_power_is_no_register_and_has_no_hourly_past() -> None:
    found = list(past_readings(SITE, TIMES, {"heat.power": RISING}, DETAILED))
    assert min(r.time for r in found) == DETAILED


def test_every_reading_is_new() -> None:
    signals = {p.id.split("/", 1)[1]: RISING for p in SITE.points}
    found = list(past_readings(SITE, TIMES, signals, DETAILED))
    assert len({(r.point, r.time) for r in found}) == len(found)
