"""A process that works: alone in its home and at its database file, and owner of its sites (W2)."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from bms.clock import NO_BOOT_ID, SystemClock, boot_id
from bms.config import Settings
from bms.errors import ConfigError, StoreError
from bms.journal.locks import WorkerLock
from bms.model.assets.site import Site
from bms.model.control.ownership import Ownership, OwningWorker
from bms.ports.ownership import EverySite, SiteOwners
from bms.runtime.city import City
from bms.runtime.live_sites import ChosenSites
from bms.services.ownership.held import HeldSites
from bms.services.ownership.places import places_of
from bms.services.ownership.ports import BEAT_S, OwnershipPorts
from bms.services.ownership.selection import Selection

SQLITE = "sqlite:///"


@contextlib.contextmanager
def alone(settings: Settings) -> Iterator[str]:
    """The only process that works in this home, and at its database file; the name under which the
    home owns sites. Raises ``ConfigError`` that names the other process and the way out."""
    with contextlib.ExitStack() as stack:
        for path, way_out in _locks(settings):
            lock = WorkerLock(path)
            other = _taken(lock)
            if other is not None:
                raise ConfigError(
                    f"{other} works with {path} already, and one process writes to a "
                    f"building; {way_out}"
                )
            stack.callback(lock.drop)
        yield home_id(settings)


def _locks(settings: Settings) -> Iterator[tuple[Path, str]]:
    yield settings.journal, "stop it first, or give this one a home of its own in BMS_HOME"
    if is_sqlite(settings):
        file = Path(settings.database.removeprefix(SQLITE).partition("?")[0])
        yield file, "stop it first, or let several workers share a PostgreSQL in BMS_DATABASE_URL"


def is_sqlite(settings: Settings) -> bool:
    """Whether the database is a file, at which one process works."""
    return settings.database.startswith(SQLITE)


def _taken(lock: WorkerLock) -> str | None:
    try:
        return lock.take()
    except OSError as error:
        raise ConfigError(
            f"the lock {lock.path} cannot be taken: {error.strerror}; make its folder writable by "
            "this user"
        ) from error


def home_id(settings: Settings) -> str:
    """The name under which a home owns sites: that of its folder in this run of the computer, so
    that a copy of the home elsewhere is somebody else. Raises OSError where there is no folder."""
    seen, boot = settings.home.stat(), boot_id()
    computer = socket.gethostname() if boot == NO_BOOT_ID else boot
    said = f"{computer} {seen.st_dev:x} {seen.st_ino:x}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]


@contextlib.contextmanager
def owning(city: City, selection: Selection) -> Iterator[tuple[City, OwnershipPorts]]:
    """The city of the sites that are selected, which this process writes as far as it owns them.

    Raises ``ConfigError`` where another process works here, and for a site that is not there.
    """
    chosen = ChosenSites(city.sites, selection.covers)
    missing = sorted(selection.sites - chosen.keys())
    if missing or not chosen:
        named = ", ".join(missing) or str(selection)
        raise ConfigError(f"no such site: {named}; there are {', '.join(city.sites)}")
    with alone(city.settings) as home:
        held = HeldSites(SystemClock(), city.clock, chosen.__contains__)
        city.stores.owners.fence(held.fencing_tokens)
        worker = OwningWorker(id=home, place=place(), selection=str(selection))
        working = replace(city, sites=chosen, owned=held)
        yield (
            working,
            OwnershipPorts(
                worker=worker,
                sites=chosen,
                owners=city.stores.owners,
                held=held,
                journal=city.journal,
                keeper=city.keeper,
                drivers=city.drivers,
                decisions=city.stores.decisions,
                ledgers=city.stores.ledgers,
                clock=city.clock,
                lasts_s=float(city.settings.owner_seconds),
                stands_s=city.settings.lease.total_seconds(),
            ),
        )


def place() -> str:
    """Where this process runs, for people."""
    return f"{socket.gethostname()}, process {os.getpid()}"


@dataclass
class OwnersOfTable(EverySite):
    """``OwnedSites`` of a process that owns nothing itself: what the table says of its home.

    What was read is believed for ``fresh_s`` [s]; while the database is away every site counts as
    ours to look at, and nothing is written without it anyway.
    """

    owners: SiteOwners
    settings: Settings
    fresh_s: float = 1.0
    _rows: dict[str, Ownership] = field(default_factory=dict)
    _seen: float = float("-inf")

    def is_elsewhere(self, site: str) -> bool:
        """See ``OwnedSites``."""
        row = self._look().get(site)
        if row is None or row.released or row.left_s <= -row.stands_s:
            return False
        with contextlib.suppress(OSError):  # a home that cannot be looked at keeps nothing back
            return row.owner != home_id(self.settings)
        return False

    def may_send(self, site: str, margin_s: float = 0.0) -> bool:
        """See ``OwnedSites``."""
        row = self._look().get(site)
        return not self.is_elsewhere(site) and not (row is not None and row.waits)

    def reserve(self, site: Site, lease: timedelta) -> None:
        """See ``OwnedSites``; the worker of this home is told how long the value may stand."""
        owners, me = self.owners, OwningWorker(id=home_id(self.settings), place=place())
        stands_s = lease.total_seconds()
        if owners.reserve(me.id, [site.id], stands_s):
            return
        owners.claim(
            me,
            [site.id],
            lasts_s=float(self.settings.owner_seconds),
            stands_s=stands_s,
            grace_s=max((device.timeout_s for device in site.devices), default=0.0) + BEAT_S,
            places={site.id: places_of(site)},
        )
        self._seen = float("-inf")
        other = owners.overlaps(me.id).get(site.id)
        if other is not None:
            owners.give_up(me.id, [site.id])
            raise ConfigError(
                f"{site.id} names what site {other} of another home writes to; write there, or take"
                " it out of one of the two site files"
            )

    def _look(self) -> dict[str, Ownership]:
        if time.monotonic() - self._seen >= self.fresh_s:
            with contextlib.suppress(StoreError):
                self._rows = {row.site: row for row in self.owners.owners()}
            self._seen = time.monotonic()
        return self._rows


def owners_seen(city: City) -> City:
    """The city for a process that owns nothing: the table says what is another home's."""
    return replace(city, owned=OwnersOfTable(city.stores.owners, city.settings))
