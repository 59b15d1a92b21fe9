"""One job table: what runs how often, in building time. Live and fast runs share it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from bms.errors import FeedError, GuardError, StoreError
from bms.feeds.provider_settings import meter_api
from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.suppliers.eloverblik import read_eloverblik
from bms.feeds.suppliers.eloverblik_api import LOOK_BACK, EloverblikApi
from bms.feeds.suppliers.formats import reader
from bms.model.assets.site import Site
from bms.model.clock_reading import ClockReading
from bms.model.control.evidence import CITY
from bms.model.control.ownership import CITY_WIDE
from bms.model.readings.measurement import Ingested
from bms.ports.jobs import JobKind, Priority
from bms.ports.storage.readings import Forwarding
from bms.runtime.anywhere.orders import ordered, with_jobs
from bms.runtime.city import City
from bms.runtime.load.background_work import SITES_AT_ONCE, Replanning, SiteTask, limited
from bms.runtime.tick_batches import TickBatches
from bms.services.access.sessions import KEPT
from bms.services.collect.device_clocks import ClockWatch
from bms.services.collect.drop_folder import DropFolder
from bms.services.collect.file_ingest import IngestReport, Read, ingest_answers
from bms.services.collect.poll import poll_site
from bms.services.collect.retention import SCRUB_EVERY, forget_old, forget_unnamed, keep_rollups
from bms.services.collect.supplier_points import SupplierBook
from bms.services.collect.trend_backfill import Backfill
from bms.services.control.dispatch import dispatch_site, release_marked
from bms.services.control.inspection import verify_site
from bms.services.evidence.retention import forget_names, forget_repeats, prune
from bms.services.hands_off.record import keep_words
from bms.services.modes.shadow_days import record_shadow_day
from bms.services.modes.step_back import watch_bounds
from bms.services.off_loop import off_loop, side_by_side
from bms.services.overview.use_record import forget_unnamed_use, forget_use_forecasts
from bms.services.planning.plan import plan_is_outdated
from bms.services.planning.ports import PlanningPorts
from bms.services.trials.gone_sites import close_gone_trials
from bms.services.trials.input_watch import WATCH_EVERY, watch_inputs
from bms.services.trials.report import seal_and_compare


def reader_of(name: str, mapping: str | None) -> Read:
    """How files of a format are read. Raises ``ConfigError`` for one that is not known."""
    return reader(name, None if mapping is None else CsvMapping.from_yaml(mapping))


def drop_tick(city: City, root: Path) -> Callable[[datetime], Awaitable[None]]:
    """A tick that takes the finished files of ``root``."""
    folder = DropFolder(
        root,
        reader_of,
        SupplierBook.of(city.sites.values()),
        city.stores.readings,
        believed=lambda now: is_believed(city, now),
    )

    async def tick(now: datetime) -> None:
        await off_loop(folder.tick, now)

    return tick


log = logging.getLogger(__name__)
VERIFY_EVERY = timedelta(hours=1)
BOUNDS_EVERY = timedelta(hours=1)
DAY = timedelta(days=1)
DROP_EVERY = timedelta(minutes=1)
METERS_EVERY = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Tick = Callable[[datetime], Awaitable[None]]
Row = tuple[str, timedelta, SiteTask]
"""Name of a job, how often it runs, and what it does for a site."""


@dataclass(frozen=True, slots=True)
class Job:
    """``run`` is called with building time at every whole multiple of ``every``.

    ``parts`` are what it consists of, one job per site; where there are some, a live run lets each
    come due by itself.
    """

    name: str
    every: timedelta
    run: Tick
    parts: tuple[Job, ...] = ()
    site: str | None = None
    """Of a part: the site that it is for."""

    def next_at_or_after(self, moment: datetime) -> datetime:
        """The first due time that does not lie before ``moment``."""
        return EPOCH + self.every * -((EPOCH - moment) // self.every)

    def next_after(self, moment: datetime) -> datetime:
        """The first due time after ``moment``."""
        return EPOCH + self.every * ((moment - EPOCH) // self.every + 1)


def site_job(name: str, every: timedelta, sites: Iterable[Site], task: SiteTask) -> Job:
    """A job that does the task for every site side by side; one failing site spares the others."""
    parts = tuple(_part(name, every, site, task) for site in sites)

    async def spared(part: Job, now: datetime) -> None:
        try:
            await part.run(now)
        except Exception as error:
            log.error("%s failed at %s: %s", part.name, now.isoformat(), error)
            log.debug("%s", part.name, exc_info=True)

    async def tick(now: datetime) -> None:
        await side_by_side(*(spared(part, now) for part in parts))

    return Job(name, every, tick, parts)


def _part(name: str, every: timedelta, site: Site, task: SiteTask) -> Job:
    """The job at one site; whoever runs it says what it failed of."""

    async def tick(now: datetime) -> None:
        await task(site, now)

    return Job(f"{name} of {site.id}", every, tick, site=site.id)


async def forward(forwarding: Forwarding) -> Ingested:
    """What became of those that waited; a database that refuses is logged, and they wait on."""
    try:
        return await off_loop(forwarding.forward)
    except StoreError as error:
        log.error("readings that wait on disk cannot be handed on: %s", error)
        return Ingested(waiting=sum(forwarding.state().waiting.values()))


def forward_job(city: City) -> tuple[Job, ...]:
    """Hand on what waited for the database before anything is read anew."""
    waiting = city.forwarding
    if waiting is None:
        return ()

    async def tick(now: datetime) -> None:
        await forward(waiting)

    return (Job("forward", timedelta(minutes=city.settings.poll_minutes), tick),)


def hands_off_job(city: City) -> Job:
    """Keep what people said at once, and tell the database of it as soon as that answers."""
    ports = city.control

    async def tick(now: datetime) -> None:
        await keep_words(ports, now)

    return Job("hands_off", timedelta(minutes=city.settings.poll_minutes), tick)


def drop_job(city: City) -> tuple[Job, ...]:
    """Take the files that suppliers put into the drop folder, where there is one."""
    drop = city.settings.drop
    if drop is None:
        return ()
    return (Job("ingest", DROP_EVERY, once_in_the_city(city, drop_tick(city, drop))),)


def meters_job(city: City) -> tuple[Job, ...]:
    """Ask the interface of the meters, where there is a token for it; what it has answered is not
    asked for again on that day."""
    api = meter_api(city.settings, city.clock)
    if api is None:
        return ()

    async def tick(now: datetime) -> None:
        for outcome in await off_loop(list, fetched_meters(city, api, now)):
            if isinstance(outcome, FeedError):
                log.warning("meters: %s", outcome)
            else:
                log.info("meters: %d values of %s", outcome.accepted, outcome.name)

    return (Job("meters", METERS_EVERY, once_in_the_city(city, tick)),)


def fetched_meters(
    city: City, api: EloverblikApi, now: datetime, back: timedelta = LOOK_BACK
) -> Iterator[IngestReport | FeedError]:
    """What becomes of the supplied meters of the city at the interface. Raises ``StoreError``."""
    book = SupplierBook.of(city.sites.values())
    return ingest_answers(
        api.answers(book.by_number, back),
        read_eloverblik,
        book=book,
        readings=city.stores.readings,
        now=now,
    )


def is_believed(city: City, now: datetime) -> bool:
    """Whether the calendar is believed enough to delete what it calls old."""
    return city.calendar.believed(ClockReading(now, city.clock.elapsed()))


def names_job(city: City) -> Job:
    """Leave the names of people out of what concerns no site, and of the files of the home."""

    async def tick(now: datetime) -> None:
        if not await off_loop(is_believed, city, now):
            return
        try:
            await prune(CITY, now=now, evidence=city.stores.evidence)
            await off_loop(forget_names, now, city.hands_off, city.journal)
            await off_loop(forget_repeats, city.settings.repeats, now)
            await off_loop(city.stores.people.forget_sessions, now - KEPT)
        except (StoreError, GuardError) as error:
            log.error("names of people that are too old are still kept: %s", error)

    return Job("names", DAY, tick)


def unnamed_job(city: City) -> Job:
    """Delete what is too old of points and buildings that no site file names any more."""
    stores = city.stores

    async def tick(now: datetime) -> None:
        if not await off_loop(is_believed, city, now):
            return
        try:
            await forget_unnamed(
                city.sites,
                now=now,
                timezone=city.settings.timezone,
                retention=stores.retention,
            )
            await off_loop(forget_unnamed_use, now, city.settings.timezone, stores.plans)
            chains = await off_loop(stores.evidence.chain_heads)
            for chain in sorted(chains.keys() - city.sites.keys() - {CITY}):
                await prune(chain, now=now, evidence=stores.evidence)
        except StoreError as error:
            log.error("what no site file names any more is still kept: %s", error)

    return Job("unnamed", DAY, once_in_the_city(city, tick))


def scrub_job(city: City) -> Job:
    """Take what was deleted out of the files of the database."""

    async def tick(now: datetime) -> None:
        try:
            await off_loop(city.stores.retention.scrub)
        except StoreError as error:
            log.error("what was deleted is not out of the files of the database yet: %s", error)

    return Job("scrub", SCRUB_EVERY, once_in_the_city(city, tick))


def gone_trials_job(city: City) -> Job:
    """Seal the trials of sites that no site file names any more, and end those that are open."""
    since: dict[str, datetime] = {}

    async def tick(now: datetime) -> None:
        try:
            await off_loop(close_gone_trials, city.trials, city.sites.keys(), since)
        except (StoreError, FeedError) as error:
            log.error("trials of sites that are gone are not sealed yet: %s", error)

    return Job("gone_trials", DAY, once_in_the_city(city, tick))


def once_in_the_city(city: City, tick: Tick) -> Tick:
    """The same tick, in the one worker that does what is done once for the whole city."""

    async def in_one_worker(now: datetime) -> None:
        if city.owned.owns(CITY_WIDE):
            await tick(now)

    return in_one_worker


def collected(city: City, task: SiteTask) -> SiteTask:
    """The same task, for the sites that this worker reads."""

    async def if_read_here(site: Site, now: datetime) -> object:
        return await task(site, now) if city.owned.may_collect(site.id) else None

    return if_read_here


def owned(city: City, task: SiteTask) -> SiteTask:
    """The same task, for the sites that this worker may write; a hand-over waits for it. At the
    others it gives back what people have said to keep our hands off, which needs no database."""
    ports = city.control

    async def if_owned(site: Site, now: datetime) -> object:
        with city.owned.at_work(site.id) as ours:
            may = ours and ports.owned.may_send(site.id)
            return await (task(site, now) if may else release_marked(site, now, ports))

    return if_owned


def planned(city: City, task: SiteTask) -> SiteTask:
    """The same task, for the sites that this worker owns; what it has made of one that was handed
    over meanwhile is dropped as it is stored."""

    async def if_ours(site: Site, now: datetime) -> object:
        return await task(site, now) if city.owned.owns(site.id) else None

    return if_ours


def dispatch_task(city: City, plan: SiteTask) -> SiteTask:
    """Write what is due, by a new plan where people have booked or taken over what the plan does
    not know of."""
    again, ports, batches = Replanning(plan), city.control, TickBatches(city)
    lease = city.settings.lease

    async def is_planned_anew(site: Site, now: datetime, planning: PlanningPorts) -> bool:
        """Whether a plan was asked for since the records were read."""
        try:
            look = partial(plan_is_outdated, site, now=now, ports=planning)
            if not await batches.off_loop(look):
                return False
            await again.plan(site, now)
        except Exception as error:  # the plan in force is better than none
            log.error("planning %s again failed at %s: %s", site.id, now.isoformat(), error)
        return True

    async def dispatch(site: Site, now: datetime) -> object:
        try:
            async with batches.of(site, now) as (control, planning):
                if await is_planned_anew(site, now, planning):
                    control = ports
                return await dispatch_site(site, now=now, ports=control, lease=lease)
        except StoreError:
            await release_marked(site, now, ports)  # needs no database
            raise

    return dispatch


def job_table(city: City) -> tuple[Job, ...]:
    """The jobs in the order in which they run when they are due together."""
    city, turns = with_jobs(city), asyncio.Semaphore(SITES_AT_ONCE)
    rows = (*calendar_rows(city), *planning_rows(city), *control_rows(city))
    sites = city.sites.values()
    with_zones = [site for site in sites if site.zones]
    return (
        *forward_job(city),
        hands_off_job(city),
        *drop_job(city),
        *meters_job(city),
        *(site_job(name, every, sites, task) for name, every, task in collect_rows(city)),
        *(site_job(name, every, with_zones, task) for name, every, task in rows),
        site_job("retain", DAY, sites, planned(city, limited(turns, retain_task(city)))),
        names_job(city),
        unnamed_job(city),
        gone_trials_job(city),
        scrub_job(city),
    )


def collect_rows(city: City) -> Iterator[Row]:
    """What is read from the devices of each site.

    Where a simulator owns building time, the clocks of devices are none to compare with it.
    """
    every = timedelta(minutes=city.settings.poll_minutes)
    readings, drivers = city.stores.readings, city.drivers
    filling = Backfill(drivers, readings, every)
    clock_watch = ClockWatch()

    def poll(site: Site, now: datetime) -> Awaitable[object]:
        return poll_site(site, now=now, drivers=drivers, readings=readings)

    def backfill(site: Site, now: datetime) -> Awaitable[object]:
        return filling.tick(site, now)

    def clocks(site: Site, now: datetime) -> Awaitable[object]:
        return clock_watch.tick(site, drivers)

    def least_times(site: Site, now: datetime) -> Awaitable[object]:
        return city.device_times.tick(site, now, drivers)

    yield "poll", every, collected(city, poll)
    yield "backfill", every, collected(city, backfill)
    yield "least_times", every, collected(city, least_times)
    if city.settings.clock_file is None:
        yield "clocks", DAY, collected(city, clocks)


def planning_rows(city: City) -> Iterator[Row]:
    """What is learned and planned for each site, by whichever process is free."""
    every = timedelta(minutes=city.settings.plan_minutes)
    for kind in (JobKind.PREDICTION, JobKind.IDENTIFY):
        yield kind.value, DAY, planned(city, ordered(city, kind, Priority.LEARN, daily=True))
    yield "plan", every, planned(city, ordered(city, JobKind.PLAN, Priority.PLAN))


def calendar_rows(city: City) -> Iterator[Row]:
    """Bookings from the calendars of halls; without any, those of earlier ones are withdrawn."""

    def bookings(site: Site, now: datetime) -> Awaitable[object]:
        return off_loop(city.calendars.tick, site.id, now, city.decisions)

    yield "calendars", timedelta(minutes=city.settings.poll_minutes), planned(city, bookings)


def control_rows(city: City) -> Iterator[Row]:
    """What is written to each site and read back."""
    ports = city.control

    def verify(site: Site, now: datetime) -> Awaitable[object]:
        return verify_site(site, now=now, ports=ports)

    every = timedelta(minutes=city.settings.poll_minutes)
    replan = ordered(city, JobKind.PLAN, Priority.AT_ONCE)
    yield "dispatch", every, owned(city, dispatch_task(city, replan))
    yield "verify", VERIFY_EVERY, owned(city, verify)
    yield from trust_rows(city)


def trust_rows(city: City) -> Iterator[Row]:
    """What ends ``auto`` by itself, results of trials, and days at which nothing is written."""
    ports, begun = city.control, dict[str, datetime]()

    def bounds(site: Site, now: datetime) -> Awaitable[object]:
        return watch_bounds(site, now, ports, begun.setdefault(site.id, now))

    def shadow(site: Site, now: datetime) -> Awaitable[object]:
        return record_shadow_day(site, now, ports)

    def trials(site: Site, now: datetime) -> Awaitable[object]:
        return off_loop(seal_and_compare, city.trials, site)

    def inputs(site: Site, now: datetime) -> Awaitable[object]:
        return off_loop(watch_inputs, city.trials, site)

    yield "bounds", BOUNDS_EVERY, planned(city, bounds)
    yield "trials", DAY, planned(city, trials)
    yield "trial_inputs", WATCH_EVERY, planned(city, inputs)
    yield "shadow", DAY, planned(city, shadow)


def retain_task(city: City) -> SiteTask:
    """Keep the roll-ups of a site, and delete what it may not keep any longer: nothing while the
    clock is not believed."""
    rollups, retention, plans = city.stores.rollups, city.stores.retention, city.stores.plans

    async def retain(site: Site, now: datetime) -> object:
        await keep_rollups(site, now=now, rollups=rollups)
        if not await off_loop(is_believed, city, now):
            return ()
        erased = await forget_old(site, now=now, retention=retention)
        await off_loop(forget_use_forecasts, site, now=now, plans=plans)
        return erased, await prune(site.id, now=now, evidence=city.stores.evidence)

    return retain
