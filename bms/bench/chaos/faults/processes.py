"""Processes that are killed, or stopped and woken."""

from __future__ import annotations

from bms.bench.chaos.faults.kind import Fault
from bms.bench.chaos.town import Town


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
        await town.kill_guard()


class GuardStopped(Fault):
    """SIGSTOP of the guard: another takes its place, and later both are awake."""

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        await town.stop_guard()

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        await town.wake_guard()


class BothKilled(Fault):
    """The host goes down, and comes back with another boot."""

    longest = 50

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        town.kill()
        await town.kill_guard()

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        town.clock.reboot(f"boot-{town.now.isoformat()}")
        await town.kill_guard()
        await town.restart()
