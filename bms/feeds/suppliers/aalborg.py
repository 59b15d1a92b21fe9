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

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from bms.errors import FeedError
from bms.feeds.suppliers.column_names import MOMENT, NUMBER, bare, named_unit, quantity_of
from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.suppliers.rows import Column, Table
from bms.feeds.suppliers.text import json_of, keys, text_or_none
from bms.feeds.suppliers.values import scale_of
from bms.model.readings.metering import SupplierFile

PRESET = CsvMapping(timezone="Europe/Copenhagen", interval_s=0, values=())
MAX_DEPTH = 4
"""Lists and objects around a reading [1]."""
_UNIT_WORDS = ("enhed", "unit")

Record = Mapping[str, object]


class Words(NamedTuple):
    """The bare names of the fields of the meter number and of the time."""

    number: frozenset[str] = NUMBER
    moment: frozenset[str] = MOMENT

    @classmethod
    def of(cls, mapping: CsvMapping | None) -> Words:
        if mapping is None:
            return cls()
        return cls(frozenset({bare(mapping.number)}), frozenset(map(bare, mapping.time)))


def read_aalborg(content: bytes, name: str, mapping: CsvMapping | None = None) -> SupplierFile:
    """Registers and states of meters; ``name`` stands in messages.

    ``mapping`` names the fields (as columns) and their units instead of the preset. Raises
    ``FeedError`` when the file as a whole holds no readings.
    """
    document = json_of(content, name)
    if any(bare(key) == "registeredmeters" for key in keys(document)):
        raise FeedError(f"{name}: the list of meters, not their data; fetch /api/data?meterid=")
    reader = _Reader(Table(name, mapping or PRESET), mapping)
    found = 0
    for number, record in _records(document, reader.words, None, 0):
        found += 1
        reader.reading(found, number, record)
    if not found and document != []:
        raise FeedError(
            f"{name}: no readings: no object has a time (Aflæsningstidspunkt); is it the answer"
            " of /api/data?meterid=?"
        )
    return reader.table.file(reader.ignored)


def _records(
    node: object, words: Words, number: str | None, depth: int
) -> Iterator[tuple[str | None, Record]]:
    """Every reading below a node, with the meter number that stands around it."""
    if depth > MAX_DEPTH:
        return
    if isinstance(node, list):
        for item in node:
            yield from _records(item, words, number, depth + 1)
        return
    record = keys(node)
    number = _of(record, words.number) or number
    if any(bare(key) in words.moment for key in record):
        yield number, record
        return
    for value in record.values():
        if isinstance(value, dict | list):
            yield from _records(value, words, number, depth + 1)


def _of(record: Record, words: frozenset[str]) -> str | None:
    """The text of the first field with such a name."""
    return next((text_or_none(value) for key, value in record.items() if bare(key) in words), None)


class _Reader:
    """One answer while it is being read."""

    def __init__(self, table: Table, mapping: CsvMapping | None) -> None:
        self.table, self.mapping, self.words = table, mapping, Words.of(mapping)
        self.ignored: dict[str, None] = {}
        self._columns: dict[tuple[str, str | None], Column | None] = {}
        self._declared = {
            bare(value.column): value for value in (mapping.values if mapping else ())
        }

    def reading(self, place: int, number: str | None, record: Record) -> None:
        """One reading with its values."""
        stamp = self._stamp(record)
        if stamp is None or number is None:
            lacks = "meter number" if number is None else "time"
            self.table.refuse(place, f"the reading has no {lacks}")
            return
        values = [
            (column, text_or_none(value) or "")
            for key, value in record.items()
            if (column := self._column(place, key, record)) is not None
            and not isinstance(value, bool | dict | list)
        ]
        self.table.add(place, number, stamp, values)

    def _stamp(self, record: Record) -> str | None:
        """The text of the time; the parts that a mapping names are joined in its order."""
        if self.mapping is None:
            return _of(record, self.words.moment)
        parts = [_of(record, frozenset({bare(name)})) for name in self.mapping.time]
        return " ".join(part for part in parts if part is not None) or None

    def _column(self, place: int, key: str, record: Record) -> Column | None:
        """What a field means; None for fields that are not used, which is said once."""
        unit = self._unit(key, record)
        if (key, unit) in self._columns:
            return self._columns[key, unit]
        column = self._found(place, key, unit)
        self._columns[key, unit] = column
        word = bare(key)
        if column is None and not (
            word in self.words.number | self.words.moment or word.endswith(_UNIT_WORDS)
        ):
            self.ignored[key] = None
        return column

    def _unit(self, key: str, record: Record) -> str | None:
        beside = frozenset(bare(key) + word for word in _UNIT_WORDS)
        return _of(record, beside) or _of(record, frozenset(_UNIT_WORDS))

    def _found(self, place: int, key: str, unit: str | None) -> Column | None:
        if self.mapping is not None:
            declared = self._declared.get(bare(key))
            scale = scale_of(declared.quantity, declared.unit) if declared else None
            return Column(key, declared.quantity, scale) if declared and scale else None
        word, inside = named_unit(key)
        try:
            found = quantity_of(word, inside or unit)
        except ValueError as error:
            self.table.refuse(place, f"field {key!r} is left out: {error}; declare it in a mapping")
            return None
        scale = scale_of(*found) if found else None
        return Column(key, found[0], scale) if found and scale else None
