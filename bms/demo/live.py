"""``bms demo``: the page is up as soon as the past is; days run fast first, then at their speed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Coroutine, Iterable
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from bms.demo.city import SITE_FILES, Report, Simulated, learn, simulated_city
from bms.demo.once import run_days
from bms.demo.options import DemoOptions
from bms.demo.trust import entrust
from bms.model.assets.site import Site
from bms.runtime.live_sites import LiveSites
from bms.runtime.municipality import EXAMPLES, START, archetype_of
from bms.runtime.reload.requests import reloading
from bms.runtime.reload.take_in import SiteReload
from bms.runtime.serve import give_back, listen, serving, stop_signal, working
from bms.services.api_keys import create_key

T = TypeVar("T")
HOST = "127.0.0.1"
FASTEST_PULSE_S = 0.2
PULSES_PER_QUARTER = 15
QUARTER_S = 900


async def run_live(options: DemoOptions, report: Report) -> None:
    """Serve the dashboard until SIGINT or SIGTERM; then give every point back.

    Raises ``ConfigError`` at once when the port is in use.
    """
    bound = listen(HOST, options.port)
    stopped = stop_signal()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(bound.close)
        opening = stack.enter_async_context(simulated_city(options, report))
        simulated = await _unless(stopped, opening)
        if simulated is None:
            return
        city = simulated.city
        stack.push_async_callback(give_back, city)
        key = create_key(
            city.stores.keys,
            name="demo",
            scope="operate",
            now=city.clock.now(),
            actor="demo",
        )
        await stack.enter_async_context(serving(city, bound))
        folder = write_site_files(options.home, city.sites.values())
        _announce(bound.getsockname()[1], key, how_to_call(options.home, folder))
        await _first_days(simulated, options, report, stopped)
        if not stopped.is_set():
            await _go_on(simulated, options, stopped)


async def _first_days(
    simulated: Simulated, options: DemoOptions, report: Report, stopped: asyncio.Event
) -> None:
    start = START.astimezone(UTC)
    until = (START + timedelta(days=options.days)).astimezone(UTC)
    await _unless(stopped, learn(simulated.city, report))
    entrusted = await _unless(stopped, entrust(simulated, report))
    if entrusted is not None:
        _console().print(str(entrusted))
    await run_days(simulated, start, until, report, stopped.is_set)


async def _go_on(simulated: Simulated, options: DemoOptions, stopped: asyncio.Event) -> None:
    await simulated.simulator.speed(options.speed)
    pulse = max(FASTEST_PULSE_S, QUARTER_S / options.speed / PULSES_PER_QUARTER)
    city = simulated.city
    assert isinstance(city.sites, LiveSites)
    reload = SiteReload(city.settings, city.sites)
    async with (
        working(city, reload=reload, pulse_seconds=min(pulse, 1.0)),
        reloading(reload, "demo"),
    ):
        await stopped.wait()


async def _unless(stopped: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Do work that may be cut off anywhere; None when the event came first."""
    doing = asyncio.create_task(work)
    waiting = asyncio.create_task(stopped.wait())
    await asyncio.wait({doing, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not doing.done():
        doing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        return await doing
    return None


def _console() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True)


def _announce(port: int, key: str, commands: str) -> None:
    console = _console()
    console.print(f"Dashboard: http://{HOST}:{port}/   API: http://{HOST}:{port}/docs")
    console.print(f"Commands: {commands} mode school")
    console.print(f"Key of this demo: {key}   (end with Ctrl-C)")


def write_site_files(home: Path, sites: Iterable[Site]) -> Path:
    """Write the examples that the sites were made of, under their ids and with the ports of the
    simulator; returns their folder."""
    folder = home / SITE_FILES
    folder.mkdir(exist_ok=True)
    for site in sites:
        text = (EXAMPLES / f"{archetype_of(site.id)}.yaml").read_text("utf-8")
        ports = {device.protocol: device.port for device in site.devices}
        name = json.dumps({"da": site.name_da, "en": site.name_en}, ensure_ascii=False)
        for key, value in (("site", site.id), ("name", name)):
            text = re.sub(rf"^{key}: .*$", f"{key}: {value}", text, count=1, flags=re.MULTILINE)
        for protocol, port in ports.items():
            text = re.sub(rf"(protocol: {protocol}, .*?port: )\d+", rf"\g<1>{port}", text)
        (folder / f"{site.id}.yaml").write_text(text, "utf-8")
    return folder


def how_to_call(home: Path, folder: Path) -> str:
    """What goes before a command so that it speaks to the demo's buildings."""
    return f"BMS_HOME={home} BMS_SITES={folder} BMS_CLOCK_FILE={home / 'clock.json'} bms"
