"""Run faults one after the other, watch the clauses, and say what struck when and was survived."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from bms.bench.chaos.backend import NAMES, Wish
from bms.bench.chaos.building import MINUTE
from bms.bench.chaos.faults.kind import Fault
from bms.bench.chaos.schedule import Episode
from bms.bench.chaos.town import TICK, StrikeMoment, Town
from bms.bench.chaos.watch import ClauseWatch, Violation

MOST_WAIT = 46
"""Minutes [1] until a fault has to have met its moment: a tick with another value, and one more."""
RECOVERY = 3 * TICK + MINUTE

Say = Callable[[str], None]


@dataclass
class Row:
    """A line of the table."""

    fault: str
    injected: int = 0
    survived: int = 0
    struck: Counter[StrikeMoment] = field(default_factory=Counter)


@dataclass
class Outcome:
    """What a run showed. ``days`` [d] of building time, over all buildings; each violation with the
    fault before it."""

    rows: dict[str, Row] = field(default_factory=dict)
    violations: list[tuple[str, Violation]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    days: float = 0.0
    known_digest: str = ""

    @property
    def digest(self) -> str:
        """A fingerprint of the event log: that of the parts where it is put together of them."""
        return self.known_digest or hashlib.sha256("\n".join(self.log).encode()).hexdigest()[:12]

    def add(self, other: Outcome) -> None:
        """What another part showed."""
        for name, row in other.rows.items():
            mine = self.rows.setdefault(name, Row(name))
            mine.injected += row.injected
            mine.survived += row.survived
            mine.struck.update(row.struck)
        self.violations += other.violations
        self.log.append(other.digest)
        self.days += other.days

    def never_struck(self, kinds: Iterable[type[Fault]]) -> list[str]:
        """Faults that did not strike at the moment that was meant."""
        rows = {kind.title(): self.rows.get(kind.title()) for kind in kinds}
        return [name for name, row in rows.items() if row is None or not row.struck]

    def vacuous(self, kinds: Iterable[type[Fault]]) -> list[str]:
        """Faults that did not strike at each moment at which they can."""
        found = []
        for kind in kinds:
            row = self.rows.get(kind.title())
            missed = [m for m in kind.moments if row is None or not row.struck[m]]
            if missed:
                found.append(f"{kind.title()}: not {', '.join(missed)}")
        return found


class Run:
    """One town in which episodes follow each other."""

    def __init__(self, town: Town, say: Say = lambda line: None) -> None:
        self.town = town
        self.watch = ClauseWatch(self.town)
        self.outcome = Outcome()
        self._say = say

    async def run(self, episodes: Iterable[Episode], until: Callable[[Outcome], bool]) -> Outcome:
        """Run episodes until they are used up or ``until`` says that it is enough."""
        await self.town.start()
        try:
            await self._pass(timedelta(minutes=31))
            for episode in episodes:
                if until(self.outcome):
                    break
                await self._episode(episode)
        finally:
            await self.town.close()
        return self.outcome

    async def _episode(self, episode: Episode) -> None:
        fault, begun = episode.kind(), len(self.watch.violations)
        row = self.outcome.rows.setdefault(episode.kind.title(), Row(episode.kind.title()))
        row.injected += 1
        await self._pass(self._to_tick() + episode.wait * MINUTE)
        if await self._struck(fault, episode.moment):
            row.struck[episode.moment] += 1
        self._log(f"{row.fault} strikes: {episode.moment}")
        await self._pass(episode.minutes * MINUTE)
        await fault.heal(self.town)
        self._log(f"{row.fault} is over")
        await self._recover()
        found = self.watch.violations[begun:]
        row.survived += not found
        self.outcome.violations += [(described(episode), violation) for violation in found]
        self._say(_line(episode, found))
        for _ in range(episode.quiet):
            await self._minute(TICK)

    async def _struck(self, fault: Fault, moment: StrikeMoment) -> bool:
        """Let the fault strike at its moment; whether it did."""
        town = self.town
        await town.guards_look()
        if moment is StrikeMoment.HELD:
            held = bool(town.held())
            await fault.strike(town)
            return held
        town.arm(moment, lambda: fault.strike(town))
        if moment is StrikeMoment.GIVE_BACK:
            await town.wish(Wish.ADVISE, fault.name)
        for _ in range(MOST_WAIT):
            if town.armed is None:
                return True
            await self._minute()
            if not self._to_tick():
                await town.guards_look()
        town.armed = None
        await fault.strike(town)
        return False

    async def _recover(self) -> None:
        """Three ticks after the fault everything is as before."""
        town = self.town
        if town.alive and town.hands_off:
            for name in list(town.hands_off):
                await town.wish(Wish.AUTO, name)
        await self._take_back_words()
        await self._pass(RECOVERY)
        for seen in [*self.watch.recovered(), *await town.leftovers()]:
            self.watch.violations.append(Violation("W17", town.now, seen))
        if self.watch.violations and self.watch.violations[-1].at == town.now:
            await self._start_over()

    async def _take_back_words(self) -> None:
        """What an undeclared watchdog or a second restart within a day has taken away, or somebody
        has left in our place, stands as a person's word, until people say otherwise (W7, W8)."""
        buildings = self.town.buildings.values()
        if not any(b.emptied or b.strange or b.restarted_again() for b in buildings):
            return
        await self._pass(TICK + MINUTE)
        for seen in self.watch.taken_again():
            self.watch.violations.append(Violation("W07", self.town.now, seen))
        await self.town.take_back()
        for building in buildings:
            building.emptied.clear()
            building.strange = False

    async def _start_over(self) -> None:
        """What did not come back must not spoil what comes next."""
        town = self.town
        for building in town.buildings.values():
            await building.unsay()
            await building.reboot()
        await town.take_back()
        await town.restart()
        for name in NAMES:
            await town.wish(Wish.AUTO, name)
        await self._pass(RECOVERY)
        await town.take_back()

    def _to_tick(self) -> timedelta:
        """To the next quarter of an hour."""
        seconds = self.town.now.timestamp() % TICK.total_seconds()
        return timedelta(seconds=TICK.total_seconds() - seconds) if seconds else timedelta(0)

    async def _pass(self, length: timedelta) -> None:
        for _ in range(int(length / MINUTE)):
            await self._minute()

    async def _minute(self, step: timedelta = MINUTE) -> None:
        writes = {n: len(b.writes) for n, b in self.town.buildings.items()}
        await self.town.minute(step)
        self.watch.look()
        self.outcome.days += step / timedelta(days=1) * len(self.town.buildings)
        for name, building in self.town.buildings.items():
            for write in sorted(building.writes[writes[name] :], key=lambda w: (w.signal, w.at)):
                self._log(f"{name} {write.signal} {write.value}")

    def _log(self, event: str) -> None:
        self.outcome.log.append(f"{self.town.now:%m-%d %H:%M} {event}")


def described(episode: Episode) -> str:
    """A fault, when it struck and how long it lasted."""
    return f"{episode.kind.title()} · {episode.moment} · {episode.minutes} min"


def _line(episode: Episode, found: list[Violation]) -> str:
    what = described(episode)
    if not found:
        return f"{what}: survived"
    return "\n".join([f"{what}:", *(f"  {v.clause} {v.at:%m-%d %H:%M} {v.seen}" for v in found)])
