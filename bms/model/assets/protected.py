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


NAMES: tuple[tuple[Protection, str], ...] = (
    (Protection.FROST, r"frost|frys|antifreeze|anti_freeze|freeze"),
    (Protection.DISINFECTION, r"legionel|desinf|disinf|pasteuri|termisk_kur"),
    (
        Protection.FIRE,
        r"smoke|(^|_)(fire|roeg|rog|røg|brand|abdl|abv|ava)(_|$)|firedamp|roegs|rogs|røgs|brands",
    ),
    (
        Protection.INTERLOCK,
        r"interlock|forrigl|emergency|n(oe|o|ø)dstop|e_?stop|(^|_)safety|sikkerhed|(^|_)stb(_|$)",
    ),
    (Protection.ALARM, r"alarm"),
)
"""A name means one of these where its words, joined by ``_``, hold the pattern."""

HOT_WATER_NAMES = (
    r"(^|_)(dhw|vbv|bvv|bv|vvb)(_|$|\d)|hot_?water|brugsvand|varmt?_?vand|domestic_water"
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
    words = re.sub(r"[^a-z0-9æøå]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())
    for protection, pattern in NAMES:
        if re.search(pattern, words):
            return Protected(protection, name)
    return None


def is_hot_water(name: str) -> bool:
    """Whether a name is that of domestic hot water."""
    words = re.sub(r"[^a-z0-9æøå]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())
    return re.search(HOT_WATER_NAMES, words) is not None


def protection_of(point: Point, *names: str, value: float | None = None) -> Protected | None:
    """Why ``point`` may not be written, by its id, its object type and further ``names`` (that of
    the object in the device); ``value`` [unit of the point] is what is to be written.

    Hot water may be set, but neither its limit nor a value may lie below 55 degC.
    """
    if isinstance(point.address, BacnetAddress) and point.address.object_type in OBJECT_TYPES:
        return Protected(OBJECT_TYPES[point.address.object_type], point.address.object_type)
    known = [point.id.rpartition("/")[2], *names]
    for name in known:
        found = protected_name(name)
        if found is not None:
            return found
    if point.unit not in HOT_WATER_FLOOR or point.write is None:
        return None
    lowest = point.write.minimum if value is None else min(value, point.write.minimum)
    for name in known:
        if is_hot_water(name) and lowest < HOT_WATER_FLOOR[point.unit]:
            return Protected(Protection.HOT_WATER, name)
    return None
