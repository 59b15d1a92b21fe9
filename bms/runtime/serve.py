"""A city that runs until it is told to stop: the job table and the API in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from enum import Flag, auto
from functools import partial

import uvicorn

from api.app import create_app
from bms.errors import ConfigError, GuardError, StoreError
from bms.model.control.command import StillHeld
from bms.runtime.anywhere.orders import making_exports
from bms.runtime.anywhere.sharing import with_exports, with_list
from bms.runtime.bounded_http import BoundedProtocol
from bms.runtime.city import City
from bms.runtime.evidence import heads_kept
from bms.runtime.live_sites import LiveSites
from bms.runtime.load.loop_delay import watched_loop
from bms.runtime.load.planner_pool import PlannerPool, processes_for
from bms.runtime.ownership import is_sqlite, owners_seen, owning
from bms.runtime.reload.requests import reloading
from bms.runtime.reload.take_in import SiteReload, Work
from bms.runtime.scheduler import Pulse, scheduler
from bms.runtime.wire import LazyOptimizer
from bms.runtime.work_jobs import live_jobs
from bms.services.collect.change_of_value import watching
from bms.services.evidence.receipts import keep_receipts, note_open_commands, record_receipts
from bms.services.giving_back.many_points import release_everything
from bms.services.hands_off.words_elsewhere import WordsElsewhere
from bms.services.off_loop import off_loop
from bms.services.ownership.ports import OwnershipPorts
from bms.services.ownership.selection import Selection
from bms.services.ownership.worker import SiteWorker

log = logging.getLogger(__name__)

GRACE_S = 5
HEARD_S = 1.0
"""How often what people say in other processes is looked for [s]."""
PATIENCE_S = 30.0
"""How long a tick may take [s] once we have been told to end."""


class Parts(Flag):
    """Which parts of the backend this process is."""

    SERVE = auto()
    WORK = auto()
    ALL = SERVE | WORK


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises ``ConfigError`` that names the port and the way out."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"port {port} of {host} is in use; stop what holds it, or choose another "
                "with BMS_PORT (demo: --port)"
            ) from error
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return made


@contextlib.asynccontextmanager
async def serving(city: City, bound: socket.socket) -> AsyncIterator[uvicorn.Server]:
    """API and dashboard on a bound socket while the block runs."""
    config = uvicorn.Config(
        create_app(city.api),
        http=BoundedProtocol,
        log_level="warning",
        lifespan="on",
        proxy_headers=False,  # the application believes BMS_PROXIES by itself
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,  # an open event stream must not keep us alive
    )
    server = uvicorn.Server(config)
    # Signals are ours: the points have to be given back before the process ends.
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    task = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        yield server
    finally:
        server.should_exit = True
        await task
        bound.close()


@contextlib.asynccontextmanager
async def working(
    city: City,
    ownership: OwnershipPorts | None = None,
    *,
    reload: SiteReload | None = None,
    pulse_seconds: float = 1.0,
) -> AsyncIterator[Pulse]:
    """Poll, plan and dispatch while the block runs; then hand over or give back everything.

    What is under way at the end is waited for first: a tick that is cut off may have announced a
    write that then leaves after the release. Without ``ownership`` no other process can be there.
    """
    await note_open_commands(city.journal, city.clock.now())
    pulse = Pulse(live_jobs(city), city.clock)
    worker = None if ownership is None else SiteWorker(ownership, pulse.hurry)
    if worker is not None:
        await worker.start()
    ticking = scheduler(pulse, pulse_seconds=pulse_seconds)
    async with hearing(city, pulse), Watches(city) as watches:
        ticking.start()
        try:
            if reload is not None:
                reload.work = work_of(city, pulse, watches, ownership)
            yield pulse
        finally:  # before the watches end: a device that is slow to end must not keep others held
            ticking.pause()
            await pulse.end(PATIENCE_S)
            ticking.shutdown(wait=False)
            if worker is None:
                await give_back(city)
            else:
                await worker.stop(partial(give_back, city))


class Watches:
    """Listens to changes of value at the devices of the sites that there are."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._open = contextlib.AsyncExitStack()

    async def listen(self) -> None:
        """End what is listened to, and listen to the devices that there are now."""
        await self._open.aclose()
        city = self._city
        await self._open.enter_async_context(
            watching(
                city.sites.values(),
                drivers=city.drivers,
                readings=city.stores.readings,
                wanted=city.owned.may_collect,
            )
        )

    async def __aenter__(self) -> Watches:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()


def work_of(city: City, pulse: Pulse, watches: Watches, ownership: OwnershipPorts | None) -> Work:
    """What has to know of changed site files in a process that works."""
    if ownership is None:
        return Work(city, pulse, watches.listen)
    return Work(city, pulse, watches.listen, ownership.held, ownership.worker.id)


@contextlib.contextmanager
def with_planners(city: City) -> Iterator[City]:
    """The city, with processes of their own that learn and plan where that is worth it."""
    processes = processes_for(len(city.sites), city.settings.planners)
    if not processes:
        yield city
        return
    pool = PlannerPool(LazyOptimizer(), processes)
    try:
        yield replace(city, planner=pool)
    finally:
        pool.close()


@contextlib.asynccontextmanager
async def hearing(city: City, pulse: Pulse) -> AsyncIterator[None]:
    """Act at once on what people say in other processes on the same database, while the block runs;
    those of this home share their marks with us."""

    async def go_on() -> None:
        words = WordsElsewhere(city.stores.ledgers)
        while True:
            with contextlib.suppress(StoreError):
                pulse.hurry(await off_loop(words.sites), "dispatch")
            await asyncio.sleep(HEARD_S)

    going = None if is_sqlite(city.settings) else asyncio.create_task(go_on())
    try:
        yield
    finally:
        if going is not None:
            going.cancel()
            await asyncio.gather(going, return_exceptions=True)


async def give_back(city: City) -> None:
    """Release every point that we hold; what cannot be reached is left to the guard."""
    now = city.clock.now()
    receipts = await release_everything(now=now, drivers=city.drivers, journal=city.journal)
    await keep_receipts(city.stores.ledgers, city.journal, receipts, now)
    for receipt in receipts:
        if isinstance(receipt, StillHeld):
            log.error("%s is still held, the guard goes on: %s", receipt.point, receipt.error)
    await city.keeper.close()
    try:  # of the guard, too, which has no database
        await off_loop(record_receipts, city.stores.ledgers, city.journal)
    except (StoreError, GuardError) as error:
        log.error("receipts wait beside the journal: %s", error)


def stop_signal() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    return stopped


async def run_city(city: City, parts: Parts, selection: Selection | None = None) -> None:
    """Run the parts until SIGINT or SIGTERM, then hand over or give back every point that is held.

    Raises ``ConfigError`` where another process works in this home.
    """
    stopped = stop_signal()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(city.stores.close)
        await stack.enter_async_context(heads_kept(city))
        stack.push_async_callback(city.drivers.close)
        sites = city.sites
        delays = await stack.enter_async_context(watched_loop())
        city = replace(city, loop_delay=delays.high)
        if Parts.WORK in parts:
            city = stack.enter_context(with_planners(city))
            owning_city = owning(city, selection or Selection())
            working_city, ownership = stack.enter_context(owning_city)
            city = replace(city, owned=working_city.owned)
        else:
            city = owners_seen(city)
        reload = SiteReload(city.settings, sites) if isinstance(sites, LiveSites) else None
        bound = listen(city.settings.host, city.settings.port) if Parts.SERVE in parts else None
        if Parts.WORK in parts:
            working_city = await stack.enter_async_context(with_list(working_city, city))
        if bound is not None:
            at_work = Parts.WORK in parts
            has_list = (
                working_city if at_work else await stack.enter_async_context(with_exports(city))
            )
            shown = replace(city, make_export=making_exports(has_list))
            await stack.enter_async_context(serving(shown, bound))
            log.warning("dashboard on http://%s:%d", *bound.getsockname()[:2])
        if Parts.WORK in parts:
            await stack.enter_async_context(working(working_city, ownership, reload=reload))
        if reload is not None:
            await stack.enter_async_context(reloading(reload, parts.name or "backend"))
        await stopped.wait()


async def run_jobs(city: City) -> None:
    """Do jobs of the list that the workers share until SIGINT or SIGTERM; no site is held.

    Raises ``ConfigError`` where no list is shared.
    """
    if city.settings.jobs == "here":
        raise ConfigError(
            "bms work --jobs does jobs that workers share on a PostgreSQL; set BMS_JOBS=cluster"
        )
    stopped = stop_signal()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(city.stores.close)
        city = stack.enter_context(with_planners(city))
        await stack.enter_async_context(with_list(city, city))
        log.warning("jobs of %d sites are done here", len(city.sites))
        await stopped.wait()
