"""Faults of two workers that share sites: one small class each, to strike and to heal."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from typing import ClassVar

from bms.bench.chaos.backend import Wish
from bms.bench.chaos.town import StrikeMoment
from bms.bench.owners.failover import lose_commit
from bms.bench.owners.process import WorkerProcess
from bms.bench.owners.town import SharedTown
from bms.model.control.ownership import Ownership
from bms.services.off_loop import off_loop

LOOK_S = 0.02
LONGEST_S = 0.5
"""After so long at most [s, real] a worker is killed that is at work."""
PATIENCE_S = 60.0
ALL_ENDED = 14
"""Minutes [1] in which an owner's lease ends, then those of its points, and another one writes."""
SHARED_AGAIN = 15
"""Minutes [1] in which a worker that starts has its share."""


class OwnerFault:
    """A fault at ``victim``, while the ``other`` works; it lasts ``minutes`` [min]."""

    moment: ClassVar[StrikeMoment] = StrikeMoment.HELD
    minutes: ClassVar[int] = ALL_ENDED

    def __init__(self, town: SharedTown, victim: str, other: str) -> None:
        self.town = town
        self.victim, self.other = town.workers[victim], town.workers[other]

    @classmethod
    def title(cls) -> str:
        """Its name in the table."""
        return "".join(f" {c.lower()}" if c.isupper() else c for c in cls.__name__).strip()

    def site(self) -> str:
        """A site of the victim's."""
        owned = self.town.owned()
        return next((site for site, name in owned.items() if name == self.victim.name), "east00")

    async def strike(self) -> bool:
        """Let it happen; whether it did at its moment."""
        raise NotImplementedError

    async def heal(self) -> None:
        """Let it be over."""
        await self.victim.start()

    async def kill(self) -> None:
        """SIGKILL of the victim."""
        self.victim.kill()

    async def met(self, minutes: int = 20) -> bool:
        """Whether what was armed has met its moment; where not, the victim is killed anyway."""
        met = await self.town.until(lambda: not self.town.is_armed, minutes)
        self.town.disarm()
        if not met:
            self.victim.kill()
        return met


class LostWhileHolding(OwnerFault):
    """SIGKILL at an instant of a tick; it starts again when another one has its sites."""

    async def strike(self) -> bool:
        """See ``OwnerFault``."""
        held = bool(self.town.held(self.site()))
        asyncio.get_running_loop().call_later(random.uniform(0.0, LONGEST_S), self.victim.kill)
        await self.town.minute()
        return held


class LostAndBack(LostWhileHolding):
    """SIGKILL; it starts again at once, and takes its own back."""

    minutes = 1


class LostInWrite(OwnerFault):
    """SIGKILL when a value has arrived and is not answered yet."""

    moment = StrikeMoment.WRITE

    async def strike(self) -> bool:
        """See ``OwnerFault``."""
        self.town.arm(self.victim.name, self.kill, give_back=False)
        return await self.met()


class LostBetweenJournalAndWrite(OwnerFault):
    """SIGKILL when a write is announced and has not left yet."""

    moment = StrikeMoment.BETWEEN

    async def strike(self) -> bool:
        """See ``OwnerFault``."""
        self.victim.strike_between(self.kill)
        return await self.met()


class LostInGiveBack(OwnerFault):
    """SIGKILL while it gives back what a person elsewhere has taken from it."""

    moment = StrikeMoment.GIVE_BACK

    def __init__(self, town: SharedTown, victim: str, other: str) -> None:
        super().__init__(town, victim, other)
        self._taken = ""

    async def strike(self) -> bool:
        """See ``OwnerFault``."""
        self._taken = self.site()
        self.town.arm(self.victim.name, self.kill, give_back=True)
        await self.town.wish(Wish.ADVISE, self._taken)
        return await self.met(5)

    async def heal(self) -> None:
        """See ``OwnerFault``."""
        await self.town.wish(Wish.AUTO, self._taken)
        await super().heal()


class OwnerLostHandingOver(OwnerFault):
    """SIGTERM, and SIGKILL once it has offered its sites."""

    async def strike(self) -> bool:
        """See ``OwnerFault``."""
        self.victim.end()
        offered = await self.soon(lambda row: row.heir is not None)
        self.victim.kill()
        return offered

    async def soon(self, true: Callable[[Ownership], bool]) -> bool:
        """Wait until something is true of a row of the table; time stands."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while self.victim.runs and asyncio.get_running_loop().time() < deadline:
            rows = await off_loop(self.town.owners)
            if any(true(row) for row in rows.values()):
                return True
            await asyncio.sleep(LOOK_S)
        return False


class OwnerLostWhenAccepted(OwnerLostHandingOver):
    """SIGTERM, and SIGKILL once the other one has opened the leases."""

    async def strike(self) -> bool:
        """See ``OwnerFault``."""
        self.victim.end()
        accepted = await self.soon(lambda row: row.accepted)
        self.victim.kill()
        return accepted


class HeirLost(OwnerLostHandingOver):
    """SIGTERM of one, and SIGKILL of the other once it is offered the sites."""

    async def strike(self) -> bool:
        """See ``OwnerFault``."""
        self.victim.end()
        offered = await self.soon(lambda row: row.heir is not None)
        self.other.kill()
        return offered

    async def heal(self) -> None:
        """See ``OwnerFault``."""
        await self.victim.ended()
        await self.victim.start()
        await self.other.start()


class WakesUpLater(OwnerFault):
    """SIGSTOP in the middle of a write, and SIGCONT when another one has written."""

    moment = StrikeMoment.WRITE

    async def strike(self) -> bool:
        """See ``OwnerFault``."""
        self.town.arm(self.victim.name, self._stop, give_back=False)
        return await self.met()

    async def _stop(self) -> None:
        self.victim.stop()

    async def heal(self) -> None:
        """See ``OwnerFault``."""
        self.victim.wake()


class WakesBetweenJournalAndWrite(WakesUpLater):
    """SIGSTOP when a write is announced; what it has to send is stale when it wakes."""

    moment = StrikeMoment.BETWEEN

    async def strike(self) -> bool:
        """See ``OwnerFault``."""
        self.victim.strike_between(self._stop)
        return await self.met()


class _CommitLost(OwnerFault):
    """The database fails over to a copy that has all but the last commit about owners."""

    async def strike(self) -> bool:
        """See ``OwnerFault``."""
        url = self.town.options.database
        losing = asyncio.create_task(off_loop(lose_commit, url, self._is_it, PATIENCE_S))
        await asyncio.sleep(0.5)  # it looks
        await self._before()
        while not losing.done():
            await self.town.minute()
        return losing.result()

    async def _before(self) -> None:
        raise NotImplementedError

    def _is_it(self, before: dict[str, str], after: dict[str, str]) -> bool:
        """Whether this commit is the one that is lost, by the owners before and after it."""
        raise NotImplementedError


class ClaimLost(_CommitLost):
    """The commit by which another one took the sites of a killed worker."""

    async def _before(self) -> None:
        self.victim.kill()

    def _is_it(self, before: dict[str, str], after: dict[str, str]) -> bool:
        mine, theirs = self.victim.id, self.other.id
        return any(before.get(s) == mine and owner == theirs for s, owner in after.items())


class HandOverLost(_CommitLost):
    """The commit by which a worker that ended handed its sites over."""

    async def _before(self) -> None:
        self.victim.end()

    def _is_it(self, before: dict[str, str], after: dict[str, str]) -> bool:
        mine, theirs = self.victim.id, self.other.id
        return any(before.get(s) == mine and owner == theirs for s, owner in after.items())

    async def heal(self) -> None:
        """See ``OwnerFault``."""
        await self.victim.ended()
        await super().heal()


class HeartbeatLost(_CommitLost):
    """A heartbeat of a worker that lives."""

    minutes = 2

    async def _before(self) -> None:
        """Nothing has to happen first."""

    def _is_it(self, before: dict[str, str], after: dict[str, str]) -> bool:
        return True


class ClocksApart(OwnerFault):
    """The calendar of one is seven minutes ahead; sites go over, are lost, and come back."""

    minutes = 1
    by: ClassVar[timedelta] = timedelta(minutes=7)

    async def strike(self) -> bool:
        """See ``OwnerFault``."""
        self.victim.apart = self.by
        await self.town.minute()
        before = self.town.owned()
        self.victim.end()
        await self.victim.ended()
        await self.town.until(lambda: self.town.held("east00") != [], 3)
        await self.victim.start()
        await self.town.until(lambda: self.victim.name in self.town.owned().values(), SHARED_AGAIN)
        await self.town.until(lambda: False, 3)
        self.victim.kill()
        await self.town.until(lambda: False, ALL_ENDED)
        return self.victim.name in before.values()

    async def heal(self) -> None:
        """See ``OwnerFault``."""
        self.victim.apart = timedelta(0)
        await super().heal()


class ClocksApartBackwards(ClocksApart):
    """The calendar of one is seven minutes behind."""

    by = timedelta(minutes=-7)


class SiteFileMoved(OwnerFault):
    """The file of a site is moved from one worker to the other; both are started anew."""

    minutes = 1
    apart: ClassVar[bool] = True
    """Whether the worker that has the file now starts first."""

    async def strike(self) -> bool:
        """See ``OwnerFault``."""
        town, site = self.town, self.site()
        for worker, others in ((self.victim, self.other), (self.other, self.victim)):
            for each in [s for s, name in town.owned().items() if name == worker.name]:
                town.remove_site(others.name, each)
        await self._anew(self.victim, self.other)
        await town.until(lambda: len(town.owned()) == len(town.buildings), SHARED_AGAIN)
        town.remove_site(self.victim.name, site)
        town.write_site(self.other.name, site)
        await self._anew(*((self.other, self.victim) if self.apart else (self.victim, self.other)))
        return await town.until(lambda: town.owned().get(site) == self.other.name, 2 * SHARED_AGAIN)

    async def _anew(self, *workers: WorkerProcess) -> None:
        for worker in workers:
            worker.end()
            await worker.ended()
            await worker.start()
            await self.town.until(lambda w=worker: w.lives, SHARED_AGAIN)  # type: ignore[misc]

    async def heal(self) -> None:
        """Both have all files again."""
        town = self.town
        for worker in (self.victim, self.other):
            for site in town.buildings:
                town.write_site(worker.name, site)
        await self._anew(self.victim, self.other)


class SiteFileMovedOwnerFirst(SiteFileMoved):
    """As before; the worker that had the file starts anew first."""

    apart = False


OWNER_FAULTS: tuple[type[OwnerFault], ...] = (
    LostWhileHolding,
    LostAndBack,
    LostInWrite,
    LostBetweenJournalAndWrite,
    LostInGiveBack,
    OwnerLostHandingOver,
    OwnerLostWhenAccepted,
    HeirLost,
    WakesUpLater,
    WakesBetweenJournalAndWrite,
    ClaimLost,
    HandOverLost,
    HeartbeatLost,
    ClocksApart,
    ClocksApartBackwards,
    SiteFileMoved,
    SiteFileMovedOwnerFirst,
)
