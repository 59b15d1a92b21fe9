"""``bms sites draft``: the text of a draft, from an EDE file or from what a network answers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer
from rich.console import Console

from bms.errors import ConfigError
from drivers.discovery.bacnet_scan import discover_bacnet
from drivers.discovery.ede import read_ede
from drivers.discovery.inventory import FoundDevice
from drivers.discovery.modbus_scan import discover_modbus
from drivers.discovery.site_draft import draft_site, with_template
from drivers.templates import load_templates

MODBUS_KINDS = ("modbus", "rtu", "serial")


def drafted(source: str, states: Path | None, host: str, site: str, name: str) -> str:
    """Text of a draft site file for the devices of an EDE file (``.csv``) or a discovery target.

    ``states`` and ``host`` are of an EDE file only. Raises ``ConfigError`` when there is no device.
    """
    devices = _from_ede(Path(source), states, host) if source.endswith(".csv") else _found(source)
    if not devices:
        raise ConfigError(f"no device was found in {source}; `bms discover` shows what answers")
    return draft_site(devices, site=site, name=name)


def _from_ede(path: Path, states: Path | None, host: str) -> tuple[FoundDevice, ...]:
    ede = read_ede(
        path.read_bytes(), states=states.read_bytes() if states is not None else None, host=host
    )
    for mistake in ede.mistakes:
        typer.echo(f"{path}: {mistake}", err=True)
    return ede.devices


def _found(target: str) -> tuple[FoundDevice, ...]:
    kind = target.partition(":")[0]
    with Console(stderr=True).status("asking …"):
        if kind not in MODBUS_KINDS:
            return asyncio.run(discover_bacnet(target))
        try:
            scan = asyncio.run(discover_modbus(target.removeprefix("modbus:")))
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    templates = load_templates()
    return tuple(with_template(device, templates) for device in scan.found)
