"""The real meters and weather that the savings are tested on (bms/bench/data/meters/README.md)."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from bms.model.readings.series import Series
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Span
from tests.rigs.paths import ROOT

METERS = ROOT / "bms" / "bench" / "data" / "meters" / "meters_hourly.csv.gz"
WEATHER = ROOT / "bms" / "feeds" / "data" / "weather_hourly.csv.gz"
TIMEZONE = "Europe/London"
START = datetime(2018, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURS = 2 * 365 * 24
METER_IDS = (
    *("b0_el", "b109_gas", "b111_el", "b111_gas", "b120_gas", "b15_el", "b17_gas", "b19_el"),
    *("b19_gas", "b20_el", "b24_gas", "b2_el", "b2_gas", "b31_el", "b31_gas", "b35_el", "b35_gas"),
    *("b3_el", "b43_gas", "b61_gas", "b62_el", "b62_gas", "b75_gas", "b7_el", "b96_el", "b96_gas"),
    "b9_el",
)
"""Those of the file: whoever only names them need not read it."""


def local(year: int, month: int, day: int, timezone: str = TIMEZONE) -> datetime:
    return datetime(year, month, day, tzinfo=ZoneInfo(timezone))


BASELINE = Span(start=local(2018, 1, 1), end=local(2019, 1, 1))


def _column(path: Path, column: str, key: str | None = None) -> dict[str, Series]:
    found: dict[str, np.ndarray] = {}
    hours: dict[str, int] = {}  # the same moments come again with every meter
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        names = next(rows)
        at, amount = names.index("timestamp_utc"), names.index(column)
        of = names.index(key) if key else None
        for row in rows:
            name = "" if of is None else row[of]
            if name not in found:
                found[name] = np.full(HOURS, np.nan)
            hour = hours.get(row[at])
            if hour is None:
                hour = hours[row[at]] = _hour(row[at])
            if row[amount]:
                found[name][hour] = float(row[amount])
    return {name: Series(START, HOUR, values) for name, values in found.items()}


def _hour(text: str) -> int:
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - START) // HOUR


@cache
def meters() -> dict[str, Series]:
    """Hourly use [kWh] by meter id."""
    found = _column(METERS, "kwh", "meter_id")
    assert sorted(found) == list(METER_IDS)
    return found


@cache
def outdoor() -> Series:
    """Hourly outdoor air temperature [degC]."""
    return _column(WEATHER, "temp_air_c")[""]


def commodity(meter_id: str) -> Commodity:
    return Commodity.ELECTRICITY if meter_id.endswith("_el") else Commodity.GAS
