"""Nouns to JSON and back, and their JSON Schemas, so that every value can be stored and replayed.

Python's dataclasses say the types once; pydantic turns them into strict JSON. Numbers that are
not known are null, never NaN.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

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
    """JSON Schema of a noun (draft 2020-12)."""
    return _adapter(kind).json_schema()
