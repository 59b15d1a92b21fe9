"""Mapping of a supplier's CSV: declared in YAML by a person, never guessed from the rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent

from bms.errors import ConfigError, Mistake
from bms.feeds.suppliers.decoding import ENCODINGS
from bms.feeds.suppliers.numbers_and_units import NumberStyle, unit_names, unit_scale
from bms.model.outside_text import shown
from bms.model.readings.metering import Quantity

AMBIGUOUS = ("order", "first", "second", "refuse")
STAMPS = ("start", "end")
MIN_INTERVAL_S, MAX_INTERVAL_S = 60, 604_800
"""Intervals that may be declared [s]."""
MAX_CHARS = 20_000
"""Longest mapping file [characters]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueColumn:
    """A column of values: its name in the header, its quantity and the supplier's unit."""

    column: str
    quantity: Quantity
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvMapping:
    """The default is ``meter_id,timestamp_utc,kwh``: amounts per interval, in UTC.

    ``time``: one column, or several that are joined by a blank (date and hour). ``interval_s``
    [s]: 0 for registers and states, None to infer it from the timestamps of each meter. ``stamp``:
    which end of the interval the timestamp marks. ``time_format``: of ``datetime.strptime``, None
    for ISO 8601; an offset in the timestamp takes precedence over ``timezone``. ``ambiguous``: how
    a local time that occurs twice is resolved: by the ``order`` of the rows, as the ``first``, as
    the ``second``, or not (``refuse``). ``thousands``: the separator of groups of three digits, if
    any.
    """

    number: str = "meter_id"
    time: tuple[str, ...] = ("timestamp_utc",)
    values: tuple[ValueColumn, ...] = field(
        default=(ValueColumn(column="kwh", quantity=Quantity.ENERGY, unit="kWh"),)
    )
    separator: str = ","
    decimal: str = "."
    thousands: str = ""
    timezone: str = "UTC"
    stamp: str = "start"
    interval_s: int | None = None
    encoding: str = "utf-8"
    time_format: str | None = None
    ambiguous: str = "order"

    @property
    def style(self) -> NumberStyle:
        return NumberStyle(self.decimal, self.thousands)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @classmethod
    def from_yaml(cls, text: str, file: str = "mapping.yaml") -> Self:
        """Returns the mapping that a YAML text declares; what it omits keeps its default.

        Raises ``ConfigError`` with every mistake and its line.
        """
        return cls(**_MappingParser(file).settings(text))


LocatedValue = tuple[Any, int]
"""A value of the YAML file and its line."""


class _MappingParser:
    """Parses one mapping file and collects its mistakes."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.mistakes: list[Mistake] = []

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
        if self.mistakes:
            ordered = sorted(self.mistakes, key=lambda mistake: mistake.line)
            raise ConfigError("\n".join(str(mistake) for mistake in ordered))
        return settings

    def _wrong(self, line: int, message: str) -> None:
        self.mistakes.append(Mistake(self.file, line, message))

    def _tree(self, text: str) -> object:
        if len(text) > MAX_CHARS:
            self._wrong(1, f"longer than {MAX_CHARS} characters; is it a mapping?")
            return CommentedMap()
        try:
            if any(isinstance(e, AliasEvent) for e in YAML(typ="rt", pure=True).parse(text)):
                self._wrong(1, "has an alias (*name); write the value itself")
                return CommentedMap()
            return YAML(typ="rt", pure=True).load(text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._wrong(mark.line + 1 if mark else 1, f"not YAML: {error.problem or error.context}")
        except (YAMLError, ValueError, LookupError, RecursionError, AttributeError) as error:
            self._wrong(1, f"not YAML: {(str(error).splitlines() or ['?'])[0]}")
        return CommentedMap()

    def _settings(self, tree: object) -> dict[str, Any]:
        if not isinstance(tree, CommentedMap):
            self._wrong(1, f"has to be a mapping of {', '.join(_SETTINGS)} and columns")
            return {}
        settings: dict[str, Any] = {}
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
        entries = self._entries(tree, {"number", "time", "values"})
        settings: dict[str, Any] = {}
        for name in ("number", "time", "values"):
            if name not in entries:
                self._wrong(line, f"columns: {name} is missing")
                continue
            value, where = entries[name]
            if name == "values":
                settings["values"] = self._values(value, where)
            else:
                settings |= self._checked(name, _COLUMNS[name], value, where)
        return settings

    def _values(self, tree: object, line: int) -> tuple[ValueColumn, ...]:
        if not isinstance(tree, CommentedSeq) or not tree:
            self._wrong(line, "values has to be a list of {column, quantity, unit}")
            return ()
        found = [self._value(item, tree.lc.data[i][0] + 1) for i, item in enumerate(tree)]
        return tuple(value for value in found if value is not None)

    def _value(self, tree: object, line: int) -> ValueColumn | None:
        if not isinstance(tree, CommentedMap):
            self._wrong(line, "a value has to be {column: NAME, quantity: energy, unit: kWh}")
            return None
        settings: dict[str, Any] = {}
        entries = self._entries(tree, set(_VALUE))
        for name, check in _VALUE.items():
            if name in entries:
                settings |= self._checked(name, check, *entries[name])
            else:
                self._wrong(line, f"{name} is missing")
        if len(settings) < len(_VALUE):
            return None
        if unit_scale(settings["quantity"], settings["unit"]) is None:
            self._wrong(
                entries["unit"][1],
                f"{shown(settings['unit'])!r} is no unit of {settings['quantity']};"
                f" known are {unit_names(settings['quantity'])}",
            )
            return None
        return ValueColumn(**settings)

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


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("has to be a text; put it in quotes")
    return str(value)


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, CommentedSeq) and value:
        return tuple(_text(item) for item in value)
    return (_text(value),)


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
}
_COLUMNS: Mapping[str, Callable[[object], object]] = {"number": _text, "time": _texts}
_VALUE: Mapping[str, Callable[[object], object]] = {
    "column": _text,
    "quantity": _quantity,
    "unit": _text,
}
