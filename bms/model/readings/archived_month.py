"""A month of readings that lies in the archive."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedMonth:
    """The file of a site and local month (``2025-10``): how many readings [1] and bytes [B]."""

    site: str
    month: str
    readings: int
    bytes: int
    path: Path
