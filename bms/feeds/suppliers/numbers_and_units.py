"""Numbers and units of suppliers → ours, without a rounding error of the conversion.

A conversion by a power of ten shifts the decimal exponent of the text before it becomes a float, so
that 1.001 MWh is 1001 kWh and not 1000.9999999999999.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import NamedTuple

from bms.model.readings.metering import Quantity
from bms.model.readings.units import Unit

LARGEST = Decimal(10) ** 15
"""Largest plausible value in any unit."""


class UnitScale(NamedTuple):
    """Conversion of a supplier's unit to ``unit``: value * 10**power / divisor."""

    unit: Unit
    power: int = 0
    divisor: float = 1.0


_ENERGY = {
    "wh": UnitScale(Unit.KWH, -3),
    "kwh": UnitScale(Unit.KWH),
    "mwh": UnitScale(Unit.KWH, 3),
    "gwh": UnitScale(Unit.KWH, 6),
    "mj": UnitScale(Unit.KWH, 1, 36.0),
    "gj": UnitScale(Unit.KWH, 4, 36.0),
    "kcal": UnitScale(Unit.KWH, -3, 1 / 1.163),
    "mcal": UnitScale(Unit.KWH, 0, 1 / 1.163),
    "gcal": UnitScale(Unit.KWH, 3, 1 / 1.163),
    "mmbtu": UnitScale(Unit.KWH, 0, 3600 / 1_055_055.85262),
    "therm": UnitScale(Unit.KWH, 0, 3600 / 105_505.585262),
}
"""Calories of the International Table (1 cal = 4.1868 J), the same table's British thermal unit
(1 055.05585262 J), and the therm of 100 000 of them."""
_VOLUME = {"m3": UnitScale(Unit.M3), "l": UnitScale(Unit.M3, -3)}
_POWER = {"w": UnitScale(Unit.KW, -3), "kw": UnitScale(Unit.KW), "mw": UnitScale(Unit.KW, 3)}
_FLOW = {"m3/h": UnitScale(Unit.M3_PER_H), "l/h": UnitScale(Unit.M3_PER_H, -3)}
_TEMPERATURE = {"degc": UnitScale(Unit.DEG_C)}
_TIMES_VOLUME = {"m3degc": UnitScale(Unit.M3_DEG_C)}

UNITS: Mapping[Quantity, Mapping[str, UnitScale]] = MappingProxyType(
    {
        Quantity.ENERGY: _ENERGY,
        Quantity.EXPORT: _ENERGY,
        Quantity.VOLUME: _VOLUME,
        Quantity.POWER: _POWER,
        Quantity.FLOW: _FLOW,
        Quantity.FLOW_TEMP: _TEMPERATURE,
        Quantity.RETURN_TEMP: _TEMPERATURE,
        Quantity.FLOW_ENERGY: _TIMES_VOLUME,
        Quantity.RETURN_ENERGY: _TIMES_VOLUME,
    }
)
_SPELLINGS = {
    "therms": "therm",
    "thm": "therm",
    "kubikmeter": "m3",
    "cbm": "m3",
    "nm3": "m3",
    "liter": "l",
    "litre": "l",
    "liter/h": "l/h",
    "l/t": "l/h",
    "m3/t": "m3/h",
    "c": "degc",
    "°c": "degc",
    "celsius": "degc",
    "m3c": "m3degc",
    "m3°c": "m3degc",
    "m3xdegc": "m3degc",
    "m3xc": "m3degc",
    "m3x°c": "m3degc",
}
_LOOSE = str.maketrans({"³": "3", "º": "°", "·": None, "*": None, "×": "x", " ": None, "^": None})


def unit_scale(quantity: Quantity, unit: str) -> UnitScale | None:
    """Returns the conversion of a supplier's unit; None where it is no unit of this quantity.

    Case, blanks and multiplication signs are ignored: ``m³·°C``, ``M3*C`` and ``m3xC`` are equal.
    MW and mW are not distinguished: suppliers write both for megawatts.
    """
    loose = unit.strip().translate(_LOOSE).lower()
    return UNITS[quantity].get(_SPELLINGS.get(loose, loose))


def unit_names(quantity: Quantity) -> str:
    """Returns the known units of a quantity, for messages."""
    spoken = {"degc": "degC", "m3degc": "m3*degC"}
    names = {"kwh": "kWh", "mwh": "MWh", "gwh": "GWh", "wh": "Wh", "mj": "MJ", "gj": "GJ"}
    names |= {"kcal": "kcal", "mcal": "Mcal", "gcal": "Gcal", "mmbtu": "MMBtu"}
    names |= {"w": "W", "kw": "kW", "mw": "MW", **spoken}
    return ", ".join(names.get(name, name) for name in UNITS[quantity])


class NumberStyle(NamedTuple):
    """Decimal and thousands separators of a supplier."""

    decimal: str = "."
    thousands: str = ""


PLAIN = NumberStyle()
PLAIN_NUMBER = re.compile(r"-?\d{1,12}(?:\.\d{1,12})?", re.ASCII).fullmatch
"""Matches plain decimals; ``float`` alone would accept ``nan`` and ``1_000`` as well."""

_BLANKS = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2212": "-"})
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)


_GROUPED = re.compile(
    r"[+-]?\d{1,3}(?P<mark>[., '])\d{3}(?:(?P=mark)\d{3})*(?:(?P<point>(?!(?P=mark))[.,])\d*)?",
    re.ASCII,
)


def parse_number(text: str, scale: UnitScale, style: NumberStyle = PLAIN) -> float:
    """Returns the value of a text in ``scale.unit``. Raises ValueError with what to declare."""
    if style == PLAIN and PLAIN_NUMBER(text):
        return float(f"{text}e{scale.power}") / scale.divisor
    clean = text.translate(_BLANKS).strip()
    plain = _without_thousands(clean, style).replace(style.decimal, ".")
    if len(plain) > 60 or not _NUMBER.fullmatch(plain):
        raise ValueError(_why_not(clean, style))
    try:
        value = Decimal(plain).scaleb(scale.power)
    except InvalidOperation as error:  # pragma: no cover - the pattern allows none
        raise ValueError(_why_not(clean, style)) from error
    if abs(value) >= LARGEST:
        raise ValueError(f"{_shown(clean)} is larger than anything a meter says")
    return float(value) / scale.divisor


def _without_thousands(text: str, style: NumberStyle) -> str:
    """Groups of three, as declared, are joined; the other decimal sign stays and is refused."""
    if not style.thousands or style.thousands not in text:
        return text if style.decimal == "." or "." not in text else "?"
    mark, point = re.escape(style.thousands), re.escape(style.decimal)
    if re.fullmatch(rf"[+-]?\d{{1,3}}(?:{mark}\d{{3}})+(?:{point}\d*)?", text, re.ASCII):
        return text.replace(style.thousands, "")
    return "?"


def _why_not(text: str, style: NumberStyle) -> str:
    if text.lstrip("+-").lower() in ("nan", "inf", "infinity"):
        return f"{_shown(text)} is no measurement; a missing value is left empty"
    other = "," if style.decimal == "." else "."
    if re.fullmatch(rf"[+-]?\d+{re.escape(other)}\d+", text, re.ASCII):
        return (
            f"{_shown(text)} has a {_sign(other)} where the decimal sign is a "
            f"{_sign(style.decimal)}; declare decimal: '{other}', or thousands: '{other}', "
            "in the mapping"
        )
    grouped = _GROUPED.fullmatch(text)
    if grouped:
        point = grouped["point"] or ("," if grouped["mark"] == "." else ".")
        mark = grouped["mark"]
        sign = '"' if mark == "'" else "'"
        return (
            f"{_shown(text)} has a thousands separator; declare thousands: {sign}{mark}{sign} "
            f"and decimal: '{point}' in the mapping"
        )
    return f"{_shown(text)} is no number"


def _sign(mark: str) -> str:
    return {",": "comma", ".": "point"}.get(mark, repr(mark))


def _shown(text: str) -> str:
    """The text in quotes, cut where it is longer than a person wants to read."""
    return repr(text if len(text) <= 40 else text[:37] + "...")
