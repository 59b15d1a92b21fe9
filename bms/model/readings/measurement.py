"""A reading: one value of one point at one time, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Quality(StrEnum):
    """What a value is worth. Only the first five come with a value, and nothing is decided on any
    but a good one; a supplier's calculated and corrected values count as consumption.

    ``estimated``, ``calculated`` and ``corrected`` are values that a supplier did not measure,
    computed from others, or put in place of one that it had measured wrongly.
    ``uncertain``: there is a number, but its source says that it may not be what is measured.
    ``bad``: the device says that its value is not valid, or it is in a unit that cannot be
    converted. ``wrong_device``: something else answers in place of the device that the site file
    names.
    """

    GOOD = "good"
    UNCERTAIN = "uncertain"
    ESTIMATED = "estimated"
    CALCULATED = "calculated"
    CORRECTED = "corrected"
    ABSENT = "absent"
    OUT_OF_RANGE = "out_of_range"
    NO_REPLY = "no_reply"
    DEVICE_ERROR = "device_error"
    BAD = "bad"
    WRONG_DEVICE = "wrong_device"

    @property
    def has_value(self) -> bool:
        return self in _WITH_VALUE

    @property
    def counts(self) -> bool:
        """Whether its value has a part in series, roll-ups and consumption: measured well, or put
        right by the supplier who measured it. An estimate has none until its bill is read."""
        return self in COUNTED

    @property
    def is_guess(self) -> bool:
        """Whether a later, measured value makes up for this one."""
        return self in (Quality.ESTIMATED, Quality.CALCULATED)


COUNTED = (Quality.GOOD, Quality.CALCULATED, Quality.CORRECTED)
"""Qualities of values that count; the device's own first."""
_GOOD = Quality.GOOD
_WITH_VALUE = frozenset(
    {
        Quality.GOOD,
        Quality.UNCERTAIN,
        Quality.ESTIMATED,
        Quality.CALCULATED,
        Quality.CORRECTED,
    }
)


@dataclass(frozen=True, slots=True)
class Reading:
    """``value`` is in the unit of the point; None where ``quality`` says why it is missing.

    ``time`` is the moment of the source, ``received`` the moment we had it; both aware UTC.
    """

    point: str
    time: datetime
    value: float | None
    quality: Quality = Quality.GOOD
    received: datetime | None = None
    detail: str | None = None

    def __post_init__(self) -> None:
        if self.time.tzinfo is None:
            raise ValueError(f"{self.point}: a reading's time has to be aware (UTC)")
        if self.quality is _GOOD and self.value is not None:
            return  # nearly all; the rest costs as much again
        if (self.value is None) == self.quality.has_value:
            raise ValueError(f"{self.point}: {self.quality} does not go with value {self.value}")

    @property
    def good_value(self) -> float | None:
        """The value on which something may be decided; None where it is missing or doubted."""
        return self.value if self.quality is Quality.GOOD else None


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of a batch of readings; ``waiting`` are on disk until the database is back.

    ``expired`` were refused: readings as old as they are deleted already, as they have to be.
    """

    new: int = 0
    known: int = 0
    corrected: int = 0
    waiting: int = 0
    expired: int = 0

    def __add__(self, other: Ingested) -> Ingested:
        return Ingested(
            self.new + other.new,
            self.known + other.known,
            self.corrected + other.corrected,
            self.waiting + other.waiting,
            self.expired + other.expired,
        )
