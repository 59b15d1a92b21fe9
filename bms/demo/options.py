"""What the demo is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bms.feeds.archive import WEATHER_FILE

START = datetime(2019, 1, 14, tzinfo=ZoneInfo("Europe/Copenhagen"))
PAST = timedelta(days=365)
DETAILED = timedelta(days=42)
WEATHER = WEATHER_FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """``speed`` is building time over real time; ``home`` holds database, journal and logs."""

    home: Path
    sites: int = 3
    days: int = 14
    speed: float = 60.0
    port: int = 8000
    seed: int = 1
