"""One job table: what runs how often, in building time. Live and fast runs share it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bms.model.site import Site
from bms.services.city import City
from bms.services.dispatch import dispatch_site
from bms.services.plan import identify_site, plan_site
from bms.services.poll import poll_site
from bms.services.verify import verify_site

log = logging.getLogger(__name__)
VERIFY_EVERY = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Tick = Callable[[datetime], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Job:
    """``run`` is called with building time at every whole multiple of ``every``."""

    name: str
    every: timedelta
    run: Tick

    def next_at_or_after(self, moment: datetime) -> datetime:
        """The first due time that does not lie before ``moment``."""
        return EPOCH + self.every * -((EPOCH - moment) // self.every)

    def next_after(self, moment: datetime) -> datetime:
        """The first due time after ``moment``."""
        return EPOCH + self.every * ((moment - EPOCH) // self.every + 1)


def for_each_site(
    name: str, sites: Iterable[Site], verb: Callable[[Site, datetime], Awaitable[object]]
) -> Tick:
    """A tick that does the verb for every site side by side; one failing site spares the others."""
    chosen = tuple(sites)

    async def one(site: Site, now: datetime) -> None:
        try:
            await verb(site, now)
        except Exception as error:
            log.error("%s of %s failed at %s: %s", name, site.id, now.isoformat(), error)
            log.debug("%s of %s", name, site.id, exc_info=True)

    async def tick(now: datetime) -> None:
        await asyncio.gather(*(one(site, now) for site in chosen))

    return tick


def job_table(city: City) -> tuple[Job, ...]:
    """The jobs in the order in which they run when they are due together."""
    settings = city.settings

    def poll(site: Site, now: datetime) -> Awaitable[object]:
        return poll_site(site, now=now, drivers=city.drivers, store=city.store)

    def identify(site: Site, now: datetime) -> Awaitable[object]:
        return identify_site(
            site,
            now=now,
            store=city.store,
            feed=city.feed,
            tariffs=city.tariffs,
            planner=city.planner,
        )

    def plan(site: Site, now: datetime) -> Awaitable[object]:
        return plan_site(
            site,
            now=now,
            store=city.store,
            feed=city.feed,
            tariffs=city.tariffs,
            planner=city.planner,
            checker=city.checker,
            horizon=timedelta(hours=settings.horizon_hours),
        )

    def dispatch(site: Site, now: datetime) -> Awaitable[object]:
        return dispatch_site(
            site,
            now=now,
            store=city.store,
            drivers=city.drivers,
            journal=city.journal,
            keeper=city.keeper,
            lease=settings.lease,
        )

    def verify(site: Site, now: datetime) -> Awaitable[object]:
        return verify_site(
            site, now=now, store=city.store, drivers=city.drivers, journal=city.journal
        )

    rows = (
        ("poll", timedelta(minutes=settings.poll_minutes), poll),
        ("identify", timedelta(days=1), identify),
        ("plan", timedelta(minutes=settings.plan_minutes), plan),
        ("dispatch", timedelta(minutes=settings.poll_minutes), dispatch),
        ("verify", VERIFY_EVERY, verify),
    )
    sites = city.sites.values()
    return tuple(Job(name, every, for_each_site(name, sites, verb)) for name, every, verb in rows)
