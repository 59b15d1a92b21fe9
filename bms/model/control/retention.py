"""Deleting readings for good: what is asked for, and the line of the ledger that proves it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from bms.model.assets.point import Privacy


@dataclass(frozen=True, slots=True)
class KeptClass:
    """How long the readings of a point are kept: its class, and the days [d]; None is for good."""

    privacy: Privacy
    days: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Delete the readings of ``points`` from before the local midnight that begins ``before``.

    Their corrections and 15-minute roll-ups go with them. Hours and days stay, unless
    ``with_rollups``: then nothing of the points from before that midnight is left. ``site`` and
    ``privacy`` say whose data they are, ``actor`` and ``reason`` who wants it and why.
    """

    site: str
    privacy: Privacy
    points: tuple[str, ...]
    before: date
    with_rollups: bool
    actor: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What an erasure deleted: the ledger's line, without any value and any name of a point.

    ``points`` counts those that lost something, ``hours`` the hourly roll-ups that went.
    ``first`` and ``last`` are the times of the first and last reading deleted, None where there was
    none; ``until`` is the moment before which nothing is left. ``digest`` is the SHA-256 of what
    went, in hexadecimal digits; ``bms.store.erasure_ledger`` says over which bytes, so that whoever
    still has a copy can prove that this is what was deleted.
    """

    site: str
    privacy: Privacy
    points: int
    readings: int
    corrections: int
    hours: int
    first: datetime | None
    last: datetime | None
    until: datetime
    digest: str
    actor: str
    at: datetime
    reason: str

    @property
    def nothing(self) -> bool:
        """Whether there was nothing to delete; the ledger has no line then."""
        return not (self.readings or self.corrections or self.hours)
