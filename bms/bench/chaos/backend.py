"""The backend of this bench: the city of ``bms run`` with its job table, whose planner is a script.

It runs in the process of the bench or in one of its own; either way it is told in the same words
what fails about it and what people want of it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import cast

from bms.bench.chaos.building import MINUTE
from bms.bench.chaos.script import FailingFeed, FailingStore, ScriptedPlanner
from bms.config import Settings
from bms.errors import BmsError
from bms.journal import FileJournal
from bms.model.assets.device import DeviceTemplate
from bms.model.assets.site import Mode
from bms.model.control.lease import Lease
from bms.ports.clock import Clock
from bms.ports.safety import GuardKeeper
from bms.ports.storage.whole import Store
from bms.runtime.city import City, Stores
from bms.runtime.jobs import job_table
from bms.runtime.scheduler import Pulse
from bms.runtime.site_files import tariff_book
from bms.runtime.wire import wire
from bms.services.collect.importance import importances
from bms.services.operator import change_mode, end_override, override, release
from bms.services.trust.without_building import AllCommissioned, all_approved
from bms.store.database.availability import Availability
from bms.store.database.connection import PATIENCE_S
from bms.store.spool.process_folders import SpoolFolders
from bms.store.spool.store_and_forward import ForwardingReadings
from bms.store.sql.store import SqlStore
from drivers.templates import load_templates
from sites.loader import load_sites

NAMES = ("east", "west")
HORIZON_H = 12
"""How far plans reach [h]; they are made anew every hour."""
DATABASE_PATIENCE_S = 0.2


class Switch(StrEnum):
    """What can be made to fail about a backend."""

    DATABASE_AWAY = "database_away"
    PLAN_EDITED = "plan_edited"
    WEATHER_AWAY = "weather_away"
    PRICES_AWAY = "prices_away"
    JOURNAL_FULL = "journal_full"


class Wish(StrEnum):
    """What a person wants of the backend."""

    ADVISE = "advise"
    AUTO = "auto"
    OVERRIDE = "override"
    RELEASE = "release"
    TAKE_BACK = "take_back"


class _CountingJournal(FileJournal):
    """A journal that counts what is announced [1]."""

    announced = 0

    def intend(self, leases: Sequence[Lease]) -> frozenset[str]:
        """See ``Journal``."""
        returning = super().intend(leases)
        self.announced += bool(leases)
        return returning


@dataclass
class Backend:
    """A started backend. ``keeper`` is made of it; ``off`` are the switches that are thrown, which
    whoever starts it may go on throwing.

    Raises ``BmsError`` where it refuses to start.
    """

    home: Path
    clock: Clock
    keeper: Callable[[Backend], GuardKeeper]
    off: set[Switch]
    chosen: Settings | None = None
    """Its settings where they are not those of a backend that is alone with its home."""

    def __post_init__(self) -> None:
        self.settings = self.chosen or settings_of(self.home)
        self.city = self._wired()
        self.pulse = Pulse(job_table(self.city), self.clock)

    @property
    def announced(self) -> int:
        """Batches of writes that were announced [1]."""
        return self._journal.announced

    async def do(self, wish: Wish, site: str) -> None:
        """What a person in charge wants. Raises what the services raise."""
        chosen, ports, now = self.city.sites[site], self.city.control, self.clock.now()
        match wish:
            case Wish.ADVISE | Wish.AUTO:
                mode = Mode(wish.value)
                await change_mode(chosen, mode, now=now, ports=ports, reason="chaos", actor="anna")
            case Wish.OVERRIDE:
                await override(
                    chosen,
                    now=now,
                    ports=ports,
                    point=None,
                    until=None,
                    reason="chaos",
                    actor="anna",
                )
            case Wish.RELEASE:
                await release(chosen, now=now, ports=ports, actor="anna", reason="chaos")
            case Wish.TAKE_BACK:
                for known in ports.decisions.overrides(site, now):
                    with suppress(BmsError):
                        await end_override(chosen, known.id, now=now, ports=ports, actor="anna")

    def leftovers(self) -> list[str]:
        """What is not as it is when nothing is wrong."""
        now, decisions = self.clock.now(), self.city.control.decisions
        found = [
            f"{site}: an override is left over"
            for site in self.city.sites
            if decisions.overrides(site, now)
        ]
        if self._readings.state().size_bytes:
            found.append("readings still wait in the spool")
        leases = self.city.journal.leases().values()
        late = sorted(each.point.id for each in leases if each.lease_end + MINUTE < now)
        return [*found, *(f"the lease of {point} has ended and is still open" for point in late)]

    def die(self) -> None:
        """What the kernel does for a process that is killed."""
        self._journal.close()

    async def close(self) -> None:
        """Close sockets and files; nothing is given back."""
        await self.city.drivers.close()
        self.city.stores.close()
        self._readings.close()

    def _wired(self) -> City:
        settings, availability = self.settings, Availability()
        patience_s = DATABASE_PATIENCE_S if settings.database_url is None else PATIENCE_S
        sql = SqlStore(settings.database, patience_s=patience_s, availability=availability)
        store = cast("Store", FailingStore(sql, self._is_off))
        sites = load_sites(settings.sites, _templates(), tariff_book(settings).names)
        feed = FailingFeed(self._is_off)
        city = wire(settings, sites=sites, clock=self.clock, feed=feed, store=store)
        folders = SpoolFolders(
            settings.spool, limit_bytes=10**8, importance=importances(city.sites.values())
        )
        self._readings = ForwardingReadings(store, folders, availability)
        self._journal = _CountingJournal(settings.journal, sync=self._sync)
        planner = ScriptedPlanner(numbers(city.sites))
        return replace(
            city,
            stores=replace(
                Stores.of(store), readings=self._readings, decisions=all_approved(store)
            ),
            commissioned=AllCommissioned(),
            forwarding=self._readings,
            planner=planner,
            checker=planner,
            journal=self._journal,
            keeper=self.keeper(self),
        )

    def _is_off(self, name: str) -> bool:
        return Switch(name) in self.off

    def _sync(self, descriptor: int) -> None:
        """What the disk of the journal does: refuse while it is full."""
        if Switch.JOURNAL_FULL in self.off:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)


def settings_of(home: Path) -> Settings:
    """The settings of a backend that has its site files in its home."""
    return Settings(
        home=home,
        sites=home / "sites",
        database_url=None,
        clock_file=None,
        feed="archive",
        horizon_hours=HORIZON_H,
    )


def numbers(sites: Iterable[str]) -> dict[str, int]:
    """The number of each site's building; a renamed site keeps it."""
    return {
        site: number
        for site in sites
        for number, name in enumerate(NAMES, start=1)
        if site.startswith(name)
    }


@cache
def _templates() -> dict[str, DeviceTemplate]:
    """Those of the product; they never change, and reading them takes a second."""
    return dict(load_templates())
