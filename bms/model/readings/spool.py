"""Readings that wait on disk until the database is back, and what was lost of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class Importance(IntEnum):
    """Who gets the room where there is too little of it: the lowest number is kept longest."""

    REGISTER = 0
    OTHER = 1
    PERSONAL = 2


class Loss(StrEnum):
    """Why readings that waited, or should have, are gone."""

    FULL = "full"
    """The room was used up: the oldest of the least important ones made way."""
    DISK = "disk"
    """The disk did not take them."""
    DAMAGE = "damage"
    """They were on disk and can no longer be read."""
    REFUSED = "refused"
    """The database is there and will not have them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolState:
    """``waiting`` and ``lost`` count readings [1]; ``size_bytes`` is the room that is used.

    ``torn`` counts writes that a crash cut off; nobody was told that those were kept. What is
    lost or torn is counted since the spool was first used, over every restart.
    """

    waiting: Mapping[Importance, int] = field(default_factory=dict)
    size_bytes: int = 0
    lost: Mapping[tuple[Importance, Loss], int] = field(default_factory=dict)
    torn: int = 0
