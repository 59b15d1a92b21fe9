"""Engineering units that devices state, and how their numbers become those of our units. Pure.

Names are those of BACnetEngineeringUnits (ANSI/ASHRAE 135-2020, clause 21). Factors: one BTU is
1055.056 J, one ton of refrigeration 12 000 BTU/h (NIST SP 811, appendix B), one US gallon
3.785411784 l, one imperial gallon 4.54609 l, one foot 0.3048 m.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bms.model.readings.units import Unit

_BTU_KWH = 1055.05585262 / 3.6e6
_US_GALLON_M3, _IMPERIAL_GALLON_M3 = 3.785411784e-3, 4.54609e-3
_CUBIC_FOOT_M3 = 0.3048**3
_FAHRENHEIT_K = 5 / 9


@dataclass(frozen=True, slots=True)
class LinearScale:
    """``value = raw * scale + offset``: ``raw`` as the device has it, the value in the unit of the
    point."""

    scale: float = 1.0
    offset: float = 0.0

    def to_point(self, raw: float) -> float:
        """The value of a raw number, to the 15 digits that a float carries."""
        return float(f"{raw * self.scale + self.offset:.15g}")

    def to_device(self, value: float) -> float:
        """The raw number of a value, to the 15 digits that a float carries."""
        return float(f"{(value - self.offset) / self.scale:.15g}")


SAME = LinearScale()

_RATIOS = {
    "percent": 1e-2,
    "percent-relative-humidity": 1e-2,
    "per-mille": 1e-3,
    "parts-per-million": 1e-6,
    "parts-per-billion": 1e-9,
}
_FACTORS: Mapping[Unit, Mapping[str, float]] = {
    Unit.KELVIN: {
        "delta-degrees-kelvin": 1.0,
        "degrees-kelvin": 1.0,
        "delta-degrees-fahrenheit": _FAHRENHEIT_K,
    },
    Unit.KWH: {
        "kilowatt-hours": 1.0,
        "watt-hours": 1e-3,
        "megawatt-hours": 1e3,
        "joules": 1 / 3.6e6,
        "kilojoules": 1 / 3.6e3,
        "megajoules": 1 / 3.6,
        "btus": _BTU_KWH,
        "kilo-btus": 1e3 * _BTU_KWH,
        "mega-btus": 1e6 * _BTU_KWH,
        "therms": 1e5 * _BTU_KWH,
        "ton-hours": 12e3 * _BTU_KWH,
    },
    Unit.KW: {
        "kilowatts": 1.0,
        "milliwatts": 1e-6,
        "watts": 1e-3,
        "megawatts": 1e3,
        "joules-per-hours": 1 / 3.6e6,
        "btus-per-hour": _BTU_KWH,
        "kilo-btus-per-hour": 1e3 * _BTU_KWH,
        "tons-refrigeration": 12e3 * _BTU_KWH,
        "horsepower": 0.745699872,
    },
    Unit.M3: {
        "cubic-meters": 1.0,
        "liters": 1e-3,
        "milliliters": 1e-6,
        "cubic-feet": _CUBIC_FOOT_M3,
        "us-gallons": _US_GALLON_M3,
        "imperial-gallons": _IMPERIAL_GALLON_M3,
    },
    Unit.M3_PER_H: {
        "cubic-meters-per-hour": 1.0,
        "cubic-meters-per-second": 3600.0,
        "cubic-meters-per-minute": 60.0,
        "cubic-meters-per-day": 1 / 24,
        "liters-per-second": 3.6,
        "liters-per-minute": 0.06,
        "liters-per-hour": 1e-3,
        "milliliters-per-second": 3.6e-3,
        "cubic-feet-per-second": 3600 * _CUBIC_FOOT_M3,
        "cubic-feet-per-minute": 60 * _CUBIC_FOOT_M3,
        "cubic-feet-per-hour": _CUBIC_FOOT_M3,
        "cubic-feet-per-day": _CUBIC_FOOT_M3 / 24,
        "us-gallons-per-minute": 60 * _US_GALLON_M3,
        "us-gallons-per-hour": _US_GALLON_M3,
        "imperial-gallons-per-minute": 60 * _IMPERIAL_GALLON_M3,
    },
    Unit.PPM: {name: share / 1e-6 for name, share in _RATIOS.items()},
    Unit.PERCENT: {name: share / 1e-2 for name, share in _RATIOS.items()},
    Unit.COUNT: {**_RATIOS, "power-factor": 1.0},
    Unit.LUX: {"luxes": 1.0, "foot-candles": 1 / 0.3048**2},
    Unit.VOLT: {"volts": 1.0, "millivolts": 1e-3, "kilovolts": 1e3, "megavolts": 1e6},
    Unit.AMPERE: {"amperes": 1.0, "milliamperes": 1e-3},
    Unit.HERTZ: {
        "hertz": 1.0,
        "kilohertz": 1e3,
        "megahertz": 1e6,
    },
}
_CELSIUS = {
    "degrees-celsius": SAME,
    "degrees-kelvin": LinearScale(1.0, -273.15),
    "degrees-fahrenheit": LinearScale(_FAHRENHEIT_K, -32 * _FAHRENHEIT_K),
}
_SHIFTS = {
    "degrees-celsius": SAME,
    "degrees-fahrenheit": LinearScale(_FAHRENHEIT_K, 0.0),
}


def _times(factor: float) -> LinearScale:
    exact = float(f"{factor:.15g}")
    return SAME if exact == 1.0 else LinearScale(exact)


SCALES: Mapping[Unit, Mapping[str, LinearScale]] = MappingProxyType(
    {
        Unit.DEG_C: _CELSIUS,
        **{
            unit: {name: _times(factor) for name, factor in factors.items()}
            for unit, factors in _FACTORS.items()
        },
    }
)
"""The engineering units from which a value in one of our units can be computed, and how. A point in
K has no degC among them: 20 degC is 293.15 K as a temperature and 20 K as a difference."""

NO_UNITS = "no-units"
DEVICE_UNITS = tuple(sorted({NO_UNITS, *(name for known in SCALES.values() for name in known)}))
"""All engineering units that some unit of ours can be computed from."""


def device_scale(name: str, unit: Unit, *, shift: bool = False) -> LinearScale | None:
    """How a number in the engineering unit ``name`` becomes a value in ``unit``; None where that is
    not known. ``no-units`` says nothing, so that the number is in ``unit`` already.

    ``shift``: the value is a difference of temperatures, which many devices state in degC.
    """
    if name == NO_UNITS:
        return SAME
    if shift and unit is Unit.KELVIN and name in _SHIFTS:
        return _SHIFTS[name]
    return SCALES.get(unit, {}).get(name)
