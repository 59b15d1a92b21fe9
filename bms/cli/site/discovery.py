"""``bms discover``: the devices of a network; and the text of ``bms sites draft``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from bms.cli.console.errors import errors
from bms.cli.console.progress import progress_bars
from bms.cli.console.screen import TerminalConsole, print_folded, say, screen, slim_table
from bms.errors import ConfigError
from bms.model.assets.device import LAST_MODBUS_UNIT
from bms.model.outside_file import read_outside
from drivers.discovery import bacnet_scan, mbus_scan
from drivers.discovery.bacnet_scan import discover_bacnet
from drivers.discovery.ede import read_ede
from drivers.discovery.inventory import FoundDevice, FoundObject
from drivers.discovery.modbus_scan import TIMEOUT_S, discover_modbus
from drivers.discovery.site_draft import UNITS, draft_site, with_template
from drivers.discovery.targets import FORMS as MODBUS_FORMS
from drivers.templates import load_templates

AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
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
    timeout: Annotated[
        float, typer.Option(min=0.05, max=60, help="how long devices have to answer, in seconds")
    ] = bacnet_scan.WAIT_S,
    budget: Annotated[
        float, typer.Option(min=1, help="read no further device after this time, in seconds")
    ] = BUDGET_S,
    as_json: AsJson = False,
) -> None:
    """BACnet devices with objects, values, units and priority arrays.

    Example: bms discover bacnet 10.0.0.11
    """
    with TerminalConsole(stderr=True).status("asking …"):
        found = asyncio.run(
            discover_bacnet(
                target,
                wait_s=timeout,
                timeout_s=timeout,
                objects=not devices_only,
                budget_s=budget,
            )
        )
    show(found, as_json)


@discover.command()
def modbus(
    target: Annotated[str, typer.Argument(help=MODBUS_FORMS.replace("[", r"\["))],
    first_unit: Annotated[
        int, typer.Option(min=1, max=LAST_MODBUS_UNIT, help="ask units from this one on")
    ] = 1,
    last_unit: Annotated[
        int, typer.Option(min=1, max=LAST_MODBUS_UNIT, help="ask units up to this one")
    ] = LAST_MODBUS_UNIT,
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
    show(_units_of(target, units, timeout, budget, quiet=as_json), as_json)


@discover.command()
def mbus(
    target: Annotated[str, typer.Argument(help=mbus_scan.FORMS.replace("[", r"\["))],
    primary: Annotated[
        bool, typer.Option("--primary", help="ask primary addresses instead of searching")
    ] = False,
    first_address: Annotated[
        int, typer.Option(min=0, max=250, help="primary: ask addresses from this one on")
    ] = 0,
    last_address: Annotated[
        int, typer.Option(min=0, max=250, help="primary: ask addresses up to this one")
    ] = 250,
    timeout: Annotated[
        float, typer.Option(min=0.05, max=10, help="how long a meter has to answer, in seconds")
    ] = mbus_scan.TIMEOUT_S,
    budget: Annotated[
        float, typer.Option(min=1, help="end the search after this time, in seconds")
    ] = BUDGET_S,
    as_json: AsJson = False,
) -> None:
    """Meters on an M-Bus line with what they say. Nothing is written to them.

    Searches by secondary address; where no meter knows one, primary addresses are asked one after
    the other. Ctrl-C ends it with what was found until then. Each meter that is found is read once:
    batteries of some allow few reads a day.

    Example: bms discover mbus 10.0.0.30:10001

    Example: bms discover mbus 'serial:/dev/ttyUSB0?baud=2400' --primary --last-address 20
    """
    addresses = range(first_address, last_address + 1)
    show(_meters_of(target, addresses, primary, timeout, budget, quiet=as_json), as_json)


def _meters_of(
    target: str,
    addresses: range = mbus_scan.PRIMARIES,
    primary: bool = False,
    timeout_s: float = mbus_scan.TIMEOUT_S,
    budget_s: float = BUDGET_S,
    quiet: bool = False,
) -> tuple[FoundDevice, ...]:
    """The meters of a line; with Ctrl-C, or after ``budget_s`` [s], those found until then."""
    with progress_bars(quiet=quiet) as bars:
        what = "Asking the addresses" if primary else "Searching the line"
        try:
            scan = mbus_scan.MbusScan(
                target, timeout_s=timeout_s, report=lambda share, _: bars(what, share)
            )
            asyncio.run(_search(scan, addresses, primary, budget_s))
        except KeyboardInterrupt:
            scan.notes.append("stopped; there may be more meters")
        except TimeoutError:
            scan.notes.append(f"the time of {budget_s:g} s is over; there may be more meters")
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    for note in scan.notes:
        errors.print(note)
    return tuple(scan.found)


async def _search(
    scan: mbus_scan.MbusScan, addresses: range, primary: bool, budget_s: float
) -> None:
    try:
        async with asyncio.timeout(budget_s):
            if not primary:
                await scan.by_secondary()
            if primary or not scan.found:
                await scan.by_primary(addresses)
    finally:
        await scan.close()


def _units_of(
    target: str,
    units: range,
    timeout_s: float = TIMEOUT_S,
    budget_s: float = BUDGET_S,
    quiet: bool = False,
) -> tuple[FoundDevice, ...]:
    """The Modbus units that answer; with Ctrl-C those that had answered until then."""
    seen: list[FoundDevice] = []
    asked = 0
    with progress_bars(quiet=quiet) as bars:

        def report(so_far: int, found: FoundDevice | None) -> None:
            nonlocal asked
            asked = so_far
            seen.extend((found,) if found is not None else ())
            bars("Asking the units", so_far / len(units))

        scanning = discover_modbus(
            target, units=units, timeout_s=timeout_s, budget_s=budget_s, report=report
        )
        try:
            scan = asyncio.run(scanning)
            left_out, found = scan.left_out, scan.found
        except KeyboardInterrupt:
            left_out = f"stopped; unit {units[min(asked, len(units) - 1)]} was not asked to its end"
            found = tuple(seen)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    if left_out is not None:
        errors.print(f"{left_out}; --first-unit goes on from there")
    return found


def show(found: Sequence[FoundDevice], as_json: bool) -> None:
    """Print what was found; nothing found is exit code 1."""
    if as_json:
        typer.echo(json.dumps([device.as_dict() for device in found]))
    else:
        console = screen()
        for device in found:
            _print(device, console)
        if not found:
            print_folded(console, NOBODY)
    if not found:
        raise typer.Exit(1)


def _print(device: FoundDevice, console: TerminalConsole) -> None:
    console.print(Text(f"{device.protocol} {device.place} {_number(device)}", style="bold"))
    words = (device.name, device.vendor, device.model, device.firmware, device.serial_number)
    summary = " · ".join(word for word in words if word)
    others = (f"instance {device.instance} is also at {place}" for place in device.same_instance)
    for line in filter(None, (summary, *others, *device.notes)):
        print_folded(console, line, indent=2)
    if not device.objects:
        return
    held = any(row.slots for row in device.objects)
    table = slim_table("name", "object", "value", "unit", "write", *(["slots"] if held else []))
    for row in device.objects:
        table.add_row(*_cells(row)[: len(table.columns)])
    console.print(table)
    for row in device.objects:
        if row.error is not None:
            print_folded(console, f"{_place(row)}: {row.error}", indent=2)


def _number(device: FoundDevice) -> str:
    """By what it is told from others at its place."""
    if device.protocol == "bacnet":
        return f"instance {device.instance}"
    if device.protocol == "modbus":
        return f"unit {device.unit}"
    primary = f"primary {device.primary}"
    return primary if device.secondary is None else f"secondary {device.secondary}, {primary}"


def _place(row: FoundObject) -> str:
    """What names it in a site file."""
    return row.record or f"{row.kind},{row.instance}"


def _cells(row: FoundObject) -> tuple[str, ...]:
    value = "–" if row.value is None else f"{row.value}"
    commandable = {True: "yes", False: "no", None: "?"}[row.commandable]
    slots = ", ".join(f"{slot}: {held}" for slot, held in row.slots)
    unit = UNITS.get(row.unit or "", row.unit or "")
    return (row.name or "", _place(row), value, unit, commandable, slots)


MOST_EDE = 50_000_000
"""Bytes [1] of an EDE file or its state texts: a hundred thousand objects by some 200 are 20 MB."""
MODBUS_KINDS = ("modbus", "rtu", "serial")


def drafted(
    source: str,
    states: Path | None,
    host: str,
    site: str,
    name: str,
    units: range,
    timeout_s: float | None,
) -> str:
    """Text of a draft site file for the devices of an EDE file (``.csv``) or a discovery target.

    ``states`` and ``host`` are of an EDE file only, ``units`` of a Modbus target, ``timeout_s`` [s]
    of any target: how long each has to answer, None for what is usual. Raises ``ConfigError`` when
    there is no device.
    """
    is_file = source.endswith(".csv")
    devices = _from_ede(Path(source), states, host) if is_file else _found(source, units, timeout_s)
    if not devices:
        raise ConfigError(f"no device was found in {source}; `bms discover` shows what answers")
    return draft_site(devices, site=site, name=name)


def _from_ede(path: Path, states: Path | None, host: str) -> tuple[FoundDevice, ...]:
    ede = read_ede(
        read_outside(path, MOST_EDE),
        states=None if states is None else read_outside(states, MOST_EDE),
        host=host,
    )
    for mistake in ede.mistakes:
        say(f"{path}: {mistake}", err=True)
    return ede.devices


def _found(target: str, units: range, timeout_s: float | None) -> tuple[FoundDevice, ...]:
    kind = target.partition(":")[0]
    if kind == "mbus":
        meter_s = timeout_s or mbus_scan.TIMEOUT_S
        return _meters_of(target.removeprefix("mbus:"), timeout_s=meter_s)
    if kind not in MODBUS_KINDS:
        device_s = timeout_s or bacnet_scan.WAIT_S
        with TerminalConsole(stderr=True).status("asking …"):
            return asyncio.run(discover_bacnet(target, wait_s=device_s, timeout_s=device_s))
    templates = load_templates()
    found = _units_of(target.removeprefix("modbus:"), units, timeout_s or TIMEOUT_S)
    return tuple(with_template(device, templates) for device in found)
