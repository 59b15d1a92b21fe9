"""The BACnet objects of the simulated buildings. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

INPUT, VALUE, SWITCH = "analog-input", "analog-value", "binary-value"


@dataclass(frozen=True, slots=True)
class ObjectSpec:
    """One object. ``unit`` in BACnet's words, ``cov`` in the unit of the object.

    ``low`` and ``high`` bound what a commandable object (value, switch) takes.
    """

    kind: str
    instance: int
    signal: str
    unit: str = "no-units"
    cov: float = 0.1
    low: float = 0.0
    high: float = 1.0


def room_objects(zones: Sequence[str]) -> tuple[ObjectSpec, ...]:
    """Rooms, weather and air handling. Zone ``k`` (from 1) lies at instance ``100k``:

    ``+1`` temperature (input) and setpoint (value), ``+2`` valve, ``+3`` CO2.
    """
    found = [
        ObjectSpec(INPUT, 1, "outdoor.temp", "degrees-celsius", 0.2),
        ObjectSpec(INPUT, 4, "ahu1.supply_air_temp", "degrees-celsius", 0.2),
        ObjectSpec(SWITCH, 1, "ahu1.run"),
        ObjectSpec(VALUE, 2, "ahu1.flow", "percent", 1.0, low=10.0, high=100.0),
        ObjectSpec(
            VALUE, 3, "ahu1.supply_air_setpoint", "degrees-celsius", 0.2, low=10.0, high=30.0
        ),
    ]
    for k, zone in enumerate(zones, start=1):
        at = 100 * k
        found += [
            ObjectSpec(INPUT, at + 1, f"{zone}.temp", "degrees-celsius"),
            ObjectSpec(INPUT, at + 2, f"{zone}.valve", "percent", 2.0),
            ObjectSpec(INPUT, at + 3, f"{zone}.co2", "parts-per-million", 20.0),
            ObjectSpec(
                VALUE, at + 1, f"{zone}.setpoint", "degrees-celsius", 0.1, low=8.0, high=28.0
            ),
        ]
    return tuple(found)


def plant_objects() -> tuple[ObjectSpec, ...]:
    """The heating plant and the meters, where they speak BACnet too."""
    return (
        ObjectSpec(INPUT, 2, "plant.supply_temp", "degrees-celsius", 0.5),
        ObjectSpec(INPUT, 3, "plant.return_temp", "degrees-celsius", 0.5),
        ObjectSpec(
            VALUE, 1, "plant.curve_shift", "delta-degrees-kelvin", 0.5, low=-10.0, high=10.0
        ),
        ObjectSpec(INPUT, 11, "heat.energy", "kilowatt-hours", 1.0),
        ObjectSpec(INPUT, 12, "heat.volume", "cubic-meters", 0.1),
        ObjectSpec(INPUT, 13, "heat.power", "kilowatts", 1.0),
        ObjectSpec(INPUT, 21, "el.energy", "kilowatt-hours", 1.0),
        ObjectSpec(INPUT, 22, "el.power", "kilowatts", 1.0),
    )
