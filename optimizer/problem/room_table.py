"""A room's record from the rows of a table: one column per point, named by its role and unit.

Nothing here opens a file: lines go in, a record comes out.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from bms.errors import ConfigError
from optimizer.model.facade_irradiance import facades
from optimizer.model.history import local_hours
from optimizer.model.rc_network import AIR_KWH_PER_M3_K, Floats
from optimizer.model.zone_record import ZoneRecord

TIME = "timestamp_utc"
NEEDED = ("zone_temp_c", "heat_power_kw", "outdoor_temp_c")
OPTIONAL = ("ghi_wm2", "occupied", "ventilation_run", "supply_air_temp_c")
COLUMNS = (TIME, *NEEDED, *OPTIONAL)
LONGEST_STEP_S = 7200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomLocation:
    """Location of a room and what is known of it: latitude and longitude [deg], time zone, and the
    full air flow of its ventilation [m3/h]."""

    latitude: float = 56.0
    longitude: float = 10.0
    timezone: str = "Europe/Copenhagen"
    flow_m3_h: float = 0.0


@dataclass(frozen=True, slots=True)
class ColumnSource:
    """The column of a table that a role is read from, and the factor of its numbers."""

    column: str
    factor: float = 1.0

    @classmethod
    def of(cls, text: str) -> ColumnSource:
        """From ``name`` or ``name*factor``. Raises ``ConfigError`` for a factor that is none."""
        column, star, factor = text.rpartition("*")
        if not star:
            return cls(text)
        try:
            return cls(column, float(factor))
        except ValueError:
            raise ConfigError(f"{text!r}: {factor!r} is no number; write name*0.01") from None


def read_room(
    lines: Iterable[str], sources: Mapping[str, ColumnSource], place: RoomLocation
) -> ZoneRecord:
    """The record of a room from the lines of a table with a header.

    ``sources`` say which column a role of :data:`COLUMNS` is read from, where it is not called like
    the role. Times are ISO 8601, UTC where they have no offset. Rows that are missing are gaps.
    Raises ``ConfigError`` for columns that are not there and for times that make no grid.
    """
    times, columns = _columns(lines, sources)
    start, step_s, at = _grid(times)
    n = int(at[-1]) + 1
    on_grid = {name: _placed(values, at, n) for name, values in columns.items()}
    none = np.zeros(n)
    ghi = on_grid.get("ghi_wm2", none) / 1000.0
    outdoors = on_grid["outdoor_temp_c"]
    return ZoneRecord(
        temp=on_grid["zone_temp_c"],
        heat=on_grid["heat_power_kw"],
        temp_out=outdoors,
        ghi=ghi,
        use=_relative(on_grid.get("occupied", none)),
        run=np.clip(on_grid.get("ventilation_run", none), 0.0, 1.0),
        hour=local_hours(start, step_s, n, place.timezone),
        facades=facades(
            ghi,
            start=start,
            step_s=step_s,
            latitude=place.latitude,
            longitude=place.longitude,
        ),
        temp_vent=on_grid.get("supply_air_temp_c", outdoors),
        step_h=step_s / 3600.0,
        vent_kw_per_k=place.flow_m3_h * AIR_KWH_PER_M3_K,
    )


def _columns(
    lines: Iterable[str], sources: Mapping[str, ColumnSource]
) -> tuple[list[datetime], dict[str, Floats]]:
    rows = iter(lines)
    header = next(rows, "").lstrip("\ufeff")
    delimiter = max(",;\t", key=header.count)
    names = next(csv.reader([header], delimiter=delimiter), [])
    wanted = {role: sources.get(role, ColumnSource(role)) for role in COLUMNS}
    missing = [
        f"{source.column} ({role})" if source.column != role else role
        for role, source in wanted.items()
        if source.column not in names and (role in (TIME, *NEEDED) or role in sources)
    ]
    if missing:
        raise ConfigError(
            f"no column {', '.join(missing)} among {', '.join(filter(None, names))}; "
            "name it with --column role=name"
        )
    place = {role: names.index(s.column) for role, s in wanted.items() if s.column in names}
    read = [row for row in csv.reader(rows, delimiter=delimiter) if any(row)]
    times = [_time(row[place[TIME]], i + 2) for i, row in enumerate(read)]
    return times, {
        role: wanted[role].factor * np.array([_number(row, column) for row in read])
        for role, column in place.items()
        if role != TIME
    }


def _time(text: str, line: int) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"line {line}: {text!r} is no time; write 2026-01-31T12:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _number(row: list[str], column: int) -> float:
    """NaN where nothing that is a finite number stands."""
    try:
        value = float(row[column])
    except (ValueError, IndexError):
        return float("nan")
    return value if np.isfinite(value) else float("nan")


def _grid(times: list[datetime]) -> tuple[datetime, float, np.ndarray]:
    """Start, step [s] and the place of every row on the grid."""
    if len(times) < 2:
        raise ConfigError("the table has fewer than two rows")
    seconds = np.array([moment.timestamp() for moment in times])
    apart = np.diff(seconds)
    step = float(np.median(apart))
    if not 0.0 < step <= LONGEST_STEP_S:
        raise ConfigError(f"rows are {step:.0f} s apart; they must rise, by at most two hours")
    place = (seconds - seconds[0]) / step
    odd = np.flatnonzero(np.abs(place - np.round(place)) > 0.01)
    if len(odd):
        raise ConfigError(
            f"line {int(odd[0]) + 2}: {times[odd[0]].isoformat()} is off the grid of {step:.0f} s"
        )
    if np.any(apart <= 0):
        line = int(np.flatnonzero(apart <= 0)[0]) + 3
        raise ConfigError(f"line {line}: the time does not rise; sort the rows")
    return times[0], step, np.round(place).astype(np.intp)


def _placed(values: Floats, at: np.ndarray, n: int) -> Floats:
    row = np.full(n, np.nan)
    row[at] = values
    return row


def _relative(use: Floats) -> Floats:
    """Number of people or 0/1 as a part of its maximum; unknown is 0, as otherwise a model of gains
    would lose the whole day."""
    top = float(np.nanmax(use, initial=0.0))
    known = np.nan_to_num(use)
    return np.clip(known / top, 0.0, 1.0) if top > 0 else known
