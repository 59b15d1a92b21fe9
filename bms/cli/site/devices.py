"""``bms devices``: what can be seen and done to the devices of a site."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from bms.cli.console.screen import print_folded, screen, slim_table
from bms.config import Settings
from bms.model.codec import to_dict
from bms.model.control.device_clock import MOST_DRIFT_S, NoTime, ShownTime
from bms.runtime.city import City
from bms.runtime.wire import opened
from bms.services.collect.device_clocks import ClockAnswer, read_clocks

app = typer.Typer(no_args_is_help=True, help="The devices of a site.")
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


def register(to: typer.Typer) -> None:
    to.add_typer(app, name="devices")


@app.callback()
def group() -> None:
    """The devices of a site."""


@app.command()
def clock(
    site: Annotated[str, typer.Argument(metavar="SITE")],
    sync: Annotated[
        bool, typer.Option("--sync", help="set the clocks that are off and that we may set")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the clock of each BACnet device and how far it is off.

    A clock is set only where the site file says `set_clock: true` of the device.

    Example: bms devices clock townhall
    """
    with opened(Settings()) as city:
        found = asyncio.run(_looked(city, site, sync))
        allowed = {device.id for device in city.site(site).devices if device.set_clock}
    left = [_not_ours(seen) for seen in found if sync and _off(seen) and seen.device not in allowed]
    if as_json:
        typer.echo(json.dumps([_row(seen) for seen in found]))
    else:
        _show(screen(), found, left)
    if left or any(isinstance(seen, NoTime) for seen in found):
        raise typer.Exit(1)


async def _looked(city: City, site: str, sync: bool) -> list[ClockAnswer]:
    try:
        return await read_clocks(city.site(site), drivers=city.drivers, setting=sync)
    finally:
        await city.drivers.close()


def _off(seen: ClockAnswer) -> bool:
    return isinstance(seen, ShownTime) and abs(seen.drift_s) > MOST_DRIFT_S


def _not_ours(seen: ClockAnswer) -> NoTime:
    return NoTime(
        seen.device,
        "its clock may not be set by us; give the device `set_clock: true` in the site file where "
        "no other time master is at work",
    )


def _row(seen: ClockAnswer) -> dict[str, object]:
    blank = {"local": None, "drift_s": None, "reason": None}
    return {**blank, **to_dict(seen)}


def _show(console: Console, found: Sequence[ClockAnswer], left: Sequence[NoTime]) -> None:
    if not found:
        print_folded(console, "no device of this site has a clock that could be read")
        return
    table = slim_table("device", "shows", "off [s]", "")
    for seen in found:
        if isinstance(seen, ShownTime):
            word = "OFF" if _off(seen) else "right"
            shows = f"{seen.local:%Y-%m-%d %H:%M:%S}"
            table.add_row(seen.device, shows, f"{seen.drift_s:+.0f}", word)
        else:
            table.add_row(seen.device, "", "", "not known")
    console.print(table)
    for trouble in (*found, *left):
        if isinstance(trouble, NoTime):
            console.print()
            print_folded(console, trouble.device)
            print_folded(console, trouble.reason, indent=2)
