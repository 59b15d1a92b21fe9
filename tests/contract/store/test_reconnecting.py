"""A database that is away when we start: opened by the first call that finds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bms.errors import ConfigError, StoreError, StoreUnavailable
from bms.store.database.availability import Availability
from bms.store.database.connection import Link, Transactions
from bms.store.database.reconnecting import ReconnectingLink
from bms.store.sql.store import SqlStore
from tests.contract.store.test_contract import (  # noqa: F401  the promises of every store, kept here too
    TestPeople,
    TestPlans,
)
from tests.rigs.fakes.store import MONDAY, a_plan


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    """For the promises of every store: the database is there."""
    made = SqlStore(f"sqlite:///{tmp_path}/bms.db", availability=Availability())
    yield made
    made.close()


class Wall:
    """A clock that tests move [s]."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Opening:
    """Opens a database in a folder, while it is not away; counts the attempts."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder}/bms.db"
        self.away: StoreError | ConfigError | None = None
        self.tried = 0

    def __call__(self) -> Link:
        self.tried += 1
        if self.away is not None:
            raise self.away
        return Link(self.url)


@pytest.fixture
def opening(tmp_path: Path) -> Opening:
    return Opening(tmp_path)


def asked(link: Transactions) -> int:
    with link.reading() as session:
        return int(session.connection().exec_driver_sql("SELECT 1").scalar_one())


class TestTheLink:
    def test_opens_once_it_is_needed(self, opening: Opening) -> None:
        link = ReconnectingLink(opening, Availability())
        assert opening.tried == 0
        assert asked(link) == asked(link) == 1
        assert opening.tried == 1
        with link.writing(durable=True) as session:
            session.connection().exec_driver_sql("CREATE TABLE seen (n INTEGER)")
        link.scrub()
        assert link.database.place.endswith("bms.db")
        link.close()

    def test_one_that_was_away_is_left_alone_for_a_while(self, opening: Opening) -> None:
        opening.away = StoreUnavailable("nobody answers")
        link = ReconnectingLink(opening, Availability(5.0, wall := Wall()))
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match="nobody answers"):
                asked(link)
        assert opening.tried == 1
        wall.now, opening.away = 5.0, None
        assert asked(link) == 1
        assert opening.tried == 2
        link.close()

    def test_whoever_shares_its_availability_may_ask_for_another_try(
        self, opening: Opening
    ) -> None:
        opening.away = StoreUnavailable("nobody answers")
        known = Availability(3600.0)
        link = ReconnectingLink(opening, known)
        with pytest.raises(StoreUnavailable):
            asked(link)
        opening.away = None
        known.retry_now()
        assert asked(link) == 1
        assert known.away is None
        link.close()

    @pytest.mark.parametrize("error", [ConfigError("no URL"), StoreError("of a newer version")])
    def test_what_waiting_does_not_mend_is_said_at_the_start(
        self, opening: Opening, error: StoreError | ConfigError
    ) -> None:
        opening.away = error
        with pytest.raises(type(error), match=str(error)):
            ReconnectingLink(opening, Availability()).open()

    def test_a_database_that_is_away_is_no_error_at_the_start(self, opening: Opening) -> None:
        opening.away = StoreUnavailable("nobody answers")
        ReconnectingLink(opening, Availability()).open()
        assert opening.tried == 1

    @pytest.mark.parametrize("used", [asked, lambda link: None])
    def test_a_closed_one_is_closed_for_good(
        self, opening: Opening, used: Callable[[Transactions], object]
    ) -> None:
        link = ReconnectingLink(opening, Availability())
        used(link)
        link.close()
        with pytest.raises(StoreError, match="closed"):
            asked(link)


class TestTheStore:
    def test_every_role_waits_for_the_database(self, tmp_path: Path) -> None:
        (folder := tmp_path / "var").write_text("a file where a folder should be")
        store = SqlStore(f"sqlite:///{folder}/bms.db", availability=Availability(0.0))
        for call in (store.keys, lambda: store.plan("p1"), lambda: store.mode("school")):
            with pytest.raises(StoreUnavailable, match="cannot be made"):
                call()
        folder.unlink()
        store.add_plan(a_plan())
        assert store.plan("p1") == a_plan()
        assert store.receipts("school", MONDAY) == []
        store.close()

    def test_a_url_that_is_none_is_said_at_once(self) -> None:
        with pytest.raises(ConfigError, match="no database URL"):
            SqlStore("not a url", availability=Availability())
