"""Whether a database answers, shared by those who use it: one that was away is left alone."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from bms.errors import StoreUnavailable

RETRY_S = 5.0


class Availability:
    """What was last seen of a database. Safe for several threads.

    ``retry_s`` is how long one that was away is left alone [s]: what would use it in that time is
    refused at once, so that six hundred sites do not each wait for a time-out.
    """

    def __init__(
        self, retry_s: float = RETRY_S, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._retry_s = retry_s
        self._monotonic = monotonic
        self._since = 0.0
        self.away: StoreUnavailable | None = None

    @property
    def worth_trying(self) -> bool:
        """Whether the database answered the last time, or that is long enough ago."""
        return self.away is None or self._monotonic() - self._since >= self._retry_s

    def retry_now(self) -> None:
        """The next call may try, however short ago the database was away."""
        self._since = -math.inf

    def lost(self, error: StoreUnavailable) -> None:
        """A call that was worth trying found the database away."""
        if self.worth_trying:
            self.away, self._since = error, self._monotonic()

    def answered(self) -> None:
        """A call found the database there."""
        self.away = None
