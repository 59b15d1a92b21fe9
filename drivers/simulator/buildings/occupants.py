"""People of the simulated buildings: who is there, what they switch on, which windows they open.

Everything is drawn per building and UTC day from the building's seed, so any day can be drawn
alone, and all worlds of a building see the same people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivers.simulator.buildings.calendars import SLOTS, FloatArray, UseCalendar
from drivers.simulator.buildings.stock import SimSite

KNOTS_PER_DAY = 48


@dataclass(frozen=True)
class DayOfPeople:
    """One building's people in one UTC day."""

    present: FloatArray  # (SLOTS, zones) share of the zone's people, 0..1.2
    window_c: FloatArray  # (zones,) air temperature at which windows are opened [degC]
    airing_ach: FloatArray  # (SLOTS, zones) windows opened for fresh air alone [1/h]


def day_of_people(
    site: SimSite, uses: list[UseCalendar], times: FloatArray, day: int
) -> DayOfPeople:
    """Draw the people of a building on UTC day number ``day``; ``times`` are its slots [s]."""
    rng = np.random.default_rng([site.seed, 7, day])
    zones = site.kind.zones
    n = len(zones)
    attendance = np.clip(rng.normal(0.82, 0.08, n), 0.4, 1.0)
    early_s = rng.uniform(300.0, 1500.0, n)
    late_s = rng.uniform(-300.0, 1500.0, n)
    window_c = rng.normal(23.4, 0.5, n)
    airing = rng.gamma(2.0, 0.06, n)
    restless = np.array([zone.restless for zone in zones])
    noise = np.repeat(rng.standard_normal((KNOTS_PER_DAY, n)), SLOTS // KNOTS_PER_DAY, axis=0)
    there = np.column_stack(
        [use.presence(times, float(early_s[i]), float(late_s[i])) for i, use in enumerate(uses)]
    )
    present = np.clip(there * attendance * (1.0 + restless * noise), 0.0, 1.2)
    return DayOfPeople(present, window_c, airing * (there > 0.2))
