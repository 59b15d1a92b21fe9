"""Whose turn it is on a line that carries one request at a time: writes first, else in order."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """A lock with two queues; every wait has its own deadline."""

    def __init__(self) -> None:
        self._taken = False
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._patient: deque[asyncio.Future[None]] = deque()

    @property
    def taken(self) -> bool:
        return self._taken

    @property
    def waiting(self) -> int:
        return len(self._urgent) + len(self._patient)

    def take_now(self) -> bool:
        """Take the turn if it is nobody's; whether it is ours now."""
        if self._taken:
            return False
        self._taken = True
        return True

    async def take(self, *, urgent: bool, within_s: float) -> None:
        """Return once it is our turn; ``give`` it back. Raises TimeoutError after ``within_s``."""
        if self.take_now():
            return
        queue = self._urgent if urgent else self._patient
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            async with asyncio.timeout(within_s):
                await turn
        except BaseException:
            self._leave(queue, turn)
            raise

    def give(self) -> None:
        """Hand the turn to whoever is next."""
        for queue in (self._urgent, self._patient):
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._taken = False

    def _leave(self, queue: deque[asyncio.Future[None]], turn: asyncio.Future[None]) -> None:
        """Whoever gives up does not keep a turn that was handed over in the same moment."""
        if turn.done() and not turn.cancelled():
            self.give()
        elif turn in queue:
            queue.remove(turn)
