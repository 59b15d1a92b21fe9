"""``bms discover``: what is there, before a site file exists."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from bms.cli.screen import say, screen, slim_table
from drivers.discovery import discover_bacnet
from drivers.discovery_modbus import DEFAULT_PORT, discover_modbus
from drivers.found import FoundDevice, FoundObject

AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
LAST_UNIT = 247
discover = typer.Typer(no_args_is_help=True, help="Find devices and what they offer.")


def register(app: typer.Typer) -> None:
    app.add_typer(discover, name="discover")


@discover.command()
def bacnet(
    target: Annotated[
        str,
        typer.Argument(help="10.0.0.11[:port] | 10.0.0.5/24 (own address, broadcast) | bbmd:HOST"),
    ],
    devices_only: Annotated[
        bool, typer.Option("--devices-only", help="leave their objects out")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """BACnet devices with objects, values, units and priority arrays.

    Example: bms discover bacnet 10.0.0.11
    """
    with Console(stderr=True).status("asking …"):
        found = asyncio.run(discover_bacnet(target, objects=not devices_only))
    show(found, as_json)


@discover.command()
def modbus(
    target: Annotated[str, typer.Argument(metavar="HOST[:PORT]")],
    last_unit: Annotated[
        int, typer.Option(min=1, max=LAST_UNIT, help="ask units 1 up to this one")
    ] = LAST_UNIT,
    as_json: AsJson = False,
) -> None:
    """Modbus TCP units that answer, and what they say they are.

    Example: bms discover modbus 10.0.0.20 --last-unit 10
    """
    host, _, port = target.partition(":")
    if port and not port.isdecimal():
        raise typer.BadParameter(f"{port!r} is not a port; write HOST or HOST:502")
    with Console(stderr=True).status("asking …"):
        found = asyncio.run(
            discover_modbus(host, int(port or DEFAULT_PORT), units=range(1, last_unit + 1))
        )
    show(found, as_json)


def show(found: Sequence[FoundDevice], as_json: bool) -> None:
    """Print what was found; nothing found is exit code 1."""
    if as_json:
        typer.echo(json.dumps([device.as_dict() for device in found]))
    else:
        console = screen()
        for device in found:
            _print(device, console)
        if not found:
            console.print("nobody answered")
    if not found:
        raise typer.Exit(1)


def _print(device: FoundDevice, console: Console) -> None:
    number = f"instance {device.instance}" if device.protocol == "bacnet" else f"unit {device.unit}"
    words = (device.name, device.vendor, device.model, device.firmware)
    console.print(
        f"[bold]{device.protocol} {device.host}:{device.port} {number}[/bold]  "
        + " · ".join(word for word in words if word)
    )
    for note in device.notes:
        console.print(f"  {note}", markup=False)
    if not device.objects:
        return
    table = slim_table("name", "object", "value", "unit", "write", "slots")
    for row in device.objects:
        table.add_row(*_cells(row))
    console.print(table)
    for row in device.objects:
        if row.error is not None:
            say(console, f"{row.kind},{row.instance}: {row.error}", indent=2)


def _cells(row: FoundObject) -> tuple[str, ...]:
    value = "–" if row.value is None else f"{row.value}"
    commandable = {True: "yes", False: "no", None: "?"}[row.commandable]
    slots = ", ".join(f"{slot}: {held}" for slot, held in row.slots)
    return (row.name or "", f"{row.kind},{row.instance}", value, row.unit or "", commandable, slots)
