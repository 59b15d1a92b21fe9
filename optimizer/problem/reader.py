"""Problems written by a person or another program: read leniently, mistakes named with their place.

In JSON one number, or null, may stand in place of a whole series, and a series that may be unknown
may be left out. Everything else is as the JSON Schema says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from bms.errors import ConfigError
from bms.model.codec import from_json, json_schema
from bms.model.described import fields_of, inner
from bms.model.planning.problem import BuildingModel, Problem
from optimizer.problem.parse_errors import parse_mistakes, printable
from optimizer.problem.series_checks import ProblemMistake
from optimizer.problem.validation import validate

HORIZON = (
    "weather.temp_out_c", "weather.ghi_wm2", "weather.temp_out_spread_k",
    "electricity_dkk_per_kwh", "heat_dkk_per_kwh", "electricity_kg_per_kwh", "heat_kg_per_kwh",
    "other_load_kw", "export_dkk_per_kwh",
    "zones.occupied", "zones.low_c", "zones.high_c", "zones.own_setpoint_c", "zones.people",
    "ventilation.own_run", "ventilation.required",
    "ventilation.own_flow_pct", "ventilation.own_supply_c",
)  # fmt: skip
PAST = (
    "weather.temp_out_c", "weather.ghi_wm2", "heat_kw",
    "zones.temp_c", "zones.setpoint_c", "zones.valve_pct", "zones.occupied", "ventilation.run",
)  # fmt: skip
MAY_BE_UNKNOWN = {
    "ghi_wm2", "electricity_dkk_per_kwh", "heat_dkk_per_kwh", "electricity_kg_per_kwh",
    "heat_kg_per_kwh", "setpoint_c", "valve_pct",
}  # fmt: skip
MOST_AHEAD, MOST_PAST = 96 * 60, 300_000
"""Longest series that are read: the longest horizon in minutes, a past of three years at 5 min."""
MOST_NUMBERS = 10_000_000
Scalar = bool | int | float | None


class BadProblem(ConfigError, ValueError):
    """A text that is no problem; ``mistakes`` says where and why, one for each."""

    def __init__(self, mistakes: tuple[ProblemMistake, ...]) -> None:
        self.mistakes = mistakes
        super().__init__("\n".join(str(mistake) for mistake in mistakes))


def read(text: str | bytes) -> Problem:
    """Returns a problem from JSON. Fields that are not known are ignored; see :func:`mistakes`.

    Raises :class:`BadProblem` for what cannot be read, with every mistake.
    """
    document = _document(text)
    _fill(document, HORIZON, MOST_AHEAD)
    if isinstance(document.get("history"), dict):
        _fill(document["history"], PAST, MOST_PAST, "history.")
    try:
        return from_json(Problem, json.dumps(document))
    except ValidationError as error:
        raise BadProblem(tuple(parse_mistakes(error, {*HORIZON, *PAST}))) from error


def mistakes(text: str | bytes) -> tuple[ProblemMistake, ...]:
    """Returns every mistake in the text of a problem, including what is only implausible; never
    raises."""
    try:
        unknown = tuple(_unknown(_document(text), Problem, ""))
    except BadProblem as error:
        return error.mistakes
    try:
        return (*unknown, *validate(read(text)))
    except BadProblem as error:
        return (*unknown, *error.mistakes)


def schema() -> dict[str, Any]:
    """Returns the JSON Schema (draft 2020-12) of what :func:`read` takes."""
    found = json_schema(Problem)
    past = found["$defs"]["History"]
    for part, paths in ((found, HORIZON), (past, PAST)):
        for path in paths:
            *above, name = path.split(".")
            owner = _schema_of(part, above, found["$defs"])
            _or_one_number(owner, name)
    return found


def _document(text: str | bytes) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadProblem((ProblemMistake("$", f"no JSON: {error}"),)) from error
    if not isinstance(document, dict):
        raise BadProblem((ProblemMistake("$", "has to be an object of a Problem's fields"),))
    return document


def _fill(document: dict[str, Any], paths: tuple[str, ...], most: int, above: str = "") -> None:
    """Spread single numbers over the length of the longest series beside them.

    Raises :class:`BadProblem` for a series of more than ``most`` values: it would fill the memory.
    """
    places = [(path, *place) for path in paths for place in _places(document, path.split("."))]
    lengths = [(len(o[name]), path) for path, o, name in places if isinstance(o.get(name), list)]
    n, longest = max(lengths, default=(0, ""))
    if n > most:
        why = f"has {n} values; at most {most} are read"
        raise BadProblem((ProblemMistake(f"{above}{longest}", why),))
    if n * len(places) > MOST_NUMBERS:
        why = f"has {n} values, in {len(places)} series; at most {MOST_NUMBERS} numbers are read"
        raise BadProblem((ProblemMistake(f"{above}{longest}", why),))
    for _, owner, name in places:
        absent = name not in owner and name in MAY_BE_UNKNOWN
        if absent or (name in owner and isinstance(owner[name], Scalar)):
            owner[name] = [owner.get(name)] * n


def _places(part: Any, path: list[str]) -> Iterator[tuple[dict[str, Any], str]]:
    """(object, field) of a path; lists on the way stand for each of their members."""
    if isinstance(part, list):
        for member in part:
            yield from _places(member, path)
    elif isinstance(part, dict):
        if len(path) == 1:
            yield part, path[0]
        else:
            yield from _places(part.get(path[0]), path[1:])


def _unknown(part: Any, noun: type, path: str) -> Iterator[ProblemMistake]:
    """Fields that no noun has, with the nearest that it has."""
    if not isinstance(part, dict) or noun is BuildingModel:
        return
    known = fields_of(noun)
    for name, value in part.items():
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            yield ProblemMistake(f"{path}{printable(name)}", f"is not a field; {hint}")
            continue
        below = inner(known[name])
        members = enumerate(value) if isinstance(value, list) else [(None, value)]
        for i, member in members if below else ():
            index = "" if i is None else f"[{i}]"
            yield from _unknown(member, below or noun, f"{path}{name}{index}.")


def _schema_of(part: dict[str, Any], path: list[str], known: dict[str, Any]) -> dict[str, Any]:
    for name in path:
        field = part["properties"][name]
        reference = field.get("$ref") or field["items"]["$ref"]
        part = known[reference.rpartition("/")[2]]
    return part


def _or_one_number(owner: dict[str, Any], name: str) -> None:
    field = owner["properties"][name]
    if "items" not in field:
        return
    one = field["items"].get("anyOf", [field["items"]])
    series = {key: field.pop(key) for key in ("items", "type")}
    field["anyOf"] = [series, *one]
    if name in MAY_BE_UNKNOWN and name in owner["required"]:
        owner["required"].remove(name)
        field["default"] = None
