"""A supplier's file → readings, with an account of every row of it.

What cannot be stored is named by its line and spares the rest; giving a file twice is giving it
once, because the store knows a reading by point and time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice

from bms.errors import MOST_MISTAKES, FeedError, Mistake
from bms.model.readings.measurement import Ingested, Reading
from bms.model.readings.metering import STATES, MeterRow, Quantity, SupplierFile
from bms.ports.storage.readings import ReadingStore
from bms.services.collect.supplier_points import SupplierBook, SupplierPoint

BATCH = 50_000
"""Readings [1] that are given to the store at a time: progress is told in between."""
MOST_KINDS = 10_000
"""Kinds of rows [1] (meter, quantity, unit, interval) whose way is remembered while a file is read:
five quantities of each meter of a district."""
FUTURE = timedelta(days=1)
"""How far an amount per interval may lie ahead of the clock: files of today hold tonight's hours in
some places, and what lies farther ahead has a wrong date."""
SKEW = timedelta(minutes=5)
"""How far the moment of a register or state may lie ahead of the clock: as clocks differ."""
MOST_MOMENTS = 200_000
"""Times [1] that are remembered while a file is read: five years of quarter-hours."""

Read = Callable[[bytes, str], SupplierFile]
"""A format: content and name of a file → its rows. Raises ``FeedError`` when it is no such file."""
Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What became of a file.

    ``rows`` are the values that could be read; ``accepted`` of them have a point, ``missing`` of
    these say that there is no value; ``unasked`` are of quantities that the site file leaves out,
    ``ignored`` columns that the format does not use.
    ``refused`` names what could not be used, and ``refused_rows`` counts it: many rows of an
    unknown meter are named once. ``meters`` (``site/meter``) have readings from ``start`` to
    ``end``. ``warnings``: what may be wrong with the file as a whole.
    """

    name: str
    rows: int
    accepted: int
    missing: int
    stored: Ingested
    refused: tuple[Mistake, ...]
    refused_rows: int
    unasked: Mapping[Quantity, int]
    ignored: tuple[str, ...]
    meters: tuple[str, ...]
    start: datetime | None
    end: datetime | None
    warnings: tuple[str, ...] = ()


def ingest_file(
    content: bytes,
    name: str,
    read: Read,
    *,
    book: SupplierBook,
    readings: ReadingStore | None,
    now: datetime,
    as_declared: bool = False,
    progress: Progress | None = None,
) -> IngestReport:
    """Store what a file holds; when it returns, what was accepted outlives a power cut.

    ``now`` is building time: when the readings were received. Without ``readings``
    nothing is stored.
    With ``as_declared`` the file does not say whether its values are registers or amounts of which
    length; they are what the site file declares.
    Raises ``FeedError`` when the file as a whole cannot be read, ``StoreError`` when the store
    cannot take it: what was stored until then stays, and giving the file again is harmless.
    """
    file = read(content, name)
    sorting = _Sorting(name, book, now, as_declared)
    source = sorting.readings(file.rows)
    stored = Ingested()
    while batch := list(islice(source, BATCH)):
        if readings is not None:
            stored += readings.add_readings(batch, durable=True)
        if progress is not None:
            progress(sorting.seen / len(file.rows))
    return sorting.report(file, stored)


def ingest_answers(
    answers: Iterable[tuple[str, bytes] | FeedError],
    read: Read,
    *,
    book: SupplierBook,
    readings: ReadingStore | None,
    now: datetime,
) -> Iterator[IngestReport | FeedError]:
    """Store what an interface at the supplier answers, each with its name, as files are stored;
    one answer that fails or cannot be read spares the others. Raises ``StoreError``."""
    for answer in answers:
        if isinstance(answer, FeedError):
            yield answer
            continue
        name, body = answer
        try:
            yield ingest_file(body, name, read, book=book, readings=readings, now=now)
        except FeedError as error:
            yield error


@dataclass(slots=True)
class _Refusal:
    """Rows that are refused for one and the same reason, told at the first of them."""

    line: int
    says: str
    rows: int = 0


@dataclass(slots=True)
class _Sorting:
    """The rows of one file, while each is brought to its point or refused."""

    name: str
    book: SupplierBook
    now: datetime
    as_declared: bool
    seen: int = 0
    accepted: int = 0
    missing: int = 0
    refusals: dict[tuple[object, ...], _Refusal] = field(default_factory=dict)
    unnamed: _Refusal = field(default_factory=lambda: _Refusal(0, ""))
    unasked: Counter[Quantity] = field(default_factory=Counter)
    meters: set[str] = field(default_factory=set)
    first: datetime | None = None
    last: datetime | None = None
    _targets: dict[tuple[object, ...], SupplierPoint | _Refusal | None] = field(
        default_factory=dict
    )
    _moments: dict[int, datetime] = field(default_factory=dict)

    def readings(self, rows: Iterable[MeterRow]) -> Iterator[Reading]:
        """The readings of the rows that have a point."""
        horizon, present = self.now + FUTURE, self.now + SKEW
        for row in rows:
            self.seen += 1
            key = (row.number, row.quantity, row.unit, row.interval_s)
            target = self._targets[key] if key in self._targets else self._find(key, row)
            if isinstance(target, SupplierPoint):
                moment = self._moments.get(row.time) or self._moment(row.time)
                if moment > (horizon if target.address.interval else present):
                    self._late(row, moment).rows += 1
                    continue
                self.accepted += 1
                self.first = moment if self.first is None else min(self.first, moment)
                self.last = moment if self.last is None else max(self.last, moment)
                self.missing += row.value is None
                yield Reading(target.point.id, moment, row.value, row.quality, self.now)
            elif target is None:
                self.unasked[row.quantity] += 1
            else:
                target.rows += 1

    def report(self, file: SupplierFile, stored: Ingested) -> IngestReport:
        named = [Mistake(self.name, r.line, _told(r)) for r in self.refusals.values()]
        return IngestReport(
            name=self.name,
            rows=len(file.rows),
            accepted=self.accepted,
            missing=self.missing,
            stored=stored,
            refused=tuple(sorted((*file.mistakes, *named), key=lambda mistake: mistake.line)),
            refused_rows=len(file.mistakes) + file.unnamed + self._refused_rows(),
            unasked=dict(self.unasked),
            ignored=file.ignored,
            meters=tuple(sorted(self.meters)),
            start=self.first,
            end=self.last,
            warnings=file.warnings,
        )

    def _refused_rows(self) -> int:
        return self.unnamed.rows + sum(refusal.rows for refusal in self.refusals.values())

    def _find(self, key: tuple[object, ...], row: MeterRow) -> SupplierPoint | _Refusal | None:
        """Where rows like this one go: to a point, nowhere because nobody asked, or refused."""
        known = self.book.by_number.get(row.number)
        found: SupplierPoint | _Refusal | None
        if known is None:
            found = self._refuse(("number", row.number), row.line, _unknown(row.number))
        else:
            found = known.get(row.quantity)
            if found is None and row.quantity is Quantity.EXPORT:
                found = self._refuse(key, row.line, _exported(row.number))
                return self._remembered(key, found)
            wrong = None if found is None else unfit(found, row, as_declared=self.as_declared)
            if wrong is not None:
                found = self._refuse(key, row.line, wrong)
            elif found is not None:
                self.meters.add(f"{found.point.site}/{found.point.meter}")
        return self._remembered(key, found)

    def _remembered(
        self, key: tuple[object, ...], found: SupplierPoint | _Refusal | None
    ) -> SupplierPoint | _Refusal | None:
        if len(self._targets) >= MOST_KINDS:
            self._targets.clear()
        self._targets[key] = found
        return found

    def _refuse(self, key: tuple[object, ...], line: int, says: str) -> _Refusal:
        """The refusal of this kind of rows; beyond those that are named they are only counted."""
        known = self.refusals.get(key)
        if known is None:
            if len(self.refusals) >= MOST_MISTAKES:
                return self.unnamed
            known = self.refusals[key] = _Refusal(line, says)
        return known

    def _late(self, row: MeterRow, moment: datetime) -> _Refusal:
        says = f"{moment.isoformat()} lies in the future; look at the dates of the file"
        return self._refuse(("future",), row.line, says)

    def _moment(self, second: int) -> datetime:
        if len(self._moments) >= MOST_MOMENTS:
            self._moments.clear()
        return self._moments.setdefault(second, datetime.fromtimestamp(second, UTC))


def unfit(target: SupplierPoint, row: MeterRow, *, as_declared: bool) -> str | None:
    """Why a row cannot go to the point of its number and quantity; None when it can."""
    point, address = target.point, target.address
    if row.unit != point.unit:
        return (
            f"{row.number}: {row.quantity} comes in {row.unit}, the site keeps it in {point.unit}"
        )
    if as_declared or row.quantity in STATES:
        return None
    meter = f"meter {point.meter} of {point.site}"
    if not address.interval and row.interval_s:
        return (
            f"{row.number}: amounts per {row.interval_s} s, but {meter} is declared as a register; "
            "put interval: true under its supplier, or declare interval_s: register in the mapping"
            " of a file that holds readings"
        )
    if address.interval and not row.interval_s:
        return (
            f"{row.number}: a register, but {meter} is declared with amounts per interval; "
            "put interval: false under its supplier"
        )
    return None


def _unknown(number: str) -> str:
    return (
        f"meter {number!r} is in no site file; put number: {number!r} under supplier of its meter"
    )


def _exported(number: str) -> str:
    return (
        f"{number}: export or production, which is no use of the building; give it a meter with"
        f" direction: export (or production) and number: {number!r} in the site file"
    )


def _told(refusal: _Refusal) -> str:
    more = f" ({refusal.rows} rows)" if refusal.rows > 1 else ""
    return f"{refusal.says}{more}"


def as_dict(report: IngestReport, most: int = 1000) -> dict[str, object]:
    """The report for a file or an answer in JSON; at most ``most`` refusals are named."""
    return {
        "file": report.name,
        "rows": report.rows,
        "accepted": report.accepted,
        "taken": report.stored.new,
        "known": report.stored.known,
        "corrected": report.stored.corrected,
        "waiting": report.stored.waiting,
        "expired": report.stored.expired,
        "missing": report.missing,
        "unasked": {quantity.value: count for quantity, count in report.unasked.items()},
        "ignored": list(report.ignored),
        "warnings": list(report.warnings),
        "refused_rows": report.refused_rows,
        "refused": refusals(report.refused, most),
        "meters": list(report.meters),
        "start": None if report.start is None else report.start.isoformat(),
        "end": None if report.end is None else report.end.isoformat(),
    }


def refusals(mistakes: Sequence[Mistake], most: int) -> list[dict[str, object]]:
    """Line and reason of the first ``most`` mistakes."""
    return [{"line": each.line, "message": each.message} for each in mistakes[:most]]
