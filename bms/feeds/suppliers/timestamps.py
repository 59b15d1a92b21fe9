"""Timestamps of suppliers → UTC epoch seconds, with changes of summer time, and interval lengths.

A local time that the change in March skips is refused. One that occurs twice in October is resolved
by an offset in the timestamp, by what the mapping declares, or by the order of the rows
(``resolve_ambiguous``); otherwise it is refused too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from bms.feeds.suppliers.csv_mapping import EXCEL
from bms.metering.interval import ABOUT, interval_lengths, nominal_lengths

YEARS = range(1990, 2100)
"""Plausible years of a reading."""
DAY_S = 86400
HOUR_S = 3600

_MIDNIGHT = re.compile(r"(?<![\d:])24:00(?=:00\b|(?![:\d]))")


_SERIAL = re.compile(r"\d{5}(?:[.,]\d{1,12})?", re.ASCII)
SERIAL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - local time of the file
"""Day 0 of spreadsheets from March 1900 on."""
MAX_CACHED = 200_000
"""Texts [1] that a parser caches: five years of quarter-hours."""


Ints = NDArray[np.int64]

FEWEST_PAUSES = 8
"""Pauses [1] of a meter that show how it is read."""


class AmbiguousTime(NamedTuple):
    """A local time that occurs twice, as if it were UTC (``wall``), and both times [epoch s]."""

    wall: int
    first: int
    second: int


class AmbiguousRow(NamedTuple):
    """A row with an ambiguous time: its index in the file, and times as in ``AmbiguousTime``."""

    place: int
    wall: int
    first: int
    second: int


@dataclass(slots=True)
class TimestampParser:
    """Parses timestamps of one format and time zone; each text is parsed once.

    ``ends``: timestamps mark the end of an interval, so that the change itself may be written as
    02:00 or 03:00 in March. ``time_format``: of ``datetime.strptime``, None for ISO 8601.
    ``ambiguous``: as in ``CsvMapping``.
    """

    zone: ZoneInfo
    time_format: str | None = None
    ends: bool = False
    ambiguous: str = "order"
    known: dict[str, int] = field(default_factory=dict)

    def moment(self, text: str) -> int | AmbiguousTime:
        """Returns the epoch seconds [s] of a timestamp. Raises ValueError with what to declare."""
        parsed = self._parsed(text.strip())
        if parsed.year not in YEARS:
            raise ValueError(f"{_cut(text)} lies outside {YEARS.start} to {YEARS.stop - 1}")
        found = self._local(parsed) if parsed.tzinfo is None else parsed
        if isinstance(found, AmbiguousTime):
            return found
        if len(self.known) >= MAX_CACHED:
            self.known.clear()
        return self.known.setdefault(text, int(found.timestamp()))

    def _parsed(self, text: str) -> datetime:
        day = timedelta(0)
        if "24:00" in text:
            text, changed = _MIDNIGHT.subn("00:00", text)
            day = timedelta(days=changed)
        if self.time_format == EXCEL:
            return _of_serial(text)
        try:
            if self.time_format is None:
                return datetime.fromisoformat(text) + day
            return datetime.strptime(text, self.time_format) + day  # noqa: DTZ007 - zone follows
        except (ValueError, OverflowError) as error:
            form = "ISO 8601 time" if self.time_format is None else f"time like {self.time_format}"
            way = ": excel (days of a spreadsheet)" if _SERIAL.fullmatch(text) else ""
            raise ValueError(
                f"{_cut(text)} is no {form}; declare time_format{way} in the mapping"
            ) from error

    def _local(self, wall: datetime) -> datetime | AmbiguousTime:
        """Returns the UTC time of a local time. Raises ValueError."""
        first = wall.replace(tzinfo=self.zone, fold=0).astimezone(UTC)
        second = wall.replace(tzinfo=self.zone, fold=1).astimezone(UTC)
        if first == second:
            return first
        if first > second:
            return self._jumped(wall, first)
        if self.ambiguous == "order":
            return AmbiguousTime(
                int(wall.replace(tzinfo=UTC).timestamp()),
                int(first.timestamp()),
                int(second.timestamp()),
            )
        if self.ambiguous == "refuse":
            raise ValueError(ambiguous_message(wall, self.zone))
        return first if self.ambiguous == "first" else second

    def _jumped(self, wall: datetime, moment: datetime) -> datetime:
        """Returns ``moment`` where an interval ends exactly at the change. Raises ValueError."""
        before = (moment - timedelta(seconds=1)).astimezone(self.zone).replace(tzinfo=None)
        if self.ends and wall - before == timedelta(seconds=1):
            return moment
        raise ValueError(
            f"{wall:%Y-%m-%d %H:%M} does not exist in {self.zone.key}, where the clock jumps over "
            "it; is the file in UTC? Declare timezone in the mapping"
        )


@lru_cache(maxsize=16)
def timestamp_parser(
    zone: ZoneInfo, time_format: str | None, *, ends: bool, ambiguous: str
) -> TimestampParser:
    """Returns a parser that all files of a format share: small files come in thousands."""
    return TimestampParser(zone, time_format, ends, ambiguous)


def resolve_ambiguous(
    rows: Sequence[AmbiguousRow], *, newest_first: bool, others: Sequence[int] = ()
) -> list[int | None]:
    """Returns the time [epoch s] of each row of one meter and night, None where it stays ambiguous.

    ``rows`` in the order of the file. The second pass through the hour begins where local time
    steps back or repeats; with a single pass, the only way to part the rows into two that fits the
    pauses of the meter, whose ``others`` [epoch s] are known (clocks drift: the hour that comes
    again may be a few seconds later). Without one, or with a third pass, the time stays ambiguous.
    """
    ordered = list(reversed(rows)) if newest_first else list(rows)
    passes: list[int | None] = []
    current = 0
    for i, row in enumerate(ordered):
        if i and row.wall <= ordered[i - 1].wall:
            current += 1
        passes.append(current)
    if current == 0:
        passes = _passes_by_pause(ordered, np.unique(np.array(others, dtype=np.int64)))
    answer: list[int | None] = [
        None if n is None or n > 1 else (row.first, row.second)[n]
        for n, row in zip(passes, ordered, strict=True)
    ]
    return answer[::-1] if newest_first else answer


def _passes_by_pause(rows: Sequence[AmbiguousRow], others: Ints) -> list[int | None]:
    """Returns the pass of each of ``rows`` at rising local times, None where two ways or none fit
    the usual pause between the ``others``."""
    gaps = np.diff(others)
    unknown: list[int | None] = [None] * len(rows)
    at = int(np.searchsorted(others, rows[0].first))
    if len(gaps) < FEWEST_PAUSES or not 0 < at < len(others):
        return unknown
    usual = int(np.median(gaps))
    fitting = []
    for n in range(len(rows) + 1):
        times = [row.first if i < n else row.second for i, row in enumerate(rows)]
        pauses = np.diff([others[at - 1], *times, others[at]])
        if (np.abs(pauses - usual) <= usual // ABOUT).all():
            fitting.append(n)
    if len(fitting) != 1:
        return unknown
    return [int(i >= fitting[0]) for i in range(len(rows))]


def ambiguous_message(wall: datetime, zone: ZoneInfo) -> str:
    """Returns the message about a local time that stays ambiguous."""
    return (
        f"{wall:%Y-%m-%d %H:%M} comes twice in {zone.key} and this may be either; ask for stamps "
        "with an offset or in UTC, or declare ambiguous: first or second in the mapping"
    )


class LocalDaySpans:
    """Local days of 23, 24 or 25 hours by their timestamps. ``ends``: these mark the end."""

    def __init__(self, zone: ZoneInfo, *, ends: bool) -> None:
        self.zone, self.ends = zone, ends
        self._known: dict[int, tuple[int, int]] = {}

    def span(self, stamp: int) -> tuple[int, int]:
        """Returns the start [epoch s] and the length [s] of a day."""
        known = self._known.get(stamp)
        if known is None:
            other = self._days_on(stamp, -1 if self.ends else 1)
            known = (other, stamp - other) if self.ends else (stamp, other - stamp)
            self._known[stamp] = known
        return known

    def _days_on(self, moment: int, days: int) -> int:
        """Returns the same local time on another day [epoch s]."""
        local = datetime.fromtimestamp(moment, self.zone)
        other = local.replace(tzinfo=None) + timedelta(days=days)
        return int(other.replace(tzinfo=self.zone).timestamp())


def _of_serial(text: str) -> datetime:
    """Returns the local time of a spreadsheet's serial day, to the minute. Raises ValueError."""
    if _SERIAL.fullmatch(text) is None:
        raise ValueError(f"{_cut(text)} is no day of a spreadsheet, such as 45292,5")
    minutes = round(float(text.replace(",", ".")) * 1440)
    return SERIAL_ZERO + timedelta(minutes=minutes)


def _cut(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


WEEK_S = 7 * DAY_S
MIN_INTERVAL_S = 60
MICRO = 1_000_000
MAX_SPELLS = 100_000
"""Meters [1] of a file whose rows may come in spells of several lengths; the rows of further ones
stay unclear."""


def learned_intervals(
    numbers: Sequence[str], times: Sequence[int], *, ends: bool = False
) -> list[int]:
    """Returns the interval [s] of each row, -1 where unclear; ``times`` in epoch seconds [s],
    ``ends`` where they mark the end.

    The interval of a meter is the most common difference of consecutive timestamps, if more than
    half are equal to it and it is from a minute to a day, or a week. A row off the grid of its
    meter is unclear, too (local days have no grid in UTC), unless it lies in a spell of another
    length: hours that became quarters, or months (``bms.metering.interval``).
    """
    codes = _codes(numbers)
    stamps = np.asarray(times, dtype=np.int64)
    steps = _steps(codes, stamps)[codes]
    grid = np.where((steps > 0) & (steps < DAY_S), steps, 1)
    phase = stamps % grid
    usual = _most_common(codes, phase, least_share=0.0)[codes]
    found = np.where((phase == usual) & (steps > 0), steps, -1)
    unclear = np.unique(codes[(found < 0) | _of_spells(codes, stamps, steps)])[:MAX_SPELLS]
    for rows in _rows_of(codes, unclear):
        if len(rows) > 1:
            _fill_spells(found, rows, stamps, ends=ends)
    answer: list[int] = found.tolist()
    return answer


def _rows_of(codes: Ints, wanted: Ints) -> Iterator[NDArray[np.intp]]:
    """Yields the rows of each of the wanted meters, in their order."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    ends = np.searchsorted(ordered, wanted, side="right")
    for first, last in zip(np.searchsorted(ordered, wanted), ends, strict=True):
        yield order[first:last]


def _of_spells(codes: Ints, stamps: Ints, steps: Ints) -> NDArray[np.bool_]:
    """Rows of meters of which several steps are longer ones than the usual, within an hour: shape
    (n,)."""
    order = np.lexsort((stamps, codes))
    gaps, same = np.diff(stamps[order]), np.diff(codes[order]) == 0
    usual = steps[order][1:]
    longer = same & (usual > 0) & (gaps > usual) & (gaps <= HOUR_S)
    several = np.bincount(codes[order][1:][longer], minlength=int(codes.max(initial=0)) + 1) > 3
    return several[codes]


def _fill_spells(found: Ints, rows: NDArray[np.intp], stamps: Ints, *, ends: bool) -> None:
    """Puts the lengths [s] of spells of another length than the usual into the rows of a meter."""
    usual = int(found[rows].max())
    sign = -1 if ends else 1
    moments = np.unique(sign * stamps[rows])
    lengths = interval_lengths(moments * MICRO, max(usual, 0) * MICRO) // MICRO
    place = np.searchsorted(moments, sign * stamps[rows])
    own = lengths[place]
    gaps = np.diff(moments, prepend=moments[0], append=moments[-1])
    beside = np.minimum(*(np.abs(part[place] - own) for part in (gaps[:-1], gaps[1:])))
    on_time = (found[rows] < 0) & (beside <= own // ABOUT)
    clear = (own > 0) & ((own != usual) | on_time)
    if usual > 0 or clear.mean() > 0.5:  # else the spells of irregular times are chance
        found[rows[clear]] = own[clear]


def _codes(numbers: Sequence[str]) -> Ints:
    """Returns an integer per meter, in the order of first appearance. Shape (n,)."""
    seen: dict[str, int] = {}
    found = (seen.setdefault(number, len(seen)) for number in numbers)
    return np.fromiter(found, np.int64, len(numbers))


def _steps(codes: Ints, stamps: Ints) -> Ints:
    """Returns the interval [s] by meter, 0 where unclear. Shape (meters,)."""
    order = np.lexsort((stamps, codes))
    codes_in_order, in_order = codes[order], stamps[order]
    gaps = np.diff(in_order)
    use = (np.diff(codes_in_order) == 0) & (gaps > 0)
    odd = use & (gaps % MIN_INTERVAL_S > 0) & (gaps < DAY_S)
    if odd.any():  # clocks that drift
        nominal = nominal_lengths(gaps[odd] * MICRO) // MICRO
        gaps[odd] = np.where(nominal > 0, nominal, gaps[odd])
    steps = np.zeros(int(codes.max()) + 1 if len(codes) else 0, np.int64)
    found = _most_common(codes_in_order[1:][use], gaps[use], least_share=0.5)
    steps[: len(found)] = found
    plausible = ((steps >= MIN_INTERVAL_S) & (steps <= DAY_S)) | (steps == WEEK_S)
    return np.where(plausible, steps, 0)


def _most_common(codes: Ints, values: Ints, *, least_share: float) -> Ints:
    """Returns the most common value of each code whose share exceeds ``least_share``, else 0."""
    if not len(codes):
        return np.zeros(0, np.int64)
    order = np.lexsort((values, codes))
    codes, values = codes[order], values[order]
    changes = np.ones(len(codes), bool)
    changes[1:] = (codes[1:] != codes[:-1]) | (values[1:] != values[:-1])
    fresh = np.flatnonzero(changes)
    counts = np.append(fresh[1:], len(codes)) - fresh
    best = np.lexsort((counts, codes[fresh]))
    last = np.ones(len(best), bool)
    last[:-1] = codes[fresh][best][1:] != codes[fresh][best][:-1]
    winners = best[last]
    answer = np.zeros(int(codes[-1]) + 1, np.int64)
    totals = np.bincount(codes, minlength=len(answer))
    owners = codes[fresh][winners]
    clear = counts[winners] > least_share * totals[owners]
    answer[owners] = np.where(clear, values[fresh][winners], 0)
    return answer


def local_clock_shows(numbers: Sequence[str], times: Sequence[int]) -> bool:
    """Whether stamps that are read as UTC [epoch s] skip the hour that Danish clocks skip in March,
    or repeat the one that they repeat in October, as only local time does."""
    codes, stamps = _codes(numbers), np.asarray(times, dtype=np.int64)
    if not len(stamps):
        return False
    first, last = (datetime.fromtimestamp(t, UTC).year for t in (stamps.min(), stamps.max()))
    keys = np.unique(np.stack((codes, stamps)), axis=1)
    for year in range(first, last + 1):
        skipped, repeated = _changes(year)
        at_repeated = int((stamps == repeated).sum())
        if at_repeated > (keys[1] == repeated).sum() > 0:
            return True
        around = [codes[stamps == skipped + shift * HOUR_S] for shift in (-1, 1)]
        if len(np.intersect1d(*around)) and not (stamps == skipped).any():
            return True
    return False


def _changes(year: int) -> tuple[int, int]:
    """Returns 02:00 of the last Sundays in March and October, as if it were UTC [epoch s]."""
    found = []
    for month in (3, 10):
        last = datetime(year, month, 31, 2, tzinfo=UTC)
        found.append(int((last - timedelta(days=(last.weekday() + 1) % 7)).timestamp()))
    return found[0], found[1]
