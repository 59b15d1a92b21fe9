"""The answer of Aalborg Forsyning's REST interface for meters: ``GET /api/data``. UNVERIFIED.

The utility publishes the addresses (``/Token``, ``/api/data/Meters``, ``/api/data?meterid=``), that
the answer is JSON, that registers and momentary values come hourly for the last three days, and
the first field names (``Kundenummer``, ``MeterID``, ``Aflæsningstidspunkt``,
``Energi1Varmeenergi``); a public client shows a list of readings. No recorded answer was at hand,
so names are compared loosely (``bms.feeds.suppliers.column_names``), a list may lie inside an
object, and times without an offset are taken as Danish local time. The token never comes here.

The unit of energy, power and flow has to stand beside the value (a field ``Enhed``, or one named
after the value, ``Energi1VarmeenergiEnhed``) or in a mapping: kWh and MWh are both in use. The
``line`` of a row is the place of its reading in the answer, counted from 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from bms.errors import FeedError
from bms.feeds.suppliers.column_names import (
    METER_NUMBER,
    MOMENT,
    normalised_name,
    quantity_of,
    split_unit,
)
from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.suppliers.decoding import decoded_json, object_entries, text_or_none
from bms.feeds.suppliers.numbers_and_units import unit_scale
from bms.feeds.suppliers.row_collector import RowCollector, ScaledColumn
from bms.model.readings.metering import SupplierFile

PRESET = CsvMapping(timezone="Europe/Copenhagen", interval_s=0, values=())
MAX_DEPTH = 4
"""Deepest nesting of a reading [1]."""
_UNIT_WORDS = ("enhed", "unit")

MAX_IGNORED = 1000
"""Most names of unused fields [1] that are told."""


class JsonReading:
    """The fields of an object, and their texts by normalised name, the first of each."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        self.fields = fields
        self.words = {key: normalised_name(key) for key in fields}
        self.texts: dict[str, str | None] = {}
        for key, word in self.words.items():
            self.texts.setdefault(word, text_or_none(fields[key]))
        self.unit = self.text(_UNIT_WORDS)
        """The unit of all values that have none of their own."""

    def text(self, words: Iterable[str]) -> str | None:
        """Returns the text of the first field with such a name, None without one."""
        return next((text for word, text in self.texts.items() if word in words), None)


class FieldNames(NamedTuple):
    """Normalised names of the fields of meter number and time."""

    number: frozenset[str] = METER_NUMBER
    moment: frozenset[str] = MOMENT

    @classmethod
    def of(cls, mapping: CsvMapping | None) -> FieldNames:
        if mapping is None:
            return cls()
        return cls(
            frozenset({normalised_name(mapping.number)}),
            frozenset(map(normalised_name, mapping.time)),
        )


def read_aalborg(content: bytes, name: str, mapping: CsvMapping | None = None) -> SupplierFile:
    """Returns registers and states of meters; ``name`` stands in messages.

    ``mapping`` names the fields (as columns) and their units instead of the preset. Raises
    ``FeedError`` when the file as a whole holds no readings.
    """
    document = decoded_json(content, name)
    if any(normalised_name(key) == "registeredmeters" for key in object_entries(document)):
        raise FeedError(f"{name}: the list of meters, not their data; fetch /api/data?meterid=")
    reader = _AalborgReader(RowCollector(name, mapping or PRESET), mapping)
    found = 0
    for number, reading in _readings_below(document, reader.words, None, 0):
        found += 1
        reader.reading(found, number, reading)
    if not found and document != []:
        raise FeedError(
            f"{name}: no readings: no object has a time (Aflæsningstidspunkt); is it the answer"
            " of /api/data?meterid=?"
        )
    return reader.collector.file(reader.ignored)


def _readings_below(
    node: object, words: FieldNames, number: str | None, depth: int
) -> Iterator[tuple[str | None, JsonReading]]:
    """Yields every reading below a node, with the meter number of its enclosing object."""
    if depth > MAX_DEPTH:
        return
    if isinstance(node, list):
        for item in node:
            yield from _readings_below(item, words, number, depth + 1)
        return
    fields = object_entries(node)
    reading = JsonReading(fields)
    number = reading.text(words.number) or number
    if words.moment & reading.texts.keys():
        yield number, reading
        return
    for value in fields.values():
        if isinstance(value, dict | list):
            yield from _readings_below(value, words, number, depth + 1)


class _AalborgReader:
    """Reads one response."""

    def __init__(self, collector: RowCollector, mapping: CsvMapping | None) -> None:
        self.collector, self.mapping, self.words = collector, mapping, FieldNames.of(mapping)
        self.ignored: dict[str, None] = {}
        self._columns: dict[tuple[str, str | None], ScaledColumn | None] = {}
        self._declared = {
            normalised_name(value.column): value for value in (mapping.values if mapping else ())
        }

    def reading(self, place: int, number: str | None, reading: JsonReading) -> None:
        """Adds one reading with its values."""
        stamp = self._stamp(reading)
        if stamp is None or number is None:
            lacks = "meter number" if number is None else "time"
            self.collector.refuse(place, f"the reading has no {lacks}")
            return
        values = [
            (column, text_or_none(value) or "")
            for key, value in reading.fields.items()
            if (column := self._column(place, key, reading)) is not None
            and not isinstance(value, bool | dict | list)
        ]
        self.collector.add(place, number, stamp, values)

    def _stamp(self, reading: JsonReading) -> str | None:
        """Returns the text of the time; fields that a mapping names are joined in its order."""
        if self.mapping is None:
            return reading.text(self.words.moment)
        parts = [reading.texts.get(normalised_name(name)) for name in self.mapping.time]
        return " ".join(part for part in parts if part is not None) or None

    def _column(self, place: int, key: str, reading: JsonReading) -> ScaledColumn | None:
        """Returns the column of a field; None where it is not used, recorded once."""
        unit = self._unit(key, reading)
        if (key, unit) in self._columns:
            return self._columns[key, unit]
        column = self._found(place, key, unit)
        self._columns[key, unit] = column
        word = reading.words[key]
        if (
            column is None
            and len(self.ignored) < MAX_IGNORED
            and not (word in self.words.number | self.words.moment or word.endswith(_UNIT_WORDS))
        ):
            self.ignored[key] = None
        return column

    def _unit(self, key: str, reading: JsonReading) -> str | None:
        beside = (reading.texts.get(reading.words[key] + word) for word in _UNIT_WORDS)
        return next(filter(None, beside), None) or reading.unit

    def _found(self, place: int, key: str, unit: str | None) -> ScaledColumn | None:
        if self.mapping is not None:
            declared = self._declared.get(normalised_name(key))
            scale = unit_scale(declared.quantity, declared.unit) if declared else None
            return ScaledColumn(key, declared.quantity, scale) if declared and scale else None
        word, inside = split_unit(key)
        try:
            found = quantity_of(word, inside or unit)
        except ValueError as error:
            self.collector.refuse(
                place, f"field {key!r} is left out: {error}; declare it in a mapping"
            )
            return None
        scale = unit_scale(*found) if found else None
        return ScaledColumn(key, found[0], scale) if found and scale else None
