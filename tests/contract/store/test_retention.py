"""What deleting leaves in the files of SQLite, and whose days a database keeps."""

from __future__ import annotations

import sqlite3
import struct
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text

from bms.errors import ConfigError, StoreError
from bms.model.readings.measurement import Reading
from bms.model.readings.rollup import Level
from bms.store.database import schema
from bms.store.database.connection import Link
from bms.store.sql.store import SqlStore
from tests.rigs.fakes.store import MONDAY, QUARTER, quarters
from tests.rigs.storage.plain_rollups import PlainReadings, an_erasure, micros

DAY = timedelta(days=1)
TEMP = "school/gym.temp"
CO2 = "school/gym.co2"
OTHERS = ("school/a", "school/gym.co1", "school/gym.co3", "school/z")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bms.db"


def opened(file: Path, timezone: str = "Europe/Copenhagen") -> SqlStore:
    return SqlStore(f"sqlite:///{file}", patience_s=0.2, timezone=timezone)


def left(file: Path, values: list[float]) -> int:
    """How many of the values stand anywhere in the files of the database, as SQLite writes them."""
    content = b"".join(one.read_bytes() for one in file.parent.glob(f"{file.name}*"))
    return sum(struct.pack(">d", value) in content for value in values)


class TestFiles:
    def test_no_deleted_value_is_left_in_them(self, file: Path) -> None:
        """Added in disorder, corrected and rolled up, so that pages are split and written anew."""
        rng = Random(3)
        secrets = [700 + rng.random() for _ in range(96 * 30)]
        readings = quarters(secrets, CO2)
        for point in OTHERS:
            readings += quarters([rng.random() for _ in secrets], point)
        rng.shuffle(readings)
        store = opened(file)
        for first in range(0, len(readings), 2000):
            store.add_readings(readings[first : first + 2000])
            store.refresh_rollups([CO2], MONDAY + 15 * DAY)
        corrected = [800 + rng.random() for _ in range(300)]
        store.add_readings(quarters(corrected, CO2))
        assert left(file, secrets) == len(secrets)
        store.forget(an_erasure([CO2], date(2019, 3, 1), with_rollups=True))
        store.scrub()
        assert left(file, secrets + corrected) == 0
        spared = store.readings(OTHERS[0], MONDAY, MONDAY + 30 * DAY)
        assert left(file, [one.value or 0.0 for one in spared]) == len(secrets)
        store.close()

    def test_a_scrub_waits_for_nobody_forever(self, file: Path) -> None:
        store = opened(file)
        with sqlite3.connect(file) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="held by another process"):
                store.scrub()
        other.close()
        store.scrub()
        store.close()

    def test_nobody_changes_the_ledger(self, file: Path) -> None:
        store = opened(file)
        store.add_readings(quarters([1.0], CO2))
        store.forget(an_erasure([CO2], date(2019, 3, 1)))
        store.close()
        with sqlite3.connect(file) as other:
            for statement in ("DELETE FROM erasures", "UPDATE erasures SET readings = 0"):
                with pytest.raises(sqlite3.IntegrityError, match="never changed"):
                    other.execute(statement)
        other.close()

    def test_nor_that_of_postgresql(self, postgres_url: str) -> None:
        store = SqlStore(postgres_url)
        store.add_readings(quarters([1.0], CO2))
        store.forget(an_erasure([CO2], date(2019, 3, 1)))
        link = Link(postgres_url)
        for statement in ("DELETE FROM erasures", "UPDATE erasures SET readings = 0"):
            with (
                pytest.raises(StoreError, match="never changed"),
                link.writing(durable=True) as session,
            ):
                session.connection().execute(text(statement))
        assert len(store.erasures(datetime(1970, 1, 1, tzinfo=UTC))) == 1
        link.close()
        store.close()

    def test_no_point_is_named_in_the_ledger(self, file: Path) -> None:
        store = opened(file)
        store.add_readings(quarters([1.0], CO2))
        store.forget(an_erasure([CO2], date(2019, 3, 1)))
        store.close()
        with sqlite3.connect(file) as other:
            (row,) = other.execute("SELECT * FROM erasures").fetchall()
        other.close()
        assert "gym" not in str(row)

    def test_a_day_that_is_marked_is_kept_through_a_restart(self, file: Path) -> None:
        plain = PlainReadings()
        for values in ([1.0, 2.0], [1.0, 3.0, 4.0]):
            store = opened(file)
            batch = quarters(values, TEMP)
            assert store.add_readings(batch) == plain.add(batch)
            store.close()
        store = opened(file)
        assert store.refresh_rollups([TEMP], MONDAY) == 0  # the day has not ended
        assert store.refresh_rollups([TEMP], MONDAY + DAY) == 1
        assert store.refresh_rollups([TEMP], MONDAY + DAY) == 0
        window = (MONDAY, MONDAY + DAY)
        plain.compare(store.rollups([TEMP], *window, Level.DAY), *window)
        store.close()

    def test_what_is_known_already_marks_nothing(self, file: Path) -> None:
        store = opened(file)
        store.add_readings(quarters([1.0, 2.0], TEMP))
        store.refresh_rollups([TEMP], MONDAY + DAY)
        store.add_readings(quarters([1.0, 2.0], TEMP))
        assert store.refresh_rollups([TEMP], MONDAY + DAY) == 0
        store.close()


class TestZone:
    def day_of(self, store: SqlStore) -> list[datetime]:
        edges = store.rollups([TEMP], MONDAY, MONDAY + QUARTER, Level.DAY).edges
        return [datetime.fromtimestamp(edge / 1e6, UTC) for edge in edges]

    def test_roll_ups_are_made_anew_for_another_time_zone(self, file: Path) -> None:
        store = opened(file)
        readings = quarters(range(96 * 40), TEMP)
        store.add_readings(readings)
        store.refresh_rollups([TEMP], MONDAY + 90 * DAY)
        store.close()
        store = opened(file, "America/Nuuk")
        window = (MONDAY + DAY, MONDAY + 39 * DAY)
        for _ in range(2):
            days = store.rollups([TEMP], *window, Level.DAY)
            assert set(days.n[0].tolist()) == {96}
            assert days.edges[0] % (24 * 3_600_000_000) == 3 * 3_600_000_000
            assert store.refresh_rollups([TEMP], MONDAY + 90 * DAY) in (0, 41)
        store.close()

    def test_not_where_readings_were_deleted(self, file: Path) -> None:
        store = opened(file)
        store.add_readings(quarters([1.0], TEMP))
        store.forget(an_erasure([TEMP], date(2019, 3, 1)))
        store.close()
        with pytest.raises(ConfigError, match="write Europe/Copenhagen in BMS_TIMEZONE again"):
            opened(file, "America/Nuuk")
        opened(file).close()

    @pytest.mark.parametrize("timezone", ["Asia/Kolkata", "Europe/Kobenhavn", "../secret"])
    def test_a_time_zone_that_cannot_be_served(self, file: Path, timezone: str) -> None:
        with pytest.raises(ConfigError, match="BMS_TIMEZONE"):
            opened(file, timezone)
        assert not file.exists()

    def test_a_database_of_before_roll_ups_gets_them(self, file: Path) -> None:
        plain = PlainReadings()
        store = opened(file)
        batch = [Reading(TEMP, MONDAY + i * 7 * QUARTER, float(i % 5)) for i in range(900)]
        batch.append(Reading(TEMP, datetime(1901, 1, 1, tzinfo=UTC), 7.0))
        assert store.add_readings(batch) == plain.add(batch)
        store.close()
        link = Link(f"sqlite:///{file}")
        with link.writing(durable=True) as session:
            schema.downgrade(session.connection(), "0001")
            tables = "SELECT name FROM sqlite_master WHERE name IN ('rollups', 'stale', 'erasures')"
            assert session.connection().execute(text(tables)).all() == []
        link.close()
        store = opened(file)
        window = (MONDAY, MONDAY + 70 * DAY)
        for level in Level:
            plain.compare(store.rollups([TEMP], *window, level), *window)
        assert store.refresh_rollups([TEMP], MONDAY + 90 * DAY) > 60
        plain.compare(store.rollups([TEMP], *window, Level.DAY), *window)
        assert micros(MONDAY) in store.good(TEMP, *window)[0]
        store.close()
