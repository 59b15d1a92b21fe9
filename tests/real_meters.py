"""The real meters and weather that the savings are tested on (tests/data/meters/README.md)."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from bms.model.savings import Span
from bms.model.series import Series
from bms.model.units import Commodity

ROOT = Path(__file__).parent
METERS = ROOT / "data" / "meters" / "meters_hourly.csv.gz"
WEATHER = ROOT.parent / "bms" / "feeds" / "data" / "weather_hourly.csv.gz"
TIMEZONE = "Europe/London"
START = datetime(2018, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURS = 2 * 365 * 24


def local(year: int, month: int, day: int, timezone: str = TIMEZONE) -> datetime:
    return datetime(year, month, day, tzinfo=ZoneInfo(timezone))


BASELINE = Span(start=local(2018, 1, 1), end=local(2019, 1, 1))


def _column(path: Path, column: str, key: str | None = None) -> dict[str, Series]:
    found: dict[str, np.ndarray] = {}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            values = found.setdefault(row[key] if key else "", np.full(HOURS, np.nan))
            moment = datetime.fromisoformat(row["timestamp_utc"]).replace(tzinfo=UTC)
            if row[column]:
                values[(moment - START) // HOUR] = float(row[column])
    return {name: Series(START, HOUR, values) for name, values in found.items()}


@cache
def meters() -> dict[str, Series]:
    """Hourly use [kWh] by meter id."""
    return _column(METERS, "kwh", "meter_id")


@cache
def outdoor() -> Series:
    """Hourly outdoor air temperature [degC]."""
    return _column(WEATHER, "temp_air_c")[""]


def commodity(meter_id: str) -> Commodity:
    return Commodity.ELECTRICITY if meter_id.endswith("_el") else Commodity.GAS
