"""What people said and who they are, taken out of the JSON of a row and put back.

A receipt, a trial or a plan is kept longer than the names in it. So its JSON is stored with empty
texts in their place, and the texts stand apart, where they can be removed without touching the row.
Taken out are the texts under ``reason``, ``actor`` and ``by`` of facts and of whatever has a reason
that a person typed, and the name in a fact of who holds a point.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeVar

from bms.model.codec import from_json, to_json
from bms.model.control.reasons import Holder

T = TypeVar("T")
_KEYS = ("reason", "actor", "by")
Place = tuple[str | int, ...]


def taken_apart(body: str) -> tuple[str, str | None]:
    """The JSON without the texts of people, and these as JSON; None where there are none."""
    tree = json.loads(body)
    found: list[tuple[Place, str]] = []
    for place, holder, key in _places(tree, ()):
        found.append(((*place, key), holder[key]))
        holder[key] = ""
    return (_json(tree), _json(found)) if found else (body, None)


def put_together(body: str, texts: str | None) -> str:
    """The JSON with the texts of people, as far as they are still there."""
    if not texts:
        return body
    tree = json.loads(body)
    for (*way, key), text in json.loads(texts):
        holder = tree
        for step in way:
            holder = holder[step]
        if holder[key] == "":  # what stands apart fills gaps, and changes nothing else
            holder[key] = text
    return _json(tree)


def without_texts(value: T) -> tuple[T, tuple[str, ...]]:
    """The same value without the texts of people, and these as JSON, if there are any."""
    body, texts = taken_apart(to_json(value))
    if texts is None:
        return value, ()
    try:
        return from_json(type(value), body), (texts,)
    except ValueError:  # JSON has no NaN: what was asked for and refused stays as it was said
        return value, ()


def _places(node: Any, place: Place) -> Iterator[tuple[Place, dict[str, Any], str]]:
    """Where texts of people stand: the way there, what holds them, and under which key."""
    if isinstance(node, list):
        for i, each in enumerate(node):
            yield from _places(each, (*place, i))
    if not isinstance(node, dict):
        return
    for key in _of_people(node):
        yield place, node, key
    for key, each in node.items():
        if key == "parameters" and isinstance(each, dict) and "code" in node:
            for name in _of_fact(node["code"], each):
                yield (*place, key), each, name
            each = {name: value for name, value in each.items() if not isinstance(value, str)}
        yield from _places(each, (*place, key))


def _of_people(node: dict[str, Any]) -> list[str]:
    """Keys of the texts where a person typed a reason."""
    return [key for key in _KEYS if _is_text(node.get(key))] if _is_text(node.get("reason")) else []


def _of_fact(code: object, parameters: dict[str, Any]) -> list[str]:
    keys = (*_KEYS, "name") if code == Holder.PERSON else _KEYS
    return [key for key in keys if _is_text(parameters.get(key))]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
