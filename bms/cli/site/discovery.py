"""``bms discover``: what is there, before a site file exists."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from bms.cli.console.errors import errors
from bms.cli.console.progress import progress_bars
from bms.cli.console.screen import say, screen, slim_table
from drivers.discovery.bacnet_scan import discover_bacnet
from drivers.discovery.inventory import FoundDevice, FoundObject
from drivers.discovery.modbus_scan import TIMEOUT_S, discover_modbus
from drivers.discovery.modbus_targets import FORMS as MODBUS_FORMS
from drivers.discovery.site_draft import UNITS

AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
LAST_UNIT = 247
BUDGET_S = 600.0
NOBODY = (
    "nobody answered: check address and port, that nothing blocks the way (BACnet is UDP), the "
    "settings of a serial line, and that nobody else talks on it"
)
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
    target: Annotated[str, typer.Argument(help=MODBUS_FORMS.replace("[", r"\["))],
    first_unit: Annotated[
        int, typer.Option(min=1, max=LAST_UNIT, help="ask units from this one on")
    ] = 1,
    last_unit: Annotated[
        int, typer.Option(min=1, max=LAST_UNIT, help="ask units up to this one")
    ] = LAST_UNIT,
    timeout: Annotated[
        float, typer.Option(min=0.05, max=10, help="how long a unit has to answer, in seconds")
    ] = TIMEOUT_S,
    budget: Annotated[
        float, typer.Option(min=1, help="ask no further unit after this time, in seconds")
    ] = BUDGET_S,
    as_json: AsJson = False,
) -> None:
    """Modbus units that answer, and what they say they are. Nothing is written.

    Stop what else talks on a serial line first: only one may ask there.

    Example: bms discover modbus 10.0.0.20 --last-unit 10

    Example: bms discover modbus 'serial:/dev/ttyUSB0?baud=9600&parity=even'
    """
    units = range(first_unit, last_unit + 1)
    with progress_bars(quiet=as_json) as bars:

        def report(asked: int, found: FoundDevice | None) -> None:
            bars("Asking the units", asked / len(units))

        try:
            scan = asyncio.run(
                discover_modbus(
                    target, units=units, timeout_s=timeout, budget_s=budget, report=report
                )
            )
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    if scan.left_out is not None:
        errors.print(f"{scan.left_out}; --first-unit goes on from there", markup=False)
    show(scan.found, as_json)


def show(found: Sequence[FoundDevice], as_json: bool) -> None:
    """Print what was found; nothing found is exit code 1."""
    if as_json:
        typer.echo(json.dumps([device.as_dict() for device in found]))
    else:
        console = screen()
        for device in found:
            _print(device, console)
        if not found:
            say(console, NOBODY)
    if not found:
        raise typer.Exit(1)


def _print(device: FoundDevice, console: Console) -> None:
    number = f"instance {device.instance}" if device.protocol == "bacnet" else f"unit {device.unit}"
    where = f"{device.host}:{device.port}" if device.serial is None else device.serial.path
    console.print(Text(f"{device.protocol} {where} {number}", style="bold"))
    words = (device.name, device.vendor, device.model, device.firmware)
    said = " · ".join(word for word in words if word)
    for line in filter(None, (said, *device.notes)):
        say(console, line, indent=2)
    if not device.objects:
        return
    held = any(row.slots for row in device.objects)
    table = slim_table("name", "object", "value", "unit", "write", *(["slots"] if held else []))
    for row in device.objects:
        table.add_row(*_cells(row)[: len(table.columns)])
    console.print(table)
    for row in device.objects:
        if row.error is not None:
            say(console, f"{row.kind},{row.instance}: {row.error}", indent=2)


def _cells(row: FoundObject) -> tuple[str, ...]:
    value = "–" if row.value is None else f"{row.value}"
    commandable = {True: "yes", False: "no", None: "?"}[row.commandable]
    slots = ", ".join(f"{slot}: {held}" for slot, held in row.slots)
    unit = UNITS.get(row.unit or "", row.unit or "")
    return (row.name or "", f"{row.kind},{row.instance}", value, unit, commandable, slots)
