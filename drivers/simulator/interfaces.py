"""What the servers, the process and the in-process drivers need of the physics."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
SiteHistory = dict[str, dict[str, FloatArray]]


class Physics(Protocol):
    """The simulated municipality behind its controllers; times are building time (UTC)."""

    @property
    def now(self) -> datetime: ...

    def advance(self, seconds: int) -> None:
        """Let ``seconds`` [s] pass, a multiple of 60."""
        ...

    def sensors(self, site: str) -> dict[str, float]:
        """Every signal of a site as its sensors and meters show it now."""
        ...

    def signals(self, site: str) -> tuple[str, ...]: ...

    def zones(self, site: str) -> tuple[str, ...]: ...

    def command(self, site: str, signal: str, value: float | None) -> None:
        """Hold a signal at ``value``; None gives it back to the building's own control."""
        ...

    def own_value(self, site: str, signal: str) -> float:
        """What the building's own programme asks of a signal right now."""
        ...


class World(Physics, Protocol):
    """Physics with a past to fill and a truth to tell, as the simulator process runs it."""

    def fork_worlds(self) -> None: ...

    def record(self) -> object:
        """A dataclass of arrays: what really happened in each world since the fork."""
        ...

    def history(
        self, until: datetime, step_s: int, on_step: Callable[[float], None] | None = None
    ) -> SiteHistory:
        """Run to ``until``; the signals at the end of every step, ``{site: {signal: (n,)}}``."""
        ...
