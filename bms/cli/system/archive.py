"""``bms archive``: old months as Parquet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bms.cli.console.errors import FAILED, errors
from bms.cli.console.progress import progress_bars
from bms.cli.console.screen import say, screen, slim_table
from bms.cli.system.run import UpstreamKeys
from bms.config import Settings
from bms.model.readings.archived_month import ArchivedMonth
from bms.runtime.federation.run import read_once
from bms.runtime.wire import opened
from bms.services.collect.archive_months import ArchivePorts, archive_site, months_back
from bms.services.periods import local_date
from bms.store.archive.archived_retention import MOVED
from bms.store.archive.parquet_months import ParquetArchive
from bms.store.archive.upstream_months import write_upstream_months

app = typer.Typer(no_args_is_help=True, help="Old months as Parquet files that DuckDB reads.")
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
ARCHIVING = "Archiving"


def register(to: typer.Typer) -> None:
    to.add_typer(app, name="archive")


@app.command()
def run(
    site: Annotated[
        str | None, typer.Argument(metavar="[SITE]", help="all sites when left out")
    ] = None,
    older_than: Annotated[
        int, typer.Option(min=1, max=600, help="whole months that stay out of the archive")
    ] = 13,
    move: Annotated[
        bool, typer.Option("--move", help="take the readings out of the database; hours stay")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write old months to the archive, one file for each site and month.

    Readings about people are never archived. What retention deletes later is deleted from these
    files, too. Example of a question: duckdb -c "select * from
    'var/archive/*/*/*.parquet' limit 9"

    Example: bms archive run --older-than 24 --move
    """
    settings = Settings()
    with opened(settings) as city, progress_bars(quiet=as_json) as report:
        now = city.clock.now()
        before = months_back(local_date(now, settings.timezone), older_than)
        files = ParquetArchive(settings.archive)
        stores = city.stores
        ports = ArchivePorts(
            files=files,
            readings=stores.readings,
            rollups=stores.rollups,
            retention=stores.retention,
            moved=MOVED,
        )
        sites = list(city.sites.values()) if site is None else [city.site(site)]
        made: list[ArchivedMonth] = []
        for number, each in enumerate(sites, 1):
            made += archive_site(each, ports, before=before, now=now, move=move)
            report(ARCHIVING, number / len(sites))
    _show(made, as_json)


@app.command("list")
def list_months(as_json: AsJson = False) -> None:
    """List the files of the archive.

    Example: bms archive list --json
    """
    _show(list(ParquetArchive(Settings().archive).months()), as_json)


@app.command()
def upstreams(
    urls: Annotated[list[str], typer.Argument(metavar="URL...", help="the backends to read")],
    out: Annotated[Path, typer.Option("--out", help="the Parquet file")],
    upstream_keys: UpstreamKeys = None,
    as_json: AsJson = False,
) -> None:
    """Write the months of the buildings of several backends to one Parquet file.

    One that is silent is named, and counts with the months that it told last. Exit code 1 then.

    Example: bms archive upstreams https://a.example.dk https://b.example.dk --out region.parquet
    """
    settings = Settings()
    looks = read_once(settings, urls, upstream_keys or settings.upstream_keys)
    rows = write_upstream_months(out, looks)
    silent = [look.name for look in looks if look.silent_since is not None]
    if as_json:
        typer.echo(json.dumps({"file": str(out), "months": rows, "silent": silent}))
    else:
        say(f"{out}: {rows} months of buildings")
    for look in looks:
        if look.silent_since is not None:
            errors.print(f"{look.name} is silent: {look.error}")
    if silent:
        raise typer.Exit(FAILED)


def _show(months: Sequence[ArchivedMonth], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([_as_json(each) for each in months]))
        return
    table = slim_table("month", "site", "readings", "kB", "file")
    for each in months:
        size = f"{each.bytes / 1000:.1f}"
        table.add_row(each.month, each.site, str(each.readings), size, str(each.path))
    screen().print(table)


def _as_json(each: ArchivedMonth) -> dict[str, Any]:
    return {
        "site": each.site,
        "month": each.month,
        "readings": each.readings,
        "bytes": each.bytes,
        "file": str(each.path),
    }
