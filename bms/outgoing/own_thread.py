"""Calls that block, in threads that nobody has to wait for.

What other machines answer may take minutes. The threads of an event loop are few, and the store
needs them, too; ``asyncio.run`` waits for them at its end. So each such call has its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


async def in_own_thread(call: Callable[[], T], *, abandoned: Callable[[], None] | None = None) -> T:
    """The answer of a call that may block. Raises what it raises.

    Whoever is cancelled does not wait for it; ``abandoned`` runs on the event loop once the call
    has come to its end after all.
    """
    loop = asyncio.get_running_loop()
    found: Future[T] = Future()
    found.set_running_or_notify_cancel()

    def run() -> None:
        try:
            found.set_result(call())
        except Exception as error:  # whatever it is, it belongs to whoever asks
            # its frames would keep sockets open until the garbage is collected
            found.set_exception(error.with_traceback(None))

    Thread(target=run, daemon=True).start()
    try:
        return await asyncio.wrap_future(found)
    except asyncio.CancelledError:
        if abandoned is not None:
            found.add_done_callback(lambda _: _on_loop(loop, abandoned))
        raise


def _on_loop(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # a loop that was closed meanwhile has nothing to clear up
        loop.call_soon_threadsafe(call)
