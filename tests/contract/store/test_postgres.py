"""PostgreSQL: months, several writers, bad days of a server; and its migrations."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import make_url, text
from sqlmodel import Session, SQLModel

from bms.errors import ConfigError, StoreError, StoreUnavailable
from bms.model.assets.site import Mode
from bms.model.control.audit import AuditSearch
from bms.model.readings.measurement import Ingested, Reading
from bms.ports.storage.readings import Fold
from bms.store.corrections import Correction
from bms.store.database import schema
from bms.store.database.connection import Link
from bms.store.database.dialect import database
from bms.store.sql.store import SqlStore
from tests.rigs.fakes.store import HOUR, MONDAY, QUARTER, a_plan, quarters
from tests.rigs.storage.postgres_server import PostgresServer, name_in

psycopg = pytest.importorskip("psycopg")
refusals = pytest.importorskip("bms.store.database.postgres.errors")

TEMP = "school/gym.temp"
HEAT = "school/heat.energy"
NEW_YEAR = datetime(2020, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
PASSWORD = "correct horse/9%"


@pytest.fixture
def store(postgres_url: str) -> Iterator[SqlStore]:
    made = SqlStore(postgres_url, patience_s=2)
    yield made
    made.close()


@contextmanager
def another_session(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url) as session:
        yield session


def months(server: PostgresServer, url: str) -> list[str]:
    """The partitions of ``readings``."""
    found = server.run(
        "SELECT inhrelid::regclass::text FROM pg_inherits"
        " WHERE inhparent = 'readings'::regclass ORDER BY 1",
        name_in(url),
    )
    return [row[0] for row in found]


def wait_for_a_lock(server: PostgresServer, job: Future[object]) -> None:
    """Until a session of the product, that of ``job``, waits for somebody else's."""
    waiting = (
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'bms'"
        " AND wait_event_type = 'Lock'"
    )
    while not server.run(waiting):
        assert not job.done(), job.exception()


def at_once(*jobs: Callable[[], Ingested]) -> list[Ingested]:
    """What each job gave; they start together."""
    start = threading.Barrier(len(jobs))

    def run(job: Callable[[], Ingested]) -> Ingested:
        start.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


class TestOpening:
    @pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgres"])
    def test_every_way_to_write_the_url(self, postgres_url: str, scheme: str) -> None:
        store = SqlStore(postgres_url.replace("postgresql", scheme, 1))
        assert store.add_readings(quarters([1.0], TEMP)) == Ingested(new=1)
        store.close()

    def test_everything_is_there_after_opening_again(
        self, postgres_url: str, store: SqlStore
    ) -> None:
        store.add_readings(quarters([20.0, 20.5], TEMP))
        store.add_plan(a_plan())
        store.set_mode("school", Mode.ADVISE, actor="bo", at=MONDAY, reason="trial")
        store.close()
        again = SqlStore(postgres_url)
        assert again.add_readings(quarters([20.0, 20.5], TEMP)) == Ingested(known=2)
        assert again.plan("p1") == a_plan()
        assert again.mode("school") == Mode.ADVISE
        again.close()

    @pytest.mark.parametrize("url", ["postgresql://", "postgresql://ada:pw@db.example.org"])
    def test_a_url_without_a_database(self, url: str) -> None:
        with pytest.raises(ConfigError, match=r"names no database; .*BMS_DATABASE_URL") as refusal:
            SqlStore(url)
        assert "pw" not in str(refusal.value)

    @pytest.mark.parametrize(
        "url", ["postgresql:/ada:pw@db.example.org/bms", "postgresql://ada:pw@db.example.org:x/bms"]
    )
    def test_a_misspelt_url_does_not_give_the_password_away(self, url: str) -> None:
        with pytest.raises(ConfigError, match="BMS_DATABASE_URL") as refusal:
            SqlStore(url)
        assert "pw" not in "".join(traceback.format_exception(refusal.value))

    def test_without_its_library_the_extra_is_named(self) -> None:
        ask = (
            "import sys; sys.modules['psycopg'] = None\n"
            "from bms.store.database.connection import Link\n"
            "Link('postgresql://ada@db.example.org/bms')\n"
        )
        done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True)
        assert "ConfigError: PostgreSQL needs a library that is not there" in done.stderr
        assert "pip install 'bms[postgres]'" in done.stderr

    def test_two_start_at_once_on_an_empty_database(self, postgres_server: PostgresServer) -> None:
        """One walks all the way up while the other waits, and finds everything done."""
        url = postgres_server.fresh(template="template0")
        first = database(url, patience_s=5)
        with ThreadPoolExecutor(1) as pool, Session(first.writing(first.engine())) as session:
            first.lock_migrations(session.connection())
            schema.upgrade(session.connection(), first.place)
            second = pool.submit(SqlStore, url)
            wait_for_a_lock(postgres_server, second)
            session.commit()
            store = second.result(timeout=10)
            assert store.add_readings(quarters([1.0], TEMP)) == Ingested(new=1)
            store.close()
            session.get_bind().dispose()
        postgres_server.drop(url)

    def test_a_closed_store_says_so(self, store: SqlStore) -> None:
        store.close()
        with pytest.raises(StoreError, match="closed"):
            store.latest([TEMP])


class TestMonths:
    def test_a_batch_over_new_year(
        self, postgres_server: PostgresServer, postgres_url: str, store: SqlStore
    ) -> None:
        night = quarters(range(16), HEAT, NEW_YEAR - 2 * HOUR)
        assert store.add_readings(night) == Ingested(new=16)
        assert months(postgres_server, postgres_url) == ["readings_2019_12", "readings_2020_01"]
        hours = store.series(HEAT, NEW_YEAR - 2 * HOUR, NEW_YEAR + HOUR, HOUR, Fold.DELTA)
        assert hours.values.tolist() == [4.0, 4.0, 4.0]

    def test_a_month_begins_at_midnight_in_utc(
        self, postgres_server: PostgresServer, postgres_url: str, store: SqlStore
    ) -> None:
        store.add_readings([Reading(TEMP, NEW_YEAR - MICROSECOND, 1.0)])
        assert months(postgres_server, postgres_url) == ["readings_2019_12"]
        store.add_readings([Reading(TEMP, NEW_YEAR, 2.0)])
        assert months(postgres_server, postgres_url) == ["readings_2019_12", "readings_2020_01"]

    def test_the_ends_of_time(
        self, postgres_server: PostgresServer, postgres_url: str, store: SqlStore
    ) -> None:
        """A device with a bad clock costs an empty month, never its readings."""
        times = [
            datetime.min.replace(tzinfo=UTC),
            datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
            datetime(1970, 1, 1, tzinfo=UTC),
            datetime.max.replace(tzinfo=UTC) - HOUR,
        ]
        given = [Reading(TEMP, time, 1.0) for time in times]
        assert store.add_readings(given) == Ingested(new=4)
        assert store.readings(TEMP, times[0], times[-1] + HOUR / 2) == given
        assert months(postgres_server, postgres_url) == [
            "readings_0001_01",
            "readings_1969_12",
            "readings_1970_01",
            "readings_9999_12",
        ]

    def test_a_month_that_was_taken_away_is_made_again(
        self, postgres_server: PostgresServer, postgres_url: str, store: SqlStore
    ) -> None:
        store.add_readings(quarters([1.0], TEMP))
        postgres_server.run("DROP TABLE readings_2019_01", name_in(postgres_url))
        assert store.add_readings(quarters([1.0, 2.0], TEMP)) == Ingested(new=2)

    def test_many_make_the_same_months_at_once(
        self, postgres_server: PostgresServer, postgres_url: str
    ) -> None:
        stores = [SqlStore(postgres_url) for _ in range(4)]
        year = [Reading(HEAT, NEW_YEAR + timedelta(days=day), 1.0) for day in range(366)]
        got = at_once(*(lambda store=store: store.add_readings(year) for store in stores))
        assert sorted(got, key=lambda one: one.new) == [Ingested(known=366)] * 3 + [
            Ingested(new=366)
        ]
        assert len(months(postgres_server, postgres_url)) == 12
        for store in stores:
            store.close()

    def test_a_new_month_waits_for_nobody(self, postgres_url: str, store: SqlStore) -> None:
        """Neither for who reads nor for who writes another month."""
        store.add_readings(quarters([1.0], TEMP))
        with another_session(postgres_url) as reader, another_session(postgres_url) as writer:
            reader.execute("SELECT count(*) FROM readings")
            writer.execute("UPDATE readings SET detail = 'held'")
            new = quarters([1.0], TEMP, NEW_YEAR)
            assert store.add_readings(new) == Ingested(new=1)

    def test_a_question_about_one_month_reads_one_month(
        self, postgres_url: str, store: SqlStore
    ) -> None:
        store.add_readings(
            [Reading(TEMP, NEW_YEAR + i * timedelta(days=31), 1.0) for i in range(6)]
        )
        with another_session(postgres_url) as session:
            first = int(NEW_YEAR.timestamp() * 1e6)
            steps = session.execute(
                "EXPLAIN SELECT value FROM readings WHERE point = 1 AND time >= %s AND time < %s",
                (first, first + 3_600_000_000),
            ).fetchall()
        text = "\n".join(step[0] for step in steps)
        assert "readings_2020_01" in text
        assert "readings_2020_02" not in text


class TestWriters:
    def test_the_same_readings_from_many_sides_are_new_once(self, postgres_url: str) -> None:
        """Each side brings its own part in its own order; together they bring everything."""
        stores = [SqlStore(postgres_url) for _ in range(4)]
        all_of_it = [
            reading
            for point in range(20)
            for reading in quarters(range(500), f"school/p{point}", NEW_YEAR - 60 * HOUR)
        ]
        n = len(all_of_it)
        parts = [all_of_it[: 3 * n // 4], all_of_it[n // 4 :], all_of_it[::-1], all_of_it[::3]]
        got = at_once(
            *(
                lambda store=store, part=part: store.add_readings(part)
                for store, part in zip(stores, parts, strict=True)
            )
        )
        assert sum(one.new for one in got) == n
        assert sum(one.known for one in got) == sum(map(len, parts)) - n
        assert sum(one.corrected for one in got) == 0
        assert len(stores[0].readings("school/p7", MONDAY, NEW_YEAR + 300 * HOUR)) == 500
        for store in stores:
            store.close()

    def test_corrections_from_many_sides_are_a_chain(self, postgres_url: str) -> None:
        """What one side replaced is what another one had written."""
        n = 1000
        stores = [SqlStore(postgres_url) for _ in range(3)]
        stores[0].add_readings(quarters([0.0] * n, TEMP))
        got = at_once(
            *(
                lambda store=store, value=float(value): store.add_readings(
                    quarters([value] * n, TEMP)
                )
                for value, store in enumerate(stores, start=1)
            )
        )
        assert got == [Ingested(corrected=n)] * 3
        chains: dict[datetime, list[Correction]] = {}
        for correction in stores[0].corrections(TEMP, MONDAY, MONDAY + n * QUARTER):
            chains.setdefault(correction.earlier.time, []).append(correction)
        standing = stores[0].readings(TEMP, MONDAY, MONDAY + n * QUARTER)
        assert len(standing) == n
        for reading in standing:
            chain = chains[reading.time]
            values = [link.earlier.value for link in chain] + [reading.value]
            assert values[0] == 0.0
            assert sorted(values) == [0.0, 1.0, 2.0, 3.0]
            assert [link.later.value for link in chain] == values[1:]
        for store in stores:
            store.close()

    def test_a_correction_replaces_what_was_written_last(
        self, postgres_server: PostgresServer, postgres_url: str, store: SqlStore
    ) -> None:
        """Somebody else's, who was faster, and not what stood when we looked first."""
        store.add_readings(quarters([0.0], TEMP))
        with another_session(postgres_url) as other, ThreadPoolExecutor(1) as pool:
            other.execute("UPDATE readings SET value = 5")
            ours = pool.submit(store.add_readings, quarters([7.0], TEMP))
            wait_for_a_lock(postgres_server, ours)
            other.commit()
            assert ours.result(timeout=10) == Ingested(corrected=1)
        (correction,) = store.corrections(TEMP, MONDAY, MONDAY + HOUR)
        assert correction.earlier.value == 5.0

    def test_what_a_device_sends_in_a_detail(self, store: SqlStore) -> None:
        """PostgreSQL has no NUL in a text; the reading counts, its neighbours as well."""
        odd = Reading(TEMP, MONDAY, 1.0, detail="a\0b \ud800 ø \\N\t\n")
        assert store.add_readings([odd, Reading(HEAT, MONDAY, 2.0)]) == Ingested(new=2)
        assert store.latest([TEMP])[TEMP].detail == "a\N{REPLACEMENT CHARACTER}b ? ø \\N\t\n"


@pytest.mark.parametrize(
    ("server_has", "durable", "then"),
    [
        ("on", True, "on"),
        ("on", False, "on"),
        ("off", True, "on"),
        ("off", False, "off"),
        ("remote_apply", True, "remote_apply"),
    ],
)
def test_what_outlives_a_power_cut(
    postgres_server: PostgresServer, postgres_url: str, server_has: str, durable: bool, then: str
) -> None:
    name = name_in(postgres_url)
    postgres_server.run(f"ALTER DATABASE {name} SET synchronous_commit = {server_has}")
    link = Link(postgres_url)
    for _ in range(2):  # the connection is used again, and must not keep the other's care
        with link.writing(durable=not durable):
            pass
        with link.writing(durable=durable) as session:
            asked = session.connection().exec_driver_sql("SHOW synchronous_commit").scalar()
        assert asked == then
    link.close()


def test_a_reader_sees_one_moment(postgres_url: str, store: SqlStore) -> None:
    link = Link(postgres_url)
    with link.reading() as session:
        count = "SELECT count(*) FROM readings"
        before = session.connection().exec_driver_sql(count).scalar()
        store.add_readings(quarters([1.0], TEMP))
        assert session.connection().exec_driver_sql(count).scalar() == before == 0
    link.close()


class TestAway:
    def test_a_server_that_stops_and_starts(
        self, postgres_server: PostgresServer, store: SqlStore
    ) -> None:
        batch = quarters([1.0, 2.0], TEMP)
        store.add_readings(batch[:1])
        postgres_server.stop()
        try:
            for call in (lambda: store.add_readings(batch), lambda: store.latest([TEMP])):
                with pytest.raises(StoreUnavailable, match="does not answer; see that the server"):
                    call()
        finally:
            postgres_server.start()
        assert store.add_readings(batch) == Ingested(new=1, known=1)
        assert store.latest([TEMP])[TEMP].value == 2.0

    def test_a_connection_that_died_unseen(
        self, postgres_server: PostgresServer, store: SqlStore
    ) -> None:
        store.add_readings(quarters([1.0], TEMP))
        self.cut_off(postgres_server)
        assert store.add_readings(quarters([1.0, 2.0], TEMP)) == Ingested(new=1, known=1)
        self.cut_off(postgres_server)
        assert store.latest([TEMP])[TEMP].value == 2.0

    def test_a_connection_that_dies_in_the_middle(
        self, postgres_server: PostgresServer, postgres_url: str, store: SqlStore
    ) -> None:
        store.add_readings(quarters([1.0], TEMP))
        with another_session(postgres_url) as other:
            other.execute("LOCK TABLE readings_2019_01")
            with ThreadPoolExecutor(1) as pool:
                waiting = pool.submit(store.add_readings, quarters([1.0, 2.0], TEMP))
                wait_for_a_lock(postgres_server, waiting)
                self.cut_off(postgres_server)
                refusal = waiting.exception(timeout=10)
        assert isinstance(refusal, StoreUnavailable)
        assert "broke the connection; see that the server runs" in str(refusal)
        assert store.add_readings(quarters([1.0, 2.0], TEMP)) == Ingested(new=1, known=1)

    @staticmethod
    def cut_off(server: PostgresServer) -> None:
        """End every session of the product."""
        ended = server.run(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'bms'"
        )
        assert ended

    def test_held_by_another_session(self, postgres_url: str) -> None:
        store = SqlStore(postgres_url, patience_s=0.1)
        store.add_readings(quarters([1.0], TEMP))
        with another_session(postgres_url) as other:
            other.execute("UPDATE readings SET value = value")
            with pytest.raises(StoreUnavailable, match="is held by another session; end that"):
                store.add_readings(quarters([2.0], TEMP))
            assert store.latest([TEMP])[TEMP].value == 1.0  # reading goes on
        assert store.add_readings(quarters([2.0], TEMP)) == Ingested(corrected=1)
        store.close()

    def test_cut_off_by_a_time_limit(
        self, postgres_server: PostgresServer, postgres_url: str
    ) -> None:
        postgres_server.run(f"ALTER DATABASE {name_in(postgres_url)} SET statement_timeout = 100")
        store = SqlStore(postgres_url)
        store.add_readings(quarters([1.0], TEMP))
        with another_session(postgres_url) as other:
            other.execute("UPDATE readings SET value = value")
            with pytest.raises(StoreUnavailable, match=r"cut us off .*raise statement_timeout"):
                store.add_readings(quarters([2.0], TEMP))
        store.close()

    def test_a_replica_serves_readers(
        self, postgres_server: PostgresServer, postgres_url: str, store: SqlStore
    ) -> None:
        store.add_readings(quarters([1.0], TEMP))
        name = name_in(postgres_url)
        postgres_server.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        replica = SqlStore(postgres_url)
        assert replica.latest([TEMP])[TEMP].value == 1.0
        with pytest.raises(StoreUnavailable, match=r"is read-only, .* name the primary server"):
            replica.add_readings(quarters([1.0, 2.0], TEMP))
        replica.close()

    def test_a_wrong_password_is_not_told(
        self, postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        from sqlalchemy import make_url

        postgres_server.run("CREATE ROLE guarded LOGIN PASSWORD 'another one'")
        url = make_url(postgres_server.url("postgres")).set(username="guarded", password=PASSWORD)
        with pytest.raises(StoreUnavailable, match="refuses the user or the password") as refusal:
            SqlStore(url.render_as_string(hide_password=False))
        told = "".join(traceback.format_exception(refusal.value)) + caplog.text
        for form in (PASSWORD, "correct%20horse", "correct+horse"):
            assert form not in told
        postgres_server.run("DROP ROLE guarded")

    def test_a_user_that_nobody_knows(self, postgres_server: PostgresServer) -> None:
        url = postgres_server.url("postgres").replace("postgres:@", "nobody@")
        with pytest.raises(StoreUnavailable, match="refuses the user or the password"):
            SqlStore(url)

    def test_a_database_that_is_not_there(self, postgres_server: PostgresServer) -> None:
        match = "database nowhere on .* does not exist; make it with createdb"
        with pytest.raises(StoreUnavailable, match=match):
            SqlStore(postgres_server.url("nowhere"))

    def test_too_many_connections(self, postgres_server: PostgresServer) -> None:
        postgres_server.run("CREATE ROLE crowded LOGIN CONNECTION LIMIT 0")
        url = postgres_server.url("postgres").replace("postgres:@", "crowded@")
        with pytest.raises(StoreUnavailable, match="no connection left for us; raise max"):
            SqlStore(url)
        postgres_server.run("DROP ROLE crowded")

    def test_a_user_who_may_not(self, postgres_server: PostgresServer, postgres_url: str) -> None:
        postgres_server.run("CREATE ROLE stranger LOGIN")
        with pytest.raises(StoreUnavailable, match="may not be used like this by our user"):
            SqlStore(postgres_url.replace("postgres:@", "stranger@"))
        postgres_server.run("DROP ROLE stranger")

    def test_nobody_listens(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound, not listening: refused
            port = taken.getsockname()[1]
            match = f"bms on 127.0.0.1:{port} does not answer; see that the server runs"
            with pytest.raises(StoreUnavailable, match=match):
                SqlStore(f"postgresql://ada:pw@127.0.0.1:{port}/bms")

    def test_an_option_that_does_not_exist(self, postgres_url: str) -> None:
        with pytest.raises(StoreError, match=r'refused: .*option "colour"'):
            SqlStore(f"{postgres_url}&colour=green")

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            ("08006", "broke the connection"),
            ("53100", "cannot grow, the disk of the server is full; free space on it"),
            ("53200", "is out of memory"),
            ("53400", "lacks something that it needs; see the log of the server"),
            ("57P01", "is being started or stopped"),
            ("57P03", "is being started or stopped"),
            ("58030", "cannot be read or written; see whether the disk"),
            ("40P01", "met another writer of the same; try again"),
            ("XX001", "is damaged; stop the backend and restore the last backup"),
        ],
    )
    def test_what_may_pass_is_told_from_what_will_not(self, state: str, words: str) -> None:
        error = psycopg.errors.lookup(state)("from the server\nwith a second line")
        told = refusals.explained(error, "the database bms on db", None)
        assert isinstance(told, StoreUnavailable)
        assert str(told).startswith(f"the database bms on db {words}")
        assert str(told).endswith("(from the server)")

    def test_what_is_wrong_with_the_question_is_not_tried_again(self) -> None:
        error = psycopg.errors.lookup("22003")("integer out of range")
        told = refusals.explained(error, "the database bms on db", None)
        assert type(told) is StoreError
        assert str(told) == "the database bms on db refused: integer out of range"

    def test_a_password_in_the_words_of_the_server(self) -> None:
        error = psycopg.OperationalError(f"cannot log in with {PASSWORD}")
        assert PASSWORD not in str(refusals.explained(error, "the database", PASSWORD))


class TestTables:
    def test_migrations_make_the_tables_that_the_code_declares(self, postgres_url: str) -> None:
        link = Link(postgres_url)
        with link.reading() as session:
            context = MigrationContext.configure(session.connection(), opts={"compare_type": True})
            assert compare_metadata(context, SQLModel.metadata) == []
        link.close()

    def test_down_and_up_again(self, postgres_server: PostgresServer, postgres_url: str) -> None:
        store = SqlStore(postgres_url)
        store.add_readings(quarters([1.0], TEMP))
        link = Link(postgres_url)
        with link.writing(durable=True) as session:
            schema.downgrade(session.connection(), "base")
        left = postgres_server.run(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p') UNION SELECT proname FROM pg_proc"
            " WHERE pronamespace = 'public'::regnamespace",
            name_in(postgres_url),
        )
        assert left == [("alembic_version",)]
        with link.writing(durable=True) as session:
            assert schema.version(session.connection()) is None
            schema.upgrade(session.connection(), "bms")
        link.close()
        store.close()
        again = SqlStore(postgres_url)
        assert again.add_readings(quarters([1.0], TEMP)) == Ingested(new=1)
        again.close()

    def test_a_walk_that_fails_leaves_the_tables_as_they_were(
        self, postgres_url: str, store: SqlStore
    ) -> None:
        store.add_readings(quarters([1.0], TEMP))
        link = Link(postgres_url)

        def walk_down_and_stumble() -> None:
            with link.writing(durable=True) as session:
                schema.downgrade(session.connection(), "base")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            walk_down_and_stumble()
        assert store.latest([TEMP])[TEMP].value == 1.0
        link.close()

    def test_a_database_of_a_newer_version(
        self, postgres_server: PostgresServer, postgres_url: str
    ) -> None:
        name = name_in(postgres_url)
        postgres_server.run("UPDATE alembic_version SET version_num = '0999'", name)
        with pytest.raises(StoreError, match=f"{name} on .* made by a newer version .*0999"):
            SqlStore(postgres_url)

    @pytest.mark.parametrize("table", ["modes", "audit"])
    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE {} SET actor = 'nobody'",
            "DELETE FROM {}",
            "TRUNCATE {}",
            "INSERT INTO {} SELECT * FROM {} ON CONFLICT (seq) DO UPDATE SET site = 'other'",
        ],
    )
    def test_the_audit_is_only_added_to(
        self,
        postgres_server: PostgresServer,
        postgres_url: str,
        store: SqlStore,
        table: str,
        change: str,
    ) -> None:
        """Not even by the superuser, who would have to take the seal away first."""
        store.set_mode("school", Mode.AUTO, actor="bo", at=MONDAY, reason="approved")
        with pytest.raises(psycopg.errors.RaiseException, match=f"rows of {table} are never"):
            postgres_server.run(change.format(table, table), name_in(postgres_url))
        assert store.audit(AuditSearch())[0].actor == "bo"


def test_a_connection_that_dies_before_its_transaction_leaves_no_traceback(
    postgres_server: PostgresServer, postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As behind a pgbouncer that goes on without its server."""
    url = make_url(postgres_url).update_query_dict({"pool_mode": "transaction"})
    lent = url.render_as_string(hide_password=False)
    engine = database(lent, 5.0).engine()
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        postgres_server.run(f"SELECT pg_terminate_backend({driver.info.backend_pid})")
        with pytest.raises(psycopg.OperationalError):
            connection.execute(text("SELECT 1"))
    assert "Exception during reset" not in caplog.text
    with engine.connect() as connection:  # the dead one is not lent again
        assert connection.execute(text("SELECT 1")).scalar() == 1
    engine.dispose()
