"""``bms bench chaos --workers 2``: faults of two workers that share the sites of one PostgreSQL.

Without days every fault of ``OWNER_FAULTS`` strikes once. With days one of them is killed every
20 minutes of building time, at an instant of chance or in the middle of a write, and starts again
after 0 to 14 minutes. Both are run in parts of their own towns, which a file of parts keeps.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bms.bench.chaos.building import MINUTE
from bms.bench.chaos.parts import PartFile, RunPart
from bms.bench.chaos.run import Outcome, Row, Say
from bms.bench.chaos.watch import Violation
from bms.bench.figure import Figure, Progress
from bms.bench.owners.faults import (
    OWNER_FAULTS,
    SHARED_AGAIN,
    LostBetweenJournalAndWrite,
    LostInWrite,
    LostWhileHolding,
    OwnerFault,
)
from bms.bench.owners.town import START, WORKERS, SharedTown, SharedTownOptions
from bms.bench.owners.watch import WITHOUT_OWNER, OwnerWatch
from bms.errors import ConfigError

EVERY = timedelta(minutes=20)
PART_KILLS = 12
"""Kills in a town [1]: four hours."""
BACK_AFTER = (0, 3, 8, 14)
"""Minutes [1] after which a killed worker is started again."""
KILLS: tuple[type[OwnerFault], ...] = (LostWhileHolding, LostInWrite, LostBetweenJournalAndWrite)
START_MINUTES = 60
RECOVERY = 3
"""Ticks [1]."""
FALLS_OVER = 20
"""Minutes [1] in which a town has to come back that was brought down on purpose."""


@dataclass(frozen=True, slots=True)
class OwnersOptions:
    """``days`` [d] of building time; 0: every fault strikes once."""

    town: SharedTownOptions
    seed: int = 0
    days: float = 0.0
    parts: Path | None = None


@dataclass
class Shown:
    """What all towns showed together."""

    outcome: Outcome = field(default_factory=Outcome)
    ownerless: timedelta = timedelta(0)
    unheld: timedelta = timedelta(0)
    writes: int = 0
    changes: int = 0

    def add(self, outcome: Outcome, watch: OwnerWatch | None = None) -> None:
        """What one more town showed; of a kept one only the outcome is known."""
        self.outcome.add(outcome)
        if watch is not None:
            self.ownerless = max(self.ownerless, watch.ownerless)
            self.unheld = max(self.unheld, watch.unheld)
            self.writes += len(watch.log)
            self.changes += watch.changes


def bench_owners(
    options: OwnersOptions, report: Progress, say: Say = lambda line: None
) -> list[Figure]:
    """All figures. Raises ``ConfigError`` for a database that two homes cannot share."""
    if not options.town.database.startswith("postgres"):
        raise ConfigError(
            "two workers share a PostgreSQL: name an empty one with --database postgresql://…"
        )
    shown, seed = Shown(), options.seed
    file = None if options.parts is None else PartFile(options.parts)
    for part in [] if file is None else file.parts():
        shown.add(part.outcome)
        seed = part.seed + 1
    while shown.outcome.days < options.days or not shown.outcome.rows:
        say(f"seed {seed}, after {shown.outcome.days:.2f} days")
        report("two workers", min(1.0, shown.outcome.days / options.days) if options.days else 0.5)
        watch, outcome = asyncio.run(_in_a_town(options, seed, say))
        if file is not None:
            file.add(RunPart(seed, outcome))
        shown.add(outcome, watch)
        seed += 1
    return figures(shown)


async def _in_a_town(options: OwnersOptions, seed: int, say: Say) -> tuple[OwnerWatch, Outcome]:
    with tempfile.TemporaryDirectory(prefix="bms-owners-") as home:
        run = OwnersRun(SharedTown(Path(home), options.town), random.Random(seed), say)
        outcome = await (run.a_day() if options.days else run.every_fault())
        return run.watch, outcome


class OwnersRun:
    """One town that two workers share."""

    def __init__(self, town: SharedTown, chance: random.Random, say: Say) -> None:
        self.town, self._chance, self._say = town, chance, say
        self.watch = OwnerWatch(town)
        self.outcome = Outcome()

    async def every_fault(self, kinds: tuple[type[OwnerFault], ...] = OWNER_FAULTS) -> Outcome:
        """Each fault once, in an order of chance."""
        chosen = list(kinds)
        self._chance.shuffle(chosen)

        return await self._run(self._each(chosen))

    async def a_day(self, kills: int = PART_KILLS) -> Outcome:
        """One worker killed every 20 minutes."""

        return await self._run(self._kills(kills))

    async def _each(self, chosen: Iterable[type[OwnerFault]]) -> None:
        for kind in chosen:
            await self._fault(kind)

    async def _kills(self, kills: int) -> None:
        for n in range(kills):
            await self._kill(KILLS[n % len(KILLS)], self._chance.choice(BACK_AFTER), n)
        await self._recovered(f"{kills} kills")

    async def _run(self, faults: Coroutine[None, None, None]) -> Outcome:
        await self.town.start()
        try:
            if not await self.town.until(self._is_whole, START_MINUTES):
                self.watch.add("W17", "the town did not start")
            await self._pass(RECOVERY)
            await faults
        finally:
            await self.town.close()
        self.outcome.log += self.watch.log
        self.outcome.days = (self.town.now - START) / timedelta(days=1)
        return self.outcome

    async def _fault(self, kind: type[OwnerFault]) -> None:
        begun, row = len(self.watch.violations), self._row(kind)
        victim, other = self._chance.sample(WORKERS, 2)
        await self._pass(self._chance.randint(1, 3))
        fault = kind(self.town, victim, other)
        struck = await fault.strike()
        row.struck[kind.moment] += struck
        await self._pass(kind.minutes)
        await fault.heal()
        await self._recovered(kind.title())
        self._told(kind.title(), row, begun)

    async def _kill(self, kind: type[OwnerFault], back_after: int, number: int) -> None:
        begun, row, since = len(self.watch.violations), self._row(kind), self.town.now
        able = [name for name in WORKERS if self.town.workers[name].lives]
        victim = self._chance.choice(able or list(WORKERS))
        other = next(name for name in WORKERS if name != victim)
        fault = kind(self.town, victim, other)
        row.struck[kind.moment] += await fault.strike()
        await self._pass(back_after)
        await fault.heal()
        while self.town.now - since < EVERY:
            await self.town.minute()
        self._told(f"{number}: {kind.title()}, {victim}, back after {back_after}", row, begun)

    def _row(self, kind: type[OwnerFault]) -> Row:
        row = self.outcome.rows.setdefault(kind.title(), Row(kind.title()))
        row.injected += 1
        return row

    def _told(self, what: str, row: Row, begun: int) -> None:
        found = self.watch.violations[begun:]
        row.survived += not found
        self.outcome.violations += [(what, violation) for violation in found]
        self.outcome.log.append(what)
        lines = [f"  {v.clause} {v.at:%H:%M} {v.seen}" for v in found]
        self._say("\n".join([f"{self.town.now:%d %H:%M} {what}", *(lines or ["  survived"])]))

    async def _recovered(self, what: str) -> None:
        """Both work again, and three ticks later everything is as before."""
        if not await self.town.until(self._is_whole, FALLS_OVER + SHARED_AGAIN):
            self.watch.add("W17", f"both do not work again after {what}")
        await self._pass(RECOVERY)
        for seen in self.watch.recovered():
            self.watch.violations.append(Violation("W17", self.town.now, f"{seen}, after {what}"))

    def _is_whole(self) -> bool:
        """Whether both own something, and everything that is owned may be written."""
        town = self.town
        rows = town.owners()
        owned = town.owned(rows)
        everything = len(owned) == len(town.buildings) and set(owned.values()) == set(WORKERS)
        return everything and not any(row.waits for row in rows.values())

    async def _pass(self, minutes: int) -> None:
        for _ in range(minutes):
            await self.town.minute()


def figures(shown: Shown) -> list[Figure]:
    """A row for every fault, then what holds for the run."""
    outcome = shown.outcome
    clauses = ", ".join(sorted({violation.clause for _, violation in outcome.violations}))
    rows = [_figure(row) for row in outcome.rows.values()]
    return [
        *rows,
        Figure(
            name="longest without an owner that lives, leases of 5 minutes, ticks of one",
            value=round(shown.ownerless / MINUTE, 1),
            unit="min",
            ok=shown.ownerless <= WITHOUT_OWNER,
            at_least="<= lease + 3 ticks",
        ),
        Figure(
            name="longest without a lease of an owner that lives",
            value=round(shown.unheld / MINUTE, 1),
            unit="min",
            ok=True,
        ),
        Figure(
            name=f"days of two workers, {shown.writes} writes, {shown.changes} changes of hands",
            value=round(outcome.days, 2),
            unit="d",
            ok=True,
        ),
        Figure(
            name=f"clauses that did not hold{': ' if clauses else ''}{clauses}",
            value=len(outcome.violations),
            unit="1",
            ok=not outcome.violations,
            at_least="0",
        ),
    ]


def _figure(row: Row) -> Figure:
    struck = sum(row.struck.values())
    return Figure(
        name=f"{row.fault} · at its moment: {struck}",
        value=row.survived,
        unit=f"of {row.injected} survived",
        ok=row.survived == row.injected and struck > 0,
        at_least=str(row.injected),
    )
