"""Availability of a device: the circuit breaker, and counters of its health."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bms.model.assets.device import Fingerprint
from bms.ports.clock import Clock

_LOG = logging.getLogger(__name__)


class CircuitBreaker:
    """Opens after ``failures`` exchanges without a reply in a row; a trial follows each back-off.

    The back-off starts at ``first_s`` [s], doubles with every failed trial and ends at
    ``longest_s`` [s]. It is over when either building time or monotonic time has moved on by it: in
    a fast run building time passes much faster. Opening and closing are logged once each, both as
    warnings, so that a reader of one finds the other.
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
        self._failed = 0
        self._failed_at = (clock.monotonic(), clock.now())

    @property
    def open(self) -> bool:
        """Whether no request is to be sent now."""
        if self._failed < self._failures:
            return False
        monotonic, now = self._failed_at
        wait = self._back_off_s
        return (
            self._clock.monotonic() - monotonic < wait
            and timedelta() <= self._clock.now() - now < timedelta(seconds=wait)
        )

    def succeeded(self) -> None:
        """Count a reply, whatever its content; closes the breaker."""
        if self._failed >= self._failures:
            _LOG.warning("%s is back", self._name)
        self._failed = 0

    def failed(self, reason: str) -> None:
        """Count an exchange without a reply; ``reason`` is logged when the breaker opens."""
        self._failed += 1
        self._failed_at = (self._clock.monotonic(), self._clock.now())
        if self._failed == self._failures:
            _LOG.warning("%s does not answer: %s", self._name, reason)

    @property
    def _back_off_s(self) -> float:
        doublings = min(self._failed - self._failures, 30)
        return float(min(self._first_s * 2**doublings, self._longest_s))


_RECENT = 0.1


@dataclass(slots=True)
class HealthCounters:
    """Counters since the start of the process (``bms.ports.drivers.DeviceHealth``).

    ``latency_s`` [s] is a moving mean of the time to a reply. ``errors`` counts by code: an
    exception code of the protocol, ``silence`` or ``garbled``. ``last_good`` is building time;
    ``left_alone`` says that the breaker is open; ``clock_drift_s`` [s] is how much the device's
    clock was ahead when it was last read; ``silent_at`` is the building time at which it last gave
    no answer, or dropped the connection. ``fingerprint`` is what the device said it is when it was
    last asked; ``wrong_device`` is why it is not taken for the device of the site file; and
    ``elsewhere`` counts announcements of its instance by the address that they came from.
    """

    answers: int = 0
    latency_s: float | None = None
    errors: Counter[str] = field(default_factory=Counter)
    last_good: datetime | None = None
    left_alone: bool = False
    clock_drift_s: float | None = None
    silent_at: datetime | None = None
    fingerprint: Fingerprint | None = None
    wrong_device: str | None = None
    elsewhere: Counter[str] = field(default_factory=Counter)

    def answered(self, took_s: float, at: datetime) -> None:
        """Count a usable reply that took ``took_s`` [s] and came at building time ``at``."""
        self.answers += 1
        self.last_good = at
        last = self.latency_s
        self.latency_s = took_s if last is None else last + _RECENT * (took_s - last)

    def failed(self, code: str) -> None:
        """Count a failed exchange by its code."""
        self.errors[code] += 1

    def silent(self, at: datetime) -> None:
        """Count an exchange without an answer at building time ``at``."""
        self.failed("silence")
        self.silent_at = at
