"""CSV of suppliers: bytes and a mapping → rows, and a mistake for every row that is not used.

A line is a row: a quoted field may hold the separator but no line break, so that an open quote
affects its own line only. Regular lines are parsed by a fast path (one split, timestamps and meter
numbers from a cache), all others by a strict one that names the mistake.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from bms.errors import FeedError
from bms.feeds.suppliers.column_names import is_unit, normalised_name
from bms.feeds.suppliers.csv_mapping import CsvMapping, ValueColumn
from bms.feeds.suppliers.decoding import MAX_LINE, decoded_text
from bms.feeds.suppliers.numbers_and_units import PLAIN_NUMBER, unit_names, unit_scale
from bms.feeds.suppliers.row_collector import RowCollector, ScaledColumn
from bms.model.outside_text import printable
from bms.model.readings.metering import SupplierFile

TAB = "\t"
MAX_COLUMNS = 25_000
"""Most columns [1]: one for each meter of a city."""
BLOCK = 100_000
"""Lines [1] of a table of any length that are held at a time."""
MAX_VALUES = 8_000_000
"""Most values [1], told from lines and columns: two for each of the lines that a file may have."""
_UNIT_COLUMNS = frozenset(["enhed", "maaleenhed", "energienhed", "unit", "units", "uom"])
"""Headings of a column that says in which unit the values of its row are."""
_SEPARATORS = {";": "semicolons", ",": "commas", TAB: "tabs", "|": "bars"}
_PLAIN = {
    ".": PLAIN_NUMBER,
    ",": re.compile(r"-?\d{1,12}(?:,\d{1,12})?", re.ASCII).fullmatch,
}


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    """The index of each column in a row; ``line`` is that of the header, or of the last line above
    the rows. ``number`` is None where the mapping names the meter of each value, in ``meters``.
    ``unit``: the column that says in which unit the values are, where the file has one and the
    mapping one column of values."""

    line: int
    width: int
    number: int | None
    time: tuple[int, ...]
    values: tuple[tuple[ScaledColumn, int], ...]
    ignored: tuple[str, ...]
    quality: int | None = None
    meters: tuple[str, ...] = ()
    unit: int | None = None


def read_csv(
    content: bytes, name: str, mapping: CsvMapping, *, any_length: bool = False
) -> SupplierFile:
    """Returns the rows of a CSV file; ``name`` stands in messages. ``any_length``: also those of
    which it does not show how long their interval is, where their start is known.

    Raises ``FeedError`` when the file as a whole is not such a table.
    """
    lines = split_lines(decoded_text(content, name, wanted="CSV", encoding=mapping.encoding), name)
    return parse_rows(lines, name, mapping, any_length=any_length)


def parse_rows(
    lines: Sequence[str], name: str, mapping: CsvMapping, *, any_length: bool = False
) -> SupplierFile:
    """Returns the rows of lines with a header. Raises ``FeedError`` when a column is missing."""
    layout = column_layout(lines, name, mapping)
    if len(lines) * len(layout.values) > MAX_VALUES:
        raise FeedError(f"{name}: more than {MAX_VALUES} values; split it into several files")
    collector = RowCollector(name, mapping, any_length=any_length)
    _read(lines[layout.line :], layout.line + 1, layout, collector)
    return collector.file(layout.ignored)


def read_blocks(lines: Iterator[str], name: str, mapping: CsvMapping) -> Iterator[SupplierFile]:
    """Yields the rows of a table of any length in blocks of lines; ``mapping`` declares the
    interval and leaves the header where it is. Raises ``FeedError`` when a column is missing."""
    first, head = next(
        ((i, text) for i, text in enumerate(lines, 1) if _is_header(text)),
        (1, ""),
    )
    layout = column_layout([head], name, mapping)
    while block := list(islice(lines, BLOCK)):
        collector = RowCollector(name, mapping)
        _read(block, first + 1, layout, collector)
        first += len(block)
        yield collector.file(layout.ignored, whole=False)


def _is_header(text: str) -> bool:
    return bool(text.strip()) and not text.startswith("sep=")


def _read(lines: Sequence[str], first: int, layout: ColumnLayout, collector: RowCollector) -> None:
    """Parses the lines below the header, the ``first`` of them of that number, by the fast path
    where they are regular."""
    if layout.unit is not None:
        lines = [
            _of_declared_unit(line, text, layout.unit, layout, collector)
            for line, text in enumerate(lines, first)
        ]
    if layout.number is None or layout.quality is not None:
        for line, text in enumerate(lines, first):
            _parse_irregular(line, text, layout, collector)
        return
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
    for line, text in enumerate(lines, first):
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


def _of_declared_unit(
    line: int, text: str, unit_at: int, layout: ColumnLayout, collector: RowCollector
) -> str:
    """Returns a line, or none of it where its column of units says another unit than the mapping
    declares: the line is then refused."""
    said = "".join(_split(text, collector.mapping.separator)[unit_at : unit_at + 1]).strip()
    ((column, _),) = layout.values
    if unit_scale(column.quantity, said) == column.scale or not is_unit(said):
        return text
    collector.refuse(
        line,
        f"says {said}, and {column.name} is declared in another unit; declare unit: {said} in the"
        " mapping, or give the rows of each unit a file and a mapping of their own",
    )
    return ""


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
    quality = None if layout.quality is None else fields[layout.quality]
    if layout.number is not None:
        collector.add(line, fields[layout.number], stamp, values, quality)
        return
    for number, value in zip(layout.meters, values, strict=True):
        collector.add(line, number, stamp, [value], quality)


def split_lines(text: str, name: str) -> list[str]:
    """Returns the lines of a text that end with LF, CR LF or CR, and nothing else.

    Raises ``FeedError`` for one that is too long.
    """
    if "\n" not in text:
        lines = text.split("\r")
    else:
        lines = (text.replace("\r\n", "\n") if "\r" in text else text).split("\n")
    if max(map(len, lines)) > MAX_LINE:
        raise FeedError(f"{name}: a line has more than {MAX_LINE} characters; no such table")
    return lines


def find_header(
    lines: Sequence[str], name: str, separator: str, skip_lines: int = 0
) -> tuple[int, list[str]]:
    """Returns line number and names of the header, the first line with text but for ``sep=`` below
    the ``skip_lines`` first ones. Raises ``FeedError`` for too many columns."""
    for line, text in enumerate(lines[skip_lines:], skip_lines + 1):
        if _is_header(text):
            names = [field.strip() for field in _split(text, separator)]
            if len(names) > MAX_COLUMNS:
                raise FeedError(f"{name}:{line}: more than {MAX_COLUMNS} columns; no such table")
            return line, names
    return 1, []


def column_layout(lines: Sequence[str], name: str, mapping: CsvMapping) -> ColumnLayout:
    """Returns where the columns of the mapping are. Raises ``FeedError`` when one is missing."""
    line, names = _names(lines, name, mapping)
    at = {column: i for i, column in reversed(list(enumerate(names)))}
    values = _value_columns(mapping, names)
    wanted = [mapping.number] if mapping.one_number_a_row else []
    wanted += [*mapping.time, *(value.column for value in values)]
    wanted += [] if mapping.quality is None else [mapping.quality]
    missing = [column for column in wanted if column not in at]
    used = frozenset(wanted)
    if missing:
        shown = lines[min(max(line, 1), len(lines)) - 1]
        raise FeedError(_no_column(name, max(line, 1), missing[0], names, shown, mapping))
    several = mapping.meter is None and not mapping.one_number_a_row
    meters = tuple((value.number or "") if several else mapping.meter or "" for value in values)
    return ColumnLayout(
        line=line,
        width=len(names),
        number=at[mapping.number] if mapping.one_number_a_row else None,
        time=tuple(at[column] for column in mapping.time),
        values=tuple((_scaled(value, name, line), at[value.column]) for value in values),
        ignored=tuple(printable(column) for column in names if column and column not in used),
        quality=None if mapping.quality is None else at[mapping.quality],
        meters=meters,
        unit=_unit_column(names, used) if len(values) == 1 else None,
    )


def _unit_column(names: Sequence[str], used: frozenset[str]) -> int | None:
    """Returns the only column, of those that the mapping does not use, that names units."""
    found = [
        place
        for place, name in enumerate(names)
        if name not in used and normalised_name(name) in _UNIT_COLUMNS
    ]
    return found[0] if len(found) == 1 else None


def _names(lines: Sequence[str], name: str, mapping: CsvMapping) -> tuple[int, list[str]]:
    """Returns the line above the rows and the names of the columns."""
    if mapping.header is None:
        return find_header(lines, name, mapping.separator, mapping.skip_lines)
    line, first = find_header(lines, name, mapping.separator, mapping.skip_lines)
    if mapping.header:
        return line - 1, list(mapping.header)
    return line - 1, [str(place) for place in range(1, len(first) + 1)]


def _value_columns(mapping: CsvMapping, names: Sequence[str]) -> tuple[ValueColumn, ...]:
    """Returns the columns of values: those declared, or every one without another meaning."""
    if mapping.every is None:
        return mapping.values
    taken = {*mapping.time, mapping.quality}
    return tuple(
        replace(mapping.every, column=name, number=name)
        for name in dict.fromkeys(names)
        if name and name not in taken
    )


def _scaled(value: ValueColumn, name: str, line: int) -> ScaledColumn:
    """Returns a column with its conversion. Raises ``FeedError`` for an unknown unit."""
    scale = unit_scale(value.quantity, value.unit)
    if scale is None:
        raise FeedError(
            f"{name}:{line}: {value.unit!r} is no unit of {value.quantity}; known are"
            f" {unit_names(value.quantity)}"
        )
    return ScaledColumn(value.column, value.quantity, scale)


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
        way = (
            f"the header names {shown or 'nothing'}; name the columns in the mapping, or the line"
            " of the header (header: 5; header: none for a file without one)"
        )
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
