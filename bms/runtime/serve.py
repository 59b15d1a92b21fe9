"""A city that runs until it is told to stop: the job table and the API in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import socket
from collections.abc import AsyncIterator
from enum import Flag, auto

import uvicorn

from api.app import create_app
from bms.errors import ConfigError
from bms.model.control.command import StillHeld
from bms.runtime.city import City
from bms.runtime.evidence import heads_kept
from bms.runtime.jobs import job_table
from bms.runtime.scheduler import Pulse, scheduler
from bms.services.collect.change_of_value import watching
from bms.services.control.release_many import keep_receipts, release_everything

log = logging.getLogger(__name__)

GRACE_S = 5
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
        log_level="warning",
        lifespan="on",
        proxy_headers=True,
        forwarded_allow_ips=city.settings.proxies,
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
async def working(city: City, *, pulse_seconds: float = 1.0) -> AsyncIterator[None]:
    """Poll, plan and dispatch while the block runs; then give everything back.

    What is under way at the end is waited for first: a tick that is cut off may have announced a
    write that then leaves after the release.
    """
    pulse = Pulse(job_table(city), city.clock)
    ticking = scheduler(pulse, pulse_seconds=pulse_seconds)
    async with watching(city.sites.values(), drivers=city.drivers, readings=city.stores.readings):
        ticking.start()
        try:
            yield
        finally:  # before the watches end: a device that is slow to end must not keep others held
            ticking.pause()
            await pulse.end(PATIENCE_S)
            ticking.shutdown(wait=False)
            await give_back(city)


async def give_back(city: City) -> None:
    """Release every point that we hold; what cannot be reached is left to the guard."""
    now = city.clock.now()
    receipts = await release_everything(now=now, drivers=city.drivers, journal=city.journal)
    await keep_receipts(city.stores.ledgers, receipts, now)
    for receipt in receipts:
        if isinstance(receipt, StillHeld):
            log.error("%s is still held, the guard goes on: %s", receipt.point, receipt.error)
    await city.keeper.close()


def stop_signal() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    return stopped


async def run_city(city: City, parts: Parts) -> None:
    """Run the parts until SIGINT or SIGTERM, then give every point back."""
    stopped = stop_signal()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(city.stores.close)
        await stack.enter_async_context(heads_kept(city))
        stack.push_async_callback(city.drivers.close)
        if Parts.SERVE in parts:
            bound = listen(city.settings.host, city.settings.port)
            await stack.enter_async_context(serving(city, bound))
            log.warning("dashboard on http://%s:%d", *bound.getsockname()[:2])
        if Parts.WORK in parts:
            await stack.enter_async_context(working(city))
        await stopped.wait()
