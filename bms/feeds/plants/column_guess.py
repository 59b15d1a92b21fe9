"""What the name of a column most likely means: its signal, and its unit where it says so.

Only clear names are taken; everything else is left to a map.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bms.faults.signals import Signal

UNITS = {
    "degf": r"\bdeg ?f\b|°f|\bfahrenheit\b|\(f\)|\[f\]|_f$",
    "degc": r"\bdeg ?c\b|°c|\bcelsius\b|\(c\)|\[c\]|_c$",
    "%": r"%|\bpercent\b|_pct$|\bpct\b",
    "W": r"\[w\]|\(w\)|_w$",
    "kW": r"\[kw\]|\(kw\)|_kw$|\bkw\b",
    "kWh": r"\bkwh\b|_kwh$",
    "MWh": r"\bmwh\b|_mwh$",
    "m3": r"\bm3\b|m³|_m3$",
    "m3/h": r"m3/h|m³/h|_m3h$|_m3_h$|\bm3h\b",
    "l/s": r"\bl/s\b|_l_s$|_ls$",
    "inH2O": r"\bin\. ?w\b|\binwc\b|inh2o|\bin\.? ?h2o\b|\binches of water\b",
    "kPa": r"\bkpa\b",
    "Pa": r"\bpa\b|_pa$",
}
"""How units are written in names of columns, the more special ones later."""

NEVER = r"ground truth|fault|label|class|(return|exhaust)( air)? damper"
"""Labels, and dampers whose signals run one way at one maker and the other way at the next."""
S = Signal
NAMES: tuple[tuple[str, Signal], ...] = (
    (
        r"supply air temp\w* set ?p|supply air set ?p|\bsat ?sp\b|\bsatsp\b|sa temp\w* sp",
        S.SUPPLY_AIR_SETPOINT,
    ),
    (
        (
            r"supply air (dis)?\w* ?static pressure set|duct (static )?pressure set|"
            r"\bdspsp\b|\bdsp sp\b"
        ),
        S.PRESSURE_SETPOINT,
    ),
    (r"static pressure|duct pressure|\bdsp\b", S.PRESSURE),
    (
        (
            r"heat(ing)? recovery temp|recovered air|after (the )?(heat )?recovery|"
            r"after hru|temp\w* (after|behind) \w*recovery"
        ),
        S.RECOVERED_AIR_TEMP,
    ),
    (r"exhaust air temp|afkast", S.EXHAUST_AIR_TEMP),
    (
        r"supply air temp|discharge air temp|\bsat\b|\bsa temp|indblæsning\w*temp|supply air c",
        S.SUPPLY_AIR_TEMP,
    ),
    (r"mixed air temp|\bmat\b|\bma temp", S.MIXED_AIR_TEMP),
    (r"return air temp|extract air temp|\brat\b|\bra temp|udsugning\w*temp", S.RETURN_AIR_TEMP),
    (r"weather (service )?temp|forecast temp|meteo temp", S.WEATHER_TEMP),
    (
        (
            r"outdoor( air)? temp|outside( air)? temp|ambient temp|\boat\b|\boa temp|"
            r"\bt ?out\b|\bt ?amb\b|temp air|ude ?temp|udetemp|outdoor c$|"
            r"temperature outdoor"
        ),
        S.OUTDOOR_TEMP,
    ),
    (r"heat(ing)? recovery|recovery (signal|speed|wheel)|rotor|\bhru\b|genvinding", S.RECOVERY),
    (r"supply (air )?fan (speed|vfd|signal)|\bsf ?(speed|vfd|spd)", S.FAN_SPEED),
    (
        r"(return|exhaust|extract) (air )?fan (speed|vfd|signal)|\brf ?(speed|vfd|spd)",
        S.RETURN_FAN_SPEED,
    ),
    (r"(return|exhaust|extract) (air )?fan( status| run)?|\brf ?status", S.RETURN_FAN),
    (r"supply (air )?fan( status| run)?|\bfan (status|run)|\bsf ?status|\bfan on\b|^fan$", S.FAN),
    (r"(outdoor|outside)( air)? damper|\boa ?d\b|\boa damper|udeluftspjæld", S.OUTDOOR_DAMPER),
    (r"preheat", S.OCCUPIED),
    (
        r"cooling (coil )?valve|chilled water valve|\bchw valve|\bcc ?v?\b|køleventil",
        S.COOLING_VALVE,
    ),
    (r"heating (coil )?valve|hot water valve|\bhw valve|\bhc ?v?\b|varmeventil", S.HEATING_VALVE),
    (r"occupancy|occupied|\bocc\b", S.OCCUPIED),
    (r"cooling coil (entering|in)", S.COOLING_COIL_IN),
    (r"cooling coil (leaving|out)", S.COOLING_COIL_OUT),
    (r"heating coil (entering|in)", S.HEATING_COIL_IN),
    (r"heating coil (leaving|out)", S.HEATING_COIL_OUT),
    (
        (
            r"meter (flow|supply) temp|primary supply|flow temp|fremløb|forward temp|"
            r"supply temp(erature)? primary"
        ),
        S.METER_FLOW_TEMP,
    ),
    (r"meter return temp|primary return|\bretur(temp\w*|løb)?\b", S.METER_RETURN_TEMP),
    (r"^sup( t)?( )?(stpt|setpoint|sp)|supply (water )?set ?point|hw ?sp", S.SUPPLY_SETPOINT),
    (r"^sup$|supply water temp|^t ?sup|hot water supply|hws ?t|supply temp", S.SUPPLY_TEMP),
    (r"^ret$|return water temp|^t ?ret|hot water return|hwr ?t|return temp", S.RETURN_TEMP),
    (r"^oper$|^pump( run| status| on)?$", S.PUMP),
    (r"^enab(le|led)?$", S.ENABLED),
    (r"(heat pump|hp) (power|kw|el)", S.HEAT_PUMP_POWER),
    (r"(heat pump|hp) heat", S.HEAT_PUMP_HEAT),
    (r"(heat pump|hp) (run|on|status)", S.HEAT_PUMP_RUN),
    (r"\bco2\b", S.ZONE_CO2),
    (r"\bghi\b|solar|radiation|\bsun\b", S.SUN),
    (r"window", S.WINDOW),
    (r"override", S.OVERRIDE),
    (r"schedule", S.SCHEDULED),
    (r"(room|zone) (temp\w* )?set ?point|(zone|room) sp", S.ZONE_SETPOINT),
    (r"(room|zone) valve|radiator valve|^valve( pct)?$", S.ZONE_VALVE),
    (r"(room|zone)( air)? temp|^t ?room|room \w+ temp", S.ZONE_TEMP),
    (r"^water|water (m3|use|meter)|\bvand\b", S.WATER),
    (r"^hw$|heat (kwh|power|energy|use)|^heat$|varme( kwh)?$|^kwh heat|heating kwh", S.HEAT),
    (r"electric|^el\b|\bel kwh|^power kw$", S.ELECTRICITY),
    (r"^flow$|volume|\bm3$|flow (m3|l)|vandmængde", S.VOLUME),
    (r"^kwh$|energy", S.HEAT),
)
"""Patterns of names in plain form, the more special ones first."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A column's signal and unit; ``unit`` is None where its name does not say one."""

    signal: Signal
    unit: str | None
    place: str | None = None


def plain(name: str) -> str:
    """A name in small letters, its signs as single spaces, without the plant that it begins with.

    >>> plain("AHU: Supply Air Temperature ")
    'supply air temperature'
    """
    name = re.sub(r"^\s*[\w\- ]{1,12}:\s*", "", name.lower())
    name = re.sub(r"[\[(].*?[\])]", " ", name)
    return re.sub(r"[^a-z0-9æøå%]+", " ", name).strip()


def unit_in(name: str) -> str | None:
    """The unit that a column's name says, or None."""
    lowered = name.lower().strip()
    said = [unit for unit, pattern in UNITS.items() if re.search(pattern, lowered)]
    return said[-1] if said else None


def guess(name: str) -> Guess | None:
    """What a column's name clearly means, or None."""
    words = plain(name)
    if re.search(NEVER, words):
        return None
    for pattern, signal in NAMES:
        if re.search(pattern, words):
            return Guess(signal, unit_in(name))
    return None
