"""``bms sites``: check and list site files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bms.config import Settings
from bms.errors import SiteFileError
from bms.model.site import Site
from bms.runtime.wire import sites_of
from drivers.templates import load_templates
from sites.loader import load_sites

app = typer.Typer(no_args_is_help=True, help="Validate and list site files.")
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


@app.command()
def check(
    directory: Annotated[Path, typer.Argument(help="folder of site files (*.yaml)")],
    as_json: AsJson = False,
) -> None:
    """Validate every site file of a folder; each mistake with file, line and what is allowed.

    Example: bms sites check sites/examples
    """
    try:
        found = load_sites(directory, load_templates())
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
    table = Table("site", "name", "use", "area m²", "mode", "zones", "points", "meters")
    for site in found:
        table.add_row(*(str(value) for value in _row(site).values()))
    Console().print(table)


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
