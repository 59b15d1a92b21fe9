"""The one place where synchronous work leaves the event loop: store, journal, planner, assessment.

Drivers are asynchronous; what keeps and what computes is synchronous. Work that takes long is
limited by whoever starts it (``bms.runtime.background_work``): a write must find a free thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def off_loop(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What ``work`` returns, called in a thread; raises what it raises.

    A caller that is cancelled leaves at once, and the work goes on to its end.
    """
    return await asyncio.to_thread(work, *args, **kwargs)
