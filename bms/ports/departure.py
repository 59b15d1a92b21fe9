"""Whether a write may still leave for its device (clause W11).

A write waits in many places after its lease was announced: for a thread, in the queue of a line,
for a connection, between two tries. So the question is asked last of all, by whoever hands the
frame to the socket. It travels with the context of the task, and with the timers that the task
sets, so that no layer between has to hand it on, and none can forget to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ASKED: ContextVar[Callable[[], bool] | None] = ContextVar("departure", default=None)


@contextmanager
def leaving_while(permitted: Callable[[], bool]) -> Iterator[None]:
    """Frames that write leave within this block only while ``permitted`` says so."""
    token = _ASKED.set(permitted)
    try:
        yield
    finally:
        _ASKED.reset(token)


def may_leave() -> bool:
    """Whether a frame that writes may leave now. What gives back has no end, and always may."""
    permitted = _ASKED.get()
    return permitted is None or permitted()
