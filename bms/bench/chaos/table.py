"""``bms bench chaos``: the long form, part by part, and its table."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bms.bench.chaos.inside import TownInside, run_inside
from bms.bench.chaos.outside import TownOutside
from bms.bench.chaos.parts import PartFile, RunPart
from bms.bench.chaos.run import Outcome, Row, Run, Say
from bms.bench.chaos.schedule import KINDS, Episode, episodes, short_episodes
from bms.bench.chaos.town import StrikeMoment
from bms.bench.figure import Figure, Progress

SHORT_DAYS = 0.0
"""Without building-days to run every fault strikes once."""


@dataclass(frozen=True, slots=True)
class ChaosOptions:
    """``seed`` is that of the first part; a run that was broken off is taken up by the seed that it
    named last, or by its ``parts``: the file in which it has kept them. ``days`` [d] of building
    time, over all buildings; ``processes``: over real ones."""

    seed: int = 0
    days: float = SHORT_DAYS
    processes: bool = False
    parts: Path | None = None


def bench_chaos(
    options: ChaosOptions, report: Progress, say: Say = lambda line: None
) -> list[Figure]:
    """Every fault in its turn. A part begins with a fresh town, and is the same for the same seed;
    without days to run one part has every fault once. What its file has already is not run again:
    of enough days only the table is made."""
    outcome, seed = _kept(options)
    while outcome.days < options.days or not outcome.rows:
        say(f"seed {seed}, after {outcome.days:.1f} building-days")
        part = RunPart(seed, _one_part(seed, options, outcome.days, report, say))
        if options.parts is not None:
            PartFile(options.parts).add(part)
        outcome.add(part.outcome)
        seed += 1
    for line in (*markdown(outcome), f"the next seed is {seed}"):
        say(line)
    return figures(outcome, whole=options.days > SHORT_DAYS)


def _kept(options: ChaosOptions) -> tuple[Outcome, int]:
    """What has been run already, and the seed of the next part."""
    outcome, seed = Outcome(), options.seed
    for part in PartFile(options.parts).parts() if options.parts is not None else ():
        outcome.add(part.outcome)
        seed = part.seed + 1
    return outcome, seed


def _one_part(
    seed: int, options: ChaosOptions, before: float, report: Progress, say: Say
) -> Outcome:
    short = options.days <= SHORT_DAYS
    chosen = short_episodes(seed) if short else episodes(seed)

    def enough(so_far: Outcome) -> bool:
        done = before + so_far.days
        report("building-days", min(1.0, done / options.days) if not short else 0.5)
        return False

    run = asyncio.run if options.processes else run_inside
    with tempfile.TemporaryDirectory(prefix="bms-chaos-") as home:
        return run(_in_a_town(options, Path(home), chosen, enough, say))


async def _in_a_town(
    options: ChaosOptions,
    home: Path,
    chosen: Iterable[Episode],
    enough: Callable[[Outcome], bool],
    say: Say,
) -> Outcome:
    town = TownOutside(home) if options.processes else TownInside(home)
    return await Run(town, say).run(chosen, enough)


def markdown(outcome: Outcome) -> Iterator[str]:
    """The table for a document: a fault, and at which moments it struck how often."""
    yield f"| fault | injected | {' | '.join(StrikeMoment)} | survived |"
    yield "|---|" + "---:|" * (len(StrikeMoment) + 2)
    rows = outcome.rows
    for kind in KINDS:
        row = rows.get(kind.title(), Row(kind.title()))
        struck = [str(row.struck[m]) if m in kind.moments else "–" for m in StrikeMoment]
        yield f"| {row.fault} | {row.injected} | {' | '.join(struck)} | {row.survived} |"
    total = [str(sum(row.struck[m] for row in rows.values())) for m in StrikeMoment]
    injected, survived = (
        sum(getattr(row, name) for row in rows.values()) for name in ("injected", "survived")
    )
    yield f"| together | {injected} | {' | '.join(total)} | {survived} |"


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
