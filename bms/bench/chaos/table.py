"""``bms bench chaos``: the long form, pass by pass, and its table."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from bms.bench.chaos.inside import TownInside
from bms.bench.chaos.outside import TownOutside
from bms.bench.chaos.run import Outcome, Row, Run, Say
from bms.bench.chaos.schedule import KINDS, Episode, episodes, short_episodes
from bms.bench.figure import Figure, Progress

SHORT_DAYS = 0.0
"""Without building-days to run every fault strikes once."""


@dataclass(frozen=True, slots=True)
class ChaosOptions:
    """``seed`` is that of the first pass; a run that was broken off is taken up by the seed that it
    named last. ``days`` [d] of building time, over all buildings; ``processes``: over real ones."""

    seed: int = 0
    days: float = SHORT_DAYS
    processes: bool = False


def bench_chaos(
    options: ChaosOptions, report: Progress, say: Say = lambda line: None
) -> list[Figure]:
    """Every fault in its turn. A pass has each of them at each of its moments, begins with a fresh
    town, and is the same for the same seed."""
    outcome = Outcome()
    for seed in count(options.seed):
        say(f"pass with seed {seed}")
        _one_pass(seed, options, outcome, report, say)
        if outcome.days >= options.days:
            break
    return figures(outcome, whole=options.days > SHORT_DAYS)


def _one_pass(
    seed: int, options: ChaosOptions, outcome: Outcome, report: Progress, say: Say
) -> None:
    short = options.days <= SHORT_DAYS
    chosen = short_episodes(seed) if short else episodes(seed)
    before = outcome.days

    def enough(so_far: Outcome) -> bool:
        done = before + so_far.days
        report("building-days", min(1.0, done / options.days) if not short else 0.5)
        return not short and done >= options.days

    with tempfile.TemporaryDirectory(prefix="bms-chaos-") as home:
        found = asyncio.run(_in_a_town(options, Path(home), chosen, enough, say))
    outcome.add(found)


async def _in_a_town(
    options: ChaosOptions,
    home: Path,
    chosen: Iterator[Episode],
    enough: Callable[[Outcome], bool],
    say: Say,
) -> Outcome:
    town = TownOutside(home) if options.processes else TownInside(home)
    return await Run(town, say).run(chosen, enough)


def figures(outcome: Outcome, *, whole: bool) -> list[Figure]:
    """A row for every fault, then what holds for the run."""
    missed = outcome.vacuous(KINDS) if whole else outcome.never_struck(KINDS)
    return [
        *(_row(row) for row in outcome.rows.values()),
        Figure(
            name=f"building-days of chaos, event log {outcome.digest}",
            value=round(outcome.days, 1),
            unit="d",
            ok=True,
        ),
        Figure(
            name="clauses that did not hold" + _named(outcome),
            value=len(outcome.violations),
            unit="1",
            ok=not outcome.violations,
            at_least="0",
        ),
        Figure(
            name="; ".join(["faults that did not strike when they could", *missed]),
            value=len(missed),
            unit="1",
            ok=not missed,
            at_least="0",
        ),
    ]


def _row(row: Row) -> Figure:
    when = ", ".join(f"{moment} {times}" for moment, times in sorted(row.struck.items()))
    return Figure(
        name=f"{row.fault} · struck: {when or 'never'}",
        value=row.survived,
        unit=f"of {row.injected} survived",
        ok=row.survived == row.injected,
        at_least=str(row.injected),
    )


def _named(outcome: Outcome) -> str:
    """The clauses, and how often."""
    clauses = sorted({violation.clause for _, violation in outcome.violations})
    return f": {', '.join(clauses)}" if clauses else ""
