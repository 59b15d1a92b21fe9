"""What the VIF and its extensions say of a record: quantity, engineering unit and factor. Pure.

EN 13757-3:2018, 6.4.4 and tables 10 to 14, as the free M-Bus documentation of 1997, 8.4.3 to 8.4.5,
has them too. Units are named as BACnetEngineeringUnits, so that
``bms.model.readings.device_units`` converts them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from bms.model.assets.address import MbusQuantity
from bms.model.readings.device_units import NO_UNITS

Q = MbusQuantity
EXTENSION = 0x80
PLAIN_TEXT, MAKERS_OWN = 0x7C, 0x7F
_ANY = 0x7E
_FIRST_TABLE, _SECOND_TABLE, _THIRD_TABLE = 0xFB, 0xFD, 0xEF
_SECONDS = (1, 60, 3600, 86_400)


class Coding(Enum):
    """How the data of a record are to be read where they are no plain number."""

    NUMBER = "number"
    FLAGS = "flags"
    TIME = "time"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class VifMeaning:
    """A value is its number times ``10 ** power`` times ``factor`` in ``unit``."""

    quantity: MbusQuantity | None
    unit: str = NO_UNITS
    power: int = 0
    factor: float = 1.0
    coding: Coding = Coding.NUMBER


UNKNOWN = VifMeaning(None)
_Row = tuple[int, int, MbusQuantity, str, int]
# First code, how many follow each other, quantity, unit, and the power of ten of the first.
_MAIN: tuple[_Row, ...] = (
    (0x00, 8, Q.ENERGY, "watt-hours", -3),
    (0x08, 8, Q.ENERGY, "joules", 0),
    (0x10, 8, Q.VOLUME, "cubic-meters", -6),
    (0x18, 8, Q.MASS, NO_UNITS, -3),
    (0x28, 8, Q.POWER, "watts", -3),
    (0x30, 8, Q.POWER, "joules-per-hours", 0),
    (0x38, 8, Q.FLOW, "cubic-meters-per-hour", -6),
    (0x40, 8, Q.FLOW, "cubic-meters-per-minute", -7),
    (0x48, 8, Q.FLOW, "cubic-meters-per-second", -9),
    (0x50, 8, Q.MASS_FLOW, NO_UNITS, -3),
    (0x58, 4, Q.SUPPLY_TEMP, "degrees-celsius", -3),
    (0x5C, 4, Q.RETURN_TEMP, "degrees-celsius", -3),
    (0x60, 4, Q.TEMP_DIFFERENCE, "delta-degrees-kelvin", -3),
    (0x64, 4, Q.EXTERNAL_TEMP, "degrees-celsius", -3),
    (0x68, 4, Q.PRESSURE, NO_UNITS, -3),
    (0x6E, 1, Q.HEAT_COST_UNITS, NO_UNITS, 0),
)
_FIRST: tuple[_Row, ...] = (
    (0x00, 2, Q.ENERGY, "megawatt-hours", -1),
    (0x08, 2, Q.ENERGY, "megajoules", 2),
    (0x10, 2, Q.VOLUME, "cubic-meters", 2),
    (0x18, 2, Q.MASS, NO_UNITS, 5),
    (0x1A, 2, Q.HUMIDITY, "percent", -1),
    (0x28, 2, Q.POWER, "megawatts", -1),
    (0x30, 2, Q.POWER, "joules-per-hours", 8),
    (0x2C, 4, Q.FREQUENCY, "hertz", -3),
)
_SECOND: tuple[_Row, ...] = (
    (0x3A, 1, Q.COUNT, NO_UNITS, 0),
    (0x40, 16, Q.VOLTAGE, "volts", -9),
    (0x50, 16, Q.CURRENT, "amperes", -12),
)
_TIMES = {0x20: Q.ON_TIME, 0x24: Q.OPERATING_TIME}


def _spread(rows: tuple[_Row, ...]) -> dict[int, VifMeaning]:
    return {
        first + step: VifMeaning(quantity, unit, power + step)
        for first, count, quantity, unit, power in rows
        for step in range(count)
    }


def _durations(rows: dict[int, MbusQuantity]) -> dict[int, VifMeaning]:
    return {
        first + step: VifMeaning(quantity, NO_UNITS, 0, seconds)
        for first, quantity in rows.items()
        for step, seconds in enumerate(_SECONDS)
    }


_TIME = VifMeaning(Q.TIME, coding=Coding.TIME)
_TEXT = VifMeaning(None, coding=Coding.TEXT)
_FLAGS = VifMeaning(Q.ERROR_FLAGS, coding=Coding.FLAGS)
_BITS = VifMeaning(None, coding=Coding.FLAGS)
MAIN = {
    **_spread(_MAIN),
    **_durations(_TIMES),
    0x6C: _TIME,
    0x6D: _TIME,
    **dict.fromkeys((0x78, 0x79, 0x7A), _BITS),
}
FIRST = _spread(_FIRST)
SECOND = {
    **_spread(_SECOND),
    0x17: _FLAGS,
    **dict.fromkeys((0x18, 0x1A, 0x1B, 0x08, 0x09, 0x0A), _BITS),
    0x6C: VifMeaning(Q.BATTERY_TIME, factor=3600.0),
    0x6D: VifMeaning(Q.BATTERY_TIME, factor=86_400.0),
}
_NO_VALUE = {0x15: "no data available", 0x16: "overflow", 0x17: "underflow", 0x18: "data error"}


@dataclass(frozen=True, slots=True)
class ValueInformation:
    """A whole value information block. ``modified``: an extension gives the quantity another
    meaning (per hour, a limit, accumulation of one sign …). ``problem``: why there is no value.
    ``added`` stands in powers of ten of the unit."""

    meaning: VifMeaning
    modified: bool = False
    problem: str | None = None
    added: float = 0.0


def value_information(vif: int, extensions: bytes) -> ValueInformation:
    """What a VIF and its VIFEs mean. A maker's own codes leave the quantity open."""
    rest = extensions
    if vif in (_FIRST_TABLE, _SECOND_TABLE, _THIRD_TABLE):
        table = {_FIRST_TABLE: FIRST, _SECOND_TABLE: SECOND}.get(vif, {})
        code, rest = (extensions[0] & ~EXTENSION if extensions else -1), extensions[1:]
        meaning = table.get(code, UNKNOWN)
    elif vif & ~EXTENSION == MAKERS_OWN:
        return ValueInformation(UNKNOWN)
    else:
        meaning = MAIN.get(vif & ~EXTENSION, UNKNOWN)
    return _extended(meaning, rest)


def _extended(meaning: VifMeaning, extensions: bytes) -> ValueInformation:
    modified, problem, added, power = False, None, 0.0, 0
    for each in extensions:
        code = each & ~EXTENSION
        if code in _NO_VALUE:
            problem = _NO_VALUE[code]
        elif 0x70 <= code <= 0x77:
            power += code - 0x76
        elif 0x78 <= code <= 0x7B:
            added += 10.0 ** (code - 0x7B)
        elif code == 0x7D:
            power += 3
        else:
            modified = True
        if code == MAKERS_OWN:
            break  # what follows is its own, too
    changed = replace(meaning, power=meaning.power + power)
    return ValueInformation(changed, modified, problem, added)
