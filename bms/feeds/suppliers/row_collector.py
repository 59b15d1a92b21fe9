"""Rows of a supplier's file while they are collected, and what becomes of them at the end.

What only the whole file can tell is settled last: which pass of a repeated hour a row belongs to,
and how long the intervals of a meter are.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bms.errors import Mistake
from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.suppliers.numbers_and_units import UnitScale, parse_number
from bms.feeds.suppliers.timestamps import (
    DAY_S,
    AmbiguousRow,
    AmbiguousTime,
    LocalDays,
    ambiguous_message,
    learned_intervals,
    resolve_ambiguous,
    timestamp_parser,
)
from bms.model.readings.metering import MeterRow, Quantity, SupplierFile
from bms.model.readings.reading import Quality

MAX_NUMBER_LENGTH = 64
"""Characters of a meter number; metering points have 18 digits."""


@dataclass(frozen=True, slots=True)
class ScaledColumn:
    """A column or field of values: its name in the file and what it means."""

    name: str
    quantity: Quantity
    scale: UnitScale


@dataclass(slots=True)
class RowBuffer:
    """The rows that were read, a list for each of their parts, in the order of the file."""

    numbers: list[str] = field(default_factory=list)
    columns: list[ScaledColumn] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


class RowCollector:
    """One file while it is being read. ``name`` is that of the file, for messages."""

    def __init__(self, name: str, mapping: CsvMapping) -> None:
        self.name, self.mapping = name, mapping
        self.mistakes: list[Mistake] = []
        self.buffer = RowBuffer()
        self.numbers: dict[str, str] = {}
        """Meter numbers by the text of their field."""
        self.stamps = timestamp_parser(
            mapping.zone,
            mapping.time_format,
            ends=mapping.stamp == "end",
            ambiguous=mapping.ambiguous,
        )
        self._ambiguous: list[AmbiguousRow] = []
        self._dropped: set[int] = set()

    def refuse(self, line: int, message: str) -> None:
        """Say why a line, or a value on it, was not used."""
        self.mistakes.append(Mistake(self.name, line, printable(message)))

    def add(
        self, line: int, number: str, stamp: str, values: Iterable[tuple[ScaledColumn, str]]
    ) -> None:
        """Take the values of a line, checked in full, or refuse it. An empty value is missing."""
        try:
            meter = self._number(number)
            time = self._time(stamp)
        except ValueError as error:
            self.refuse(line, str(error))
            return
        for column, text in values:
            self.value(line, meter, time, column, text)

    def value(
        self, line: int, number: str, time: int | AmbiguousTime, column: ScaledColumn, text: str
    ) -> None:
        """Take one value, checked in full, or refuse it. An empty one is missing, no mistake."""
        value: float | None = None
        if text.strip():
            try:
                value = parse_number(text, column.scale, self.mapping.style)
            except ValueError as error:
                self.refuse(line, f"{column.name}: {error}")
                return
        sink = self.buffer
        if isinstance(time, AmbiguousTime):
            self._ambiguous.append(AmbiguousRow(len(sink.times), *time))
            time = time.first
        sink.numbers.append(number)
        sink.columns.append(column)
        sink.times.append(time)
        sink.values.append(value)
        sink.lines.append(line)

    def file(self, ignored: Iterable[str] = ()) -> SupplierFile:
        """What was collected, with the mistakes by line."""
        self._resolve_ambiguous()
        with no_search_for_cycles():
            rows = tuple(self._rows())
        mistakes = sorted(dict.fromkeys(self.mistakes), key=lambda mistake: mistake.line)
        return SupplierFile(rows, tuple(mistakes), tuple(printable(name) for name in ignored))

    def _number(self, text: str) -> str:
        number = text.strip()
        if not number:
            raise ValueError(f"{self.mapping.number} is empty; a row needs its meter")
        if len(number) > MAX_NUMBER_LENGTH:
            raise ValueError(
                f"the meter number {number[:20]!r}... is longer than any; see the columns"
            )
        if not number.isprintable() or "\ufffd" in number:
            raise ValueError(
                f"the meter number {number!r} does not read as {self.mapping.encoding};"
                " declare encoding: latin-1 (or cp1252) in the mapping"
            )
        return self.numbers.setdefault(text, number)

    def _time(self, text: str) -> int | AmbiguousTime:
        known = self.stamps.known.get(text)
        return self.stamps.moment(text) if known is None else known

    def _resolve_ambiguous(self) -> None:
        """Give the rows of the repeated hour their moment, meter by meter and night by night."""
        if not self._ambiguous:
            return
        sink = self.buffer
        falling = self._newest_first()
        groups: defaultdict[tuple[str, str, int], list[AmbiguousRow]] = defaultdict(list)
        for row in self._ambiguous:
            night = row.wall // DAY_S
            groups[sink.numbers[row.place], sink.columns[row.place].name, night].append(row)
        for (number, _, _), rows in groups.items():
            moments = resolve_ambiguous(rows, newest_first=number in falling)
            for row, moment in zip(rows, moments, strict=True):
                if moment is None:
                    self._drop(row)
                else:
                    sink.times[row.place] = moment

    def _drop(self, row: AmbiguousRow) -> None:
        self._dropped.add(row.place)
        wall = datetime.fromtimestamp(row.wall, UTC)
        self.refuse(self.buffer.lines[row.place], ambiguous_message(wall, self.mapping.zone))

    def _newest_first(self) -> set[str]:
        """Meters whose rows run back in time."""
        first: dict[str, int] = {}
        last: dict[str, int] = {}
        for number, time in zip(self.buffer.numbers, self.buffer.times, strict=True):
            first.setdefault(number, time)
            last[number] = time
        return {number for number, time in first.items() if last[number] < time}

    def _rows(self) -> Iterator[MeterRow]:
        """The rows with the start and length of their intervals."""
        sink = self.buffer
        starts, lengths = self._spans()
        absent, good = Quality.ABSENT, Quality.GOOD
        made = zip(
            sink.numbers,
            [column.quantity for column in sink.columns],
            starts,
            sink.values,
            [column.scale.unit for column in sink.columns],
            lengths,
            [absent if value is None else good for value in sink.values],
            sink.lines,
            strict=True,
        )
        unclear = {place for place, length in enumerate(lengths) if length < 0} - self._dropped
        for place in unclear:
            self.refuse(sink.lines[place], _UNCLEAR)
        rows = map(MeterRow._make, made)
        left_out = self._dropped | unclear
        if not left_out:
            return rows
        return (row for place, row in enumerate(rows) if place not in left_out)

    def _spans(self) -> tuple[Sequence[int], Sequence[int]]:
        """Starts and lengths [s] of the rows; a length below 0 is not known."""
        times, declared = self.buffer.times, self.mapping.interval_s
        if declared is None:
            intervals = learned_intervals(self.buffer.numbers, times)
        else:
            intervals = [declared] * len(times)
        if DAY_S in intervals:
            days = LocalDays(self.mapping.zone, ends=self.mapping.stamp == "end")
            spans = [
                days.span(time) if interval == DAY_S else self._span(time, interval)
                for time, interval in zip(times, intervals, strict=True)
            ]
            return [start for start, _ in spans], [length for _, length in spans]
        if self.mapping.stamp == "end":
            starts = [t - max(interval, 0) for t, interval in zip(times, intervals, strict=True)]
            return starts, intervals
        return times, intervals

    def _span(self, time: int, interval: int) -> tuple[int, int]:
        ends = self.mapping.stamp == "end" and interval > 0
        return time - interval if ends else time, interval


_UNCLEAR = (
    "how long the interval is does not show from the meter's other rows; declare interval_s"
    " in the mapping"
)


@contextmanager
def no_search_for_cycles() -> Iterator[None]:
    """Rows are tuples of plain values: looking for cycles takes longer than making them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def printable(text: str) -> str:
    """A text that can be printed on one line, whatever bytes it came from."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)
