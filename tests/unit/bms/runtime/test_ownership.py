"""One process works in a home and at a database file; what the table says of other homes."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from bms.config import Settings
from bms.errors import ConfigError
from bms.model.control.ownership import OwningWorker
from bms.runtime.city import City
from bms.runtime.ownership import (
    OwnersOfTable,
    alone,
    home_id,
    owners_seen,
    owning,
)
from bms.runtime.wire import wire
from bms.services.ownership.selection import Selection
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import FakeFeed
from tests.rigs.fakes.safety import hut


def settings_in(home: Path, **more: object) -> Settings:
    home.mkdir(exist_ok=True)
    return Settings(home=home, **more)  # type: ignore[arg-type]


def test_w02_a_second_process_in_one_home_is_refused_with_the_name_of_the_first(
    tmp_path: Path,
) -> None:
    settings = settings_in(tmp_path / "home")
    refused = pytest.raises(ConfigError, match=f"process {os.getpid()} .*BMS_HOME")
    with alone(settings), refused, alone(settings):
        pass
    with alone(settings):  # and it is free again
        pass


def test_w02_two_homes_at_one_sqlite_file_exclude_each_other(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bms.db"
    first, second = (settings_in(tmp_path / name, database_url=url) for name in ("a", "b"))
    with alone(first), pytest.raises(ConfigError, match="PostgreSQL"), alone(second):
        pass
    with alone(second):
        pass


def test_w02_homes_with_databases_of_their_own_do_not_see_each_other(tmp_path: Path) -> None:
    first, second = (settings_in(tmp_path / name) for name in ("a", "b"))
    with alone(first) as one, alone(second) as other:
        assert one != other
        assert one == home_id(first)


def test_w02_what_another_home_owns_is_not_ours_to_look_at_or_to_write(tmp_path: Path) -> None:
    store, settings = MemoryStore(), settings_in(tmp_path / "a")
    terms = {"lasts_s": 60.0, "stands_s": 1800.0, "grace_s": 3.0}
    store.claim(OwningWorker(id="bo", place="bo"), ["hut"], **terms)
    store.claim(OwningWorker(id=home_id(settings), place="here"), ["hall"], **terms)
    seen = OwnersOfTable(store, settings)
    assert [seen.is_elsewhere(site) for site in ("hut", "hall", "free")] == [True, False, False]
    assert [seen.may_send(site) for site in ("hut", "hall", "free")] == [False, True, True]


class TestOwning:
    """What a process that works is told."""

    def test_a_site_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        city = a_city(tmp_path)
        wanted = Selection(sites=frozenset({"gym"}))
        refused = pytest.raises(ConfigError, match="no such site: gym; there are hut")
        with refused, owning(city, wanted):
            pass

    def test_w02_its_store_is_fenced_and_its_writes_ask(self, tmp_path: Path) -> None:
        city = a_city(tmp_path)
        with owning(city, Selection()) as (working, ports):
            assert not working.control.owned.may_send("hut")
            assert ports.lasts_s == 60.0
            assert ports.grace_s == 3.0
            assert working.sites == city.sites

    def test_w02_a_persons_write_takes_a_free_site_for_as_long_as_it_stands(
        self, tmp_path: Path
    ) -> None:
        city = owners_seen(a_city(tmp_path))
        city.owned.reserve(hut(), timedelta(hours=8))
        (row,) = city.stores.owners.owners()
        assert (row.owner, row.stands_s) == (home_id(city.settings), 8 * 3600.0)
        assert city.owned.may_send("hut")


def a_city(tmp_path: Path) -> City:
    settings = settings_in(tmp_path / "home")
    return wire(settings, sites=[hut()], feed=FakeFeed(), store=MemoryStore())
