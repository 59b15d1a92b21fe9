"""``bms read``, ``bms write``, ``bms release``: a person at a building."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

import typer

from bms.cli.console.errors import FAILED, errors
from bms.cli.console.language import translator_of_locale
from bms.cli.console.person import user_name
from bms.cli.console.screen import screen
from bms.cli.site.point_table import (
    Identities,
    Traces,
    show_commanded,
    show_identities,
    show_readings,
    show_receipt,
    show_releases,
    show_traces,
    told_as_json,
    traces_as_json,
)
from bms.config import Settings
from bms.errors import NotFound
from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.codec import to_dict
from bms.model.control.command import Accepted, Clamped, Receipt, Released
from bms.model.control.command_state import CommandState
from bms.model.readings.measurement import Quality, Reading
from bms.ports.drivers import IdentifyingDriver
from bms.ports.storage.whole import Store
from bms.runtime.city import City
from bms.runtime.evidence import keep_heads
from bms.runtime.ownership import owners_seen
from bms.runtime.wire import make_home, opened, wire
from bms.services import operator
from bms.services.collect.poll import read_points
from bms.services.control.person_write import PersonWrite, write_once
from bms.services.hands_off.record import PATIENCE_S
from bms.services.local_overrides.look import look
from bms.services.operator import HandedBack
from bms.store.database.availability import Availability
from bms.store.sql.store import SqlStore

log = logging.getLogger(__name__)
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
DURATION = re.compile(r"(\d{1,6})\s*(s|m|h)")
SECONDS = {"s": 1, "m": 60, "h": 3600}
LONGEST = timedelta(hours=24)
"""What is meant to stand for longer is no hand at a building, but a booking or another mode."""


def register(app: typer.Typer) -> None:
    app.command()(read)
    # a value below zero is a value, no option
    app.command(context_settings={"ignore_unknown_options": True})(write)
    app.command()(release)


def duration(text: str) -> timedelta:
    """30m, 2h or 90s, at most a day. Raises ``typer.BadParameter`` otherwise."""
    match = DURATION.fullmatch(text.strip())
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a duration; write 30m, 2h or 90s")
    found = timedelta(seconds=int(match[1]) * SECONDS[match[2]])
    if not timedelta(0) < found <= LONGEST:
        raise typer.BadParameter(f"{text!r} is no lease; it lasts longer than 0 and at most 24h")
    return found


def chosen(city: City, target: str) -> tuple[Site, tuple[Point, ...]]:
    """The site and points that ``SITE`` or ``SITE/POINT`` names."""
    site = city.site(target.split("/", 1)[0])
    if "/" not in target:
        return site, site.polled
    points = tuple(point for point in site.points if point.id == target)
    if not points:
        raise NotFound(f"no point {target!r}; `bms read {site.id}` lists the points of the site")
    return site, points


def read(
    target: Annotated[str, typer.Argument(metavar="SITE[/POINT]")],
    trace: Annotated[
        bool, typer.Option("--trace", help="print what went over the wire, per device")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read a site or a point once, straight from the device.

    With --json and --trace: an object of "readings" and "trace". Each reading bears what its
    device says it is, and from where else its instance was announced. Of a writable point
    "commanded" has our place, the occupied slots above, and who commanded it since when.

    Example: bms read townhall/north.temp --trace
    """
    with opened(Settings()) as opened_city:
        rows, traces, told, states = asyncio.run(_looked(opened_city, target))
    if as_json:
        readings = [
            {
                **to_dict(r),
                "unit": p.unit.value,
                "device": told_as_json(p.device, told),
                "commanded": to_dict(states[p.id]) if p.id in states else None,
            }
            for p, r in rows
        ]
        traced = {"readings": readings, "trace": traces_as_json(traces)}
        typer.echo(json.dumps(traced if trace else readings))
    else:
        console, t = screen(), translator_of_locale()
        show_readings(console, rows, t)
        show_commanded(console, states.values(), t)
        show_identities(console, told, t)
        if trace:
            show_traces(console, traces, t)
    if all(reading.value is None for _, reading in rows):
        raise typer.Exit(1)


async def _looked(
    city: City, target: str
) -> tuple[list[tuple[Point, Reading]], Traces, Identities, dict[str, CommandState]]:
    """The readings, what this process has exchanged with the devices that were asked, what they
    say they are, and who commands the writable points."""
    site, points = chosen(city, target)
    by_id = {point.id: point for point in points}
    try:
        readings = await read_points(site, points, city.drivers, city.clock.now())
        devices = sorted({point.device for point in points if point.device})
        silent = {by_id[r.point].device for r in readings if r.quality is Quality.NO_REPLY}
        await asyncio.gather(
            *(_identified(city, site.device(d)) for d in devices if d not in silent)
        )
        states = await _commanded(city, site, points)
        traces = {device: city.drivers.trace(device) for device in devices}
        told = {name: well for name, well in city.drivers.health().items() if name in devices}
    finally:
        await city.drivers.close()
    rows = [(by_id[reading.point], reading) for reading in readings]
    return rows, traces, told, states


async def _commanded(city: City, site: Site, points: Sequence[Point]) -> dict[str, CommandState]:
    """Who commands the writable points, as their devices show it."""
    levers = [(p, site.device(p.device)) for p in points if p.write is not None and p.device]
    found = await look(levers, city.drivers, city.clock.now())
    return {id_: state for id_, state in found.items() if isinstance(state, CommandState)}


async def _identified(city: City, device: Device) -> None:
    """Let the device say what it is; its health has the answer."""
    driver = city.drivers.driver(device)
    if isinstance(driver, IdentifyingDriver):
        await driver.fingerprint()


def write(
    target: Annotated[str, typer.Argument(metavar="SITE/POINT")],
    value: float,
    reason: Annotated[str, typer.Option(help="why, for the audit log")],
    for_: Annotated[str, typer.Option("--for", help="how long, e.g. 30m or 2h")] = "30m",
    as_json: AsJson = False,
) -> None:
    """Write one value for a limited time; the guard gives the point back afterwards.

    Exit code 1 where another value than this one was written, because of a limit, or none.

    Example: bms write townhall/north.setpoint 20.5 --for 30m --reason "parents' evening"
    """
    if not reason.strip():
        raise typer.BadParameter("say why: --reason TEXT")
    if "/" not in target:
        raise typer.BadParameter(f"{target!r} names no point; write SITE/POINT")
    lease = duration(for_)

    async def work(city: City) -> tuple[Site, Point, Receipt]:
        site, points = chosen(city, target)
        try:
            receipt = await write_once(
                site,
                PersonWrite(
                    point=points[0].id, value=value, lease=lease, actor="operator", reason=reason
                ),
                now=city.clock.now(),
                ports=owners_seen(city).control,
            )
        finally:
            await city.drivers.close()
        return site, points[0], receipt

    settings = Settings()
    make_home(settings.home)
    with contextlib.closing(_store(settings)) as store:
        wired = wire(settings, store=store)
        site, point, receipt = asyncio.run(work(wired))
        keep_heads(wired)
    t = translator_of_locale(site.timezone)
    if as_json:
        outcome = type(receipt).__name__.lower()
        typer.echo(
            json.dumps({"outcome": outcome, "asked": _json_number(value)} | to_dict(receipt))
        )
    else:
        show_receipt(screen(), receipt, point, site.timezone, t)
    if isinstance(receipt, Clamped):
        why = t.describe(receipt.limit)
        errors.print(t("written_otherwise", written=receipt.written, asked=value, why=why))
    if not isinstance(receipt, Accepted):
        raise typer.Exit(FAILED)


def _json_number(value: float) -> float | None:
    """None for what JSON has no number for."""
    return value if math.isfinite(value) else None


def release(
    target: Annotated[str | None, typer.Argument(metavar="SITE[/POINT]")] = None,
    all_: Annotated[bool, typer.Option("--all", help="every site of the city")] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="take a release back: the plan acts there again")
    ] = False,
    gone: Annotated[
        bool,
        typer.Option(
            "--gone",
            help="a device that is gone for good, and that the site file has no longer: give up "
            "what it still holds of ours (needs --reason)",
        ),
    ] = False,
    reason: Annotated[str | None, typer.Option(help="why, for the audit log")] = None,
    by: Annotated[str, typer.Option(help="--gone: who says so; else who is logged in")] = "",
    as_json: AsJson = False,
) -> None:
    """Give a point, a site or the city back to the buildings' own control.

    It stands, through restarts and without the database, until --undo takes it back, or another
    mode is set at the site.

    With --gone nothing is told to be free that was not seen to be: what answers is given back, the
    rest is given up and so recorded.

    Example: bms release townhall

    Example: bms release townhall/north.setpoint --gone --reason "burnt, scrapped"
    """
    if (target is None) != all_:
        raise typer.BadParameter("name SITE[/POINT], or --all for the whole city")
    if gone and (undo or target is None or not (reason or "").strip()):
        raise typer.BadParameter("--gone needs SITE[/POINT] and --reason, and no --undo")
    why = reason or "bms release"
    settings = Settings()
    make_home(settings.home)
    with contextlib.closing(_store(settings)) as store:
        city = owners_seen(wire(settings, store=store))
        if undo:
            recorded = asyncio.run(_taken_back(city, target, why))
            typer.echo(json.dumps({"recorded": recorded}) if as_json else _undone(recorded))
            return
        if gone and target is not None:
            done = asyncio.run(_given_up(city, target, by or user_name("--by"), why))
        else:
            done = asyncio.run(_given_back(city, target, why))
    if as_json:
        rows = [{"outcome": type(r).__name__.lower(), **to_dict(r)} for r in done.receipts]
        typer.echo(json.dumps(rows))
    else:
        show_releases(screen(), done.receipts, translator_of_locale(settings.timezone))
    if not done.recorded:
        log.warning("%s", WAITS)
    if not all(isinstance(receipt, Released) or receipt.given_up for receipt in done.receipts):
        raise typer.Exit(1)


WAITS = "this stands; the database is told by the backend as soon as it answers"


def _undone(recorded: bool) -> str:
    return "taken back" if recorded else f"taken back; {WAITS}"


def _store(settings: Settings) -> Store:
    """The database, opened by the first who asks it: giving back must not wait for that."""
    return SqlStore(
        settings.database,
        patience_s=PATIENCE_S,
        timezone=settings.timezone,
        availability=Availability(),
        at_once=False,
    )


async def _given_back(city: City, target: str | None, reason: str) -> HandedBack:
    now, ports = city.clock.now(), city.control
    said = {"actor": "operator", "reason": reason}
    try:
        if target is None:
            return await operator.release_city(city.sites.values(), now=now, ports=ports, **said)
        site, point = _named(city, target)
        return await operator.release(site, now=now, ports=ports, point=point, **said)
    finally:
        await ports.drivers.close()


async def _given_up(city: City, target: str, by: str, reason: str) -> HandedBack:
    now, ports = city.clock.now(), city.control
    site = city.sites.get(target.partition("/")[0])
    try:
        said = {"actor": by, "reason": reason}
        return await operator.declare_gone(target, site, now=now, ports=ports, **said)
    finally:
        await ports.drivers.close()


async def _taken_back(city: City, target: str | None, reason: str) -> bool:
    site, point = (None, None) if target is None else _named(city, target)
    return await operator.take_back_release(
        site=site,
        point=point,
        now=city.clock.now(),
        ports=city.control,
        actor="operator",
        reason=reason,
    )


def _named(city: City, target: str) -> tuple[Site, str | None]:
    site, points = chosen(city, target)
    return site, points[0].id if "/" in target else None
