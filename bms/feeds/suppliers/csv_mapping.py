"""Mapping of a supplier's CSV: declared in YAML by a person, never guessed from the rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, cast
from zoneinfo import ZoneInfo

import yaml as libyaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    ScalarEvent,
    StreamEndEvent,
)

from bms.errors import ConfigError, Mistake
from bms.feeds.suppliers.decoding import ENCODINGS
from bms.feeds.suppliers.numbers_and_units import NumberStyle, unit_names, unit_scale
from bms.model.outside_text import shown
from bms.model.readings.measurement import Quality
from bms.model.readings.metering import Quantity
from bms.model.yaml_data import read_text_file

AMBIGUOUS = ("order", "first", "second", "refuse")
STAMPS = ("start", "end")
MIN_INTERVAL_S, MAX_INTERVAL_S = 60, 604_800
"""Intervals that may be declared [s]."""
MAX_SKIPPED = 1000
"""Most lines above a header [1]."""
EXCEL = "excel"
"""Time format of serial days of a spreadsheet: days [d] since 1899-12-30, in local time."""
MAX_DEPTH = 10
MOST_MISTAKES = 100
"""Mistakes [1] that are told; the rest is counted."""
MAX_CHARS = 20_000
"""Longest mapping file [characters]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueColumn:
    """A column of values: its name in the header, its quantity and the supplier's unit.

    ``number``: of the meter that the column belongs to, where a row holds several meters.
    """

    column: str
    quantity: Quantity
    unit: str
    number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvMapping:
    """The default is ``meter_id,timestamp_utc,kwh``: amounts per interval, in UTC.

    ``time``: one column, or several that are joined by a blank (date and hour). ``interval_s``
    [s]: 0 for registers and states, None to infer it from the timestamps of each meter. ``stamp``:
    which end of the interval the timestamp marks. ``time_format``: of ``datetime.strptime``, None
    for ISO 8601; an offset in the timestamp takes precedence over ``timezone``. ``ambiguous``: how
    a local time that occurs twice is resolved: by the ``order`` of the rows, as the ``first``, as
    the ``second``, or not (``refuse``). ``thousands``: the separator of groups of three digits, if
    any. ``timezone``: None where nobody has declared one; stamps without offset are then UTC.

    ``skip_lines``: lines above the header. ``header``: names of the columns of a file without a
    header, none for columns that are called 1, 2 and so on; None where the file has one.
    ``meter``: number of the only meter of the file, which then needs no column of numbers.
    ``every``: what all columns without another meaning hold, each of the meter that it is named
    after. ``quality``: column with the quality of the values; ``qualities``: its words beyond those
    that are known.
    """

    number: str = "meter_id"
    time: tuple[str, ...] = ("timestamp_utc",)
    values: tuple[ValueColumn, ...] = field(
        default=(ValueColumn(column="kwh", quantity=Quantity.ENERGY, unit="kWh"),)
    )
    separator: str = ","
    decimal: str = "."
    thousands: str = ""
    timezone: str | None = None
    stamp: str = "start"
    interval_s: int | None = None
    encoding: str = "utf-8"
    time_format: str | None = None
    ambiguous: str = "order"
    skip_lines: int = 0
    header: tuple[str, ...] | None = None
    meter: str | None = None
    every: ValueColumn | None = None
    quality: str | None = None
    qualities: Mapping[str, Quality] = field(default_factory=dict)

    @property
    def style(self) -> NumberStyle:
        return NumberStyle(self.decimal, self.thousands)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone or "UTC")

    @property
    def one_number_a_row(self) -> bool:
        """Whether a column names the meter of each row."""
        return (
            self.meter is None and self.every is None and all(v.number is None for v in self.values)
        )

    @classmethod
    def from_yaml(cls, text: str, file: str = "mapping.yaml") -> Self:
        """Returns the mapping that a YAML text declares; what it omits keeps its default.

        Raises ``ConfigError`` with every mistake and its line.
        """
        return cls(**_MappingParser(file).settings(text))

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Returns the mapping of a file; raises as ``from_yaml`` does."""
        return cls.from_yaml(read_text_file(path), str(path))


_OF_RUAMEL = (ValueError, LookupError, RecursionError, AttributeError, TypeError)
"""What ruamel.yaml raises for values and keys that it does not expect."""
LocatedValue = tuple[Any, int]
"""A value of the YAML file and its line."""


class _MappingParser:
    """Parses one mapping file and collects its mistakes."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.mistakes: list[Mistake] = []
        self.meter = False
        """Whether the whole file is of one meter."""

    def settings(self, text: str) -> dict[str, Any]:
        """Returns the arguments of a mapping. Raises ``ConfigError`` with all mistakes."""
        settings = self._settings(self._tree(text))
        style = NumberStyle(settings.get("decimal", "."), settings.get("thousands", ""))
        if style.decimal == style.thousands:
            self._wrong(1, "thousands and decimal are the same sign; they have to differ")
        if settings.get("interval_s") == 0 and settings.get("stamp") == "end":
            self._wrong(
                1, "stamp: end says nothing of registers, which have a moment; leave it out"
            )
        if isinstance(settings.get("header"), int):
            settings["skip_lines"] = settings.pop("header") - 1
        if self.mistakes:
            ordered = sorted(self.mistakes, key=lambda mistake: mistake.line)
            told = [str(mistake) for mistake in ordered[:MOST_MISTAKES]]
            if len(ordered) > MOST_MISTAKES:
                told.append(f"and {len(ordered) - MOST_MISTAKES} more mistakes")
            raise ConfigError("\n".join(told))
        return settings

    def _wrong(self, line: int, message: str) -> None:
        self.mistakes.append(Mistake(self.file, line, message))

    def _tree(self, text: str) -> object:
        if len(text) > MAX_CHARS:
            self._wrong(1, f"longer than {MAX_CHARS} characters; is it a mapping?")
            return CommentedMap()
        try:
            for told, line in _traps(text):
                self._wrong(line, told)
                return CommentedMap()
            return YAML(typ="rt", pure=True).load(text)
        except (MarkedYAMLError, libyaml.MarkedYAMLError) as error:
            mark = error.problem_mark or error.context_mark
            self._wrong(mark.line + 1 if mark else 1, f"not YAML: {error.problem or error.context}")
        except (YAMLError, libyaml.YAMLError, *_OF_RUAMEL) as error:
            self._wrong(1, f"not YAML: {(str(error).splitlines() or ['?'])[0]}")
        return CommentedMap()

    def _settings(self, tree: object) -> dict[str, Any]:
        if not isinstance(tree, CommentedMap):
            self._wrong(1, f"has to be a mapping of {', '.join(_SETTINGS)} and columns")
            return {}
        settings: dict[str, Any] = {}
        self.meter = "meter" in tree
        for name, (value, line) in self._entries(tree, {*_SETTINGS, "columns"}).items():
            if name == "columns":
                settings |= self._columns(value, line)
            else:
                settings |= self._checked(name, _SETTINGS[name], value, line)
        return settings

    def _columns(self, tree: object, line: int) -> dict[str, Any]:
        if not isinstance(tree, CommentedMap):
            self._wrong(line, "columns has to name number, time and values")
            return {}
        entries = self._entries(tree, {"number", "time", "values", "meters", "quality"})
        settings: dict[str, Any] = {}
        for name, (value, where) in entries.items():
            if name == "values":
                settings["values"] = self._values(value, where)
            elif name == "meters":
                settings["every"] = self._value(value, where, _EVERY)
            else:
                settings |= self._checked(name, _COLUMNS[name], value, where)
        self._whole(entries, settings, line)
        return settings

    def _whole(
        self, entries: Mapping[str, LocatedValue], settings: dict[str, Any], line: int
    ) -> None:
        """Reports what is missing, and what excludes another."""
        if "time" not in entries:
            self._wrong(line, "columns: time is missing")
        if "meters" in entries:
            for name in {"number", "values"} & set(entries):
                self._wrong(entries[name][1], f"columns: {name} and meters exclude each other")
            settings["values"] = ()
            return
        if "values" not in entries:
            self._wrong(line, "columns: values is missing")
        values = settings.get("values", ())
        numbered = [value for value in values if value.number]
        if numbered and ("number" in entries or len(numbered) < len(values)):
            self._wrong(line, "columns: either each of values has a number, or a column has them")
        if self.meter and "number" in entries:
            self._wrong(line, "columns: number and meter exclude each other")
        if not (self.meter or numbered or "number" in entries):
            self._wrong(
                line,
                "columns: number is missing; or declare meter (the only one of the file), number"
                " for each of values, or meters (every other column is one)",
            )

    def _values(self, tree: object, line: int) -> tuple[ValueColumn, ...]:
        if not isinstance(tree, CommentedSeq) or not tree:
            self._wrong(line, "values has to be a list of {column, quantity, unit}")
            return ()
        found = [self._value(item, tree.lc.data[i][0] + 1) for i, item in enumerate(tree)]
        return tuple(value for value in found if value is not None)

    def _value(
        self, tree: object, line: int, needed: Sequence[str] = ("column", "quantity", "unit")
    ) -> ValueColumn | None:
        if not isinstance(tree, CommentedMap):
            told = ", ".join(f"{name}: {_EXAMPLE[name]}" for name in needed)
            self._wrong(line, f"a value has to be {{{told}}}")
            return None
        settings: dict[str, Any] = {}
        entries = self._entries(tree, {*needed, "number"} if "column" in needed else {*needed})
        for name, (value, where) in entries.items():
            settings |= self._checked(name, _VALUE[name], value, where)
        for name in needed:
            if name not in entries:
                self._wrong(line, f"{name} is missing")
        if not {*needed} <= settings.keys():
            return None
        if unit_scale(settings["quantity"], settings["unit"]) is None:
            self._wrong(
                entries["unit"][1],
                f"{shown(settings['unit'])!r} is no unit of {settings['quantity']};"
                f" known are {unit_names(settings['quantity'])}",
            )
            return None
        return ValueColumn(**{"column": "", **settings})

    def _entries(self, tree: CommentedMap, known: set[str]) -> dict[str, LocatedValue]:
        """Returns the known keys with their lines; every other one is a mistake."""
        entries: dict[str, LocatedValue] = {}
        for name, value in tree.items():
            line = tree.lc.data[name][0] + 1 if name in tree.lc.data else 1
            if name in known:
                entries[name] = (value, line)
            else:
                self._wrong(
                    line, f"{shown(name)!r} is not known; known are {', '.join(sorted(known))}"
                )
        return entries

    def _checked(
        self, name: str, check: Callable[[object], object], value: object, line: int
    ) -> dict[str, object]:
        try:
            return {name: check(value)}
        except ValueError as error:
            self._wrong(line, f"{name}: {error}")
            return {}


def _traps(text: str) -> Iterator[tuple[str, int]]:
    """What no mapping needs, with its line. Found by libyaml: the time that ruamel.yaml takes grows
    with the square of the depth (CWE-407). Raises ``libyaml.YAMLError``."""
    loader, depth = libyaml.CSafeLoader(text), 0
    next_event = cast("Callable[[], Any]", loader.get_event)
    try:
        while not isinstance(event := next_event(), StreamEndEvent):
            line = event.start_mark.line + 1
            if isinstance(event, CollectionStartEvent):
                depth += 1
            elif isinstance(event, CollectionEndEvent):
                depth -= 1
            if depth > MAX_DEPTH:
                yield f"nested deeper than {MAX_DEPTH} levels", line
            if isinstance(event, AliasEvent):
                yield "has an alias (*name); write the value itself", line
            elif getattr(event, "tag", None) is not None:
                yield "has a tag (!name); take it out", line
            elif isinstance(event, ScalarEvent) and event.value == "<<":
                yield "has a merge key (<<); write the values themselves", line
    finally:
        loader.dispose()


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("has to be a text; put it in quotes")
    return str(value)


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, CommentedSeq) and value:
        return tuple(_column(item) for item in value)
    return (_column(value),)


def _sign(value: object) -> str:
    text = "\t" if value in ("tab", "\\t") else value
    if not isinstance(text, str) or len(text) != 1 or text in '"\r\n':
        raise ValueError("has to be one sign in quotes, or tab")
    return str(text)


def _one_of(*allowed: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if value not in allowed:
            names = ", ".join(repr(word) if len(word) == 1 else word for word in allowed)
            raise ValueError(f"{shown(value)!r} is not known; known are {names}")
        return str(value)

    return check


def _quantity(value: object) -> Quantity:
    try:
        return Quantity(str(value))
    except ValueError:
        raise ValueError(
            f"{shown(value)!r} is not known; known are {', '.join(Quantity)}"
        ) from None


def _zone(value: object) -> str:
    try:
        return ZoneInfo(_text(value)).key
    except (OSError, ValueError, LookupError):
        raise ValueError(
            f"{shown(value)!r} is no time zone; write Europe/Copenhagen or UTC"
        ) from None


def _number_of(value: object) -> str:
    """A meter number, which may stand without quotes."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _text(value)


def _header(value: object) -> int | tuple[str, ...]:
    """The line of the header, or the names of the columns of a file without one."""
    if value is False or value == "none":
        return ()
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_SKIPPED:
        return int(value)
    if isinstance(value, CommentedSeq) and value:
        return tuple(_text(item) for item in value)
    raise ValueError(
        "has to be the line of the header, none, or the names of the columns of a file without one"
    )


def _skip_lines(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_SKIPPED:
        raise ValueError(f"has to be a number of lines from 0 to {MAX_SKIPPED}")
    return int(value)


def _qualities(value: object) -> dict[str, Quality]:
    known = [quality.value for quality in (*_WITH_VALUE, Quality.ABSENT)]
    if not isinstance(value, CommentedMap) or not all(each in known for each in value.values()):
        raise ValueError(f"has to name words of the file as one of {', '.join(known)}")
    return {str(word): Quality(quality) for word, quality in value.items()}


def _column(value: object) -> str:
    """The name of a column, or its place in a file without a header."""
    return _number_of(value)


def _interval(value: object) -> int:
    if value == "register":
        return 0
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or not MIN_INTERVAL_S <= value <= MAX_INTERVAL_S
    ):
        raise ValueError(
            f"has to be register, or seconds from {MIN_INTERVAL_S} to {MAX_INTERVAL_S} (a week)"
        )
    return int(value)


def _time_format(value: object) -> str:
    """Returns a format with at least year, month and day. Raises ValueError."""
    text = _text(value)
    if text == EXCEL:
        return text
    try:
        moment = datetime(2013, 12, 24, 17, 45, 31, tzinfo=UTC)
        read = datetime.strptime(moment.strftime(text), text)  # noqa: DTZ007 - only its date
    except (ValueError, UnicodeError, re.error) as error:
        raise ValueError(f"{shown(text)!r} cannot be read back: {shown(str(error))}") from None
    if read.date() != moment.date():
        raise ValueError(f"{shown(text)!r} does not say the whole date; see Python's strptime")
    return text


_SETTINGS: Mapping[str, Callable[[object], object]] = {
    "separator": _sign,
    "decimal": _one_of(".", ","),
    "thousands": _one_of(".", ",", " ", "'"),
    "timezone": _zone,
    "stamp": _one_of(*STAMPS),
    "interval_s": _interval,
    "encoding": _one_of(*ENCODINGS),
    "time_format": _time_format,
    "ambiguous": _one_of(*AMBIGUOUS),
    "skip_lines": _skip_lines,
    "header": _header,
    "meter": _number_of,
    "qualities": _qualities,
}
_COLUMNS: Mapping[str, Callable[[object], object]] = {
    "number": _column,
    "time": _texts,
    "quality": _column,
}
_VALUE: Mapping[str, Callable[[object], object]] = {
    "column": _column,
    "quantity": _quantity,
    "unit": _text,
    "number": _number_of,
}
_EVERY = ("quantity", "unit")
_EXAMPLE = {"column": "NAME", "quantity": "energy", "unit": "kWh"}
_WITH_VALUE = tuple(quality for quality in Quality if quality.has_value)
