"""Units as they stand beside values, in site files, answers and on screen."""

from __future__ import annotations

from enum import StrEnum


class Unit(StrEnum):
    """Unit of a point. The value is the text that stands in site files and answers."""

    DEG_C = "degC"
    KELVIN = "K"
    KWH = "kWh"
    KW = "kW"
    M3 = "m3"
    M3_PER_H = "m3/h"
    M3_DEG_C = "m3*degC"
    PPM = "ppm"
    PERCENT = "%"
    ON_OFF = "on/off"
    LUX = "lx"
    VOLT = "V"
    AMPERE = "A"
    HERTZ = "Hz"
    COUNT = "1"


class Commodity(StrEnum):
    """What a meter measures."""

    HEAT = "heat"
    ELECTRICITY = "electricity"
    WATER = "water"
    GAS = "gas"
