"""Which months go into the archive, and what stays where."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bms.model.assets.point import Privacy
from bms.model.readings.measurement import Reading
from bms.model.readings.rollup import Level
from bms.services.collect.archive_months import ArchivePorts, archive_site, months_back
from bms.store.archive.archived_retention import MOVED, ArchivedRetention
from bms.store.archive.parquet_months import ParquetArchive
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import lodge

FIRST = datetime(2024, 9, 20, tzinfo=UTC)
NOW = datetime(2024, 12, 15, tzinfo=UTC)
SIX_HOURS = timedelta(hours=6)
BEFORE = date(2024, 11, 1)
TEMP, VALVE, HEAT = "lodge/hall.temp", "lodge/hall.valve", "lodge/heat.energy"
CLASSES = {TEMP: Privacy.INTERNAL, VALVE: Privacy.PERSONAL, HEAT: Privacy.OPEN}
SITE = replace(
    lodge(),
    points=tuple(replace(p, privacy=CLASSES[p.id]) for p in lodge().points if p.id in CLASSES),
)


def a_past(*points: str) -> MemoryStore:
    store = MemoryStore()
    count = int((NOW - FIRST) / SIX_HOURS)
    store.add_readings(
        Reading(point, FIRST + SIX_HOURS * i, float(i)) for point in points for i in range(count)
    )
    return store


def ports_of(store: MemoryStore, folder: Path) -> ArchivePorts:
    return ArchivePorts(
        files=ParquetArchive(folder),
        readings=store,
        rollups=store,
        retention=ArchivedRetention(store, folder),
        moved=MOVED,
    )


def test_months_are_counted_back_over_the_year() -> None:
    assert months_back(date(2026, 2, 17), 13) == date(2025, 1, 1)
    assert months_back(date(2025, 12, 1), -1) == date(2026, 1, 1)


def test_whole_old_months_go_and_nothing_about_people(tmp_path: Path) -> None:
    store = a_past(TEMP, HEAT, VALVE)
    ports = ports_of(store, tmp_path)
    made = archive_site(SITE, ports, before=BEFORE, now=NOW)
    months = [("2024-09", 2 * 4 * 11), ("2024-10", 2 * 4 * 31)]
    assert [(each.month, each.readings) for each in made] == months
    archived = ParquetArchive(tmp_path).readings("lodge", date(2024, 10, 1))
    assert {row.point for row in archived} == {TEMP, HEAT}
    assert archived[0].time == datetime(2024, 10, 1, tzinfo=UTC)
    assert len(store.readings(TEMP, FIRST, NOW)) == int((NOW - FIRST) / SIX_HOURS)
    assert archive_site(SITE, ports, before=BEFORE, now=NOW) == []


def test_what_moves_leaves_the_database_and_its_days_stay(tmp_path: Path) -> None:
    store = a_past(TEMP, HEAT)
    ports = ports_of(store, tmp_path)
    archive_site(SITE, ports, before=BEFORE, now=NOW, move=True)
    left = store.readings(TEMP, FIRST, NOW)
    assert left[0].time >= datetime(2024, 10, 31, 22, tzinfo=UTC)
    days = store.rollups([TEMP], datetime(2024, 10, 1, tzinfo=UTC), left[0].time, Level.DAY)
    assert days.n.sum() > 0
    files = ParquetArchive(tmp_path)
    assert sum(each.readings for each in files.months()) + 2 * len(left) == 2 * int(
        (NOW - FIRST) / SIX_HOURS
    )
    assert archive_site(SITE, ports, before=BEFORE, now=NOW, move=True) == []
