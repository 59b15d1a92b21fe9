"""What each field of a noun means, read from the text that stands under it in the source."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from functools import cache
from itertools import pairwise
from typing import Any, get_args, get_origin, get_type_hints


@cache
def fields_of(noun: type) -> dict[str, Any]:
    """The fields of a dataclass with their types, in order."""
    hints = get_type_hints(noun)
    return {name: hints[name] for name in noun.__dataclass_fields__}  # type: ignore[attr-defined]


@cache
def descriptions(noun: type) -> dict[str, str]:
    """Field to description; empty where the source is not at hand."""
    try:
        source = textwrap.dedent(inspect.getsource(noun))
    except (OSError, TypeError):
        return {}
    body = next(n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.ClassDef)).body
    return dict(_described(body))


def _described(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for field, text in pairwise(body):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(words))),
            ):
                yield name, " ".join(words.split())


def inner(kind: Any) -> type | None:
    """The dataclass inside a type: itself, or that of a tuple or of an optional one. None for a
    mapping, whose names are free."""
    if isinstance(get_origin(kind), type) and issubclass(get_origin(kind), Mapping):
        return None
    return next(iter(_inside(kind)), None)


def _inside(kind: Any) -> Iterator[type]:
    """Every dataclass that a type is made of, but not of what those are made."""
    if isinstance(kind, type) and is_dataclass(kind):
        yield kind
    for part in get_args(kind):
        yield from _inside(part)


def nouns(kind: type) -> dict[str, type]:
    """A dataclass and all that it is made of, by name."""
    found: dict[str, type] = {}
    waiting = [kind]
    while waiting:
        noun = waiting.pop()
        if noun.__name__ not in found:
            found[noun.__name__] = noun
            waiting += [part for kind in fields_of(noun).values() for part in _inside(kind)]
    return found
