"""A question with a time limit: cut off by the database, and nothing else suffers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from bms.errors import StoreTimeout, StoreUnavailable
from bms.ports.storage.time_limit import database_time_limit
from bms.store.database.connection import AT_ONCE, Link
from bms.store.sql.store import SqlStore
from tests.rigs.fakes.store import MONDAY, a_kept_key

ENDLESS = {
    "sqlite": "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
    " SELECT max(x) FROM c",
    "postgres": "SELECT pg_sleep(60)",
}
SHORT_S = 0.1


@pytest.fixture(params=["sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if kind == "sqlite":
        return f"sqlite:///{tmp_path}/bms.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def link(url: str) -> Iterator[Link]:
    made = Link(url)
    yield made
    made.close()


def ask(link: Link, statement: str, limit_s: float | None) -> object:
    with database_time_limit(limit_s), link.reading() as session:
        return session.connection().execute(text(statement)).scalar()


def test_m2_a_question_without_an_end_is_cut_off(link: Link, kind: str) -> None:
    started = time.monotonic()
    with pytest.raises(StoreTimeout, match=r"more than 0\.1 s"):
        ask(link, ENDLESS[kind], SHORT_S)
    assert time.monotonic() - started < 5


def test_m2_the_connection_is_as_good_as_before(link: Link, kind: str) -> None:
    """The limit ends with its transaction, although the pool hands the connection out again."""
    with pytest.raises(StoreTimeout):
        ask(link, ENDLESS[kind], SHORT_S)
    some_time = {
        "sqlite": "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 2000000)"
        " SELECT count(*) FROM c",
        "postgres": "SELECT pg_sleep(0.3)",
    }
    ask(link, some_time[kind], None)
    assert ask(link, "SELECT 1", SHORT_S) == 1


def test_m2_what_is_cut_off_is_no_database_that_is_away(url: str, kind: str) -> None:
    """Readings would wait on disk for a database that only one asker found slow."""
    store = SqlStore(url)
    with (
        pytest.raises(StoreTimeout) as caught,
        database_time_limit(SHORT_S),
        store._link.reading() as session,
    ):
        session.connection().execute(text(ENDLESS[kind]))
    assert not isinstance(caught.value, StoreUnavailable)
    with database_time_limit(SHORT_S):
        store.add_key(a_kept_key("k1"), actor="ole")
        assert store.key("k1") == a_kept_key("k1", created=MONDAY)
    store.close()


def test_m2_many_slow_questions_leave_room_for_others(link: Link, kind: str) -> None:
    with ThreadPoolExecutor(AT_ONCE + 20) as pool:
        slow = [pool.submit(ask, link, ENDLESS[kind], 1.0) for _ in range(AT_ONCE + 19)]
        time.sleep(0.2)
        started = time.monotonic()
        assert pool.submit(ask, link, "SELECT 1", None).result() == 1
        assert time.monotonic() - started < 0.8
        told = {type(job.exception()) for job in slow}
    assert told == {StoreTimeout}
