"""The protocols of the simulated buildings, which servers, process and drivers depend on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
SiteHistory = dict[str, dict[str, FloatArray]]


class SimulatedBuildings(Protocol):
    """The simulated municipality behind its controllers; times are building time (UTC)."""

    @property
    def now(self) -> datetime:
        """Building time (UTC)."""
        ...

    def advance(self, seconds: int) -> None:
        """Advance time by ``seconds`` [s], a multiple of 60."""
        ...

    def sensors(self, site: str) -> dict[str, float]:
        """Every signal of a site as its sensors and meters show it, in its unit."""
        ...

    def signals(self, site: str) -> tuple[str, ...]:
        """The names of all signals of a site."""
        ...

    def zones(self, site: str) -> tuple[str, ...]:
        """The names of the zones of a site."""
        ...

    def command(self, site: str, signal: str, value: float | None) -> None:
        """Hold a signal at ``value``; None releases it to the building's own control."""
        ...

    def own_value(self, site: str, signal: str) -> float:
        """The value that the building's own programme has for a signal now."""
        ...


class World(SimulatedBuildings, Protocol):
    """Simulated buildings with a history, forked worlds and a ground truth."""

    def fork_worlds(self) -> None:
        """Fork the one world into own control, tuned setback and ours."""
        ...

    def record(self) -> object:
        """The ground truth of each world since the fork, a dataclass of arrays."""
        ...

    def history(
        self, until: datetime, step_s: int, on_step: Callable[[float], None] | None = None
    ) -> SiteHistory:
        """Run to ``until``; the signals at the end of every step, ``{site: {signal: (n,)}}``."""
        ...
