"""How long the database may take for whoever asks: said where the question comes in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_LIMIT_S: ContextVar[float | None] = ContextVar("database_time_limit_s", default=None)


@contextmanager
def database_time_limit(seconds: float | None) -> Iterator[None]:
    """What is read from a database inside, in this task and its threads, takes ``seconds`` [s] at
    most for each transaction, else ``bms.errors.StoreTimeout`` is raised; None is no limit. What is
    written has none either."""
    token = _LIMIT_S.set(seconds)
    try:
        yield
    finally:
        _LIMIT_S.reset(token)


def database_time_limit_s() -> float | None:
    """The limit that holds here [s], None where there is none."""
    return _LIMIT_S.get()
