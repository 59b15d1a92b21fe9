"""CSV files of suppliers with their mappings, and what was read of them at a glance."""

from __future__ import annotations

from datetime import UTC, datetime

from bms.feeds.suppliers.csv_mapping import CsvMapping, ValueColumn
from bms.feeds.suppliers.csv_reader import read_csv
from bms.model.readings.metering import Quantity, SupplierFile

HEADER = "meter_id,timestamp_utc,kwh\n"
PLAIN = CsvMapping(interval_s=3600)
DANISH = CsvMapping(
    number="Måler",
    time=("Tid",),
    values=(ValueColumn(column="Forbrug", quantity=Quantity.ENERGY, unit="kWh"),),
    separator=";",
    decimal=",",
    timezone="Europe/Copenhagen",
    time_format="%d-%m-%Y %H:%M",
    interval_s=3600,
)
DANISH_HEADER = "Måler;Tid;Forbrug\n"


def read(text: str | bytes, mapping: CsvMapping = PLAIN, name: str = "file.csv") -> SupplierFile:
    return read_csv(text.encode() if isinstance(text, str) else text, name, mapping)


def values(found: SupplierFile) -> list[float | None]:
    return [row.value for row in found.rows]


def hours(found: SupplierFile) -> list[str]:
    """Day and time of the rows, UTC."""
    return [datetime.fromtimestamp(row.time, UTC).strftime("%d %H:%M") for row in found.rows]


def refused(found: SupplierFile) -> dict[int, str]:
    """Why, by line."""
    return {mistake.line: mistake.message for mistake in found.mistakes}
