"""What each field of a noun means, read from the text that stands under it in the source."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import is_dataclass
from functools import cache
from itertools import pairwise
from typing import Any, get_args, get_type_hints


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
    """The dataclass inside a type: itself, or that of a tuple or of an optional one."""
    if isinstance(kind, type) and is_dataclass(kind):
        return kind
    return next((noun for noun in map(inner, get_args(kind)) if noun is not None), None)


def nouns(kind: type) -> dict[str, type]:
    """A dataclass and all that it is made of, by name."""
    found: dict[str, type] = {}
    waiting = [kind]
    while waiting:
        noun = waiting.pop()
        if noun.__name__ not in found:
            found[noun.__name__] = noun
            waiting += [n for n in map(inner, fields_of(noun).values()) if n is not None]
    return found
