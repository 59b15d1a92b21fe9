"""Meter and weather files on regular grids, as savings are assessed without a database.

Meters are read as where files are stored (``read_csv``), so that the same file ends at the same
use: ``meter_id,timestamp_utc,kwh``, or as a mapping says. Weather:
``timestamp_utc,temp_air_c[,ghi_wm2,…]``, UTF-8, plain or gzipped. Stamps are ISO 8601 and mark the
start of the interval; without an offset they are UTC. Further columns are left alone. A row that
cannot be used is named by its line and spares the others; an empty value is a gap, not a mistake.
Nothing is filled in. Of several values for one time the last row counts (a correction). The
differences of a register are the use.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bms.errors import FeedError, Mistake, MistakeList
from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.suppliers.csv_reader import read_blocks, read_csv
from bms.feeds.suppliers.decoding import MAX_BYTES, bounded_lines, opened_table, opened_text
from bms.feeds.suppliers.off_hours import (
    off_grid,
    off_hours,
    told_of,
    unclear_length,
    use_by_hour,
    usual_length,
)
from bms.feeds.suppliers.register_course import (
    RegisterCourse,
    is_register,
    taken_for_registers,
    told_of_courses,
)
from bms.feeds.suppliers.timestamps import YEARS
from bms.metering.bills import BilledUse, billed_amounts, in_months, read_seldom
from bms.metering.interval import interval_lengths
from bms.metering.register.use_per_step import register_use
from bms.metering.register.usual_rate import MeterRating
from bms.metering.step_edges import MeterPeriod, from_micros
from bms.metering.time_order import typos
from bms.model.outside_file import read_outside
from bms.model.readings.measurement import Quality
from bms.model.readings.metering import Quantity, SupplierFile
from bms.model.readings.series import Floats, Series
from bms.model.readings.units import Unit

KNOWN_STEPS_S = (300, 600, 900, 1200, 1800, 3600, 86400)
"""Known steps [s]; the last one is that of daily values."""
_HOUR_S = 3600
_MICRO = 1_000_000
MAX_CACHED = 200_000
"""Timestamps [1] that are cached while a file is read."""


@dataclass(frozen=True, slots=True, eq=False)
class MeterFile:
    """What a meter file holds: ``use`` [kWh per step] by meter, ``bills`` of the meters that are
    read by the month, and every row that was not used."""

    use: Mapping[str, Series]
    bills: Mapping[str, BilledUse]
    mistakes: tuple[Mistake, ...]
    unnamed: int = 0
    """Rows that were not used beyond those that are named [1]."""
    warnings: tuple[str, ...] = ()
    """What was taken for granted, or may be wrong with the file as a whole."""
    volumes: Mapping[str, Series | BilledUse] = field(default_factory=dict)
    """The volume [m3] of the meters that have one beside their energy."""


@dataclass(frozen=True, slots=True, eq=False)
class WeatherFile:
    """Outdoor air temperature [degC] and, where the file has it, horizontal irradiance [W/m2]."""

    temp_c: Series
    ghi_wm2: Series | None
    mistakes: tuple[Mistake, ...]
    unnamed: int = 0
    """Rows that were not used beyond those that are named [1]."""


NOTHING = Series(datetime(1970, 1, 1, tzinfo=UTC), timedelta(hours=1), np.full(1, np.nan))
"""The use of a meter of which no row can be used."""


@dataclass(slots=True)
class _RawSeries:
    """The values of one series in the order of the file."""

    seconds: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    lines: array[int] = field(default_factory=lambda: array("L"))
    guessed: set[int] = field(default_factory=set)
    """Moments [epoch s] of values that a later one makes up for."""
    idle: set[int] = field(default_factory=set)
    """Moments [epoch s] of values that do not count in hours and days."""

    def add(self, second: int, value: float, line: int) -> None:
        self.seconds.append(second)
        self.values.append(value)
        self.lines.append(line)

    def in_order(self) -> tuple[NDArray[np.int64], Floats, NDArray[np.int64], NDArray[np.int64]]:
        """Moments, rising, with the last value and the line of each; and the lines of second values
        that differ from the first."""
        seconds = np.array(self.seconds, dtype=np.int64)
        values = np.array(self.values, dtype=np.float64)
        lines = np.array(self.lines, dtype=np.int64)
        order = np.argsort(seconds, kind="stable")
        seconds, values, lines = seconds[order], values[order], lines[order]
        again = np.zeros(len(seconds), dtype=np.bool_)
        again[:-1] = seconds[1:] == seconds[:-1]
        differs = again & (np.append(values[1:], np.nan) != values)
        return seconds[~again], values[~again], lines[~again], lines[1:][differs[:-1]]


@dataclass(slots=True)
class _CsvFile:
    """Reads one CSV file and collects its mistakes."""

    path: Path
    mistakes: MistakeList
    _moments: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path) -> Self:
        return cls(path, MistakeList(str(path)))

    def reject(self, line: int, message: str) -> None:
        self.mistakes.add(line, message)

    def take_over(self, file: SupplierFile) -> None:
        """Keeps the mistakes of a part of the file."""
        for mistake in file.mistakes:
            self.reject(mistake.line, mistake.message)
        self.mistakes.unnamed += file.unnamed

    def rows(self, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, int], list[str]]]:
        """Yields line, column indices and fields of every row. Raises ``FeedError``."""
        try:
            with opened_table(self.path) as file:
                text = io.TextIOWrapper(file, "utf-8-sig", newline="")
                reader = csv.reader(bounded_lines(text, self.path))
                header = [name.strip() for name in next(reader, [])]
                missing = [name for name in needed if name not in header]
                if missing:
                    raise FeedError(
                        f"{self.path}:1: column {missing[0]!r} is missing;"
                        f" the header has to name {','.join(needed)}"
                    )
                at = {name: i for i, name in enumerate(header)}
                for row in reader:
                    if row:
                        yield reader.line_num, at, row
        except (gzip.BadGzipFile, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
            raise FeedError(
                f"{self.path}: cannot be read as CSV in UTF-8, plain or gzipped: {error}"
            ) from error

    def second(self, text: str) -> int:
        """Returns the epoch seconds [s] of an ISO 8601 time. Raises ValueError."""
        known = self._moments.get(text)
        if known is not None:
            return known
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        if moment.year not in YEARS:
            raise ValueError(f"{text} lies outside {YEARS.start}..{YEARS.stop}")
        if len(self._moments) >= MAX_CACHED:
            self._moments.clear()
        return self._moments.setdefault(text, int(moment.timestamp()))


def read_meters(path: Path, mapping: CsvMapping | None = None) -> MeterFile:
    """Returns the meters of a CSV file: steps up to a day as series of hours, longer ones as billed
    use.

    Daily values are distributed evenly over the hours of their day: the daily model uses sums
    only. ``mapping`` says how another layout is read; of its values only energy is taken. Raises
    ``FeedError`` when the file as a whole is not such a table, ``OSError`` when it cannot be
    opened.
    """
    reader = _CsvFile.of(path)
    columns, registers, warnings, beside = (
        _plain_columns(reader) if mapping is None else _mapped_columns(reader, mapping)
    )
    volumes = {
        name: found
        for name, column in beside.items()
        for found in [_volume(reader.path, name, column, register=name in registers)]
        if found is not None and name in columns
    }
    use: dict[str, Series] = {}
    bills: dict[str, BilledUse] = {}
    for name in list(columns):
        found = _regular(
            reader, name, columns.pop(name), spread=True, unit="kwh", register=name in registers
        )
        if isinstance(found, BilledUse):
            bills[name] = found
        else:
            use[name] = found or NOTHING
    mistakes = reader.mistakes
    return MeterFile(use, bills, mistakes.by_line(), mistakes.unnamed, warnings, volumes)


def _volume(
    path: Path, name: str, column: _RawSeries, *, register: bool
) -> Series | BilledUse | None:
    """The volume beside a meter's energy, whose rows are named there."""
    return _regular(_CsvFile.of(path), name, column, spread=True, unit="m3", register=register)


Columns = tuple[dict[str, _RawSeries], set[str], tuple[str, ...], dict[str, _RawSeries]]
"""The energy by meter, the meters with registers, the warnings, and the volume by meter."""


def _plain_columns(reader: _CsvFile) -> Columns:
    """Returns what a file ``meter_id,timestamp_utc,kwh`` holds, of a city for years."""
    mapping = CsvMapping(interval_s=_HOUR_S)  # nobody asks for it: the steps show by themselves
    columns: dict[str, _RawSeries] = {}
    warnings: dict[str, None] = {}
    with opened_text(reader.path, wanted="CSV") as lines:
        for block in read_blocks(lines, str(reader.path), mapping):
            reader.take_over(block)
            warnings |= dict.fromkeys(block.warnings)
            for number in block.without_rows:
                columns.setdefault(number, _RawSeries())
            for row in block.rows:
                column = columns.get(row.number)
                if column is None:
                    column = columns[row.number] = _RawSeries()
                column.add(row.time, math.nan if row.value is None else row.value, row.line)
    courses = {
        name: RegisterCourse(name, *column.in_order()[:3]) for name, column in columns.items()
    }
    registers = [name for name, each in courses.items() if is_register(each.seconds, each.values)]
    odd = [
        name
        for name, (_, seconds, *_) in courses.items()
        if off_hours((name,), np.zeros_like(seconds), seconds)
        and (name in registers or usual_length(seconds * _MICRO) is not None)
    ]
    told = (
        *taken_for_registers(registers),
        *told_of_courses(courses[name] for name in registers),
        *told_of(odd),
    )
    return columns, set(registers), (*warnings, *told), {}


def _mapped_columns(reader: _CsvFile, mapping: CsvMapping) -> Columns:
    """Returns the energy by meter, the meters with registers, the warnings, and the volumes."""
    file = read_csv(
        read_outside(reader.path, MAX_BYTES), str(reader.path), mapping, any_length=True
    )
    reader.take_over(file)
    columns = {number: _RawSeries() for number in file.without_rows}
    registers = set()
    volumes: dict[str, _RawSeries] = {}
    taken = {Quantity.ENERGY: columns, Quantity.VOLUME: volumes}
    for row in file.rows:
        if row.quantity not in taken:
            continue
        value = math.nan if row.value is None else row.value
        column = taken[row.quantity].setdefault(row.number, _RawSeries())
        column.add(row.time, value, row.line)
        if row.quality is not Quality.GOOD or column.idle or column.guessed:
            (column.guessed.add if row.quality.is_guess else column.guessed.discard)(row.time)
            (column.idle.discard if row.quality.counts else column.idle.add)(row.time)
        if not row.interval_s:
            registers.add(row.number)
    return columns, registers, file.warnings, volumes


def read_weather(path: Path) -> WeatherFile:
    """Returns the weather of a CSV file, steps up to a day; ``ghi_wm2`` is optional.

    Raises as ``read_meters`` does, and ``FeedError`` when no row can be used.
    """
    reader = _CsvFile.of(path)
    temp, sun = _RawSeries(), _RawSeries()
    for line, at, row in reader.rows(("timestamp_utc", "temp_air_c")):
        if len(row) <= max(at["timestamp_utc"], at["temp_air_c"]):
            reader.reject(line, f"has only {len(row)} fields")
            continue
        _add_value(reader, temp, line, row, at["timestamp_utc"], at["temp_air_c"])
        if len(row) > at.get("ghi_wm2", len(row)):
            _add_value(reader, sun, line, row, at["timestamp_utc"], at["ghi_wm2"], quiet=True)
    found = _regular(reader, "", temp, spread=False, unit="temp_air_c", register=False)
    if not isinstance(found, Series):
        raise FeedError(f"{path}: no temperatures at steps of a day or less")
    ghi = _regular(_CsvFile.of(path), "", sun, spread=False, unit="ghi_wm2", register=False)
    sun_or_none = ghi if isinstance(ghi, Series) else None
    return WeatherFile(found, sun_or_none, reader.mistakes.by_line(), reader.mistakes.unnamed)


def _add_value(
    reader: _CsvFile,
    column: _RawSeries,
    line: int,
    row: list[str],
    stamp: int,
    place: int,
    *,
    quiet: bool = False,
) -> None:
    """Adds the value of a row, or records why not."""
    try:
        second = reader.second(row[stamp])
    except (ValueError, OverflowError):
        if not quiet:
            reader.reject(line, f"{row[stamp]!r} is no ISO 8601 time of {YEARS.start} to 2099")
        return
    text = row[place].strip()
    try:
        value = float(text) if text else math.nan
    except ValueError:
        value = math.inf
    if math.isinf(value):
        if not quiet:
            reader.reject(line, f"{text!r} is no number")
        return
    column.add(second, value, line)


def _regular(
    reader: _CsvFile, name: str, column: _RawSeries, *, spread: bool, unit: str, register: bool
) -> Series | BilledUse | None:
    """Returns the series on its regular grid, or as billed use; None without a row. ``register``:
    whether the values are a register's."""
    if not column.seconds:
        return None
    seconds, values, lines, second = column.in_order()
    for line in second:
        reader.reject(int(line), f"a second {unit} for the same time; the later row counts")
    guessed, idle = (_among(seconds, moments) for moments in (column.guessed, column.idle))
    if register:
        seconds, values, lines = seconds[~idle], values[~idle], lines[~idle]
    step = _step(seconds)
    if step is None and register:
        return _billed_register(seconds, values)
    if step is None:
        return billed_amounts(seconds * _MICRO, values, guessed)
    if not register:
        values = np.where(idle, np.nan, values)
    if spread and (register or off_grid(seconds, step) or _finer(seconds, step)):
        found = use_by_hour(seconds, values, register=register)
        if found is None:
            reader.reject(int(lines[0]), unclear_length(name))
        return found
    return _on_grid(reader, seconds, values, lines, spread=spread)


def _billed_register(seconds: NDArray[np.int64], counts: Floats) -> BilledUse:
    """Returns the bills between the readings of a register; NaN where its use is not known."""
    seconds, counts = seconds[np.isfinite(counts)], counts[np.isfinite(counts)]
    seconds, counts = seconds[~typos(counts)], counts[~typos(counts)]
    times = seconds * _MICRO
    ends = from_micros(int(times[0])), from_micros(int(times[-1]))
    period = MeterPeriod(*ends, timedelta(days=30), times)
    use = register_use(times, counts, period=period, rating=MeterRating(Unit.KWH)).use
    return in_months(BilledUse(seconds, use.values))


def _among(seconds: NDArray[np.int64], moments: set[int]) -> NDArray[np.bool_]:
    return np.isin(seconds, np.array(sorted(moments), dtype=np.int64))


def _finer(seconds: NDArray[np.int64], step: int) -> bool:
    """Whether intervals are, or become, shorter than an hour: as where hours become quarters."""
    if step < _HOUR_S:
        return True
    lengths = interval_lengths(seconds * _MICRO, step * _MICRO) // _MICRO
    return bool((lengths < min(step, _HOUR_S)).any())


def _step(seconds: NDArray[np.int64]) -> int | None:
    """Returns the most common step [s]; None for billing periods, an hour for a single row."""
    if len(seconds) < 2:
        return _HOUR_S
    if read_seldom(seconds * _MICRO):
        return None
    gaps, counts = np.unique(np.diff(seconds), return_counts=True)
    usual = int(gaps[np.argmax(counts)])
    return max((step for step in KNOWN_STEPS_S if step <= usual), default=KNOWN_STEPS_S[0])


def _on_grid(
    reader: _CsvFile,
    seconds: NDArray[np.int64],
    values: Floats,
    lines: NDArray[np.int64],
    *,
    spread: bool,
) -> Series:
    step = _step(seconds) or _HOUR_S
    if step > _HOUR_S:
        return _daily(seconds, values, spread=spread)
    on_grid = seconds % step == 0
    for line in lines[~on_grid]:
        reader.reject(int(line), f"not on the file's grid of {step // 60} minutes")
    seconds, values = seconds[on_grid], values[on_grid]
    first = int(seconds[0]) if len(seconds) else 0
    out = np.full(int((seconds[-1] - first) // step) + 1 if len(seconds) else 0, np.nan)
    out[(seconds - first) // step] = values
    return Series(datetime.fromtimestamp(first, UTC), timedelta(seconds=step), out)


def _daily(seconds: NDArray[np.int64], values: Floats, *, spread: bool) -> Series:
    """Returns daily values on an hourly grid; a day lasts until the next one, 23 to 25 h."""
    hours = np.append(np.diff(seconds) // _HOUR_S, 24)
    hours = np.where((hours >= 23) & (hours <= 25), hours, 24)
    first = int(seconds[0] // _HOUR_S)
    at = seconds // _HOUR_S - first
    out = np.full(int(at[-1] + hours[-1]), np.nan)
    for start, length, value in zip(at, hours, values, strict=True):
        out[start : start + length] = value / length if spread else value
    return Series(datetime.fromtimestamp(first * _HOUR_S, UTC), timedelta(hours=1), out)
