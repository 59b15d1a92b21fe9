"""What is never written, whatever the role, the plan or the person (CONTRACT, W18).

One list, for ``sites check``, for the drivers and for docs/contract.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bms.model.assets.address import BacnetAddress
from bms.model.assets.point import Point
from bms.model.fact import TermCode
from bms.model.readings.units import Unit

HOT_WATER_FLOOR_C = 55.0
"""Domestic hot water is never set below this [degC]: legionella (DS 439, SSI)."""
HOT_WATER_FLOOR = {Unit.DEG_C: HOT_WATER_FLOOR_C, Unit.KELVIN: HOT_WATER_FLOOR_C + 273.15}
"""The same in each unit of a temperature; a shift of it in K can prove nothing and is refused."""


class Protection(TermCode):
    """Why something is never written."""

    FROST = "frost protection"
    DISINFECTION = "disinfection of hot water"
    FIRE = "fire or smoke damper"
    INTERLOCK = "safety interlock"
    ALARM = "alarm"
    HOT_WATER = "domestic hot water below 55 degC"


_FIRE = (
    r"smoke|(^|_)(fire|roeg|rog|røg|brand)(_|$|\d)|firedamp|roegs|rogs|røgs|rökspj|brands"
    r"|(roeg|røg)(udsug|vent|lem|klap)|brand(vent|aut|klap|luk|d(oe|ø)r)"
    r"|(^|_)(abdl|abv|ava|aba|fsd|brsp|bsk)(_|$|\d)|sprinkler"
)
_INTERLOCK = (
    r"interlock|forrigl|emergency|n(oe|o|ø)d(stop|sluk|afbr|lys)|e_?stop|(^|_)safety|sikkerhed"
    r"|(^|_)stb(_|$|\d)|overkog|overhed|maks?_?termostat|max_?termostat|pressostat"
)
NAMES: tuple[tuple[Protection, str], ...] = (
    (Protection.FROST, r"frost|frys|freeze|freez_?stat|(^|_)(frz|anti_?ic(e|ing))(_|$)"),
    (Protection.DISINFECTION, r"legio|desinf|disinf|pasteuri|termisk_kur|hygiejneskyl"),
    (Protection.FIRE, _FIRE),
    (Protection.INTERLOCK, _INTERLOCK),
    (Protection.ALARM, r"alarm"),
)
"""A name means one of these where its words, joined by ``_``, hold the pattern."""

HOT_WATER_NAMES = (
    r"(^|_)(dhw|vbv|bvv|bv|vvb)(_|$|\d|sp|set|temp|t\d)|hot_?water|domestic_(water|hw)"
    r"|brugs_?v(and|b|_|$)|varmt?_?vand|varmtvand|vandvarmer|water_heater|calorifier"
)

OBJECT_TYPES = {
    "life-safety-point": Protection.FIRE,
    "life-safety-zone": Protection.FIRE,
    "event-enrollment": Protection.ALARM,
    "alert-enrollment": Protection.ALARM,
    "notification-class": Protection.ALARM,
    "access-door": Protection.INTERLOCK,
}


@dataclass(frozen=True, slots=True)
class Protected:
    """A protection and the word that shows it: a name or an object type."""

    protection: Protection
    word: str


def protected_name(name: str) -> Protected | None:
    """The protection that a name of a point, object or register shows; None where it shows none."""
    words = _words(name)
    for protection, pattern in NAMES:
        if re.search(pattern, words):
            return Protected(protection, name)
    return None


def is_hot_water(name: str) -> bool:
    """Whether a name is that of domestic hot water."""
    return re.search(HOT_WATER_NAMES, _words(name)) is not None


def _words(name: str) -> str:
    """The words of a name in small letters, joined by ``_``, with abbreviations as they stand and
    then parted from a word behind them: ``DHWTempSp`` is dhwtemp_sp_dhw_temp_sp."""
    whole = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    parted = re.sub(r"(?<=[A-Z])(?=[A-Z][a-z])", "_", whole)
    said = whole if parted == whole else f"{whole}_{parted}"
    return re.sub(r"[^a-z0-9æøåö]+", "_", said.lower())


def protection_of(point: Point, *names: str, value: float | None = None) -> Protected | None:
    """Why ``point`` may not be written, by its id, its device's id, its object type and further
    ``names`` (that of the object in the device); ``value`` [unit of the point] is what is to be
    written.

    The temperature of hot water may be set, but neither its limit nor a value may lie below 55
    degC. In any other unit (a switch, a valve, a shift) nobody can tell how warm it stays.
    """
    if isinstance(point.address, BacnetAddress) and point.address.object_type in OBJECT_TYPES:
        return Protected(OBJECT_TYPES[point.address.object_type], point.address.object_type)
    known = [point.id.rpartition("/")[2], *names]
    for name in [*known, point.device.rpartition("/")[2]]:
        found = protected_name(name)
        if found is not None:
            return found
    if point.write is None or not any(map(is_hot_water, known)):
        return None
    floor = HOT_WATER_FLOOR.get(point.unit)
    lowest = point.write.minimum if value is None else min(value, point.write.minimum)
    if floor is not None and lowest >= floor:
        return None
    return Protected(Protection.HOT_WATER, next(filter(is_hot_water, known)))
