"""``bms demo``: the page is up as soon as the past is; days run fast first, then at their speed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from datetime import UTC, timedelta
from typing import Any

from rich.console import Console

from bms.demo.city import Report, Simulated, learn, simulated_city
from bms.demo.once import run_days
from bms.demo.options import DemoOptions
from bms.runtime.municipality import START
from bms.runtime.serve import listen, serving, stop_signal, working
from bms.services.keys import create_key

log = logging.getLogger(__name__)
HOST = "127.0.0.1"
FASTEST_PULSE_S = 0.2
PULSES_PER_QUARTER = 15


async def run_live(options: DemoOptions, report: Report) -> None:
    """Serve the dashboard until SIGINT or SIGTERM; then give every point back.

    Raises ``ConfigError`` at once when the port is in use.
    """
    bound = listen(HOST, options.port)
    stopped = stop_signal()
    with contextlib.closing(bound):
        async with simulated_city(options, report) as simulated:
            city = simulated.city
            key = create_key(city.store, name="demo", scope="operate", now=city.clock.now())
            async with serving(city, bound):
                _announce(bound.getsockname()[1], key)
                start = START.astimezone(UTC)
                await _unless(stopped, _first_days(simulated, options, report))
                if not stopped.is_set():
                    await simulated.simulator.speed(options.speed)
                    pulse = max(FASTEST_PULSE_S, 900 / options.speed / PULSES_PER_QUARTER)
                    async with working(city, pulse_seconds=min(pulse, 1.0)):
                        await stopped.wait()
                log.info("ran from %s to %s", start, city.clock.now())


async def _first_days(simulated: Simulated, options: DemoOptions, report: Report) -> None:
    start = START.astimezone(UTC)
    until = (START + timedelta(days=options.days)).astimezone(UTC)
    await learn(simulated.city, report)
    await run_days(simulated, start, until, report)


async def _unless(stopped: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do the work, or give it up when the event comes first."""
    doing = asyncio.create_task(work)
    waiting = asyncio.create_task(stopped.wait())
    await asyncio.wait({doing, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not doing.done():
        doing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await doing


def _announce(port: int, key: str) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"Dashboard: http://{HOST}:{port}/   API: http://{HOST}:{port}/docs")
    console.print(f"Key of this demo: {key}   (end with Ctrl-C)")
