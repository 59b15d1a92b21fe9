"""Parses YAML into a tree of nodes with their line numbers, by the events of libyaml.

A subset of YAML 1.2: no type is derived from the form of a scalar (``18:30`` and ``no`` are text,
the schema says what is a number), keys are unique, and anchors, aliases and tags are refused, so
that a file cannot grow when it is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn, cast

from yaml import CSafeLoader, MarkedYAMLError, YAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from bms.errors import Mistake

MAX_DEPTH = 20
MAX_MISTAKES = 1000
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
# Line breaks in YAML 1.1, which libyaml follows, but not in 1.2: line numbers would be off.
_FOREIGN_BREAK = re.compile("[\\x85\\u2028\\u2029]")


class Location(NamedTuple):
    """A line of a file; lines count from 1, 0 is the file itself."""

    file: str
    line: int


@dataclass(slots=True)
class MistakeReport:
    """Collects the mistakes of site files."""

    mistakes: list[Mistake] = field(default_factory=list)

    def add(self, where: Location, message: str) -> None:
        """Note a mistake, unless it is among the last ones already."""
        mistake = Mistake(where.file, where.line, message)
        if mistake not in self.mistakes[-8:]:
            self.mistakes.append(mistake)

    def sorted_mistakes(self) -> tuple[Mistake, ...]:
        """The mistakes by file and line, at most ``MAX_MISTAKES`` and a count of the rest."""
        ordered = sorted(self.mistakes, key=lambda m: (m.file, m.line))
        shown_ones, rest = ordered[:MAX_MISTAKES], ordered[MAX_MISTAKES:]
        if rest:
            shown_ones.append(Mistake(rest[0].file, rest[0].line, f"and {len(rest)} more mistakes"))
        return tuple(shown_ones)


class ScalarNode(NamedTuple):
    """One value as text, without its quotes; ``quoted`` values are always text."""

    where: Location
    text: str
    quoted: bool = False

    @property
    def is_null(self) -> bool:
        """Whether it is empty or one of YAML's words for null."""
        return self.text in _NULLS and not self.quoted


class SequenceNode(NamedTuple):
    """A list."""

    where: Location
    nodes: tuple[Node, ...]


class MappingNode(NamedTuple):
    """A mapping: key → (line of the key, its node)."""

    where: Location
    nodes: dict[str, tuple[Location, Node]]


Node = ScalarNode | SequenceNode | MappingNode


class _Unreadable(Exception):
    """The rest of the file cannot be read; the reason is in the report."""


def parse(text: str, file: str, report: MistakeReport) -> Node | None:
    """The tree of a text; None, with the reason in ``report``, when it cannot be parsed."""
    foreign = _FOREIGN_BREAK.search(text)
    if foreign:
        line = text.count("\n", 0, foreign.start()) + 1
        code = f"U+{ord(foreign[0]):04X}"
        report.add(Location(file, line), f"{code} is a line break to some readers; take it out")
        return None
    try:
        return _TreeBuilder(text, file, report).document()
    except _Unreadable:
        return None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        report.add(Location(file, line), f"not YAML: {error.problem or error.context}")
    except (YAMLError, ValueError, LookupError) as error:
        report.add(Location(file, 0), f"not YAML: {str(error).splitlines()[0]}")
    return None


class _TreeBuilder:
    """Builds the tree from the events of libyaml."""

    def __init__(self, text: str, file: str, report: MistakeReport) -> None:
        self.file, self.report = file, report
        self.next = cast("Callable[[], Event]", CSafeLoader(text).get_event)
        self.places: dict[int, Location] = {}

    def document(self) -> Node | None:
        root: Node | None = None
        while not isinstance(event := self.next(), StreamEndEvent):
            if isinstance(event, DocumentStartEvent):
                marker = self._place(event.end_mark)  # `---`; its start mark is at directives
                if root is not None:
                    self._stop(marker, "a second document (---); a file holds one site")
                if event.version not in (None, (1, 2)):
                    self.report.add(marker, "the file has to be YAML 1.2")
                root = self._node(self.next(), 0)
        if root is None:
            self.report.add(Location(self.file, 0), "the file is empty")
        return root

    def _node(self, event: Any, depth: int) -> Node:
        mark = event.start_mark
        where = self.places.get(mark.line) or self._place(mark)
        kind = type(event)
        if kind is AliasEvent or event.anchor is not None or event.tag is not None:
            self._refuse_traps(event, where)
        if depth > MAX_DEPTH:
            self._stop(where, f"nested deeper than {MAX_DEPTH} levels")
        if kind is ScalarEvent:
            return ScalarNode(where, event.value, bool(event.style))
        if kind is MappingStartEvent:
            return self._keys(where, depth)
        if kind is SequenceStartEvent:
            return self._items(where, depth)
        return ScalarNode(where, "")

    def _refuse_traps(self, event: Any, where: Location) -> None:
        if isinstance(event, AliasEvent):
            self.report.add(where, f"alias *{event.anchor} is not allowed: write it out")
            return
        if event.anchor is not None:
            self.report.add(where, f"anchor &{event.anchor} is not allowed")
        if event.tag is not None:
            self.report.add(where, f"tag {quote(event.tag)} is not allowed")

    def _items(self, where: Location, depth: int) -> SequenceNode:
        nodes = []
        while type(event := self.next()) is not SequenceEndEvent:
            nodes.append(self._node(event, depth + 1))
        return SequenceNode(where, tuple(nodes))

    def _keys(self, where: Location, depth: int) -> MappingNode:
        nodes: dict[str, tuple[Location, Node]] = {}
        while type(event := self.next()) is not MappingEndEvent:
            key = self._node(event, depth + 1)
            node = self._node(self.next(), depth + 1)
            if not isinstance(key, ScalarNode):
                self.report.add(key.where, "a key has to be a word")
            elif key.text in nodes:
                first = nodes[key.text][0].line
                self.report.add(
                    key.where, f"key {quote(key.text)} stands twice; first in line {first}"
                )
            else:
                nodes[key.text] = (key.where, node)
        return MappingNode(where, nodes)

    def _place(self, mark: Any) -> Location:
        """The line of a mark; the nodes of a line share one object, which saves time."""
        return self.places.setdefault(mark.line, Location(self.file, mark.line + 1))

    def _stop(self, where: Location, message: str) -> NoReturn:
        self.report.add(where, message)
        raise _Unreadable


def quote(text: str) -> str:
    """A text from a file for a message: in quotes, on one line, at most 60 characters."""
    short = text if len(text) <= 60 else f"{text[:57]}..."
    return '"' + "".join(c if c.isprintable() else "?" for c in short) + '"'
