"""Collection of a file's rows. What only the whole file shows is resolved at its end: ambiguous
local times, and the interval lengths of the meters.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from types import MappingProxyType

import numpy as np

from bms.errors import MistakeList
from bms.feeds.suppliers.column_names import normalised_name
from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.suppliers.numbers_and_units import UnitScale, parse_number
from bms.feeds.suppliers.off_hours import off_hours, told_of, unclear_length
from bms.feeds.suppliers.register_course import (
    RegisterCourse,
    is_register,
    taken_for_registers,
    told_of_courses,
)
from bms.feeds.suppliers.timestamps import (
    DAY_S,
    HOUR_S,
    AmbiguousRow,
    AmbiguousTime,
    LocalDaySpans,
    ambiguous_message,
    learned_intervals,
    local_clock_shows,
    resolve_ambiguous,
    timestamp_parser,
)
from bms.model.outside_text import printable
from bms.model.readings.measurement import Quality
from bms.model.readings.metering import STATES, MeterRow, Quantity, SupplierFile

MAX_NUMBER_LENGTH = 64
"""Longest meter number [characters]; metering points have 18 digits."""
MAX_CACHED_NUMBERS = 100_000
"""Meter numbers [1] that are cached while a file is read: five cities of 20 000 meters."""


_WORDS = {
    Quality.GOOD: "maalt maaltvaerdi measured aflaest a04 e01",
    Quality.ESTIMATED: (
        "estimeret estimated skoennet anslaaet foreloebig interpoleret interpolated a03 56"
    ),
    Quality.CALCULATED: "beregnet calculated a01 a06 d01",
    Quality.CORRECTED: "korrigeret corrected adjusted revideret rettet",
    Quality.ABSENT: "mangler manglende missing ikketilgaengelig a02 a05",
}
QUALITY_WORDS: Mapping[str, Quality] = MappingProxyType(
    {word: quality for quality, words in _WORDS.items() for word in words.split()}
)
"""Words and codes of Danish portals by their normalised name. A01 to A05 as in
``bms.feeds.suppliers.eloverblik``; A06 calculated; 56, D01 and E01 are the estimated, calculated
and measured quantities of ebIX as Energinet's DataHub used them."""
MOST_WORDS = 5
"""Words of quality [1] that a warning names."""
LOCAL_STAMPS = (
    "its times have no offset and nobody says of which zone they are, or they look like local time;"
    " they are taken for UTC. Declare timezone: Europe/Copenhagen, or UTC, in a mapping"
)
_OFFSET = re.compile(r"(?:[zZ]|[+-]\d{2}:?\d{2})\s*$")


@dataclass(frozen=True, slots=True)
class ScaledColumn:
    """A column or field of values: its name in the file, the quantity and the conversion."""

    name: str
    quantity: Quantity
    scale: UnitScale


@dataclass(slots=True)
class RowBuffer:
    """Rows in the order of the file, one list for each field."""

    numbers: list[str] = field(default_factory=list)
    columns: list[ScaledColumn] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


class RowCollector:
    """Collects the rows and mistakes of one file; ``name`` stands in messages. ``any_length``:
    amounts are kept of which the length is not known, where their start is."""

    def __init__(self, name: str, mapping: CsvMapping, *, any_length: bool = False) -> None:
        self.name, self.mapping = name, mapping
        self.mistakes = MistakeList(name)
        self.buffer = RowBuffer()
        self.numbers: dict[str, str] = {}
        """Accepted meter numbers by the text of their field."""
        self.stamps = timestamp_parser(
            mapping.zone,
            mapping.time_format,
            ends=mapping.stamp == "end",
            ambiguous=mapping.ambiguous,
        )
        self._any_length = any_length and mapping.stamp == "start"
        self._worthless: dict[str, None] = {}
        """Meters with a value that cannot be read."""
        self._ambiguous: list[AmbiguousRow] = []
        self._dropped: set[int] = set()
        self._marks: dict[int, Quality] = {}
        """Qualities other than good, by the place of the row."""
        self._unknown: dict[str, None] = {}
        """Words of quality that nobody has said the meaning of."""
        self._local = False
        """Whether a stamp came without an offset."""

    def refuse(self, line: int, message: str) -> None:
        """Records why a line, or a value on it, is not used."""
        self.mistakes.add(line, printable(message))

    def add(
        self,
        line: int,
        number: str,
        stamp: str,
        values: Iterable[tuple[ScaledColumn, str]],
        quality: str | None = None,
    ) -> None:
        """Adds the values of a line, or refuses it. An empty value is a missing one. ``quality`` is
        what the file says of the line's values."""
        try:
            meter = self._number(number)
            time = self._time(stamp)
        except ValueError as error:
            self.refuse(line, str(error))
            return
        self._local = self._local or not _OFFSET.search(stamp)
        mark = Quality.GOOD if quality is None else self._quality(quality)
        for column, text in values:
            before = len(self.buffer.times)
            self.value(line, meter, time, column, text)
            if mark is not Quality.GOOD and len(self.buffer.times) > before:
                self._marks[before] = mark
                if not mark.has_value:
                    self.buffer.values[before] = None

    def _quality(self, text: str) -> Quality:
        """What a value is worth by a word of the file, ``UNCERTAIN`` for an unknown one."""
        word = text.strip()
        known = self.mapping.qualities.get(word) or QUALITY_WORDS.get(normalised_name(word))
        if known is None and word and len(self._unknown) < MOST_WORDS:
            self._unknown[word] = None
        return known or Quality.UNCERTAIN

    def value(
        self, line: int, number: str, time: int | AmbiguousTime, column: ScaledColumn, text: str
    ) -> None:
        """Adds one value, or refuses it. An empty one is missing, which is no mistake."""
        value: float | None = None
        if text.strip():
            try:
                value = parse_number(text, column.scale, self.mapping.style)
            except ValueError as error:
                self.refuse(line, f"{column.name}: {error}")
                self._worthless[number] = None
                return
        buffer = self.buffer
        if isinstance(time, AmbiguousTime):
            self._ambiguous.append(AmbiguousRow(len(buffer.times), *time))
            time = time.first
        buffer.numbers.append(number)
        buffer.columns.append(column)
        buffer.times.append(time)
        buffer.values.append(value)
        buffer.lines.append(line)

    def file(self, ignored: Iterable[str] = (), *, whole: bool = True) -> SupplierFile:
        """Returns the rows and, by line, the mistakes; ``whole``: of the file, not of a block."""
        self._resolve_ambiguous()
        registers = self._registers()
        courses = self._courses(registers) if whole else ()
        rows = tuple(self._rows(registers))
        odd = self._off_hours() if whole else []
        taken = {row.number for row in rows if row.interval_s >= 0} if odd else set()
        return SupplierFile(
            rows,
            self.mistakes.by_line(),
            tuple(printable(name) for name in ignored),
            self.mistakes.unnamed,
            (
                *self._warnings(),
                *taken_for_registers(list(registers)),
                *told_of_courses(courses),
                *told_of([number for number in odd if number in taken]),
            ),
            tuple(set(self._worthless).difference(row.number for row in rows)),
        )

    def _registers(self) -> dict[str, list[int]]:
        """Returns the meters whose values count on though nobody says whether they are amounts or
        readings, with the places of those values."""
        found: dict[str, list[int]] = {}
        if self.mapping.interval_s is not None:
            return found
        for course, rows in self._counted():
            if is_register(course.seconds, course.values):
                found.setdefault(course.number, []).extend(rows)
        return found

    def _courses(self, registers: Mapping[str, Sequence[int]]) -> Iterator[RegisterCourse]:
        """Yields the readings of registers: declared ones, or the ``registers`` that were found."""
        if self.mapping.interval_s == 0 or registers:
            for course, _ in self._counted():
                if self.mapping.interval_s == 0 or course.number in registers:
                    yield course

    def _counted(self) -> Iterator[tuple[RegisterCourse, list[int]]]:
        """Yields what is counted of each meter and column by rising time, of several values for one
        time the last, with the places of all of them."""
        buffer = self.buffer
        times = np.array(buffer.times, dtype=np.int64)
        values = np.array(buffer.values, dtype=np.float64)
        lines = np.array(buffer.lines, dtype=np.int64)
        places: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for place, (number, column) in enumerate(zip(buffer.numbers, buffer.columns, strict=True)):
            if column.quantity not in STATES:
                places[number, column.name].append(place)
        for (number, _), rows in places.items():
            at = np.array(rows)
            at = at[np.argsort(times[at], kind="stable")]
            at = at[np.append(np.diff(times[at]) > 0, True)]
            yield RegisterCourse(number, times[at], values[at], lines[at]), rows

    def _off_hours(self) -> list[str]:
        """Returns the meters that are counted, but hardly on full hours."""
        buffer = self.buffer
        if not np.any(np.array(buffer.times, dtype=np.int64) % HOUR_S):
            return []
        counted = [column.quantity not in STATES for column in buffer.columns]
        places = np.flatnonzero(counted)
        seen: dict[str, int] = {}
        codes = [seen.setdefault(buffer.numbers[place], len(seen)) for place in places]
        stamps = np.array(buffer.times, dtype=np.int64)[places]
        return off_hours(list(seen), np.array(codes, dtype=np.int64), stamps)

    def _warnings(self) -> tuple[str, ...]:
        """What may be wrong with the times and qualities of the file as a whole."""
        return (*self._zone_warnings(), *self._word_warnings())

    def _word_warnings(self) -> Iterator[str]:
        if self._unknown:
            words = ", ".join(repr(word[:MAX_NUMBER_LENGTH]) for word in self._unknown)
            yield printable(
                f"nobody says what the quality {words} means: such values are kept, and do not"
                " count. Declare qualities in the mapping, such as {OK: good}"
            )

    def _zone_warnings(self) -> tuple[str, ...]:
        named = any("utc" in column.lower() for column in self.mapping.time)
        if not self._local or self.mapping.timezone is not None:
            return ()
        if named and not local_clock_shows(self.buffer.numbers, self.buffer.times):
            return ()
        return (LOCAL_STAMPS,)

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
        if len(self.numbers) >= MAX_CACHED_NUMBERS:
            self.numbers.clear()
        return self.numbers.setdefault(text, number)

    def _time(self, text: str) -> int | AmbiguousTime:
        known = self.stamps.known.get(text)
        return self.stamps.moment(text) if known is None else known

    def _resolve_ambiguous(self) -> None:
        """Resolves ambiguous times by meter, column and night; refuses what stays ambiguous."""
        if not self._ambiguous:
            return
        buffer = self.buffer
        falling = self._newest_first()
        groups: defaultdict[tuple[str, str, int], list[AmbiguousRow]] = defaultdict(list)
        for row in self._ambiguous:
            night = row.wall // DAY_S
            groups[buffer.numbers[row.place], buffer.columns[row.place].name, night].append(row)
        known = self._known_times({key[:2] for key in groups})
        for (number, column, _), rows in groups.items():
            others = known[number, column]
            moments = resolve_ambiguous(rows, newest_first=number in falling, others=others)
            for row, moment in zip(rows, moments, strict=True):
                if moment is None:
                    self._drop(row)
                else:
                    buffer.times[row.place] = moment

    def _known_times(self, wanted: set[tuple[str, str]]) -> Mapping[tuple[str, str], list[int]]:
        """Returns the times that are not ambiguous by meter and column."""
        buffer = self.buffer
        either = {row.place for row in self._ambiguous}
        found: dict[tuple[str, str], list[int]] = {key: [] for key in wanted}
        columns = zip(buffer.numbers, buffer.columns, buffer.times, strict=True)
        for place, (number, column, time) in enumerate(columns):
            if (number, column.name) in found and place not in either:
                found[number, column.name].append(time)
        return found

    def _drop(self, row: AmbiguousRow) -> None:
        self._dropped.add(row.place)
        wall = datetime.fromtimestamp(row.wall, UTC)
        self.refuse(self.buffer.lines[row.place], ambiguous_message(wall, self.mapping.zone))

    def _newest_first(self) -> set[str]:
        """Returns the meters whose rows are in descending order of time."""
        first: dict[str, int] = {}
        last: dict[str, int] = {}
        for number, time in zip(self.buffer.numbers, self.buffer.times, strict=True):
            first.setdefault(number, time)
            last[number] = time
        return {number for number, time in first.items() if last[number] < time}

    def _rows(self, registers: Mapping[str, Sequence[int]]) -> Iterator[MeterRow]:
        """Returns the rows with start and length of their intervals; those of ``registers``, by
        their places, have none."""
        buffer = self.buffer
        starts, lengths = map(list, self._spans())
        for place in chain.from_iterable(registers.values()):
            starts[place], lengths[place] = buffer.times[place], 0
        absent, good, marks = Quality.ABSENT, Quality.GOOD, self._marks
        made = zip(
            buffer.numbers,
            [column.quantity for column in buffer.columns],
            starts,
            buffer.values,
            [column.scale.unit for column in buffer.columns],
            lengths,
            [
                absent if value is None else marks.get(place, good)
                for place, value in enumerate(buffer.values)
            ]
            if marks
            else [absent if value is None else good for value in buffer.values],
            buffer.lines,
            strict=True,
        )
        unclear = {place for place, length in enumerate(lengths) if length < 0} - self._dropped
        if self._any_length:
            unclear.clear()
        for place in unclear:
            self.refuse(buffer.lines[place], unclear_length(buffer.numbers[place]))
        rows = map(MeterRow._make, made)
        left_out = self._dropped | unclear
        if not left_out:
            return rows
        return (row for place, row in enumerate(rows) if place not in left_out)

    def _spans(self) -> tuple[Sequence[int], Sequence[int]]:
        """Returns starts [epoch s] and lengths [s] of the rows; a negative length is unknown."""
        times, declared = self.buffer.times, self.mapping.interval_s
        if declared is None:
            ends = self.mapping.stamp == "end"
            intervals = learned_intervals(self.buffer.numbers, times, ends=ends)
        else:
            intervals = [declared] * len(times)
        if DAY_S in intervals:
            days = LocalDaySpans(self.mapping.zone, ends=self.mapping.stamp == "end")
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
