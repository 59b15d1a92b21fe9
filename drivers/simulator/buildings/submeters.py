"""Meters on the M-Bus line of a simulated basement. What they show follows from the main meters of
the building: they have no part in its physics, and draw no noise of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

HEAT, COLD_WATER, WARM_WATER = 0x04, 0x16, 0x06
"""Media (EN 13757-3, table 6)."""


@dataclass(frozen=True, slots=True)
class Submeter:
    """One meter on the line. ``maker`` are the three letters of its address, ``shares`` the signals
    that it shows, each with the main meter's signal and the part of it [1]."""

    name: str
    number: str
    maker: str
    version: int
    medium: int
    shares: Mapping[str, tuple[str, float]]


_MAIN = {
    **{each: (f"heat.{each}", 1.0) for each in ("energy", "volume", "power")},
    **{each: (f"plant.{each}", 1.0) for each in ("supply_temp", "return_temp")},
}


def _heat(name: str, number: str, maker: str, share: float) -> Submeter:
    return Submeter(name, number, maker, 27, HEAT, {"energy": ("heat.energy", share)})


def _water(name: str, number: str, medium: int, m3_per_kwh: float) -> Submeter:
    """People draw water while they use electricity."""
    return Submeter(name, number, "BMT", 21, medium, {"volume": ("el.energy", m3_per_kwh)})


SUBMETERS: Mapping[str, tuple[Submeter, ...]] = {
    "townhall": (
        Submeter("main", "67000001", "KAM", 27, HEAT, _MAIN),
        _heat("north", "67000002", "KAM", 0.32),
        _heat("south", "67000003", "KAM", 0.27),
        _heat("council", "67000104", "LUG", 0.10),
        _heat("service", "67000105", "LUG", 0.15),
        _heat("air", "67120006", "LUG", 0.13),
        _heat("hot_water", "67120007", "LUG", 0.03),
        _water("cold", "00417008", COLD_WATER, 0.006),
        _water("warm", "00417009", WARM_WATER, 0.002),
        _water("kitchen", "00418010", COLD_WATER, 0.003),
    )
}
"""By archetype. Numbers that begin alike make a search divide."""


def submeter_signals(archetype: str) -> tuple[str, ...]:
    """Names of what the meters of a building show."""
    return tuple(
        f"submeter_{meter.name}.{quantity}"
        for meter in SUBMETERS.get(archetype, ())
        for quantity in meter.shares
    )


def submeter_values(archetype: str, sensors: Mapping[str, float]) -> dict[str, float]:
    """What they show, in the units of the main meters; water in m3."""
    return {
        f"submeter_{meter.name}.{quantity}": round(sensors[signal] * share, 3)
        for meter in SUBMETERS.get(archetype, ())
        for quantity, (signal, share) in meter.shares.items()
    }
