"""The clock of a device: how far it is off, or why that is not known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

MOST_DRIFT_S = 60.0
"""Drift [s] up to which a device's clock is right enough for its logs and schedules."""


@dataclass(frozen=True, slots=True)
class ShownTime:
    """``local`` is the local time that the device shows, ``drift_s`` [s] how much that is ahead of
    building time."""

    device: str
    local: datetime
    drift_s: float


@dataclass(frozen=True, slots=True)
class NoTime:
    """The clock could not be read, or not be set. ``reason`` says why, and the way out."""

    device: str
    reason: str
