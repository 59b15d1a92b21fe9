"""Months that are old go into the archive, and where it is wished out of the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Protocol
from zoneinfo import ZoneInfo

from bms.model.assets.point import Point, Privacy
from bms.model.assets.site import Site
from bms.model.control.retention import Erasure
from bms.model.readings.archived_month import ArchivedMonth
from bms.model.readings.measurement import Reading
from bms.ports.storage.readings import ReadingStore
from bms.ports.storage.retention import RetentionStore
from bms.ports.storage.rollups import RollupStore

FIRST = datetime(1971, 1, 1, tzinfo=UTC)


class MonthFiles(Protocol):
    """Where months go."""

    def has(self, site: str, month: date) -> bool: ...

    def keep(self, site: str, month: date, readings: Iterable[Reading]) -> ArchivedMonth: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivePorts:
    """What is read, and where it goes. ``moved``: the reason that stands in the ledger of what was
    taken out of the database because it is in the archive."""

    files: MonthFiles
    readings: ReadingStore
    rollups: RollupStore
    retention: RetentionStore
    moved: str


def months_back(today: date, months: int) -> date:
    """The first day of the month that lies so many months before that of ``today``."""
    count = today.year * 12 + today.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)


def archived_points(site: Site) -> list[Point]:
    """The points whose readings are archived: none about people."""
    return [point for point in site.points if point.privacy is not Privacy.PERSONAL]


def archive_site(
    site: Site,
    ports: ArchivePorts,
    *,
    before: date,
    now: datetime,
    move: bool = False,
    each: Callable[[ArchivedMonth], None] = lambda _: None,
) -> list[ArchivedMonth]:
    """Put the readings of the whole local months before ``before`` into the archive.

    A month that is there already is left alone, unless ``move``: then what came later is added, and
    the readings leave the database, where hours and days of them stay. Raises StoreError.
    """
    kept = []
    points = archived_points(site)
    for month in _months(site, points, ports.readings, before):
        if ports.files.has(site.id, month) and not move:
            continue
        rows = _readings(site, points, ports.readings, month)
        if rows:
            kept.append(ports.files.keep(site.id, month, rows))
            each(kept[-1])
        if move:
            _take_out(site, points, ports, months_back(month, -1), now)
    return kept


def _months(
    site: Site, points: Sequence[Point], readings: ReadingStore, before: date
) -> Iterator[date]:
    """The months from the first reading on."""
    end = _midnight(site, before)
    firsts = [row for p in points for row in readings.readings(p.id, FIRST, end, 1)]
    if not firsts:
        return
    local = min(row.time for row in firsts).astimezone(ZoneInfo(site.timezone))
    month = date(local.year, local.month, 1)
    while month < before:
        yield month
        month = months_back(month, -1)


def _readings(
    site: Site, points: Sequence[Point], readings: ReadingStore, month: date
) -> list[Reading]:
    start, end = _midnight(site, month), _midnight(site, months_back(month, -1))
    return [row for point in points for row in readings.readings(point.id, start, end)]


def _midnight(site: Site, day: date) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(site.timezone)).astimezone(UTC)


def _take_out(
    site: Site, points: Sequence[Point], ports: ArchivePorts, before: date, now: datetime
) -> None:
    ports.rollups.refresh_rollups([point.id for point in points], now)
    groups: dict[Privacy, list[str]] = defaultdict(list)
    for point in points:
        groups[point.privacy].append(point.id)
    for privacy, ids in groups.items():
        ports.retention.forget(
            Erasure(
                site=site.id,
                privacy=privacy,
                points=tuple(ids),
                before=before,
                with_rollups=False,
                actor="archive",
                at=now,
                reason=ports.moved,
            )
        )
