"""Mappings with known keys: what is missing, unknown or wrong is reported with its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

from sites.schema.value_kinds import Kind, Wrong, found
from sites.schema.yaml_tree import Keys, Node, Report, Scalar, Where, shown

REQUIRED: Final = object()


@dataclass(frozen=True, slots=True)
class Record:
    """A checked mapping: values by field name, and where each stands.

    A field that was wrong or not given (and has no default) is not in ``values``; ``wrong`` are
    the names of those that were given, but wrong.
    """

    where: Where
    values: dict[str, Any]
    places: dict[str, Where]
    wrong: set[str]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def get(self, name: str) -> Any:
        return self.values.get(name)

    def lacks(self, name: str) -> bool:
        """Whether the field was not given; a wrong one was."""
        return name not in self.values and name not in self.wrong

    def at(self, name: str) -> Where:
        """Where the field stands; where the record begins if it was not given."""
        return self.places.get(name, self.where)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One key of a shape. Without a value it has ``default``, or it is missing (REQUIRED)."""

    name: str
    kind: Kind
    says: str
    default: Any = None


@dataclass(frozen=True, slots=True)
class Shape:
    """A mapping with known keys, read into a ``Record``."""

    name: str
    fields: tuple[Field, ...]
    by_name: Mapping[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {f.name: f for f in self.fields})

    def allowed(self) -> str:
        return f"a mapping with the keys {', '.join(self.by_name)}"

    def read(self, node: Node, report: Report) -> Record:
        if not isinstance(node, Keys):
            raise Wrong
        places = {name: where for name, (where, _) in node.nodes.items()}
        record = Record(node.where, {}, places, set())
        for name, (where, item) in node.nodes.items():
            if name not in self.by_name:
                report.add(where, self._unknown(name, item))
        for known in self.fields:
            self._read_field(known, node, record, report)
        return record

    def _read_field(self, known: Field, node: Keys, record: Record, report: Report) -> None:
        where, item = node.nodes.get(known.name, (node.where, None))
        if item is None or (is_null(item) and not getattr(known.kind, "null", None)):
            if known.default is REQUIRED:
                report.add(where, f"{self.name}: {known.name} is missing: {known.kind.allowed()}")
            elif known.default is not None:
                record.values[known.name] = known.default
            return
        try:
            record.values[known.name] = known.kind.read(item, report)
        except Wrong:
            record.wrong.add(known.name)
            report.add(where, f"{known.name}: expects {known.kind.allowed()}, not {found(item)}")

    def _unknown(self, name: str, item: Node) -> str:
        near = get_close_matches(name, self.by_name, n=1, cutoff=0.6)
        hint = f"did you mean {near[0]}? " if near else ""
        quotes = "; in braces, text with a comma needs quotes" if is_null(item) else ""
        return (
            f"{self.name}: unknown key {shown(name)}; {hint}"
            f"allowed: {', '.join(self.by_name)}{quotes}"
        )


def is_null(node: Node) -> bool:
    """Whether an empty value stands there."""
    return isinstance(node, Scalar) and node.is_null
