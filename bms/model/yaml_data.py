"""Reads the YAML files of the product (device templates, tariffs, factors) by the C parser."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

from yaml import CSafeLoader, MappingNode, Node, ScalarNode, SequenceNode, YAMLError
from yaml.constructor import ConstructorError

__all__ = ["YAMLError", "read_yaml"]

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
        _refuse_aliases(root)
        return loader.construct_document(root)
    except ValueError as error:
        raise YAMLError(f"not a value: {error}") from error
    except RecursionError:
        raise YAMLError("nested too deeply") from None
    finally:
        loader.dispose()


def _refuse_aliases(root: Node) -> None:
    """Raises ``ConstructorError`` where a node stands in two places, or in itself."""
    seen: set[int] = set()
    left = [root]
    while left:
        node = left.pop()
        if id(node) in seen:
            told = "has an alias (*name); write the value itself"
            raise ConstructorError(None, None, told, node.start_mark)
        seen.add(id(node))
        if isinstance(node, MappingNode):
            left += (part for pair in node.value for part in pair)
        elif isinstance(node, SequenceNode):
            left += node.value
