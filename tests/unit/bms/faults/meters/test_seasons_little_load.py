"""What shows only in the hours of little load: hot water's losses in winter, and poor cooling."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bms.faults.observations import Equipment, FaultContext, Observations
from bms.faults.prices import WATER_KWH_M3K
from bms.faults.run import detect
from bms.faults.signals import Signal
from bms.model.readings.series import Floats

MONDAY = 1_538_352_000
"""1 October 2018."""
DAYS, FAULT_DAY = 90, 83
N = 24 * DAYS
HOUR, DAY = np.arange(N) % 24, np.arange(N) // 24
FAULTY = DAY >= FAULT_DAY
CLOSED = DAY % 7 >= 5
HEATS = (HOUR >= 5) & (HOUR < 17) | CLOSED
RNG = np.random.default_rng(18)
OUTDOOR = 4.0 + 3.0 * np.sin(np.arange(N) / 24 / 9 * 2 * np.pi) + RNG.normal(0, 0.5, N)


def heat(extra: float = 0.0) -> Floats:
    """Heat [kWh] of a building whose setback leaves 3 kW of hot water."""
    rooms = np.where(HEATS, 2.5 * (18.0 - OUTDOOR), 0.0) * RNG.normal(1.0, 0.04, N)
    return rooms + 3.0 + RNG.normal(0, 0.05, N) + np.where(FAULTY, extra, 0.0)


def building(use: Floats, cooling: Floats | float = 35.0) -> Observations:
    columns: Mapping[Signal, Floats] = {
        Signal.HEAT: use,
        Signal.OUTDOOR_TEMP: OUTDOOR,
        Signal.VOLUME: use / (cooling * WATER_KWH_M3K),
        Signal.METER_FLOW_TEMP: np.full(N, 75.0),
        Signal.METER_RETURN_TEMP: 75.0 - cooling + RNG.normal(0, 0.2, N),
    }
    return Observations(
        site_id="house",
        subject="heat",
        equipment=Equipment.HEAT_METER,
        at=MONDAY + 3600 * np.arange(N, dtype=np.int64),
        step_s=3600,
        signals=columns,
        context=FaultContext(timezone="UTC", heat_dkk_kwh=0.6),
    )


def told(seen: Observations) -> dict[str, Mapping[str, object]]:
    return {str(row.rule): row.fact.parameters for row in detect(seen).findings}


def test_hot_water_that_loses_one_kilowatt_in_winter_shows_while_nothing_else_is_heated() -> None:
    losing = told(building(heat(extra=1.0)))

    assert 0.8 < float(str(losing["DH-HOT-WATER-BASE"]["extra"])) < 1.2
    assert "DH-HOT-WATER-BASE" not in told(building(heat()))


def test_hours_of_low_load_that_cool_poorly_are_told_though_their_water_is_little() -> None:
    use = heat()
    poor = np.where(FAULTY & ~HEATS, 27.0, 35.0)

    assert 6.0 < float(str(told(building(use, poor))["DH-COOLING-FALLS"]["fall"])) < 9.0
    assert "DH-COOLING-FALLS" not in told(building(use))
