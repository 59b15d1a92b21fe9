"""``bms db``: a whole copy while somebody writes, no copy that is half; a database that is away."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bms.cli.main import app
from bms.clock import VirtualClock
from bms.config import Settings
from bms.errors import ConfigError, StoreError
from bms.model.readings.measurement import Ingested, Reading
from bms.model.readings.spool import Importance
from bms.runtime.jobs import forward
from bms.runtime.wire import wire
from bms.services.collect.poll import poll_site
from bms.store.database.backup import back_up, dump_command
from bms.store.sql.store import SqlStore
from tests.rigs.fakes.city import lodge
from tests.rigs.fakes.drivers import FakeDrivers
from tests.rigs.fakes.store import MONDAY, QUARTER, quarters

TEMP = "school/gym.temp"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    made = SqlStore(f"sqlite:///{tmp_path}/bms.db")
    made.add_readings(quarters(range(2000), TEMP))
    yield made
    made.close()


def backup(home: Path, *arguments: str, url: str | None = None) -> Result:
    settings = {"BMS_HOME": str(home)} | ({} if url is None else {"BMS_DATABASE_URL": url})
    return CliRunner().invoke(app, ["db", "backup", *arguments], env=settings)


def test_a_copy_that_can_be_put_in_its_place(tmp_path: Path, store: SqlStore) -> None:
    copy = tmp_path / "copy" / "bms.db"
    copy.parent.mkdir()
    done = backup(tmp_path, str(copy))
    assert (done.exit_code, done.stdout) == (0, f"{copy}: 2000 readings, {size(copy)}, checked\n")
    assert [entry.name for entry in copy.parent.iterdir()] == ["bms.db"]
    assert copy.stat().st_mode & 0o777 == 0o600
    again = SqlStore(f"sqlite:///{copy}")
    assert again.add_readings(quarters(range(2001), TEMP)).known == 2000
    again.close()


def size(copy: Path) -> str:
    return f"{copy.stat().st_size / 1e6:.1f} MB"


def test_a_database_at_rest_is_copied_and_not_touched(tmp_path: Path, store: SqlStore) -> None:
    store.close()
    before = (tmp_path / "bms.db").read_bytes()
    done = backup(tmp_path, str(tmp_path / "copy.db"), "--json")
    assert json.loads(done.stdout) == {
        "file": str(tmp_path / "copy.db"),
        "bytes": (tmp_path / "copy.db").stat().st_size,
        "readings": 2000,
    }
    assert (tmp_path / "bms.db").read_bytes() == before


def test_the_copy_is_of_one_moment_however_much_is_written(tmp_path: Path, store: SqlStore) -> None:
    """Every batch is whole in the copy or not in it, and the copy is never begun anew."""
    stop, shares = threading.Event(), list[float]()

    def write() -> None:
        n = 0
        while not stop.is_set():
            n += 1
            at = MONDAY + n * QUARTER
            store.add_readings(Reading(f"school/p{i}", at, float(n)) for i in range(50))

    def note(share: float) -> None:
        shares.append(share)
        stop.wait(0.01)  # so that there are commits between the steps

    store.add_readings(quarters(range(100_000), TEMP))
    writer = threading.Thread(target=write)
    writer.start()
    try:
        done = back_up(f"sqlite:///{tmp_path}/bms.db", tmp_path / "copy.db", report=note, pages=50)
    finally:
        stop.set()
        writer.join()
    assert len(shares) > 5
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        query = "SELECT count(*) FROM readings WHERE point <> 1 GROUP BY time"
        assert {row[0] for row in copy.execute(query)} <= {50}
        (count,) = copy.execute("SELECT count(*) FROM readings").fetchone()
    assert count == done.readings
    with closing(sqlite3.connect(tmp_path / "bms.db")) as running:
        assert running.execute("SELECT count(*) FROM readings").fetchone()[0] > count


def test_what_is_there_is_not_overwritten_unless_asked(tmp_path: Path, store: SqlStore) -> None:
    copy = tmp_path / "copy.db"
    copy.write_text("last year's")
    done = backup(tmp_path, str(copy))
    assert done.exit_code == 2
    assert "is there already; name another file, or replace it with --force" in done.stderr
    assert copy.read_text() == "last year's"
    assert backup(tmp_path, str(copy), "--force").exit_code == 0
    assert copy.read_bytes().startswith(b"SQLite format 3")


@pytest.mark.parametrize("name", ["bms.db", "link.db"])
def test_the_database_itself_is_no_copy(tmp_path: Path, store: SqlStore, name: str) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "bms.db")
    done = backup(tmp_path, str(tmp_path / name), "--force")
    assert done.exit_code == 2
    assert "is the database itself" in done.stderr
    assert store.latest([TEMP])[TEMP].value == 1999.0


def test_a_folder_that_is_not_there(tmp_path: Path, store: SqlStore) -> None:
    done = backup(tmp_path, str(tmp_path / "nowhere" / "copy.db"))
    assert done.exit_code == 1
    assert "cannot be written: No such file or directory; name a folder" in done.stderr


def test_no_database_yet(tmp_path: Path) -> None:
    done = backup(tmp_path, str(tmp_path / "copy.db"))
    assert done.exit_code == 1
    assert "there is no database" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_database_leaves_no_copy(tmp_path: Path, store: SqlStore) -> None:
    store.close()
    file = tmp_path / "bms.db"
    data = bytearray(file.read_bytes())
    for page in range(4096 * 8, len(data), 4096):
        data[page : page + 64] = b"\xff" * 64
    file.write_bytes(data)
    with pytest.raises(StoreError, match=r"copy"):
        back_up(f"sqlite:///{file}", tmp_path / "copy.db")
    assert not list(tmp_path.glob("copy.db*"))


@pytest.mark.parametrize("command", [["db", "upgrade"], ["db", "scrub"], ["keys", "list"]])
def test_commands_do_not_wait_for_a_database_that_is_away(
    tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "file").write_text("where the folder of the database should be")
    settings = {"BMS_HOME": str(tmp_path), "BMS_DATABASE_URL": f"sqlite:///{tmp_path}/file/bms.db"}
    done = CliRunner().invoke(app, command, env=settings)
    assert done.exit_code == 1
    assert "bms.db cannot be made" in done.stderr
    assert not done.stdout
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_file_of_an_earlier_version_is_written_anew_on_request(tmp_path: Path) -> None:
    file = tmp_path / "bms.db"
    store = SqlStore(f"sqlite:///{file}")
    store.add_readings(quarters(range(2000), TEMP))
    store.close()
    with closing(sqlite3.connect(file, isolation_level=None)) as before:
        before.execute("PRAGMA journal_mode=DELETE").fetchone()
        before.execute("PRAGMA auto_vacuum=NONE").close()
        before.execute("VACUUM").close()
        before.execute("DELETE FROM readings").close()
        assert before.execute("PRAGMA auto_vacuum").fetchone() == (0,)
    done = CliRunner().invoke(app, ["db", "scrub"], env={"BMS_HOME": str(tmp_path)})
    assert (done.exit_code, "nothing deleted is left" in done.stdout) == (0, True), done.stderr
    with closing(sqlite3.connect(file)) as after:
        assert after.execute("PRAGMA auto_vacuum").fetchone() == (2,)
        assert after.execute("PRAGMA freelist_count").fetchone() == (0,)


async def test_a_city_polls_before_its_database_is_there(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.write_text("where the folder of the database should be")
    settings = Settings(home=tmp_path / "home", database_url=f"sqlite:///{place}/bms.db")
    city = wire(settings, sites=(lodge(),), drivers=FakeDrivers(), clock=VirtualClock(MONDAY))
    assert city.forwarding is not None
    with closing(city.stores):
        polled = await poll_site(
            lodge(), now=MONDAY, drivers=city.drivers, readings=city.stores.readings
        )
        assert polled.waiting == len(lodge().points)
        assert city.forwarding.state().waiting[Importance.REGISTER] == 3
        place.unlink()
        assert await forward(city.forwarding) == Ingested(new=polled.waiting)
        latest = city.stores.readings.latest([point.id for point in lodge().points])
        assert len(latest) == polled.waiting


class TestPostgres:
    URL = "postgresql+psycopg://bms:s%20cret@db.kommune.dk:5433/bms?sslmode=require&password=x"

    def test_the_command_is_named_without_the_password(self, tmp_path: Path) -> None:
        done = backup(tmp_path, "/backup/bms 1.dump", url=self.URL)
        assert done.exit_code == 2
        assert (
            "pg_dump --format=custom '--file=/backup/bms 1.dump' "
            "'postgresql://bms@db.kommune.dk:5433/bms?sslmode=require'" in done.stderr
        )
        assert "cret" not in done.stderr
        assert "password=" not in done.stderr

    def test_a_socket_in_a_folder(self) -> None:
        found = dump_command("postgresql:///bms?host=/run/postgresql", Path("x"))
        assert found == (
            "pg_dump --format=custom --file=x 'postgresql:///bms?host=%2Frun%2Fpostgresql'"
        )

    def test_no_url_at_all(self) -> None:
        with pytest.raises(ConfigError, match="BMS_DATABASE_URL is no database URL") as error:
            dump_command("secret nonsense", Path("x"))
        assert "secret" not in str(error.value)
