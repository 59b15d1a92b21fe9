"""Aware moments to whole microseconds after 1970-01-01T00:00Z, and back. No other time is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """Microseconds [us] after the epoch. Raises ValueError for a naive moment."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone: the store takes aware moments only")
    return (moment - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """The moment in UTC that lies ``micros`` [us] after the epoch."""
    return EPOCH + timedelta(microseconds=micros)
