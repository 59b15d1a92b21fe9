"""``bms sites``: check and list site files."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bms.cli.console.screen import screen, slim_table
from bms.config import Settings
from bms.errors import ConfigError, SiteFileError
from bms.model.assets.site import Site
from bms.runtime.wire import sites_of, tariff_book
from drivers.discovery.bacnet_scan import discover_bacnet
from drivers.discovery.ede import read_ede
from drivers.discovery.inventory import FoundDevice
from drivers.discovery.modbus_scan import discover_modbus
from drivers.discovery.site_draft import draft_site, with_template
from drivers.templates import load_templates
from sites.loader import load_sites

app = typer.Typer(no_args_is_help=True, help="Validate, list and draft site files.")
MODBUS_KINDS = ("modbus", "rtu", "serial")
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


def register(to: typer.Typer) -> None:
    to.add_typer(app, name="sites")


@app.command()
def check(
    directory: Annotated[Path, typer.Argument(help="folder of site files (*.yaml)")],
    as_json: AsJson = False,
) -> None:
    """Validate every site file of a folder; each mistake with file, line and what is allowed.

    Example: bms sites check sites/examples
    """
    try:
        found = load_sites(directory, load_templates(), tariff_book(Settings()).names)
    except SiteFileError as error:
        if not as_json:
            raise
        rows = [asdict(mistake) for mistake in error.mistakes]
        typer.echo(json.dumps({"sites": [], "mistakes": rows}))
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps({"sites": [site.id for site in found], "mistakes": []}))
        return
    points = sum(len(site.points) for site in found)
    typer.echo(f"{len(found)} sites with {points} points are in order.")


@app.command("list")
def list_sites(as_json: AsJson = False) -> None:
    """List the sites of BMS_SITES.

    Example: BMS_SITES=sites/examples bms sites list
    """
    found = sites_of(Settings())
    if as_json:
        typer.echo(json.dumps([_row(site) for site in found]))
        return
    table = slim_table("site", "name", "use", "area m²", "mode", "zones", "points", "meters")
    table.columns[1].no_wrap, table.columns[1].overflow = False, "fold"
    for site in found:
        table.add_row(*(_cell(value) for value in _row(site).values()))
    screen().print(table)


def _row(site: Site) -> dict[str, object]:
    return {
        "site": site.id,
        "name": site.name_da,
        "use": site.use,
        "area_m2": site.area_m2,
        "mode": site.mode.value,
        "zones": len(site.zones),
        "points": len(site.points),
        "meters": len(site.meters),
    }


def _cell(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


@app.command()
def draft(
    source: Annotated[
        str,
        typer.Argument(
            help="an EDE file (.csv), a BACnet address to discover, or Modbus units: "
            "modbus:HOST, rtu:HOST:PORT, serial:/dev/ttyUSB0?baud=9600"
        ),
    ],
    out: Annotated[Path, typer.Option(help="site file to write; it must not exist yet")],
    site: Annotated[str, typer.Option(help="id of the site")] = "new_site",
    name: Annotated[str, typer.Option(help="name of the building")] = "New building",
    states: Annotated[Path | None, typer.Option(help="EDE: file with the state texts")] = None,
    host: Annotated[str, typer.Option(help="EDE: address of the devices")] = "",
) -> None:
    """Write a draft site file from a BACnet EDE file or a discovery; a person completes it.

    A Modbus device tells no registers: they are those of a template that bears its name, if any.

    Example: bms sites draft skole.csv --host 10.0.0.11 --site skole --out my-sites/skole.yaml
    """
    if out.exists():
        raise typer.BadParameter(f"{out} exists; a draft never overwrites a site file")
    devices = _from_ede(Path(source), states, host) if source.endswith(".csv") else _found(source)
    if not devices:
        raise ConfigError(f"no device was found in {source}; `bms discover` shows what answers")
    out.write_text(draft_site(devices, site=site, name=name), encoding="utf-8")
    typer.echo(f"wrote {out}; complete it, then: bms sites check {out.parent}")


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
