"""Types of values in site files: how each is read, and what is allowed, as text for messages."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from bms.model.assets.address import BacnetAddress
from bms.model.assets.timetable import MINUTES_PER_DAY
from sites.schema.yaml_tree import MappingNode, MistakeReport, Node, ScalarNode, SequenceNode, quote

_INT = re.compile(r"[-+]?[0-9]{1,18}|0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_YEARS = range(1990, 2100)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_OBJECT_TYPES = (
    *("analog-input", "analog-output", "analog-value"),
    *("binary-input", "binary-output", "binary-value"),
    *("multi-state-input", "multi-state-output", "multi-state-value"),
    *("integer-value", "positive-integer-value", "large-analog-value"),
    *("accumulator", "pulse-converter", "loop", "averaging"),
)
_OBJECT = re.compile(r"([a-z-]+|[0-9]{1,4}),([0-9]{1,7})(?:,([a-z][a-z0-9-]*|[0-9]{1,7}))?")
_USUAL_PROPERTY = {"averaging": "average-value"}
_PROPRIETARY_TYPES, _PROPERTIES = range(128, 1024), 4_194_304
_MAX_INSTANCE = 4_194_302


class InvalidValue(Exception):
    """The value is not of its type. The caller adds the line to the message."""


class ValueType(Protocol):
    """A type of values."""

    def allowed(self) -> str:
        """What is allowed, for a message."""
        ...

    def read(self, node: Node, report: MistakeReport) -> Any:
        """The value of a node; mistakes inside a list or mapping go to ``report``.

        Raises ``InvalidValue`` when the node itself is not of this type.
        """
        ...


def _scalar(node: Node) -> ScalarNode:
    if not isinstance(node, ScalarNode) or node.is_null:
        raise InvalidValue
    return node


def _unquoted(node: Node, pattern: re.Pattern[str]) -> str:
    scalar = _scalar(node)
    if scalar.quoted or not pattern.fullmatch(scalar.text):
        raise InvalidValue
    return scalar.text


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" from {low:.10g} to {high:.10g}"
    if low is not None:
        return f" of at least {low:g}"
    return ""


_compiled = cache(re.compile)  # half the time of what ``re`` keeps of itself


@dataclass(frozen=True, slots=True)
class Text:
    """Text as it stands, also when it looks like a number."""

    pattern: str = r"[^\x00-\x1f\x7f]{1,200}"
    meaning: str = "text on one line, at most 200 characters"

    def allowed(self) -> str:
        return self.meaning

    def read(self, node: Node, report: MistakeReport) -> str:
        text = _scalar(node).text
        if not _compiled(self.pattern).fullmatch(text):
            raise InvalidValue
        return text


@dataclass(frozen=True, slots=True)
class Number:
    """A finite number; ``above`` is an open lower limit."""

    low: float | None = None
    high: float | None = None
    above: float | None = None

    def allowed(self) -> str:
        if self.above is not None:
            upper = "" if self.high is None else f", at most {self.high:.10g}"
            return f"a number above {self.above:g}{upper}"
        return f"a number{_range(self.low, self.high)}"

    def read(self, node: Node, report: MistakeReport) -> float:
        value = float(_unquoted(node, _FLOAT))
        too_low = (self.low is not None and value < self.low) or (
            self.above is not None and value <= self.above
        )
        if too_low or not math.isfinite(value) or (self.high is not None and value > self.high):
            raise InvalidValue
        return value


@dataclass(frozen=True, slots=True)
class NonZero:
    """A factor that keeps what it scales: neither 0, nor so small or large that a value of it is
    nothing or infinite for a device."""

    least = 1e-6
    most = 1e6

    def allowed(self) -> str:
        return f"a number other than 0 whose size is {self.least:g} to {self.most:g}"

    def read(self, node: Node, report: MistakeReport) -> float:
        value = Number().read(node, report)
        if not self.least <= abs(value) <= self.most:
            raise InvalidValue
        return value


@dataclass(frozen=True, slots=True)
class NumberOrTimetable:
    """A constant number, or the name of a timetable."""

    name: Text

    def allowed(self) -> str:
        return f"a number, or the name of a timetable ({self.name.allowed()})"

    def read(self, node: Node, report: MistakeReport) -> float | str:
        try:
            return Number().read(node, report)
        except InvalidValue:
            return self.name.read(node, report)


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number, decimal or 0x hexadecimal."""

    low: int | None = None
    high: int | None = None

    def allowed(self) -> str:
        return f"a whole number{_range(self.low, self.high)}"

    def read(self, node: Node, report: MistakeReport) -> int:
        text = _unquoted(node, _INT)
        value = int(text, 16 if text.startswith("0x") else 10)
        if (self.low is not None and value < self.low) or (
            self.high is not None and value > self.high
        ):
            raise InvalidValue
        return value


@cache
def _words(members: type[StrEnum] | tuple[str, ...]) -> Mapping[str | None, str]:
    return {str(word): word for word in members}


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few words. ``null`` is the word that an empty value stands for (None: for none)."""

    members: type[StrEnum] | tuple[str, ...]
    null: str | None = None

    def allowed(self) -> str:
        return f"one of {', '.join(self.members)}"

    def read(self, node: Node, report: MistakeReport) -> str:
        text = self.null if isinstance(node, ScalarNode) and node.is_null else _scalar(node).text
        word = _words(self.members).get(text)
        if word is None:
            raise InvalidValue
        return word


@dataclass(frozen=True, slots=True)
class DateValue:
    """A date."""

    def allowed(self) -> str:
        return "a date such as 2026-12-24"

    def read(self, node: Node, report: MistakeReport) -> date:
        text = _scalar(node).text
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise InvalidValue
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise InvalidValue from None


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A date and time with its UTC offset, read as aware UTC."""

    def allowed(self) -> str:
        return "a moment with its UTC offset such as 2026-03-01T10:00:00+01:00"

    def read(self, node: Node, report: MistakeReport) -> datetime:
        try:
            moment = datetime.fromisoformat(_scalar(node).text)
        except ValueError:
            raise InvalidValue from None
        if moment.tzinfo is None or moment.year not in _YEARS:
            raise InvalidValue
        return moment.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """Local time as minutes after midnight [min]; ``end`` allows 24:00."""

    end: bool = False

    def allowed(self) -> str:
        return f"a time from 00:00 to {'24:00' if self.end else '23:59'}"

    def read(self, node: Node, report: MistakeReport) -> int:
        match = _CLOCK.fullmatch(_scalar(node).text)
        if match is None or int(match[2]) > 59:
            raise InvalidValue
        minute = int(match[1]) * 60 + int(match[2])
        if minute > (MINUTES_PER_DAY if self.end else MINUTES_PER_DAY - 1):
            raise InvalidValue
        return minute


@dataclass(frozen=True, slots=True)
class Weekdays:
    """Days of the week, 0 is Monday."""

    def allowed(self) -> str:
        return 'every, a span such as mon-fri, or days such as "sat,sun" (quoted) or [sat, sun]'

    def read(self, node: Node, report: MistakeReport) -> frozenset[int]:
        if isinstance(node, SequenceNode):
            tokens = [_scalar(item).text for item in node.nodes]
        else:
            tokens = _scalar(node).text.split(",")
        if tokens == ["every"]:
            return frozenset(range(7))
        days: frozenset[int] = frozenset().union(*(self._span(token.strip()) for token in tokens))
        if not days:
            raise InvalidValue
        return days

    def _span(self, token: str) -> frozenset[int]:
        first, _, last = token.partition("-")
        if first not in _DAYS or (last or first) not in _DAYS:
            raise InvalidValue
        start, end = _DAYS.index(first), _DAYS.index(last or first)
        return frozenset((start + i) % 7 for i in range((end - start) % 7 + 1))


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of at least ``least`` values of one type."""

    value_type: ValueType
    least: int = 0

    def allowed(self) -> str:
        count = f" of at least {self.least}" if self.least else ""
        return f"a list{count}, each {self.value_type.allowed()}"

    def read(self, node: Node, report: MistakeReport) -> tuple[Any, ...]:
        if not isinstance(node, SequenceNode) or len(node.nodes) < self.least:
            raise InvalidValue
        values = []
        for item in node.nodes:
            try:
                values.append(self.value_type.read(item, report))
            except InvalidValue:
                report.add(item.where, f"expects {self.value_type.allowed()}, not {describe(item)}")
        return tuple(values)


@dataclass(frozen=True, slots=True)
class NumberPair:
    """Two numbers; with ``rising`` the second is not below the first."""

    rising: bool = True

    def allowed(self) -> str:
        return "[low, high], low not above high" if self.rising else "two numbers [a, b]"

    def read(self, node: Node, report: MistakeReport) -> tuple[float, float]:
        if not isinstance(node, SequenceNode) or len(node.nodes) != 2:
            raise InvalidValue
        low, high = (Number().read(item, report) for item in node.nodes)
        if self.rising and low > high:
            raise InvalidValue
        return low, high


@dataclass(frozen=True, slots=True)
class MappingOf:
    """A mapping from names to values of one type."""

    value_type: ValueType
    key: Text

    def allowed(self) -> str:
        return f"names, each with {self.value_type.allowed()}"

    def read(self, node: Node, report: MistakeReport) -> dict[str, Any]:
        if not isinstance(node, MappingNode):
            raise InvalidValue
        values = {}
        for name, (where, item) in node.nodes.items():
            if not _compiled(self.key.pattern).fullmatch(name):
                report.add(where, f"name {quote(name)}: expects {self.key.allowed()}")
                continue
            try:
                values[name] = self.value_type.read(item, report)
            except InvalidValue:
                report.add(
                    where, f"{name}: expects {self.value_type.allowed()}, not {describe(item)}"
                )
        return values


@dataclass(frozen=True, slots=True)
class BacnetObject:
    """``object-type,instance`` and, where it is not the present value, ``,property``."""

    def allowed(self) -> str:
        return (
            '"object-type,instance" such as "analog-input,1" (types: analog-, binary- or '
            "multi-state- with input, output or value, integer-value, positive-integer-value, "
            "large-analog-value, accumulator, pulse-converter, loop, averaging, or the number of a "
            f"proprietary type, 128 to 1023; instances: 0 to {_MAX_INSTANCE}; a property such as "
            "reliability, or its number, may follow)"
        )

    def read(self, node: Node, report: MistakeReport) -> BacnetAddress:
        match = _OBJECT.fullmatch(_scalar(node).text.replace(" ", ""))
        if match is None or not _is_type(match[1]) or int(match[2]) > _MAX_INSTANCE:
            raise InvalidValue
        if match[3] is not None and not _is_property(match[3]):
            raise InvalidValue
        usual = _USUAL_PROPERTY.get(match[1], "present-value")
        return BacnetAddress(
            object_type=match[1], instance=int(match[2]), property=match[3] or usual
        )


def _is_type(text: str) -> bool:
    return int(text) in _PROPRIETARY_TYPES if text.isdecimal() else text in _OBJECT_TYPES


def _is_property(text: str) -> bool:
    return int(text) < _PROPERTIES if text.isdecimal() else text in standard_properties()


@dataclass(frozen=True, slots=True)
class BacnetObjectOr:
    """A BACnet object as text, or else a value of another type."""

    other: ValueType

    def allowed(self) -> str:
        return f"{BacnetObject().allowed()}, or {self.other.allowed()}"

    def read(self, node: Node, report: MistakeReport) -> Any:
        if isinstance(node, ScalarNode):
            return BacnetObject().read(node, report)
        return self.other.read(node, report)


@dataclass(frozen=True, slots=True)
class TextOr:
    """Text, or else a value of another type."""

    other: ValueType

    def allowed(self) -> str:
        return f"{Text().allowed()}, or {self.other.allowed()}"

    def read(self, node: Node, report: MistakeReport) -> Any:
        return (Text() if isinstance(node, ScalarNode) else self.other).read(node, report)


@dataclass(frozen=True, slots=True)
class WordOr:
    """A mapping, or one word that stands for a mapping with nothing but the key ``name``."""

    mapping: ValueType
    name: str
    word: ValueType

    def allowed(self) -> str:
        return f"{self.word.allowed()}, or {self.mapping.allowed()}"

    def read(self, node: Node, report: MistakeReport) -> Any:
        if isinstance(node, ScalarNode):
            self.word.read(node, report)
            node = MappingNode(node.where, {self.name: (node.where, node)})
        return self.mapping.read(node, report)


@cache
def standard_properties() -> frozenset[str]:
    """The names of the standard's properties (ANSI/ASHRAE 135, clause 21)."""
    lines = Path(__file__).with_name("bacnet_properties.txt").read_text("ascii").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def describe(node: Node) -> str:
    """What a node is, for a message: ``a mapping``, ``a list of 3``, ``nothing`` or its text."""
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return f"a list of {len(node.nodes)}"
    if node.is_null:
        return "nothing"
    return f"text {quote(node.text)}" if node.quoted else quote(node.text)
