"""The one place where synchronous work leaves the event loop: store, journal, planner, assessment;
and tasks that run side by side on it.

Drivers are asynchronous; what keeps and what computes is synchronous. Work that takes long is
limited by whoever starts it (``bms.runtime.load.background_work``): a write must find a free
thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def off_loop(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What ``work`` returns, called in a thread; raises what it raises.

    A caller that is cancelled leaves at once, and the work goes on to its end.
    """
    return await asyncio.to_thread(work, *args, **kwargs)


async def side_by_side(*works: Awaitable[T]) -> list[T]:
    """What each of them returns, in their order; raises the first of their errors.

    All of them have ended then, also where one raises or the caller is cut off: so each comes to
    keep what it has done (``asyncio.gather`` leaves with the first that fails).
    """
    found = await asyncio.gather(*works, return_exceptions=True)
    for each in found:
        if isinstance(each, BaseException):
            raise each
    return [each for each in found if not isinstance(each, BaseException)]
