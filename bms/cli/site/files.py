"""``bms sites``: check and list site files."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from bms.cli.console.errors import FAILED, errors
from bms.cli.console.output_file import callers_umask, make_folder, write_output
from bms.cli.console.screen import say, screen, slim_table
from bms.config import Settings
from bms.errors import SiteFileError
from bms.journal import FileHandsOff
from bms.model.assets.device import LAST_MODBUS_UNIT
from bms.model.assets.site import Site
from bms.model.codec import to_dict
from bms.model.control.hands_off import HandsOff
from bms.model.outside_file import read_outside
from bms.model.yaml_data import read_text_file
from bms.runtime.site_files import load_checked, remarks, usable_sites
from sites.buildings_table import is_untouched, read_buildings
from sites.host_names import resolve

app = typer.Typer(no_args_is_help=True, help="Validate, list and draft site files.")
MOST_TABLE = 20_000_000
"""Bytes [1] of a table of buildings: 20 000 buildings of four meters by some 200 are 16 MB."""
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


def register(to: typer.Typer) -> None:
    to.add_typer(app, name="sites")


@app.command()
def check(
    directory: Annotated[Path, typer.Argument(help="folder of site files (*.yaml)")],
    as_json: AsJson = False,
) -> None:
    """Validate every site file of a folder; each mistake with file, line and what is allowed.

    Names of hosts are resolved where that takes no longer than a moment.

    Example: bms sites check sites/examples
    """
    settings = Settings()
    try:
        found = load_checked(directory, settings)
        addresses = resolve(device.host for site in found for device in site.devices)
        found = load_checked(directory, settings, addresses) if addresses else found
    except SiteFileError as error:
        if not as_json:
            raise
        rows = [asdict(mistake) for mistake in error.mistakes]
        typer.echo(json.dumps({"sites": [], "mistakes": rows, "remarks": []}))
        raise typer.Exit(1) from None
    said = remarks(found, addresses)
    if as_json:
        answer = {"sites": [site.id for site in found], "mistakes": [], "remarks": said}
        typer.echo(json.dumps(answer))
        return
    points = sum(len(site.points) for site in found)
    sites = "1 site" if len(found) == 1 else f"{len(found)} sites"
    say(f"{sites} with {points} points {'is' if len(found) == 1 else 'are'} in order.")
    for remark in said:
        say(f"note: {remark}.")


@app.command("list")
def list_sites(as_json: AsJson = False) -> None:
    """List the sites of BMS_SITES, and where people have said to keep our hands off.

    Example: BMS_SITES=sites/examples bms sites list
    """
    settings = Settings()
    found, mistakes = usable_sites(settings)
    for mistake in mistakes:
        errors.print(f"left out: {mistake}")
    marks = list(FileHandsOff.beside(settings.journal).marks().values())
    if as_json:
        rows = [{**_row(site), "hands_off": _marks_of(site, marks)} for site in found]
        typer.echo(json.dumps(rows))
        return
    table = slim_table("site", "name", "use", "area m²", "mode", "zones", "points", "meters")
    table.columns[1].no_wrap, table.columns[1].overflow = False, "fold"
    for site in found:
        table.add_row(*(_cell(value) for value in _row(site).values()))
    screen().print(table)
    for mark in marks:
        where = mark.point or mark.site or "the city"
        since = f"{mark.since:%Y-%m-%d %H:%M}Z"
        typer.echo(f"{mark.kind.value} of {where} by {mark.actor} since {since}: {mark.reason}")


def _marks_of(site: Site, marks: Sequence[HandsOff]) -> list[object]:
    """The marks that concern a site, without the modes of other sites."""
    return [to_dict(replace(m, sites={})) for m in marks if m.covers_site(site.id)]


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


@app.command("import")
def import_buildings(
    context: typer.Context,
    table: Annotated[Path, typer.Argument(help="CSV: a row for each building, or for each meter")],
    out: Annotated[
        Path | None, typer.Option(help="folder of site files; BMS_SITES otherwise")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a site file for each building of a table, of which only meters are known.

    Columns: id, name, address, area, use (or BBR's code), and the numbers of meters of heat,
    electricity, water and gas. The same table twice is once; a file that somebody has edited is
    left alone. Every row that cannot be used is named, and the others are taken; then exit code 1.

    Example: bms sites import buildings.csv --out my-sites
    """
    folder = Settings().sites if out is None else out
    found, mistakes = read_buildings(_decoded(read_outside(table, MOST_TABLE)), str(table))
    umask = callers_umask(context)
    make_folder(folder, umask)
    counts: dict[str, list[str]] = {"made": [], "changed": [], "unchanged": [], "kept": []}
    for building in found:
        path = folder / f"{building.id}.yaml"
        counts[_written(path, building.text, umask)].append(building.id)
    if as_json:
        rows = [asdict(mistake) for mistake in mistakes]
        typer.echo(json.dumps({**counts, "mistakes": rows}))
    else:
        told = {name: len(ids) for name, ids in counts.items()}
        say(
            f"{told['made']} site files made, {told['changed']} changed,"
            f" {told['unchanged']} as they were, {told['kept']} left alone since they were edited."
        )
        for name in counts["kept"]:
            say(f"note: {folder / name}.yaml was edited and is left alone.")
        for mistake in mistakes:
            errors.print(f"refused: {mistake}")
    if mistakes:
        raise typer.Exit(FAILED)


def _decoded(content: bytes) -> str:
    """The text of a table: UTF-8, or else Latin-1 as older spreadsheets write it."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _written(path: Path, text: str, umask: int) -> str:
    """What became of a site file: made, changed, unchanged, or kept as somebody edited it."""
    if not os.path.lexists(path):
        write_output(path, text.encode(), umask=umask)
        return "made"
    known = read_text_file(path)
    if known == text:
        return "unchanged"
    if not is_untouched(known):
        return "kept"
    write_output(path, text.encode(), force=True, umask=umask)
    return "changed"


@app.command()
def draft(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            help="an EDE file (.csv), a BACnet address to discover, or Modbus units: "
            "modbus:HOST, rtu:HOST:PORT, serial:/dev/ttyUSB0?baud=9600, or M-Bus meters: "
            "mbus:HOST:PORT, mbus:serial:/dev/ttyUSB0?baud=2400"
        ),
    ],
    out: Annotated[Path, typer.Option(help="site file to write; it must not exist yet")],
    site: Annotated[str, typer.Option(help="id of the site")] = "new_site",
    name: Annotated[str, typer.Option(help="name of the building")] = "New building",
    states: Annotated[Path | None, typer.Option(help="EDE: file with the state texts")] = None,
    host: Annotated[str, typer.Option(help="EDE: address of the devices")] = "",
    first_unit: Annotated[
        int, typer.Option(min=1, max=LAST_MODBUS_UNIT, help="Modbus: ask units from this one on")
    ] = 1,
    last_unit: Annotated[
        int, typer.Option(min=1, max=LAST_MODBUS_UNIT, help="Modbus: ask units up to this one")
    ] = LAST_MODBUS_UNIT,
    timeout: Annotated[
        float | None,
        typer.Option(min=0.05, max=60, help="how long each has to answer, in seconds"),
    ] = None,
) -> None:
    """Write a draft site file from a BACnet EDE file or a discovery; a person completes it.

    A Modbus device tells no registers: they are those of a template that bears its name, if any.
    An M-Bus meter tells what it measures.

    Ctrl-C ends the asking; what has answered until then is drafted.

    Example: bms sites draft skole.csv --host 10.0.0.11 --site skole --out my-sites/skole.yaml

    Example: bms sites draft mbus:10.0.0.30:10001 --site skole --out my-sites/skole.yaml

    Example: bms sites draft modbus:10.0.0.20 --last-unit 10 --site skole --out my-sites/skole.yaml
    """
    if os.path.lexists(out):
        raise typer.BadParameter(f"{out} exists; a draft never overwrites a site file")
    from bms.cli.site.discovery import drafted  # the BACnet stack: checking files needs none

    units = range(first_unit, last_unit + 1)
    text = drafted(source, states, host, site, name, units, timeout)
    write_output(out, text.encode(), umask=callers_umask(context))
    say(f"wrote {out}; complete it, then: bms sites check {out.parent}")
