"""A circuit breaker per device: who stays silent is left alone for a while."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bms.ports.clock import Clock

_LOG = logging.getLogger(__name__)


class Breaker:
    """Opens after ``failures`` silent exchanges in a row, and lets one try pass after a back-off.

    The back-off starts at ``first_s`` [s], doubles with every failed try and ends at ``longest_s``
    [s]. It is over when either of the clock's two times has moved on by it: in a fast run building
    time passes much quicker than the wire's. Going away and coming back are logged once each, both
    as warnings: whoever reads of the one looks for the other.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        *,
        failures: int = 2,
        first_s: float = 10.0,
        longest_s: float = 300.0,
    ) -> None:
        self._name = name
        self._clock = clock
        self._failures = failures
        self._first_s = first_s
        self._longest_s = longest_s
        self._silent = 0
        self._since = (clock.monotonic(), clock.now())

    @property
    def open(self) -> bool:
        """Whether the device is to be left alone now."""
        if self._silent < self._failures:
            return False
        monotonic, now = self._since
        wait = self._wait_s
        return (
            self._clock.monotonic() - monotonic < wait
            and timedelta() <= self._clock.now() - now < timedelta(seconds=wait)
        )

    def answered(self) -> None:
        """The device is there, whatever it said."""
        if self._silent >= self._failures:
            _LOG.warning("%s is back", self._name)
        self._silent = 0

    def silent(self, reason: str) -> None:
        """The device did not answer."""
        self._silent += 1
        self._since = (self._clock.monotonic(), self._clock.now())
        if self._silent == self._failures:
            _LOG.warning("%s does not answer: %s", self._name, reason)

    @property
    def _wait_s(self) -> float:
        doublings = min(self._silent - self._failures, 30)
        return float(min(self._first_s * 2**doublings, self._longest_s))


_RECENT = 0.1


@dataclass(slots=True)
class DeviceHealth:
    """Counts since the start. ``latency_s`` [s] is a moving mean of the answers' times.

    ``errors`` counts by code: an exception code of the protocol, ``silence`` or ``garbled``.
    ``last_good`` is building time; ``left_alone`` says that the breaker is open now;
    ``clock_drift_s`` [s] is how much its clock was ahead when it was last read.
    """

    answers: int = 0
    latency_s: float | None = None
    errors: Counter[str] = field(default_factory=Counter)
    last_good: datetime | None = None
    left_alone: bool = False
    clock_drift_s: float | None = None

    def answered(self, took_s: float, at: datetime) -> None:
        """An answer that could be used."""
        self.answers += 1
        self.last_good = at
        last = self.latency_s
        self.latency_s = took_s if last is None else last + _RECENT * (took_s - last)

    def failed(self, code: str) -> None:
        self.errors[code] += 1
