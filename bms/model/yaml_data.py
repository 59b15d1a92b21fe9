"""Reads the YAML files of the product (device templates, tariffs, factors) by the C parser."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from yaml import (
    CSafeLoader,
    MappingNode,
    MarkedYAMLError,
    Node,
    ScalarNode,
    SequenceNode,
    YAMLError,
)
from yaml.constructor import ConstructorError

from bms.errors import ConfigError
from bms.model.outside_file import read_outside
from bms.model.outside_text import MOST_SHOWN, printable

__all__ = ["YAMLError", "mistakes_of", "read_text_file", "read_yaml", "read_yaml_file"]

MOST_BYTES = 1_000_000
"""Largest file that is read whole [B]."""
MOST_MISTAKES = 100
"""Mistakes [1] that a message tells; the rest is counted."""

_TAG = "tag:yaml.org,2002:"
_SIGNS_AND_DIGITS = "-+.0123456789"
_FORMS = (
    ("null", r"~|null|Null|NULL|", ["", *"~nN"]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list(_SIGNS_AND_DIGITS)),
    (
        "float",
        (
            r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
            r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
        ),
        list(_SIGNS_AND_DIGITS),
    ),
    ("timestamp", r"[0-9]{4}-[0-9]{2}-[0-9]{2}", list(_SIGNS_AND_DIGITS)),
)
"""The core schema of YAML 1.2.2 (10.3.2) and days: type, form, what it may begin with."""


class _Loader(CSafeLoader):
    """The forms of YAML 1.2, in which ``no`` and ``12:30`` are text; a key stands once."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (none of those of YAML 1.1)

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        found = super().construct_mapping(node, deep=deep)
        if len(found) < len(node.value):
            raise ConstructorError(None, None, "a key stands twice", node.start_mark)
        return found

    def whole_number(self, node: ScalarNode) -> int:
        text = str(self.construct_scalar(node))
        return int(text, 0 if text[:2] in ("0x", "0o") else 10)


for _type, _form, _first in _FORMS:
    _Loader.add_implicit_resolver(_TAG + _type, re.compile(rf"(?:{_form})\Z"), _first)
_Loader.add_constructor(f"{_TAG}int", _Loader.whole_number)


def read_yaml(text: str) -> Any:
    """The mappings, lists and values of a YAML 1.2 text; days are ``date``.

    Raises ``YAMLError`` where it is none, where a key stands twice, and for an alias: a few lines
    of them stand for millions of values (CWE-776).
    """
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        _refuse_traps(root)
        return loader.construct_document(root)
    except ValueError as error:
        raise YAMLError(f"not a value: {error}") from error
    except RecursionError:
        raise YAMLError("nested too deeply") from None
    finally:
        loader.dispose()


def read_yaml_file(path: Path, setting: str | None = None, most: int = MOST_BYTES) -> Any:
    """What a YAML file of at most ``most`` [B] says, as ``read_yaml`` does. Raises ``ConfigError``
    that names the setting, the file and, where it is no YAML, the line."""
    before = "" if setting is None else f"{setting}: "
    text = read_text_file(path, setting, most)
    try:
        return read_yaml(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = "" if mark is None else f":{mark.line + 1}"
        why = error.problem or error.context
        raise ConfigError(f"{before}{path}{line}: is no YAML: {why}") from error
    except YAMLError as error:
        raise ConfigError(f"{before}{path}: is no YAML: {printable(str(error))}") from error


def read_text_file(path: Path, setting: str | None = None, most: int = MOST_BYTES) -> str:
    """The text of a file. Raises ``ConfigError``, also for a pipe or a device, on which we would
    wait for ever or without end, and for what is larger than ``most`` [B] or not UTF-8."""
    where = f"{path}" if setting is None else f"{setting}: {path}"
    try:
        raw = read_outside(path, most)
    except OSError as error:
        raise ConfigError(f"{where} cannot be read: {error.strerror}") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{where}:{line}: cannot be read: it is not UTF-8") from error


def mistakes_of(error: ValidationError) -> str:
    """Where something in a file is not as it has to be, and why; what stands there is not told."""
    rows = error.errors(include_url=False, include_input=False)
    told = [
        f"{'.'.join(map(str, row['loc']))[:MOST_SHOWN]}: {row['msg']}".removeprefix(": ")
        for row in rows[:MOST_MISTAKES]
    ]
    more = len(rows) - len(told)
    return printable("; ".join([*told, f"and {more} more mistakes"] if more else told))


def _refuse_traps(root: Node) -> None:
    """Raises ``ConstructorError`` where a node stands in two places, or in itself, and for a key
    that means another mapping."""
    seen: set[int] = set()
    left = [root]
    while left:
        node = left.pop()
        if id(node) in seen:
            told = "has an alias (*name); write the value itself"
            raise ConstructorError(None, None, told, node.start_mark)
        seen.add(id(node))
        if isinstance(node, MappingNode):
            for key, value in node.value:
                if isinstance(key, ScalarNode) and key.value == "<<" and not key.style:
                    told = "has a merge key (<<); write the values themselves"
                    raise ConstructorError(None, None, told, key.start_mark)
                left += (key, value)
        elif isinstance(node, SequenceNode):
            left += node.value
