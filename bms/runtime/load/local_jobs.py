"""The list of jobs of one process: turns by priority, one job of a subject at a time. What they
compute runs in the pool of processes (``bms.runtime.load.planner_pool``)."""

from __future__ import annotations

import asyncio
import bisect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

from bms.ports.job_retries import RETRY_S, tried
from bms.ports.jobs import JobHandlers, JobOrder, Priority


@dataclass(slots=True)
class _Waiting:
    """An order in the list, and the future of everybody who waits for it."""

    order: JobOrder
    number: int
    end: asyncio.Future[None] = field(default_factory=lambda: _future())

    @property
    def rank(self) -> tuple[int, int]:
        return -self.order.priority, self.number


def _future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


class LocalJobs:
    """Implements ``bms.ports.jobs.Jobs`` in one event loop.

    ``at_once`` jobs [1] run side by side; the last place is kept for plans, where there are two,
    so that none queues behind what is learned at midnight.
    """

    shared = False

    def __init__(self, handlers: JobHandlers, at_once: int, *, pause_s: float = RETRY_S) -> None:
        self._handlers, self._at_once, self._pause_s = handlers, at_once, pause_s
        self._waiting: list[_Waiting] = []
        self._running: dict[str, asyncio.Task[None]] = {}
        self._slots: dict[str, int] = {}
        self._numbers = count()

    async def done(self, order: JobOrder) -> bool:
        """See ``Jobs``."""
        if order.slot is not None:
            if self._slots.get(order.name) == order.slot:
                return False
            self._slots[order.name] = order.slot
        waiting = self._taken_in(order)
        self._begin()
        await asyncio.shield(waiting.end)
        return True

    def close(self) -> None:
        """Begin nothing more, and cut off what runs."""
        self._waiting.clear()
        for task in tuple(self._running.values()):
            task.cancel()

    def _taken_in(self, order: JobOrder) -> _Waiting:
        for each in self._waiting:
            if each.order.name == order.name:
                self._waiting.remove(each)
                priority = max(order.priority, each.order.priority)
                each.order = replace(order, priority=priority)
                break
        else:
            each = _Waiting(order, next(self._numbers))
        bisect.insort(self._waiting, each, key=_rank)
        return each

    def _begin(self) -> None:
        """Begin as many of those that wait as there are places."""
        for each in tuple(self._waiting):
            free = self._at_once - len(self._running)
            kept = 1 if each.order.priority < Priority.PLAN and self._at_once > 1 else 0
            if free <= kept:
                return
            if each.order.subject not in self._running:
                self._waiting.remove(each)
                self._start(each)

    def _start(self, each: _Waiting) -> None:
        handler = self._handlers[each.order.kind]
        task = asyncio.create_task(tried(handler, each.order, self._pause_s))
        self._running[each.order.subject] = task
        task.add_done_callback(self._ended(each))

    def _ended(self, each: _Waiting) -> Callable[[asyncio.Task[None]], None]:
        def settle(task: asyncio.Task[None]) -> None:
            del self._running[each.order.subject]
            if each.end.cancelled():
                pass
            elif task.cancelled():
                each.end.cancel()
            elif (error := task.exception()) is not None:
                each.end.set_exception(error)
                each.end.exception()  # who waited for it may be gone
            else:
                each.end.set_result(None)
            self._begin()

        return settle


def _rank(each: _Waiting) -> tuple[int, int]:
    return each.rank
