"""``bms bench``: in a module of its own, because benchmarks import nearly everything."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from bms.bench.chaos.table import ChaosOptions, bench_chaos
from bms.bench.city.api_figures import ApiLoad, bench_api
from bms.bench.control.figures import bench_control
from bms.bench.detection.figures import bench_detect
from bms.bench.figure import Figure, Progress
from bms.bench.owners.run import OwnersOptions, bench_owners
from bms.bench.owners.town import SharedTownOptions
from bms.bench.region.figures import bench_region
from bms.bench.region.real import RealRegionOptions, bench_real_region
from bms.bench.savings.trial_cells import RUNS, bench_trial_cells
from bms.bench.table import BENCHES, bench_plan, run_bench
from bms.cli.console.progress import progress_bars
from bms.cli.console.screen import screen

AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]

Parts = Annotated[
    Path | None,
    typer.Option(help="chaos: file of the parts that were run; the run goes on after them"),
]
Database = Annotated[
    str,
    typer.Option(
        help="chaos of two workers: URL of an empty PostgreSQL that they share; api: of one "
        "in the place of SQLite; region: three of them, by commas, for real processes"
    ),
]
Minutes = Annotated[
    float, typer.Option(min=0.1, help="region of real processes: how long they are killed")
]


def register(app: typer.Typer) -> None:
    app.command()(bench)


def bench(
    name: Annotated[str, typer.Argument(help=f"{', '.join(BENCHES)} or all")],
    as_json: AsJson = False,
    seed: Annotated[int, typer.Option(help="chaos: seed of the first part")] = 0,
    days: Annotated[
        float, typer.Option(min=0, help="chaos: building-days; 0: every fault strikes once")
    ] = 0.0,
    processes: Annotated[
        bool, typer.Option("--processes", help="chaos: over real processes, not in one")
    ] = False,
    runs: Annotated[int, typer.Option(min=20, help="trials: runs of each cell")] = RUNS,
    long: Annotated[
        bool, typer.Option("--long", help="plan: a season and closed loops on EnergyPlus, too")
    ] = False,
    labelled: Annotated[list[Path] | None, typer.Option(help="detect: labelled days")] = None,
    reported: Annotated[Path | None, typer.Option(help="detect: folder of substations")] = None,
    parts: Parts = None,
    workers: Annotated[
        int, typer.Option(min=1, max=2, help="chaos: 2: workers that share sites, as processes")
    ] = 1,
    database: Database = "",
    minutes: Minutes = 10.0,
    minute_s: Annotated[
        float, typer.Option(min=0.5, help="chaos of two workers: real seconds of a minute")
    ] = 2.0,
) -> None:
    """Run a benchmark and print what was measured beside what is asked for.

    Example: bms bench chaos --days 800 --parts chaos.jsonl
    Example: bms bench chaos --workers 2 --days 1 --database postgresql:///bench
    Example: bms bench api --database postgresql:///bench
    Example: bms bench region
    """
    if name != "all" and name not in BENCHES:
        raise typer.BadParameter(f"{name!r} is not a bench; there are: {', '.join(BENCHES)}, all")
    say = _quiet if as_json else typer.echo
    with progress_bars(quiet=as_json) as report:
        if name == "chaos" and workers > 1:
            shared = SharedTownOptions(database, minute_s=minute_s)
            rows = bench_owners(OwnersOptions(shared, seed, days, parts), report, say)
        elif name == "chaos":
            rows = bench_chaos(ChaosOptions(seed, days, processes, parts), report, say)
        elif name == "region":
            urls = tuple(url for url in database.split(",") if url)
            rows = _region(urls, minutes, report, say)
        elif name == "detect":
            rows = bench_detect(report, labelled or (), reported)
        else:
            rows = _measured(name, report, say, runs, long, database)
    _show(rows, as_json)
    if not all(row.ok for row in rows):
        raise typer.Exit(1)


def _measured(
    name: str,
    report: Progress,
    say: Callable[[str], None],
    runs: int,
    long: bool,
    database: str,
) -> list[Figure]:
    """The figures of what is not chaos."""

    def told(row: Figure) -> None:
        say(f"{row.name}: {row.value:g} {row.unit}")

    match name:
        case "api":
            return bench_api(report, ApiLoad(database=database), told)
        case "trials":
            return bench_trial_cells(report, runs, say)
        case "plan":
            return bench_plan(report, long, told)
        case "control":
            return bench_control(report, told)
        case _:
            return run_bench(name, report)


def _region(
    databases: tuple[str, ...], minutes: float, report: Progress, say: Callable[[str], None]
) -> list[Figure]:
    """A simulation; where there are databases, a small region of real processes instead."""
    if not databases:
        return bench_region(report, say)
    return bench_real_region(RealRegionOptions(databases=databases, minutes=minutes), report, say)


def _show(rows: Sequence[Figure], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([row.as_dict() for row in rows]))
    else:
        table = Table("name", "value", "unit", "at least", "stretch", "rival", "ok")
        for row in rows:
            rival = "" if row.rival is None else f"{row.rival}: {row.rival_value:g}"
            table.add_row(
                row.name,
                f"{row.value:.4g}",
                row.unit,
                row.at_least,
                row.stretch,
                rival,
                "yes" if row.ok else "NO",
            )
        screen().print(table)


def _quiet(line: str) -> None:
    """Nothing but the JSON is printed."""
