"""Nouns to JSON and back, and their JSON Schemas, so that every value can be stored and replayed.

Python's dataclasses say the types once; pydantic turns them into strict JSON. Numbers that are
not known are null, never NaN.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import is_dataclass
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

from bms.model.described import descriptions, nouns

T = TypeVar("T")


@cache
def _cached(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast("Any", kind))


def _adapter(kind: Any) -> TypeAdapter[Any]:
    return _cached(kind)


def to_json(value: object, kind: Any = None) -> str:
    """JSON text of a noun. ``kind`` is needed where the type is a union."""
    return _adapter(kind or type(value)).dump_json(value).decode()


def to_dict(value: object, kind: Any = None) -> Any:
    """JSON-ready dicts and lists of a noun."""
    return _adapter(kind or type(value)).dump_python(value, mode="json")


def from_json(kind: type[T], text: str | bytes) -> T:
    """A noun from JSON text.

    Raises ``pydantic.ValidationError`` (a ValueError) that names every mistake.
    """
    result: T = _adapter(kind).validate_json(text)
    return result


def json_schema(kind: Any) -> dict[str, Any]:
    """JSON Schema of a noun (draft 2020-12), with what each field means where its noun says so."""
    schema = _adapter(kind).json_schema()
    if isinstance(kind, type) and is_dataclass(kind):
        known = nouns(kind)
        for name, part in ((kind.__name__, schema), *schema.get("$defs", {}).items()):
            if name in known:
                _describe(part.get("properties", {}), descriptions(known[name]))
    return schema


def _describe(properties: dict[str, Any], texts: dict[str, str]) -> None:
    for name, text in texts.items():
        if name in properties:
            properties[name]["description"] = text
