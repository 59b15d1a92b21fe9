"""What the demo is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """``speed`` is building time over real time; ``home`` holds database, journal and logs.

    ``past_days`` is how much of the past is simulated first: savings need about a year of it.
    """

    home: Path
    sites: int = 3
    days: int = 14
    past_days: int = 365
    speed: float = 60.0
    port: int = 8000
    seed: int = 1
