"""The jobs of the work list: what is looked at, and how often. A fast run has none of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta

from bms.model.assets.site import Site
from bms.runtime.background_work import SITES_AT_ONCE, limited
from bms.runtime.city import City
from bms.runtime.jobs import DAY, Job, once_in_the_city, planned, site_job
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.off_loop import off_loop
from bms.services.work.watch import watch_city, watch_proofs, watch_site


def work_jobs(city: City) -> tuple[Job, ...]:
    """Look at each site as often as it is polled, at its savings once a day, and at the city."""
    ports, cache = city.work, SavingsCache(city.assessment)
    every = timedelta(minutes=city.settings.poll_minutes)
    turns = asyncio.Semaphore(SITES_AT_ONCE)
    sites = city.sites.values()

    def watch(site: Site, now: datetime) -> Awaitable[object]:
        return off_loop(watch_site, site, now, ports)

    def proofs(site: Site, now: datetime) -> Awaitable[object]:
        return off_loop(watch_proofs, site, now, ports, cache)

    async def of_city(now: datetime) -> None:
        await off_loop(watch_city, now, ports)

    return (
        site_job("work", every, sites, planned(city, limited(turns, watch))),
        site_job("proofs", DAY, sites, planned(city, limited(turns, proofs))),
        Job("city_work", every, once_in_the_city(city, of_city)),
    )
