"""A process that reads other backends and serves what they tell, without a building of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

from bms.config import Settings
from bms.feeds.upstream.federation import UpstreamFederation
from bms.feeds.upstream.keys import Upstream, upstreams_of
from bms.model.savings.upstream import UpstreamLook
from bms.outgoing.http import HttpxClient
from bms.runtime.serve import listen, serving, stop_signal
from bms.runtime.wire import clock_of, wire
from bms.services.off_loop import off_loop

log = logging.getLogger(__name__)

SILENCE_S = 5.0
DEADLINE_S = 30.0
MOST_BYTES = 32_000_000
"""Of a page of a thousand buildings with ten years of months [B]."""


async def run_federation(settings: Settings, urls: Sequence[str], keys: Path | None) -> None:
    """Serve the portfolios of these upstreams until SIGINT or SIGTERM. Raises ``ConfigError``."""
    reading = federation_of(settings, urls, keys)
    city = wire(settings, sites=())
    stopped = stop_signal()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(city.stores.close)
        stack.push_async_callback(city.drivers.close)
        bound = listen(settings.host, settings.port)
        await stack.enter_async_context(asking(reading, settings.upstream_seconds))
        await stack.enter_async_context(serving(replace(city, federation=reading), bound))
        where = bound.getsockname()[:2]
        log.warning("dashboard of %d backends on http://%s:%d", len(reading.upstreams), *where)
        await stopped.wait()


def federation_of(settings: Settings, urls: Sequence[str], keys: Path | None) -> UpstreamFederation:
    """The upstreams of these addresses, with what they told last. Raises ``ConfigError``."""
    client = HttpxClient(
        user_agent="bms", timeout_s=SILENCE_S, deadline_s=DEADLINE_S, max_bytes=MOST_BYTES
    )
    folder = settings.home / "upstreams"
    return UpstreamFederation(upstreams_of(urls, keys), client, folder, clock_of(settings))


def read_once(
    settings: Settings, urls: Sequence[str], keys: Path | None
) -> tuple[UpstreamLook, ...]:
    """What each upstream tells now, or told last. Raises ``ConfigError``."""
    reading = federation_of(settings, urls, keys)
    for each in reading.upstreams:
        reading.refresh(each)
    return reading.looks()


@contextlib.asynccontextmanager
async def asking(reading: UpstreamFederation, every_s: float) -> AsyncIterator[None]:
    """Ask each upstream by itself every ``every_s`` [s] while the block runs: a slow one holds up
    no other."""

    async def ask(upstream: Upstream) -> None:
        while True:
            try:
                await off_loop(reading.refresh, upstream)
            except Exception:  # or nobody would ask this one again
                log.exception("upstream %s could not be read", upstream.name)
            await asyncio.sleep(every_s)

    going = [asyncio.create_task(ask(each)) for each in reading.upstreams]
    try:
        yield
    finally:
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)
