"""What follows from changed site files: connections that end, places that others are told of."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bms.config import Settings
from bms.model.control.ownership import OwningWorker
from bms.runtime.jobs import Job
from bms.runtime.municipality import EXAMPLES
from bms.runtime.reload.take_in import SiteReload, Work
from bms.runtime.wire import read_sites, wire
from bms.services.ownership.places import places_of
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import FakeFeed
from tests.rigs.fakes.drivers import FakeDrivers

ANNA = OwningWorker(id="anna", place="here")


class Table:
    """A job table that is exchanged."""

    def exchange(self, jobs: Sequence[Job]) -> None:
        self.jobs = jobs


@dataclass
class Owned:
    """What a worker owns; which sites it was told to claim anew."""

    lost_sites: set[str] = field(default_factory=set)

    @contextmanager
    def closing(self, sites: Collection[str]) -> Iterator[None]:
        yield

    async def drained(self, sites: Collection[str], patience_s: float) -> frozenset[str]:
        return frozenset(sites)

    def lost(self, sites: Collection[str]) -> None:
        self.lost_sites |= set(sites)


@dataclass
class Town:
    """A worker that owns the three examples."""

    folder: Path
    reload: SiteReload
    store: MemoryStore
    drivers: FakeDrivers
    owned: Owned

    def says(self, *rows: str) -> None:
        """The file of calendars has these rows."""
        lines = "".join(f"  - {{{row}}}\n" for row in rows)
        (self.folder.parent / "calendars.yaml").write_text(f"calendars:\n{lines or '  []'}")

    def watched(self) -> set[str]:
        """The sites whose calendars are read."""
        assert self.reload.work is not None
        return {calendar.site for calendar in self.reload.work.city.calendars.calendars}

    def owners(self) -> dict[str, str]:
        return {row.site: row.owner for row in self.store.owners() if not row.released}


@pytest.fixture
def town(tmp_path: Path) -> Town:
    folder, store, drivers, owned = tmp_path / "sites", MemoryStore(), FakeDrivers(), Owned()
    shutil.copytree(EXAMPLES, folder)
    calendars = tmp_path / "calendars.yaml"
    calendars.write_text("calendars: []\n")
    settings = Settings(home=tmp_path / "home", sites=folder, calendars=calendars)
    sites = read_sites(settings)
    city = wire(settings, sites=(), drivers=drivers, feed=FakeFeed(), store=store)
    object.__setattr__(city, "sites", sites)
    store.claim(
        ANNA,
        list(sites),
        lasts_s=60.0,
        stands_s=60.0,
        grace_s=0.0,
        places={id_: places_of(site) for id_, site in sites.items()},
    )

    async def listen() -> None:
        return None

    reload = SiteReload(settings, sites, Work(city, Table(), listen, owned, ANNA.id))
    return Town(folder, reload, store, drivers, owned)


async def test_drivers_of_removed_buildings_are_let_go(town: Town) -> None:
    before = {d.id for site in town.reload.sites.values() for d in site.devices}
    (town.folder / "school.yaml").unlink()
    reloaded = await town.reload.take_in()
    assert reloaded.difference is not None
    assert reloaded.difference.removed == ("school",)
    assert town.drivers.kept == {id_ for id_ in before if not id_.startswith("school/")}


async def test_a_site_that_writes_elsewhere_now_is_claimed_anew(town: Town) -> None:
    file = town.folder / "school.yaml"
    text = file.read_text("utf-8")
    file.write_text(text.replace("host: 127.0.0.1", "host: 10.9.8.7"), "utf-8")
    reloaded = await town.reload.take_in()
    assert reloaded.difference is not None
    assert reloaded.difference.changed == ("school",)
    assert town.owned.lost_sites == {"school"}
    assert set(town.owners()) == {"townhall", "sportshall"}


async def test_a_name_that_changed_moves_nothing(town: Town) -> None:
    file = town.folder / "school.yaml"
    file.write_text(file.read_text("utf-8").replace("area_m2: ", "area_m2: 1"), "utf-8")
    await town.reload.take_in()
    assert town.owned.lost_sites == set()
    assert set(town.owners()) == {"townhall", "school", "sportshall"}


async def test_calendars_of_buildings_that_are_added_are_read_without_a_restart(town: Town) -> None:
    kept = (town.folder / "school.yaml").rename(town.folder.parent / "school.yaml")
    await town.reload.take_in()
    kept.rename(town.folder / "school.yaml")
    town.says("site: school, file: school.ics", "site: townhall, file: hall.ics")
    reloaded = await town.reload.take_in()
    assert reloaded.difference is not None
    assert reloaded.difference.added == ("school",)
    assert town.watched() == {"school", "townhall"}
    town.says("site: townhall, file: hall.ics")
    await town.reload.take_in()
    assert town.watched() == {"townhall"}


async def test_a_wrong_file_of_calendars_is_named_and_the_earlier_ones_are_read_on(
    town: Town,
) -> None:
    town.says("site: townhall, file: hall.ics")
    await town.reload.take_in()
    town.says("site: nowhere, file: hall.ics")
    (town.folder / "school.yaml").unlink()
    reloaded = await town.reload.take_in()
    assert reloaded.difference is not None
    assert reloaded.difference.removed == ("school",)
    (mistake,) = reloaded.mistakes
    assert "there is no nowhere" in mistake.message
    assert town.watched() == {"townhall"}
    assert (await town.reload.take_in(strict=True)).difference is None
