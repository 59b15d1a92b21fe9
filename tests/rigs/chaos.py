"""The short form of ``bms bench chaos``: every fault strikes once."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from bms.bench.chaos.faults.kind import Fault
from bms.bench.chaos.inside import TownInside, run_inside
from bms.bench.chaos.run import Outcome, Run
from bms.bench.chaos.schedule import Episode, short_episodes

SEED = 1
PENDING: dict[type[Fault], str] = {}
"""Faults that are not survived yet, and the clause that does not hold."""
CLAUSES = ("W01", "W03", "W06", "W07", "W10", "W11", "W12", "W16")


def chosen(kinds: Collection[type[Fault]]) -> list[Episode]:
    """The episodes of these faults."""
    return [e for e in short_episodes(SEED) if e.kind in kinds and e.kind not in PENDING]


def survived(home: Path, kinds: Collection[type[Fault]]) -> Outcome:
    """What became of these faults in a fresh town, printed line by line."""

    async def work() -> Outcome:
        return await Run(TownInside(home), print).run(chosen(kinds), lambda outcome: False)

    return run_inside(work())


def broken(outcome: Outcome, clause: str) -> list[str]:
    """Where a clause did not hold."""
    return [f"{fault}: {v.seen}" for fault, v in outcome.violations if v.clause == clause]
