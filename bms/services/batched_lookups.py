"""Questions of many tasks that run side by side, asked as one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Generic, TypeVar

LINGER_S = 0.5
"""How long a question waits for those of others [s, real]."""

K = TypeVar("K")
V = TypeVar("V")


class Crowd:
    """Tasks that do the same side by side. Their questions are asked when all of them wait, or when
    the first has waited for ``linger_s`` [s]."""

    def __init__(self, linger_s: float = LINGER_S) -> None:
        self._linger_s = linger_s
        self._present = 0
        self._waiting: dict[Callable[[], None], int] = {}
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def member(self) -> Iterator[None]:
        """One of the tasks is at work meanwhile."""
        self._present += 1
        try:
            yield
        finally:
            self._present -= 1
            self._look()

    def wait_for(self, ask: Callable[[], None]) -> None:
        """Somebody waits for ``ask`` to be called."""
        loop = asyncio.get_running_loop()
        self._waiting[ask] = self._waiting.get(ask, 0) + 1
        if self._timer is None:
            self._timer = loop.call_later(self._linger_s, self._ask)
        loop.call_soon(self._look)

    def _look(self) -> None:
        if self._waiting and sum(self._waiting.values()) >= self._present:
            self._ask()

    def _ask(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        asked, self._waiting = list(self._waiting), {}
        for ask in asked:
            ask()


class Together(Generic[K, V]):
    """One question for the keys of many tasks; each gets the answer to its own."""

    def __init__(self, crowd: Crowd, ask: Callable[[list[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._crowd = crowd
        self._ask = ask
        self._waiting: dict[K, asyncio.Future[V]] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    async def get(self, key: K) -> V:
        """The answer for this key. Raises what asking raises; ``KeyError`` without an answer."""
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = asyncio.get_running_loop().create_future()
            self._crowd.wait_for(self._start)
        return await asyncio.shield(waiting)

    def _start(self) -> None:
        asked, self._waiting = self._waiting, {}
        task = asyncio.create_task(self._answer(asked))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _answer(self, asked: Mapping[K, asyncio.Future[V]]) -> None:
        try:
            answers = await self._ask(list(asked))
        except Exception as error:
            for waiting in asked.values():
                _fail(waiting, error)
            return
        except asyncio.CancelledError:
            for waiting in asked.values():
                waiting.cancel()
            raise
        for key, waiting in asked.items():
            if key in answers:
                waiting.set_result(answers[key])
            else:
                _fail(waiting, KeyError(f"no answer for {key!r}"))


def _fail(waiting: asyncio.Future[V], error: Exception) -> None:
    waiting.set_exception(error)
    waiting.exception()  # whoever waited may have gone
