"""CSV of suppliers: bytes and a mapping → rows, and a mistake for every row that is not used.

A line is a row: a quoted field may hold the separator but no line break, so that an open quote
affects its own line only. Regular lines are parsed by a fast path (one split, timestamps and meter
numbers from a cache), all others by a strict one that names the mistake.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bms.errors import FeedError
from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.suppliers.decoding import decoded_text
from bms.feeds.suppliers.numbers_and_units import PLAIN_NUMBER, unit_names, unit_scale
from bms.feeds.suppliers.row_collector import RowCollector, ScaledColumn
from bms.model.outside_text import printable
from bms.model.readings.metering import SupplierFile

TAB = "\t"
_SEPARATORS = {";": "semicolons", ",": "commas", TAB: "tabs", "|": "bars"}
_PLAIN = {
    ".": PLAIN_NUMBER,
    ",": re.compile(r"-?\d{1,12}(?:,\d{1,12})?", re.ASCII).fullmatch,
}


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    """The index of each column in a row; ``line`` is that of the header."""

    line: int
    width: int
    number: int
    time: tuple[int, ...]
    values: tuple[tuple[ScaledColumn, int], ...]
    ignored: tuple[str, ...]


def read_csv(content: bytes, name: str, mapping: CsvMapping) -> SupplierFile:
    """Returns the rows of a CSV file; ``name`` stands in messages.

    Raises ``FeedError`` when the file as a whole is not such a table.
    """
    lines = split_lines(decoded_text(content, name, wanted="CSV", encoding=mapping.encoding))
    return parse_rows(lines, name, mapping)


def parse_rows(lines: Sequence[str], name: str, mapping: CsvMapping) -> SupplierFile:
    """Returns the rows of lines with a header. Raises ``FeedError`` when a column is missing."""
    layout = column_layout(lines, name, mapping)
    collector = RowCollector(name, mapping)
    _read(lines, layout, collector)
    return collector.file(layout.ignored)


def _read(lines: Sequence[str], layout: ColumnLayout, collector: RowCollector) -> None:
    """Parses every line below the header, by the fast path where it is regular."""
    mapping, buffer = collector.mapping, collector.buffer
    separator, comma = mapping.separator, mapping.decimal == ","
    plain = _PLAIN[mapping.decimal]
    number_at, time_at, width = layout.number, layout.time[0], layout.width
    several = layout.time if len(layout.time) > 1 else ()
    short = [
        (column, place, f"e{column.scale.power}", column.scale.divisor)
        for column, place in layout.values
    ]
    numbers, stamps = collector.numbers, collector.stamps.known
    for line, text in enumerate(lines[layout.line :], layout.line + 1):
        fields = text.split(separator)
        if len(fields) != width or '"' in text:
            _parse_irregular(line, text, layout, collector)
            continue
        stamp = " ".join([fields[i] for i in several]) if several else fields[time_at]
        number, time = numbers.get(fields[number_at]), stamps.get(stamp)
        if number is None or time is None:
            _parse_irregular(line, text, layout, collector)
            continue
        for column, place, power, divisor in short:
            value = fields[place]
            if not plain(value):
                collector.value(line, number, time, column, value)
                continue
            buffer.numbers.append(number)
            buffer.columns.append(column)
            buffer.times.append(time)
            point = value.replace(",", ".") if comma else value
            buffer.values.append(float(point + power) / divisor)
            buffer.lines.append(line)


def _parse_irregular(line: int, text: str, layout: ColumnLayout, collector: RowCollector) -> None:
    """Parses a line with a new meter, a new timestamp, quotes, or a mistake."""
    if not text.strip():
        return
    fields = _split(text, collector.mapping.separator)
    if len(fields) == layout.width + 1 and not fields[-1].strip():
        fields.pop()  # many exports end every line with a separator
    if len(fields) != layout.width:
        collector.refuse(line, _wrong_width(fields, layout.width))
        return
    stamp = " ".join(fields[place] for place in layout.time)
    values = [(column, fields[place]) for column, place in layout.values]
    collector.add(line, fields[layout.number], stamp, values)


def split_lines(text: str) -> list[str]:
    """Returns the lines of a text that end with LF, CR LF or CR, and nothing else."""
    if "\n" not in text:
        return text.split("\r")
    return (text.replace("\r\n", "\n") if "\r" in text else text).split("\n")


def find_header(lines: Sequence[str], separator: str) -> tuple[int, list[str]]:
    """Returns line number and names of the header, the first line with text but for ``sep=``."""
    for line, text in enumerate(lines, 1):
        if text.strip() and not text.startswith("sep="):
            names = [field.strip() for field in _split(text, separator)]
            return line, names
    return 1, []


def column_layout(lines: Sequence[str], name: str, mapping: CsvMapping) -> ColumnLayout:
    """Returns where the columns of the mapping are. Raises ``FeedError`` when one is missing."""
    line, names = find_header(lines, mapping.separator)
    at = {column: i for i, column in reversed(list(enumerate(names)))}
    wanted = (mapping.number, *mapping.time, *(value.column for value in mapping.values))
    missing = [column for column in wanted if column not in at]
    if missing:
        raise FeedError(_no_column(name, line, missing[0], names, lines[line - 1], mapping))
    columns = []
    for value in mapping.values:
        scale = unit_scale(value.quantity, value.unit)
        if scale is None:
            raise FeedError(
                f"{name}:{line}: {value.unit!r} is no unit of {value.quantity}; known are"
                f" {unit_names(value.quantity)}"
            )
        columns.append((ScaledColumn(value.column, value.quantity, scale), at[value.column]))
    return ColumnLayout(
        line=line,
        width=len(names),
        number=at[mapping.number],
        time=tuple(at[column] for column in mapping.time),
        values=tuple(columns),
        ignored=tuple(printable(column) for column in names if column and column not in wanted),
    )


def _no_column(
    name: str, line: int, column: str, names: list[str], text: str, mapping: CsvMapping
) -> str:
    """Returns the message about a missing column, with what the header looks like."""
    usual = max(_SEPARATORS, key=text.count)
    if text.lstrip()[:1] in ("{", "["):
        way = "it looks like JSON; choose the format that it is in"
    elif usual != mapping.separator and text.count(usual) > text.count(mapping.separator):
        way = (
            f"it is separated by {_SEPARATORS[usual]}; declare separator:"
            f" {'tab' if usual == TAB else repr(usual)} in the mapping"
        )
    else:
        shown = printable(", ".join(names[:12])[:200])
        way = f"the header names {shown or 'nothing'}; name the columns in the mapping"
    return f"{name}:{line}: column {column!r} is missing; {way}"


def _split(line: str, separator: str) -> list[str]:
    """Returns the fields of a line; an open quote takes the rest of the line."""
    if '"' not in line:
        return line.split(separator)
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return line.split(separator)


def _wrong_width(fields: list[str], width: int) -> str:
    count = f"{len(fields)} field{'' if len(fields) == 1 else 's'}"
    if len(fields) > width:
        return (
            f"has {count} where the header has {width}; a value with the separator in it needs"
            " quotes"
        )
    return f"has only {count} where the header has {width}; the line is cut short"
