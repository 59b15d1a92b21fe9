"""Processes that are killed, or stopped and woken."""

from __future__ import annotations

from bms.bench.chaos.faults.kind import Fault
from bms.bench.chaos.town import Town
from bms.guard import Guard


class BackendKilled(Fault):
    """SIGKILL; somebody starts it again later."""

    longest = 50

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        town.kill()

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        await town.restart()


class BackendStopped(Fault):
    """SIGSTOP, and SIGCONT later: what was under way goes on where it stood."""

    longest = 50

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        town.stop()

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        town.wake()


class GuardKilled(Fault):
    """SIGKILL of the guard; the one that stands by takes its place."""

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        town.guard = None


class GuardStopped(Fault):
    """SIGSTOP of the guard: another takes its place, and later both are awake."""

    _stopped: Guard | None = None

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        self._stopped, town.guard = town.guard, None

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        if self._stopped is not None:
            await self._stopped.step()


class BothKilled(Fault):
    """The host goes down, and comes back with another boot."""

    longest = 50

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        town.kill()
        town.guard = None

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        town.clock.reboot(f"boot-{town.now.isoformat()}")
        town.guard = None
        await town.restart()
