"""Why the text of a problem cannot be read: the place, what is wrong and what to write instead."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator

from pydantic import ValidationError

from bms.model.assets.point import Role
from bms.model.described import descriptions, fields_of, inner
from bms.model.planning.problem import Problem
from bms.model.readings.units import Unit
from optimizer.problem.series_checks import ProblemMistake

MOMENT = "write it like 2026-01-12T06:00:00+01:00"
SERIES = "has to be a list with one value for each step, or one value that holds throughout"
ANSWERS = {
    "temperature_unit": "has to be degC or K",
    "kind": "has to be district_heating or heat_pump; a boiler or electric heating is "
    "district_heating at the price of its heat",
    "cop": "has to be pairs of outdoor temperature and COP, like [[-10, 2.2], [10, 3.8]]; "
    "one pair holds throughout",
    "start": MOMENT,
    "identified_at": MOMENT,
    "until": f"{MOMENT}; null where no end is known",
}
LEVERS = {
    ("zones", "lever"): (Role.ZONE_SETPOINT, "degC or K"),
    ("ventilation", "lever"): (Role.VENTILATION_RUN, Unit.ON_OFF),
    ("ventilation", "flow_lever"): (Role.VENTILATION_FLOW, Unit.PERCENT),
    ("ventilation", "supply_lever"): (Role.SUPPLY_AIR_SETPOINT, "degC or K"),
    ("curve", "lever"): (Role.HEATING_CURVE_SHIFT, Unit.KELVIN),
}
"""What a lever is, by the part of the problem and the field that it stands in: role, unit."""

Place = tuple[int | str, ...]


def parse_mistakes(error: ValidationError, series: Collection[str]) -> Iterator[ProblemMistake]:
    """Yields a mistake for each thing that was not understood; ``series`` are dotted paths without
    indices."""
    for each in error.errors(include_url=False, include_context=False):
        place = each["loc"]
        if each["type"] == "missing":
            yield ProblemMistake(_path(place), _missing(place, series))
        else:
            message = _advice(place, series) or str(each["msg"]).removeprefix("Value error, ")
            yield ProblemMistake(_path(place), f"{message} (given: {_short(each['input'])})")


def printable(name: str) -> str:
    """Returns a name from the text as a part of one line, whatever is in it."""
    shown = name if len(name) <= 60 else f"{name[:57]}..."
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in shown)


def _missing(place: Place, series: Collection[str]) -> str:
    """The message for a missing field: what the field is."""
    what = _meaning(place)
    enough = " One value that holds throughout is enough." if _dotted(place) in series else ""
    return f"is missing{': ' if what else ''}{what}{enough}"


def _meaning(place: Place) -> str:
    noun: type | None = Problem
    names = [part for part in place if isinstance(part, str)]
    for name in names[:-1]:
        noun = inner(fields_of(noun).get(name)) if noun else None
    return descriptions(noun).get(names[-1], "") if noun and names else ""


def _advice(place: Place, series: Collection[str]) -> str | None:
    """What to write there; None where the message of the parser is good enough."""
    names = [part for part in place if isinstance(part, str)]
    if names[-2:-1] and names[-1] in ("role", "unit"):
        known = LEVERS.get((names[0], names[-2]))
        if known:
            return f"has to be {known[0] if names[-1] == 'role' else known[1]}"
    if place and _dotted(place) in series and isinstance(place[-1], str):
        return SERIES
    return ANSWERS.get(names[-1]) if names else None


def _dotted(place: Place) -> str:
    """The place without indices, and a history's fields without the name of the history."""
    return ".".join(part for part in place if isinstance(part, str)).removeprefix("history.")


def _short(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _path(place: Place) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".") or "$"
