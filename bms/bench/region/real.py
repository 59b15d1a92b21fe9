"""A small region of real processes: for each municipality a database, two workers, and kills."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bms.bench.chaos.run import Say
from bms.bench.figure import Figure, Progress
from bms.bench.owners.run import EVERY, OwnersRun, Shown, figures
from bms.bench.owners.town import SharedTown, SharedTownOptions
from bms.errors import ConfigError

MUNICIPALITIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RealRegionOptions:
    """``databases`` are URLs of empty PostgreSQL databases; in each a worker is killed every 20
    simulated minutes, which take ``minute_s`` [s] each at least, for ``minutes`` real ones."""

    databases: tuple[str, ...]
    minutes: float = 10.0
    minute_s: float = 2.0
    sites: int = 2
    seed: int = 0

    @property
    def kills(self) -> int:
        """Kills in each municipality [1]."""
        every_s = EVERY.total_seconds() / 60 * self.minute_s
        return max(1, round(60 * self.minutes / every_s))


def bench_real_region(options: RealRegionOptions, report: Progress, say: Say) -> list[Figure]:
    """Figures of all municipalities together. Raises ``ConfigError`` for other databases."""
    if len(options.databases) != MUNICIPALITIES or not all(
        url.startswith("postgres") for url in options.databases
    ):
        raise ConfigError(
            f"a small region has {MUNICIPALITIES} empty PostgreSQL databases: "
            "--database postgresql://…/a,postgresql://…/b,postgresql://…/c"
        )
    report("a small region of real processes", 0.1)
    with tempfile.TemporaryDirectory(prefix="bms-region-") as home:
        runs = asyncio.run(small_region(Path(home), options, say))
    report("a small region of real processes", 1.0)
    shown = Shown()
    for run in runs:
        shown.add(run.outcome, run.watch)
    workers = 2 * len(runs)
    return [
        replace(row, name=f"{len(runs)} databases, {workers} workers: {row.name}")
        for row in figures(shown)
    ]


async def small_region(home: Path, options: RealRegionOptions, say: Say) -> Sequence[OwnersRun]:
    """Every municipality at the same time, each with its own chance."""
    runs = []
    for number, url in enumerate(options.databases):
        told = SharedTownOptions(url, sites=options.sites, minute_s=options.minute_s)
        town = SharedTown(home / f"town{number}", told)
        runs.append(OwnersRun(town, random.Random(options.seed + number), say))
    await asyncio.gather(*(run.a_day(options.kills) for run in runs))
    return runs
