"""The drop file of a district heating utility: hourly registers, pushed by SFTP. UNVERIFIED.

Kredsløb (Aarhus) offers energy, volume, forward flow, return flow, average output and average
flow of each meter (kredslob.dk, "Agreement regarding the transfer of district heating meter
data"). How the file looks is not published and no recorded file was at hand. This preset expects
what Danish utilities usually export: semicolons, decimal comma, Danish local time and a header;
columns are found by their names, in any order. A real file that differs is read with a mapping.

Registers and states are stamped with their moment. "Forward" and "return" are temperatures where
their unit is degC, and the registers E8 and E9 where it is m3*degC. The unit has to stand in the
header where meters differ in it (energy, power, flow): a guess could be wrong by a thousand.
"""

from __future__ import annotations

from dataclasses import replace

from bms.errors import FeedError, Mistake
from bms.feeds.suppliers.column_names import (
    CLOCK,
    DATE,
    METER_NUMBER,
    MOMENT,
    normalised_name,
    quantity_of,
    split_unit,
)
from bms.feeds.suppliers.csv_mapping import CsvMapping, ValueColumn
from bms.feeds.suppliers.csv_reader import find_header, parse_rows, split_lines
from bms.feeds.suppliers.decoding import decoded_text
from bms.model.outside_text import printable
from bms.model.readings.metering import SupplierFile

PRESET = CsvMapping(
    separator=";",
    decimal=",",
    timezone="Europe/Copenhagen",
    interval_s=0,
)
DANISH_TIMES = ("%d-%m-%Y %H:%M", "%d-%m-%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M")
"""Timestamp formats that are tried on the first rows, beside ISO 8601."""


def read_kredsloeb(content: bytes, name: str) -> SupplierFile:
    """Returns registers and states of heat meters; ``name`` stands in messages.

    A column whose unit is missing or wrong is one mistake, unknown columns are in ``ignored``.
    Raises ``FeedError`` when there is no meter number, no time or
    no value in the header, or when the file is no CSV at all.
    """
    lines = _lines(content, name)
    line, names = find_header(lines, name, PRESET.separator)
    values, mistakes = _values(names, name, line)
    number = next((column for column in names if normalised_name(column) in METER_NUMBER), None)
    time = _time(names)
    if number is None or not time or not values:
        raise FeedError(_not_usable(name, line, names, number, time, mistakes))
    mapping = replace(PRESET, number=number, time=time, values=values)
    found = parse_rows(
        lines, name, replace(mapping, time_format=_time_format(lines, line, mapping))
    )
    return replace(found, mistakes=(*mistakes, *found.mistakes))


def _lines(content: bytes, name: str) -> list[str]:
    """Returns the lines, decoded as UTF-8 where the header is valid UTF-8, else as cp1252."""
    lines = split_lines(decoded_text(content, name, wanted="CSV"), name)
    _, names = find_header(lines, name, PRESET.separator)
    if any("\udc80" <= sign <= "\udcff" for column in names for sign in column):
        text = decoded_text(content, name, wanted="CSV", encoding="cp1252")
        return split_lines(text, name)
    return lines


def _values(
    names: list[str], file: str, line: int
) -> tuple[tuple[ValueColumn, ...], list[Mistake]]:
    """Returns the columns of values, and the mistakes of those that are left out."""
    values: list[ValueColumn] = []
    mistakes = []
    for column in names:
        word, unit = split_unit(column)
        try:
            found = quantity_of(word, unit)
            if found is not None and any(value.quantity is found[0] for value in values):
                raise ValueError(f"there is another column with {found[0]}")
        except ValueError as error:
            way = "write the heading as 'Energi [MWh]', or declare a mapping"
            text = printable(f"column {column!r} is left out: {error}; {way}")
            mistakes.append(Mistake(file, line, text))
            continue
        if found is not None:
            values.append(ValueColumn(column=column, quantity=found[0], unit=found[1]))
    return tuple(values), mistakes


def _time(names: list[str]) -> tuple[str, ...]:
    """Returns the column of date and time, or those of each; none where there is none."""
    words = {normalised_name(column): column for column in reversed(names)}
    for group in ((MOMENT,), (DATE, CLOCK), (CLOCK,), (DATE,)):
        found = [next((words[word] for word in words if word in names_), None) for names_ in group]
        if all(column is not None for column in found):
            return tuple(column for column in found if column is not None)
    return ()


def _time_format(lines: list[str], header: int, mapping: CsvMapping) -> str | None:
    """Returns the timestamp format that parses most of the first rows; None for ISO 8601."""
    sample = [text for text in lines[header : header + 30] if text.strip()]
    best, read = None, -1
    for form in (None, *DANISH_TIMES):
        trial = replace(mapping, time_format=form, ambiguous="first")
        count = len(parse_rows([lines[header - 1], *sample], "", trial).rows)
        if count > read:
            best, read = form, count
    return best


def _not_usable(
    file: str,
    line: int,
    names: list[str],
    number: str | None,
    time: tuple[str, ...],
    mistakes: list[Mistake],
) -> str:
    """Returns the message about what the header lacks."""
    lacks = [
        what
        for what, there in (
            ("a meter number (Målernummer)", number is not None),
            ("a time (Tidspunkt)", bool(time)),
            ("a value with its unit (Energi [MWh])", False),
        )
        if not there
    ]
    shown = ", ".join(names)[:200] or "nothing"
    why = f"; {mistakes[0].message}" if mistakes else ""
    return printable(
        f"{file}:{line}: not a drop file of district heating: the header lacks"
        f" {' and '.join(lacks)}; it names {shown}{why}"
    )
