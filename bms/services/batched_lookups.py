"""Questions of many tasks that run side by side, asked as one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from bms.services.off_loop import off_loop

LINGER_S = 0.5
"""How long a question waits for those of others [s, real]."""

K = TypeVar("K")
V = TypeVar("V")


_MEMBER: ContextVar[object] = ContextVar("member", default=None)


class Crowd:
    """Tasks that do the same side by side. Their questions are asked when all of them wait, or when
    the first has waited for ``linger_s`` [s]. Who was not there then is not waited for again until
    it asks something: one that is slow holds the others up once, not at each question."""

    def __init__(self, linger_s: float = LINGER_S) -> None:
        self._linger_s = linger_s
        self._present: set[object] = set()
        self._away: set[object] = set()
        self._asking: set[object] = set()
        self._waiting: dict[Callable[[], None], None] = {}
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def member(self) -> Iterator[None]:
        """One of the tasks, with those that it starts, is at work meanwhile."""
        me = object()
        self._present.add(me)
        before = _MEMBER.set(me)
        try:
            yield
        finally:
            _MEMBER.reset(before)
            self._present.discard(me)
            self._away.discard(me)
            self._look()

    def wait_for(self, ask: Callable[[], None]) -> None:
        """Somebody waits for ``ask`` to be called."""
        loop = asyncio.get_running_loop()
        self._waiting[ask] = None
        self._asking.add(_MEMBER.get())
        self._away.discard(_MEMBER.get())
        if self._timer is None:
            self._timer = loop.call_later(self._linger_s, self._late)
        loop.call_soon(self._look)

    def _look(self) -> None:
        if self._waiting and self._present - self._away <= self._asking:
            self._ask()

    def _late(self) -> None:
        self._away |= self._present - self._asking
        self._ask()

    def _ask(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        asked, self._waiting = list(self._waiting), {}
        self._asking = set()
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
        task = asyncio.create_task(_answered(asked, self._ask(list(asked))))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)


async def _answered(
    asked: Mapping[K, asyncio.Future[V]], answering: Awaitable[Mapping[K, V]]
) -> None:
    """Give the answers, or their failure, to those who wait for them."""
    try:
        answers = await answering
    except Exception as error:
        for waiting in asked.values():
            _fail(waiting, error)
        return
    except asyncio.CancelledError:
        for waiting in asked.values():
            waiting.cancel()
        raise
    _give(answers, asked)


def _give(answers: Mapping[K, V], asked: Mapping[K, asyncio.Future[V]]) -> None:
    for key, waiting in asked.items():
        if key in answers:
            waiting.set_result(answers[key])
        else:
            _fail(waiting, KeyError(f"no answer for {key!r}"))


def _fail(waiting: asyncio.Future[V], error: Exception) -> None:
    waiting.set_exception(error)
    waiting.exception()  # whoever waited may have gone


@dataclass(slots=True)
class _Askers(Generic[K, V]):
    """Who waits in one event loop, and the task that asks for them."""

    waiting: dict[K, asyncio.Future[V]] = field(default_factory=dict)
    task: asyncio.Task[None] | None = None


class InBatches(Generic[K, V]):
    """One question, asked off the loop, for the keys of all who came while the last was asked.

    Nobody gets an answer that was read before they came; the first one waits ``linger_s`` [s] for
    others. Where all together cannot be answered each is asked for alone: one that fails takes no
    other along.
    """

    def __init__(
        self, ask: Callable[[Collection[K]], Mapping[K, V]], linger_s: float = 0.0
    ) -> None:
        self._ask = ask
        self._linger_s = linger_s
        self._queues: WeakKeyDictionary[asyncio.AbstractEventLoop, _Askers[K, V]]
        self._queues = WeakKeyDictionary()

    async def get(self, key: K) -> V:
        """The answer for this key. Raises what asking raises; ``KeyError`` without an answer."""
        loop = asyncio.get_running_loop()
        queue = self._queues.setdefault(loop, _Askers())
        waiting = queue.waiting.get(key)
        if waiting is None:
            waiting = queue.waiting[key] = loop.create_future()
        if queue.task is None:
            queue.task = loop.create_task(self._work(queue))
        return await asyncio.shield(waiting)

    async def _work(self, queue: _Askers[K, V]) -> None:
        try:
            while queue.waiting:
                await asyncio.sleep(self._linger_s)
                asked, queue.waiting = queue.waiting, {}
                try:
                    answers = await off_loop(self._ask, list(asked))
                except Exception:
                    for key, waiting in asked.items():
                        await _answered({key: waiting}, off_loop(self._ask, [key]))
                else:
                    _give(answers, asked)
        finally:
            queue.task = None
