"""Site files are taken in while everything runs: what did not change is not touched."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from bms.config import Settings
from bms.errors import ConfigError, GuardError, Mistake, SiteFileError, StoreError
from bms.model.assets.site import Site
from bms.model.control.command import StillHeld
from bms.ports.feeds import HallCalendar
from bms.runtime.city import City
from bms.runtime.jobs import Job
from bms.runtime.live_sites import LiveSites
from bms.runtime.reload.difference import Difference, Reloaded, outdated_leases
from bms.runtime.site_files import usable_sites
from bms.runtime.wire import calendars_of
from bms.runtime.work_jobs import live_jobs
from bms.services.evidence.receipts import keep_receipts
from bms.services.giving_back.many_points import release_leases
from bms.services.off_loop import off_loop
from bms.services.ownership.places import places_of

log = logging.getLogger(__name__)

DRAIN_S = 30.0
"""How long what is under way at a changed site may take [s] before it is changed all the same: what
it still writes ends with its lease."""

Listen = Callable[[], Awaitable[None]]
"""Listen to the changes of value of the devices that there are now."""


class JobTable(Protocol):
    """What runs the job table."""

    def exchange(self, jobs: Sequence[Job]) -> None: ...


class ClosingSites(Protocol):
    """What this worker owns, as far as a change of site files needs it."""

    def closing(self, sites: Collection[str]) -> AbstractContextManager[None]: ...

    async def drained(self, sites: Collection[str], patience_s: float) -> frozenset[str]: ...

    def lost(self, sites: Collection[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class Work:
    """What a process that works has beside the sites: its jobs, what it owns, and its watches."""

    city: City
    jobs: JobTable
    listen: Listen
    owned: ClosingSites | None = None
    worker: str | None = None
    """The name under which it owns sites; None where no other worker can be there."""


@dataclass(slots=True)
class SiteReload:
    """Takes site files in, one request after the other."""

    settings: Settings
    sites: LiveSites
    work: Work | None = None
    """None in a process that only serves."""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def take_in(self, *, strict: bool = False) -> Reloaded:
        """Take in what the site files say now. ``strict``: one mistake refuses all of them.

        A folder that cannot be read, or without one right file, changes nothing.
        """
        async with self._turn:
            try:
                usable = await off_loop(usable_sites, self.settings, tuple(self.sites.values()))
            except SiteFileError as error:
                return _refused(error.mistakes)
            new = {site.id: site for site in usable.sites}
            calendars, wrong = await off_loop(self._calendars, new)
            mistakes = (*usable.mistakes, *wrong)
            if strict and mistakes:
                return _refused(mistakes)
            for mistake in mistakes:
                log.error("left out: %s", mistake)
            if self.work is not None:
                self.work.city.calendars.calendars = calendars
            return await self._exchange(usable.sites, mistakes)

    def _calendars(
        self, sites: Mapping[str, Site]
    ) -> tuple[tuple[HallCalendar, ...], tuple[Mistake, ...]]:
        """The calendars of halls as their file says now, or those that are read already and what
        is wrong with the file."""
        if self.work is None:
            return (), ()
        city = self.work.city
        try:
            return calendars_of(self.settings, sites, city.clock), ()
        except ConfigError as error:
            file = str(self.settings.calendars)
            return city.calendars.calendars, (Mistake(file, 1, str(error)),)

    async def _exchange(self, sites: Sequence[Site], mistakes: tuple[Mistake, ...]) -> Reloaded:
        old, new = dict(self.sites), {site.id: site for site in sites}
        difference = Difference.between(old, new)
        work = self.work
        if work is None:
            self.sites.exchange(sites, mistakes)
            return Reloaded(difference, mistakes=mistakes)
        moved = [i for i in difference.changed if places_of(old[i]) != places_of(new[i])]
        owned = work.owned
        with nullcontext() if owned is None else owned.closing(difference.touched):
            if owned is not None:
                await owned.drained(difference.touched, DRAIN_S)
            self.sites.exchange(sites, mistakes)
            if difference.added or difference.touched:
                work.jobs.exchange(live_jobs(work.city))
            given_back, still_held = await _give_back(work.city, difference, moved)
            await _claim_anew(work, moved)
        await work.listen()
        await _let_go(work.city)
        _log(difference)
        return Reloaded(difference, given_back, still_held, mistakes)


def _refused(mistakes: tuple[Mistake, ...]) -> Reloaded:
    for mistake in mistakes:
        log.error("site files are not taken in: %s", mistake)
    return Reloaded(None, mistakes=mistakes)


async def _give_back(
    city: City, difference: Difference, moved: Collection[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give back the points that the files do not have any more, or have in another way; the points
    that are the building's own again, and those that are left to the guard."""
    now = city.clock.now()
    try:
        leases = (await off_loop(city.journal.leases)).values()
    except GuardError as error:
        log.error("what is held at changed sites is left to the guard: %s", error)
        return (), ()
    touched = frozenset(difference.touched)
    ours = [lease for lease in leases if lease.point.site in touched]
    kept = {i: site for i, site in city.sites.items() if i not in moved}
    receipts = await release_leases(
        outdated_leases(ours, kept), now=now, drivers=city.drivers, journal=city.journal
    )
    await keep_receipts(city.stores.ledgers, city.journal, receipts, now)
    held = _points(r.point for r in receipts if isinstance(r, StillHeld))
    for point in held:
        log.error("%s is still held, the guard goes on", point)
    return _points(r.point for r in receipts if r.point not in held), held


async def _let_go(city: City) -> None:
    """Close what no site needs any more; devices at which something is still held are kept until
    the next time."""
    wanted = [device for site in city.sites.values() for device in site.devices]
    try:
        wanted += [lease.device for lease in (await off_loop(city.journal.leases)).values()]
    except GuardError as error:
        log.error("drivers of removed devices stay open: %s", error)
        return
    await city.drivers.keep_only(wanted)


def _points(points: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(points))


async def _claim_anew(work: Work, moved: Collection[str]) -> None:
    """The owner of a site whose places changed takes it again, so that others see where it writes
    to."""
    if work.owned is None or work.worker is None or not moved:
        return
    try:
        await off_loop(work.city.stores.owners.give_up, work.worker, moved)
    except StoreError as error:
        log.error("where changed sites write to is not known to other workers yet: %s", error)
        return
    work.owned.lost(moved)


def _log(difference: Difference) -> None:
    told = (
        ("added", difference.added),
        ("changed", difference.changed),
        ("removed", difference.removed),
    )
    said = [f"{word} {', '.join(sites)}" for word, sites in told if sites]
    log.warning("site files taken in: %s", "; ".join(said) or "nothing changed")
