"""Text of a site file → a tree that knows the line of everything. No meaning yet.

YAML 1.2 without its traps: nothing is guessed from the look of a scalar (``18:30`` and ``no`` stay
text, the schema says what is a number), keys stand once, and anchors, aliases and tags are refused,
so that a file cannot grow when it is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from bms.errors import Mistake

MAX_DEPTH = 20
MAX_MISTAKES = 1000


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A line of a file; lines count from 1, 0 is the file itself."""

    file: str
    line: int


@dataclass(slots=True)
class Report:
    """Collects mistakes."""

    mistakes: list[Mistake] = field(default_factory=list)

    def add(self, where: Where, message: str) -> None:
        mistake = Mistake(where.file, where.line, message)
        if mistake not in self.mistakes[-8:]:
            self.mistakes.append(mistake)

    def in_order(self) -> tuple[Mistake, ...]:
        """By file and line; no more than a person would read."""
        ordered = sorted(self.mistakes, key=lambda m: (m.file, m.line))
        shown_ones, rest = ordered[:MAX_MISTAKES], ordered[MAX_MISTAKES:]
        if rest:
            shown_ones.append(Mistake(rest[0].file, rest[0].line, f"and {len(rest)} more mistakes"))
        return tuple(shown_ones)


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value as it stands in the file; ``quoted`` ones are always text."""

    where: Where
    text: str
    quoted: bool = False

    @property
    def is_null(self) -> bool:
        return not self.quoted and self.text in ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    where: Where
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Keys:
    """A mapping: key → (where the key stands, its node)."""

    where: Where
    nodes: dict[str, tuple[Where, Node]]


Node = Scalar | Items | Keys


class _Stop(Exception):
    """The rest of the file cannot be read; the reason is in the report."""


def parse(text: str, file: str, report: Report) -> Node | None:
    """The tree of a text; None, with the reason in the report, when there is none."""
    try:
        return _Parser(text, file, report).document()
    except _Stop:
        return None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        report.add(Where(file, line), f"not YAML: {error.problem or error.context}")
    except (YAMLError, ValueError, LookupError) as error:
        report.add(Where(file, 0), f"not YAML: {str(error).splitlines()[0]}")
    return None


class _Parser:
    """Builds the tree from the events of the YAML parser."""

    def __init__(self, text: str, file: str, report: Report) -> None:
        self.file, self.report = file, report
        self.events: Iterator[Any] = iter(YAML(typ="safe", pure=True).parse(text))

    def document(self) -> Node | None:
        root: Node | None = None
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                if root is not None:
                    self._stop(event, "a second document (---); a file holds one site")
                if event.version not in (None, (1, 2)):
                    self.report.add(self._where(event), "the file has to be YAML 1.2")
                root = self._node(next(self.events), 0)
        if root is None:
            self.report.add(Where(self.file, 0), "the file is empty")
        return root

    def _node(self, event: Any, depth: int) -> Node:
        self._refuse_traps(event)
        if depth > MAX_DEPTH:
            self._stop(event, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, MappingStartEvent):
            return self._keys(event, depth)
        if isinstance(event, SequenceStartEvent):
            return self._items(event, depth)
        text = event.value if isinstance(event, ScalarEvent) else ""
        return Scalar(self._where(event), text, getattr(event, "style", None) is not None)

    def _items(self, start: Any, depth: int) -> Items:
        nodes = []
        while not isinstance(event := next(self.events), SequenceEndEvent):
            nodes.append(self._node(event, depth + 1))
        return Items(self._where(start), tuple(nodes))

    def _keys(self, start: Any, depth: int) -> Keys:
        nodes: dict[str, tuple[Where, Node]] = {}
        while not isinstance(event := next(self.events), MappingEndEvent):
            key = self._node(event, depth + 1)
            node = self._node(next(self.events), depth + 1)
            if not isinstance(key, Scalar):
                self.report.add(key.where, "a key has to be a word")
            elif key.text in nodes:
                first = nodes[key.text][0].line
                self.report.add(
                    key.where, f"key {shown(key.text)} stands twice; first in line {first}"
                )
            else:
                nodes[key.text] = (key.where, node)
        return Keys(self._where(start), nodes)

    def _refuse_traps(self, event: Any) -> None:
        if isinstance(event, AliasEvent):
            self.report.add(
                self._where(event), f"alias *{event.anchor} is not allowed: write it out"
            )
        elif event.anchor is not None:
            self.report.add(self._where(event), f"anchor &{event.anchor} is not allowed")
        if getattr(event, "tag", None) is not None:
            self.report.add(self._where(event), f"tag {shown(str(event.tag))} is not allowed")

    def _where(self, event: Any) -> Where:
        return Where(self.file, event.start_mark.line + 1)

    def _stop(self, event: Any, message: str) -> None:
        self.report.add(self._where(event), message)
        raise _Stop


def shown(text: str) -> str:
    """A text from a file, fit for a message: quoted, on one line, not longer than 60 characters."""
    short = text if len(text) <= 60 else f"{text[:57]}..."
    return '"' + "".join(c if c.isprintable() else "?" for c in short) + '"'
