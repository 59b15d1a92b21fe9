"""What a device recorded by itself while nobody asked it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bms.model.readings.measurement import Reading


@dataclass(frozen=True, slots=True)
class Logged:
    """Readings out of a device's own log, oldest first.

    ``reached`` is up to when the log was read: earlier than was asked for where there was more than
    one may take at once. ``lost`` says that entries were gone already: the buffer was emptied or
    overwritten. ``doubt`` says why the times of the log are not quite believed; the readings are
    ``uncertain`` then.
    """

    readings: tuple[Reading, ...]
    reached: datetime
    lost: bool = False
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class NotLogged:
    """Nothing could be had. With ``retryable`` a later try may pass."""

    point: str
    reason: str
    retryable: bool


LogAnswer = Logged | NotLogged
