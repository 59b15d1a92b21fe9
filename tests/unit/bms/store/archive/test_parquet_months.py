"""Months as Parquet files: written whole, read by others, and reached by erasures."""

from __future__ import annotations

import fcntl
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.dataset as ds
import pytest

from bms.errors import StoreError
from bms.model.assets.point import Privacy
from bms.model.control.retention import Erasure
from bms.model.readings.measurement import Quality, Reading
from bms.model.savings.objection import Verdict
from bms.model.savings.upstream import ToldMonth, ToldSaving, UpstreamLook, UpstreamNumbers
from bms.store.archive.archived_retention import LEDGER, MOVED, ArchivedRetention
from bms.store.archive.parquet_months import LOCK, UNFINISHED, ParquetArchive
from bms.store.archive.upstream_months import write_upstream_months
from bms.store.memory.store import MemoryStore

OCTOBER, NOVEMBER = date(2024, 10, 1), date(2024, 11, 1)
START = datetime(2024, 9, 30, 22, tzinfo=UTC)
TEMP, HEAT = "lodge/hall.temp", "lodge/heat.energy"
HOUR = timedelta(hours=1)
NOW = datetime(2025, 6, 15, 0, 30, tzinfo=UTC)


def rows(point: str, count: int = 48, start: datetime = START) -> list[Reading]:
    return [Reading(point, start + HOUR * i, 20.0 + i) for i in range(count)]


def an_erasure(*points: str, before: date, reason: str = "kept for 5 years") -> Erasure:
    return Erasure(
        site="lodge",
        privacy=Privacy.INTERNAL,
        points=points,
        before=before,
        with_rollups=False,
        actor="retention",
        at=NOW,
        reason=reason,
    )


@pytest.fixture
def archive(tmp_path: Path) -> ParquetArchive:
    made = ParquetArchive(tmp_path)
    made.keep("lodge", OCTOBER, rows(HEAT) + rows(TEMP))
    made.keep("lodge", NOVEMBER, rows(TEMP, 4, START + 31 * 24 * HOUR))
    made.keep("school", OCTOBER, rows("school/heat.energy", 2))
    return made


def test_others_read_the_folders_as_columns(archive: ParquetArchive, tmp_path: Path) -> None:
    found = ds.dataset(tmp_path, format="parquet", partitioning="hive").to_table()
    assert set(found.column_names) == {"point", "time", "value", "quality", "month", "site"}
    assert found.num_rows == 48 + 48 + 4 + 2
    october = found.filter((ds.field("month") == "2024-10") & (ds.field("site") == "lodge"))
    assert october.column("point").to_pylist() == sorted([HEAT, TEMP] * 48)
    assert october.column("time").to_pylist()[0] == START


def test_what_is_read_back_is_what_was_kept(archive: ParquetArchive) -> None:
    missing = Reading(HEAT, START + HOUR, None, Quality.NO_REPLY)
    archive.keep("lodge", OCTOBER, [missing])
    found = archive.readings("lodge", OCTOBER)
    assert [row for row in found if row.point == HEAT][:2] == [rows(HEAT)[0], missing]
    assert len(found) == 96
    assert [(each.month, each.site) for each in archive.months()] == [
        ("2024-10", "lodge"),
        ("2024-10", "school"),
        ("2024-11", "lodge"),
    ]


def test_an_erasure_reaches_what_a_killed_process_left_half_written(
    archive: ParquetArchive, tmp_path: Path
) -> None:
    left = tmp_path / "month=2024-12" / "site=lodge" / UNFINISHED
    left.parent.mkdir(parents=True)
    left.write_bytes((tmp_path / "month=2024-10" / "site=lodge" / "readings.parquet").read_bytes())
    archive.forget("school", {TEMP}, START)
    assert left.exists()  # another building, which may be in the middle of it
    archive.forget("lodge", {TEMP}, START)
    assert not left.exists()


def test_an_erasure_in_the_first_hours_of_a_local_month_reaches_its_file(
    archive: ParquetArchive,
) -> None:
    assert archive.forget("lodge", {TEMP}, START + HOUR) == 1


def test_what_could_not_be_written_leaves_nothing_behind(
    archive: ParquetArchive, tmp_path: Path
) -> None:
    before = archive.readings("lodge", OCTOBER)
    with pytest.raises(StoreError, match="does not have what was written"):
        archive.keep("lodge", OCTOBER, [Reading(TEMP, START, float("nan"), Quality.GOOD)])
    assert archive.readings("lodge", OCTOBER) == before
    assert not list(tmp_path.rglob(UNFINISHED))


def test_one_process_writes_at_a_time(archive: ParquetArchive, tmp_path: Path) -> None:
    with (tmp_path / LOCK).open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        hurried = ParquetArchive(tmp_path, patience_s=0.0)
        for does in (
            lambda: hurried.keep("lodge", OCTOBER, rows(HEAT)),
            lambda: hurried.forget("lodge", {TEMP}, START + HOUR),
        ):
            with pytest.raises(StoreError, match="another process"):
                does()
    assert hurried.forget("lodge", {TEMP}, START + HOUR) == 1


def test_an_erasure_takes_its_points_from_before_its_midnight_and_no_others(
    archive: ParquetArchive,
) -> None:
    gone = archive.forget("lodge", {TEMP}, START + 10 * HOUR)
    assert gone == 10
    left = archive.readings("lodge", OCTOBER)
    assert [r for r in left if r.point == TEMP] == rows(TEMP)[10:]
    assert [r for r in left if r.point == HEAT] == rows(HEAT)
    assert len(archive.readings("lodge", NOVEMBER)) == 4
    assert len(archive.readings("school", OCTOBER)) == 2


def test_a_file_that_is_empty_is_gone(archive: ParquetArchive) -> None:
    archive.forget("lodge", {TEMP, HEAT}, datetime(2025, 1, 1, tzinfo=UTC))
    assert [(each.month, each.site) for each in archive.months()] == [("2024-10", "school")]


def test_a_file_that_is_damaged_is_named(archive: ParquetArchive, tmp_path: Path) -> None:
    path = tmp_path / "month=2024-10" / "site=lodge" / "readings.parquet"
    path.write_bytes(b"no parquet")
    with pytest.raises(StoreError, match=r"site=lodge"):
        archive.readings("lodge", OCTOBER)


def test_retention_reaches_the_files_and_says_so(archive: ParquetArchive, tmp_path: Path) -> None:
    store = MemoryStore()
    store.add_readings(rows(TEMP))
    retention = ArchivedRetention(store, tmp_path)
    retention.forget(an_erasure(TEMP, before=date(2024, 10, 2)))
    assert [r for r in archive.readings("lodge", OCTOBER) if r.point == TEMP] == rows(TEMP)[24:]
    (line,) = map(json.loads, (tmp_path / LEDGER).read_text().splitlines())
    assert (line["site"], line["readings"], line["actor"]) == ("lodge", 24, "retention")
    assert TEMP not in (tmp_path / LEDGER).read_text()


def test_what_moves_into_the_archive_stays_there(archive: ParquetArchive, tmp_path: Path) -> None:
    store = MemoryStore()
    store.add_readings(rows(TEMP))
    moved = an_erasure(TEMP, before=NOVEMBER, reason=MOVED)
    assert ArchivedRetention(store, tmp_path).forget(moved).readings == 48
    assert len(archive.readings("lodge", OCTOBER)) == 96


def test_months_of_all_upstreams_are_one_table(tmp_path: Path) -> None:
    month = ToldMonth(
        month=OCTOBER,
        days=31,
        adjusted_baseline_kwh=120.0,
        measured_kwh=100.0,
        saving_kwh=20.0,
        saving_low_kwh=10.0,
        saving_high_kwh=30.0,
    )
    hall = ToldSaving(
        id="hall",
        adjusted_baseline_kwh=120.0,
        measured_kwh=100.0,
        saving_kwh=20.0,
        saving_low_kwh=10.0,
        saving_high_kwh=30.0,
        confidence=0.9,
        verdict=Verdict.VERIFIED,
        months=(month, replace(month, month=NOVEMBER)),
    )
    numbers = UpstreamNumbers(at=NOW, portfolio=replace(hall, id="portfolio"), sites=(hall,))
    looks = [
        UpstreamLook(name=name, url=f"https://{name}", numbers=found)
        for name, found in (("aarhus", numbers), ("skive", numbers), ("never", None))
    ]
    assert write_upstream_months(tmp_path / "region.parquet", looks) == 4
    found = ds.dataset(tmp_path / "region.parquet").to_table().to_pylist()
    assert [(r["upstream"], r["month"], r["saving_kwh"]) for r in found] == [
        (name, day, 20.0) for name in ("aarhus", "skive") for day in (OCTOBER, NOVEMBER)
    ]
    assert found[0]["read_at"] == NOW
