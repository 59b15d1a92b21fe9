"""Mappings with known keys. Missing, unknown and wrong keys are reported with their line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

from sites.schema.value_types import InvalidValue, ValueType, describe
from sites.schema.yaml_tree import Location, MappingNode, MistakeReport, Node, ScalarNode, quote

REQUIRED: Final = object()


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A checked mapping of a site file: ``values`` and ``places`` (lines) by field name. Equal to
    itself alone.

    A field that was wrong, or not given and without a default, is not in ``values``; ``wrong`` are
    the names of the fields whose value was refused.
    """

    where: Location
    values: dict[str, Any]
    places: dict[str, Location]
    wrong: set[str]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def get(self, name: str) -> Any:
        """The value of a field; None where it is wrong or not given."""
        return self.values.get(name)

    def lacks(self, name: str) -> bool:
        """Whether the field was not given at all; a wrong one was given."""
        return name not in self.values and name not in self.wrong

    def at(self, name: str) -> Location:
        """The line of the field; that of the section if the field was not given."""
        return self.places.get(name, self.where)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One key of a section. ``default`` stands for an absent value; REQUIRED makes that a mistake.

    ``says`` is its description with the unit, for the documentation.
    """

    name: str
    value_type: ValueType
    says: str
    default: Any = None


@dataclass(frozen=True, slots=True)
class SectionSchema:
    """The keys that a section may have. ``name`` is what messages call the section."""

    name: str
    fields: tuple[Field, ...]
    by_name: Mapping[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {f.name: f for f in self.fields})

    def allowed(self) -> str:
        """What is allowed, for a message."""
        return f"a mapping with the keys {', '.join(self.by_name)}"

    def read(self, node: Node, report: MistakeReport) -> Section:
        """The section of a mapping; mistakes in its fields go to ``report``.

        Raises ``InvalidValue`` when the node is no mapping.
        """
        if not isinstance(node, MappingNode):
            raise InvalidValue
        places = {name: where for name, (where, _) in node.nodes.items()}
        section = Section(node.where, {}, places, set())
        for name, (where, item) in node.nodes.items():
            if name not in self.by_name:
                report.add(where, self._unknown(name, item))
        for known in self.fields:
            if known.name in places:
                self._read_field(known, *node.nodes[known.name], section, report)
            elif known.default is not None:
                self._default(known, node.where, section, report)
        return section

    def _read_field(
        self, known: Field, where: Location, item: Node, section: Section, report: MistakeReport
    ) -> None:
        if is_null(item) and not getattr(known.value_type, "null", None):
            self._default(known, where, section, report)
            return
        try:
            section.values[known.name] = known.value_type.read(item, report)
        except InvalidValue:
            section.wrong.add(known.name)
            text = f"{known.name}: expects {known.value_type.allowed()}, not {describe(item)}"
            report.add(where, text)

    def _default(
        self, known: Field, where: Location, section: Section, report: MistakeReport
    ) -> None:
        if known.default is REQUIRED:
            allowed = known.value_type.allowed()
            report.add(where, f"{self.name}: {known.name} is missing: {allowed}")
        elif known.default is not None:
            section.values[known.name] = known.default

    def _unknown(self, name: str, item: Node) -> str:
        near = get_close_matches(name, self.by_name, n=1, cutoff=0.6)
        hint = f"did you mean {near[0]}? " if near else ""
        quotes = "; in braces, text with a comma needs quotes" if is_null(item) else ""
        return (
            f"{self.name}: unknown key {quote(name)}; {hint}"
            f"allowed: {', '.join(self.by_name)}{quotes}"
        )


def is_null(node: Node) -> bool:
    """Whether the node is an empty value or ``null``."""
    return isinstance(node, ScalarNode) and node.is_null
