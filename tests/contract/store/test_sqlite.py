"""Bad days of a SQLite database: killed, locked, full, gone, too new; and its migrations."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

from bms.errors import ConfigError, StoreError, StoreUnavailable
from bms.model.assets.site import Mode
from bms.model.codec import to_json
from bms.model.control.audit import AuditSearch
from bms.model.planning.prediction import UseStart
from bms.model.readings.measurement import Ingested, Quality, Reading
from bms.model.readings.rollup import Level
from bms.ports.storage.readings import Fold
from bms.store.database import schema
from bms.store.database.connection import Link
from bms.store.database.tables import QUALITY_CODES
from bms.store.rollups.local_days import LocalDays
from bms.store.sql.readings import SqlReadings
from bms.store.sql.store import SqlStore
from tests.rigs.fakes.store import HOUR, MONDAY, QUARTER, a_kept_key, a_plan, quarters
from tests.rigs.storage.evidence_rows import fill

TEMP = "school/gym.temp"
SEALED = (
    "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name IN"
    " (SELECT tbl_name FROM sqlite_master WHERE type = 'trigger')"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "var" / "bms.db"


@pytest.fixture
def store(file: Path) -> Iterator[SqlStore]:
    made = SqlStore(f"sqlite:///{file}", patience_s=0.2)
    yield made
    made.close()


class TestOpening:
    def test_everything_is_there_after_opening_again(self, file: Path, store: SqlStore) -> None:
        store.add_readings(quarters([20.0, 20.5], TEMP))
        store.add_plan(a_plan())
        store.set_mode("school", Mode.ADVISE, actor="bo", at=MONDAY, reason="trial")
        store.close()
        again = SqlStore(f"sqlite:///{file}")
        assert again.add_readings(quarters([20.0, 20.5], TEMP)) == Ingested(known=2)
        assert again.plan("p1") == a_plan()
        assert again.mode("school") == Mode.ADVISE
        again.close()

    def test_it_leaves_one_file_behind(self, file: Path, store: SqlStore) -> None:
        store.add_readings(quarters([20.0], TEMP))
        store.close()
        assert [entry.name for entry in file.parent.iterdir()] == ["bms.db"]

    def test_a_closed_store_says_so(self, store: SqlStore) -> None:
        store.close()
        with pytest.raises(StoreError, match="closed"):
            store.latest([TEMP])

    @pytest.mark.parametrize(
        "url",
        ["nonsense", "sqlite://", "sqlite:///:memory:", "sqlite:///file:x?uri=true", "mysql://h/d"],
    )
    def test_a_url_that_cannot_be_served(self, url: str) -> None:
        with pytest.raises(ConfigError, match="BMS_DATABASE_URL"):
            SqlStore(url)

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "var").write_text("a file where a folder should be")
        with pytest.raises(StoreUnavailable, match=r"bms\.db cannot be made: .*BMS_DATABASE_URL"):
            SqlStore(f"sqlite:///{tmp_path}/var/bms.db")

    def test_a_folder_in_place_of_the_file(self, tmp_path: Path) -> None:
        with pytest.raises(StoreUnavailable, match="cannot be opened; see that the folder"):
            SqlStore(f"sqlite:///{tmp_path}")

    @pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
    )
    def test_a_folder_that_may_not_be_written(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with pytest.raises(StoreUnavailable, match=r"bms\.db"):
            SqlStore(f"sqlite:///{tmp_path}/bms.db")

    def test_another_kind_of_file(self, file: Path) -> None:
        file.parent.mkdir()
        file.write_bytes(b"meter_id,timestamp_utc,kwh\n" * 100)
        with pytest.raises(StoreError, match="is no database"):
            SqlStore(f"sqlite:///{file}")
        assert file.read_bytes().startswith(b"meter_id")


@pytest.mark.parametrize(("durable", "level"), [(True, 2), (False, 1)])
def test_what_outlives_a_power_cut(file: Path, durable: bool, level: int) -> None:
    """``PRAGMA synchronous``: 2 is FULL, 1 is NORMAL."""
    link = Link(f"sqlite:///{file}")
    for _ in range(2):  # the connection is used again, and must not keep the other's level
        with link.writing(durable=not durable):
            pass
        with link.writing(durable=durable) as session:
            asked = session.connection().exec_driver_sql("PRAGMA synchronous").scalar()
            mode = session.connection().exec_driver_sql("PRAGMA journal_mode").scalar()
        assert (asked, mode) == (level, "wal")
    link.close()


class TestAway:
    def test_held_by_another_process(self, file: Path, store: SqlStore) -> None:
        store.add_readings(quarters([1.0], TEMP))
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match=r"bms\.db is held by another process; stop"):
            store.add_readings(quarters([1.0, 2.0], TEMP))
        assert store.latest([TEMP])[TEMP].value == 1.0  # reading goes on
        other.execute("ROLLBACK")
        other.close()
        assert store.add_readings(quarters([1.0, 2.0], TEMP)) == Ingested(new=1, known=1)

    def test_a_full_disk_stores_all_or_nothing(self, file: Path) -> None:
        link = Link(f"sqlite:///{file}")
        with link.reading() as session:
            session.connection().exec_driver_sql("PRAGMA max_page_count = 60")
        readings = SqlReadings(link, LocalDays())
        readings.add_readings(quarters([1.0], TEMP))
        batch = quarters(range(20_000), TEMP)
        with pytest.raises(StoreUnavailable, match=r"bms\.db cannot grow, the disk is full; free"):
            readings.add_readings(batch)
        assert len(readings.readings(TEMP, MONDAY, MONDAY + 20_000 * QUARTER)) == 1
        with link.reading() as session:
            session.connection().exec_driver_sql("PRAGMA max_page_count = 100000")
        assert readings.add_readings(batch).new == 19_999
        link.close()

    def test_read_only(self, file: Path, store: SqlStore) -> None:
        link = Link(f"sqlite:///{file}")
        with link.reading() as session:
            session.connection().exec_driver_sql("PRAGMA query_only = 1")
        with pytest.raises(StoreUnavailable, match=r"bms\.db is read-only; give this user"):
            SqlReadings(link, LocalDays()).add_readings(quarters([1.0], TEMP))
        link.close()

    def test_the_file_is_deleted_while_in_use(self, file: Path, store: SqlStore) -> None:
        """SQLite itself would go on and lose everything."""
        store.add_readings(quarters([1.0], TEMP))
        aside = file.with_name("aside.db")
        file.rename(aside)
        with pytest.raises(StoreUnavailable, match=r"bms\.db was moved, deleted or replaced"):
            store.add_readings(quarters([1.0, 2.0], TEMP))
        aside.rename(file)
        assert store.add_readings(quarters([1.0, 2.0], TEMP)) == Ingested(new=1, known=1)


#: Starts writers one after the other and kills each in the middle; they say what they were told
#: is kept. One process imports for all of them.
WRITERS = """
import os, signal, sys, time
from datetime import UTC, datetime, timedelta
from bms.model.readings.measurement import Reading
from bms.store.sql.store import SqlStore

START = datetime(2019, 1, 14, tzinfo=UTC)

def write(url, first):
    store = SqlStore(url)
    for batch in range(first, first + 100_000):
        times = [START + timedelta(seconds=200 * batch + i) for i in range(200)]
        store.add_readings([Reading("school/gym.temp", time, float(batch)) for time in times])
        print(batch, flush=True)

for order in sys.stdin:
    first, after_s = order.split()
    writer = os.fork()
    if writer == 0:
        write(sys.argv[1], int(first))
    time.sleep(float(after_s))
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    print(flush=True)
    print("killed", flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_killed_writers_lose_nothing_that_was_acknowledged(file: Path) -> None:
    chance = random.Random(2)
    acknowledged = 0
    command = [sys.executable, "-c", WRITERS, f"sqlite:///{file}"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1) as writers:
        assert writers.stdin is not None
        assert writers.stdout is not None
        kills, barren = 0, 0
        while kills < 20 or acknowledged <= 20:
            kills += 1
            assert kills < 200, "a busy machine, but not one batch in 200 starts?"
            longest = 0.12 * (1 + barren / 4)  # on a busy machine even opening takes that long
            print(acknowledged, chance.uniform(0.03, longest), file=writers.stdin)
            before = acknowledged
            for line in iter(writers.stdout.readline, "killed\n"):
                assert line, "the writers are gone"
                acknowledged = int(line) + 1 if line.strip() else acknowledged
            barren = barren + 1 if acknowledged == before else 0
            kept = _rows_per_batch(file)
            # Whole batches only, and at most one whose acknowledgement was cut off.
            assert kept in ([200] * acknowledged, [200] * (acknowledged + 1))
        writers.stdin.close()


def _rows_per_batch(file: Path) -> list[int]:
    if not file.exists():
        return []
    reader = sqlite3.connect(file)
    assert reader.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    made = reader.execute("SELECT count(*) FROM sqlite_master WHERE name = 'readings'").fetchone()
    query = "SELECT value, count(*) FROM readings GROUP BY value ORDER BY value"
    rows = reader.execute(query).fetchall() if made == (1,) else []
    reader.close()
    assert [row[0] for row in rows] == list(range(len(rows)))
    return [row[1] for row in rows]


class TestTables:
    def test_the_code_knows_the_newest_migration(self) -> None:
        config = Config()
        config.set_main_option("script_location", "bms.store:migrations")
        assert ScriptDirectory.from_config(config).get_heads() == [schema.NEWEST]

    def test_migrations_make_the_tables_that_the_code_declares(self, file: Path) -> None:
        link = Link(f"sqlite:///{file}")
        with link.reading() as session:
            context = MigrationContext.configure(session.connection(), opts={"compare_type": True})
            assert compare_metadata(context, SQLModel.metadata) == []
        link.close()

    def test_down_and_up_again(self, file: Path) -> None:
        link = Link(f"sqlite:///{file}")
        with link.writing(durable=True) as session:
            schema.downgrade(session.connection(), "base")
        with link.writing(durable=True) as session:
            assert schema.version(session.connection()) is None
            left = session.connection().exec_driver_sql("SELECT name FROM sqlite_master").all()
            assert [row[0] for row in left if not row[0].startswith("sqlite_")] == [
                "alembic_version"
            ]
            schema.upgrade(session.connection(), "bms.db")
        assert SqlReadings(link, LocalDays()).add_readings(quarters([1.0], TEMP)) == Ingested(new=1)
        link.close()

    def test_days_with_corrected_readings_of_before_are_rolled_up_anew(self, file: Path) -> None:
        """The version before left such readings out of the roll-ups that it kept."""
        store = SqlStore(f"sqlite:///{file}")
        at = MONDAY + timedelta(hours=3)
        store.add_readings([Reading(TEMP, MONDAY, 20.0), Reading(TEMP, at, 9.0, Quality.CORRECTED)])
        store.close()
        link = Link(f"sqlite:///{file}")
        with link.writing(durable=True) as session:
            schema.downgrade(session.connection(), "0021")
            session.connection().exec_driver_sql("DELETE FROM stale")
        link.close()
        store = SqlStore(f"sqlite:///{file}")
        end = MONDAY + timedelta(days=1)
        assert store.rollups([TEMP], MONDAY, end, Level.HOUR).n.sum() == 2
        store.close()

    def test_bookings_of_before_people_were_counted_are_kept(self, file: Path) -> None:
        """As the version before wrote them, in force and taken back; of both nobody knows how many
        come."""
        link = Link(f"sqlite:///{file}")
        with link.writing(durable=True) as session:
            schema.downgrade(session.connection(), "0005")
            for row in ("'b1', NULL, NULL", "'b2', 1547481600000000, 'ole'"):
                session.connection().exec_driver_sql(
                    "INSERT INTO bookings (site, zone, starts, ends, kind, reason, author, made_at,"
                    " id, removed_at, removed_by) VALUES ('school', 'gym', 1547575200000000,"
                    f" 1547586000000000, 'in_use', 'choir', 'kari', 1547424000000000, {row})"
                )
        link.close()
        store = SqlStore(f"sqlite:///{file}")
        (kept,) = store.bookings("school", MONDAY)
        assert (kept.id, kept.zone, kept.end - kept.start) == ("b1", "gym", 3 * HOUR)
        assert kept.people is None
        store.add_booking(replace(kept, id="b3", people=40.0))
        assert [b.people for b in store.bookings("school", MONDAY)] == [None, 40.0]
        store.close()

    def test_predictions_of_before_use_was_on_record_are_kept(self, file: Path) -> None:
        start = UseStart(
            site="school", zone="gym", day=MONDAY.date(), shortfall_k=0.2, margin_k=0.3
        )
        store = SqlStore(f"sqlite:///{file}")
        store.keep_use_starts([start])
        store.close()
        link = Link(f"sqlite:///{file}")
        with link.writing(durable=True) as session:
            schema.downgrade(session.connection(), "0024")
        link.close()
        store = SqlStore(f"sqlite:///{file}")
        assert store.use_starts("school", MONDAY.date()) == [start]
        assert store.use_forecasts("school", MONDAY.date()) == []
        store.close()

    def test_keys_of_before_they_had_an_end_stay_good(self, file: Path) -> None:
        store = SqlStore(f"sqlite:///{file}")
        store.add_key(a_kept_key("k1", scope="operate"), actor="ole")
        store.add_key(a_kept_key("k2", scope="ingest", expires=MONDAY + HOUR), actor="ole")
        store.close()
        link = Link(f"sqlite:///{file}")
        with link.writing(durable=True) as session:
            schema.downgrade(session.connection(), "0010")
        link.close()
        store = SqlStore(f"sqlite:///{file}")
        assert store.key("k1") == a_kept_key("k1", scope="operate")
        assert store.key("k2") is None, "without its end it would be good for ever"
        store.close()

    def test_a_walk_that_fails_leaves_the_tables_as_they_were(self, file: Path) -> None:
        link = Link(f"sqlite:///{file}")
        SqlReadings(link, LocalDays()).add_readings(quarters([1.0], TEMP))

        def walk_down_and_stumble() -> None:
            with link.writing(durable=True) as session:
                schema.downgrade(session.connection(), "base")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            walk_down_and_stumble()
        assert SqlReadings(link, LocalDays()).latest([TEMP])[TEMP].value == 1.0
        link.close()

    def test_a_database_of_a_newer_version(self, file: Path, store: SqlStore) -> None:
        store.close()
        other = sqlite3.connect(file)
        other.execute("UPDATE alembic_version SET version_num = '0999'")
        other.commit()
        other.close()
        with pytest.raises(StoreError, match=r"bms\.db was made by a newer version .*0999"):
            SqlStore(f"sqlite:///{file}")

    @pytest.mark.parametrize("table", ["modes", "audit"])
    @pytest.mark.parametrize("change", ["UPDATE {} SET actor = 'nobody'", "DELETE FROM {}"])
    def test_the_audit_is_only_added_to(
        self, file: Path, store: SqlStore, table: str, change: str
    ) -> None:
        store.set_mode("school", Mode.AUTO, actor="bo", at=MONDAY, reason="approved")
        other = sqlite3.connect(file)
        with pytest.raises(sqlite3.IntegrityError, match="never changed"):
            other.execute(change.format(table))
        other.close()
        assert store.audit(AuditSearch())[0].actor == "bo"

    @pytest.mark.parametrize("from_before", [False, True])
    def test_no_sealed_row_is_replaced(
        self, file: Path, store: SqlStore, from_before: bool
    ) -> None:
        """REPLACE removes a row without asking the triggers of a removal."""
        fill(store)
        store.close()
        if from_before:
            link = Link(f"sqlite:///{file}")
            with link.writing(durable=True) as session:
                schema.downgrade(session.connection(), "0023")
            link.close()
            SqlStore(f"sqlite:///{file}").close()
        database = sqlite3.connect(file)
        sealed = database.execute(SEALED).fetchall()
        assert len(sealed) >= 17
        for table, sql in sealed:
            row = "" if "WITHOUT ROWID" in sql else "rowid, "
            kept = database.execute(f"SELECT {row}* FROM {table}").fetchall()
            named = database.execute(f"PRAGMA table_info({table})").fetchall()
            columns = row + ", ".join(each[1] for each in named)
            changes = [
                f"REPLACE INTO {table} SELECT * FROM {table} LIMIT 1",
                f"INSERT OR REPLACE INTO {table} ({columns}) SELECT {columns} FROM {table} LIMIT 1",
                *([f"UPDATE OR REPLACE {table} SET rowid = rowid + 9"] if row else []),
            ]
            for change in changes if kept else ():
                with pytest.raises(sqlite3.IntegrityError, match=f"rows of {table} are never"):
                    database.execute(change)
                assert database.execute(f"SELECT {row}* FROM {table}").fetchall() == kept
        database.close()

    def test_numbers_of_qualities_never_change(self) -> None:
        assert QUALITY_CODES == {
            Quality.GOOD: 0,
            Quality.UNCERTAIN: 1,
            Quality.ESTIMATED: 2,
            Quality.ABSENT: 3,
            Quality.OUT_OF_RANGE: 4,
            Quality.NO_REPLY: 5,
            Quality.DEVICE_ERROR: 6,
            Quality.WRONG_DEVICE: 7,
            Quality.BAD: 8,
            Quality.CALCULATED: 9,
            Quality.CORRECTED: 10,
        }

    def test_a_reading_takes_at_most_forty_bytes(self, file: Path, store: SqlStore) -> None:
        """As polled: 20 points every quarter of an hour, each poll a batch of its own."""
        empty = self.size(file, store)
        points = [f"school/zone{i}.temp" for i in range(20)]
        rounds = 1500
        for i in range(rounds):
            at = MONDAY + i * QUARTER
            received = at + timedelta(seconds=1.3)
            store.add_readings(
                Reading(point, at, 20.17 + 0.01 * i, Quality.GOOD, received) for point in points
            )
        assert (self.size(file, store) - empty) / (rounds * len(points)) <= 40

    @staticmethod
    def size(file: Path, store: SqlStore) -> int:
        other = sqlite3.connect(file)
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        other.close()
        return file.stat().st_size

    def test_a_plan_is_kept_small(self, file: Path, store: SqlStore) -> None:
        empty = self.size(file, store)
        plans = [a_plan(f"p{i}", steps=3000) for i in range(4)]
        for plan in plans:
            store.add_plan(plan)
        written = sum(len(to_json(plan)) for plan in plans)
        assert self.size(file, store) - empty < written / 4


def test_a_year_of_hours_is_exact(store: SqlStore) -> None:
    year = quarters((float(i) for i in range(35_041)), "school/heat.energy")
    assert store.add_readings(year).new == len(year)
    hours = store.series(
        "school/heat.energy", MONDAY, MONDAY + timedelta(days=365), HOUR, Fold.DELTA
    )
    assert hours.values.tolist() == [4.0] * 8760
