"""The queue for a line that carries one request at a time: writes first, else in order."""

from __future__ import annotations

import asyncio
from collections import deque


class LineQueue:
    """A lock with an urgent and a normal queue; every wait has its own deadline."""

    def __init__(self) -> None:
        self._locked = False
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._normal: deque[asyncio.Future[None]] = deque()

    @property
    def locked(self) -> bool:
        """Whether somebody holds the lock."""
        return self._locked

    @property
    def waiting(self) -> int:
        """How many wait for the lock [1]."""
        return len(self._urgent) + len(self._normal)

    def try_acquire(self) -> bool:
        """Acquire the lock if it is free; whether it was."""
        if self._locked:
            return False
        self._locked = True
        return True

    async def acquire(self, *, urgent: bool, within_s: float) -> None:
        """Wait for the lock, urgent callers before all others; ``release`` it afterwards.

        Raises TimeoutError after ``within_s`` [s].
        """
        if self.try_acquire():
            return
        queue = self._urgent if urgent else self._normal
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            async with asyncio.timeout(within_s):
                await turn
        except BaseException:
            self._withdraw(queue, turn)
            raise

    def release(self) -> None:
        """Hand the lock to the next in the queues, or free it."""
        while queue := self._urgent or self._normal:
            turn = queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._locked = False

    def _withdraw(self, queue: deque[asyncio.Future[None]], turn: asyncio.Future[None]) -> None:
        """A caller that gives up passes on a lock that it was handed in the same moment."""
        if turn.done() and not turn.cancelled():
            self.release()
        elif turn in queue:
            queue.remove(turn)
