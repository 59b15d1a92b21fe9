"""A plant's or a meter's file in columns, as the rules want it: CSV with a header, also gzipped.

Stamps are ISO 8601, month/day/year or day-month-year with a time. Without an offset they are local
to the map's timezone, and count as they stand where it names none. Units are those of the map or
the header; temperatures that plainly are degF, shares in per cent and pressures in inches of water
are converted.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from bms.errors import FeedError
from bms.faults.observations import Equipment, Observations
from bms.faults.signals import (
    AIR_TEMPERATURES,
    AMOUNTS,
    SHARES,
    TEMPERATURES,
    WATER_TEMPERATURES,
    Signal,
)
from bms.feeds.plants.column_guess import Guess, plain
from bms.feeds.plants.column_map import ColumnMap
from bms.feeds.suppliers.decoding import MAX_BYTES, decoded_text
from bms.feeds.suppliers.meter_files import read_weather
from bms.model.outside_file import read_outside
from bms.model.outside_text import shown
from bms.model.planning.grid import Ints
from bms.model.readings.series import Floats, Series
from bms.model.readings.units import Commodity
from bms.savings.data.commodity import commodity_of

FORMATS = (
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%y %H:%M",
    "%d-%m-%Y %H:%M",
    "%d-%m-%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y",
)
TIME_NAMES = ("timestamp utc", "datetime utc", "time utc", "timestamp", "datetime", "time", "date")
METER = "meter id"
"""Name of the column that names the meter of a row."""
MISSING = {"", "na", "nan", "null", "none", "n/a", "-", "#n/a", "nat"}
WARM_F = 50.0
"""Room and return air that reads warmer than this in the middle is in degF."""
MOST_COLUMNS = 2_000
OUTDOOR = Guess(Signal.OUTDOOR_TEMP, "degc")
MOST_NAMED = 400
"""Characters [1] of the names of columns that a message repeats."""


@dataclass(frozen=True, slots=True, eq=False)
class PlantFile:
    """What a file holds: subjects for the rules, which column was taken for what, and columns that
    nothing is known of."""

    subjects: tuple[Observations, ...]
    taken: tuple[tuple[str, Guess], ...]
    left: tuple[str, ...]
    unread: int
    """Rows whose time could not be read [1]."""


def read_plant(
    path: Path, mapping: ColumnMap, *, weather: Path | None = None, site: str = "file"
) -> PlantFile:
    """The subjects of a file: one plant, or one meter for each name in a column ``meter_id``.

    ``weather`` is a file of outdoor temperature and sunshine for files without them. Raises
    ``FeedError`` where there is no header, no time, no row, or no column that is known.
    """
    header, rows = _table(path)
    air = {} if weather is None else _weather(weather)
    names = [plain(name) for name in header]
    if METER not in names:
        return _plant(path, header, rows, mapping, air, site)
    column = names.index(METER)
    groups: dict[str, list[list[str]]] = {}
    for row in rows:
        if len(row) > column and row[column].strip():
            groups.setdefault(row[column].strip(), []).append(
                [*row[:column], "", *row[column + 1 :]]
            )
    parts = [
        _plant(path, header, each, mapping, air, site, meter=name) for name, each in groups.items()
    ]
    if not parts:
        raise FeedError(f"{path}: no row names a meter")
    return PlantFile(
        tuple(subject for part in parts for subject in part.subjects),
        parts[0].taken,
        parts[0].left,
        sum(part.unread for part in parts),
    )


def _plant(
    path: Path,
    header: list[str],
    rows: list[list[str]],
    mapping: ColumnMap,
    air: Mapping[Guess, Series],
    site: str,
    meter: str | None = None,
) -> PlantFile:
    time = _time_column(header, mapping)
    at, keep, unread = _moments([row[time] if time < len(row) else "" for row in rows], mapping)
    if not len(at):
        raise FeedError(f"{path}: no row has a time that can be read in column {header[time]!r}")
    rows = [rows[i] for i in keep.tolist()]
    taken, left = [], []
    for place, name in enumerate(header):
        known = None if place == time else mapping.of(name)
        if known is not None:
            taken.append((place, name, known))
        elif place != time and plain(name) != METER:
            left.append(name)
    if not taken:
        raise FeedError(f"{path}: no column is known: {_named(header)}; name them in a --map")
    values = [_numbers([row[p] if p < len(row) else "" for row in rows]) for p, _, _ in taken]
    read = [(known, numbers) for (_, _, known), numbers in zip(taken, values, strict=True)]
    has = {known.signal for known, _ in read}
    for known, series in air.items():
        if known.signal not in has:
            read.append((known, _at(series, at)))
    if meter is not None:
        read = [
            (_of_meter(meter, known, numbers, at, air.get(OUTDOOR)), numbers)
            for known, numbers in read
        ]
    subjects = _subjects(at, read, mapping, site)
    if meter is not None:
        subjects = (replace(subject, subject=meter) for subject in subjects)
    return PlantFile(
        tuple(subjects), tuple((name, known) for _, name, known in taken), tuple(left), unread
    )


def _weather(path: Path) -> dict[Guess, Series]:
    """Outdoor temperature [degC] and, where the file has it, sunshine [W/m2]."""
    found = read_weather(path)
    sun = {} if found.ghi_wm2 is None else {Guess(Signal.SUN, None): found.ghi_wm2}
    return {OUTDOOR: found.temp_c, **sun}


def _at(series: Series, at: Ints) -> Floats:
    """The values of a series at moments, NaN outside it."""
    place = (at - int(series.start.timestamp())) // int(series.step.total_seconds())
    inside = (place >= 0) & (place < len(series))
    values = np.full(len(at), np.nan)
    values[inside] = series.values[place[inside]]
    return values


def _of_meter(meter: str, known: Guess, values: Floats, at: Ints, air: Series | None) -> Guess:
    """A meter's kWh are heat or electricity by its name, or by how they follow the weather."""
    if known.signal is not Signal.HEAT or known.unit not in ("kWh", None):
        return known
    start, step = datetime.fromtimestamp(int(at[0]), UTC), timedelta(seconds=_step_s(at))
    use = Series(start=start, step=step, values=values.copy())
    nothing = Series(start=start, step=step, values=np.full(len(at), np.nan))
    commodity = commodity_of(meter, use, air or nothing)
    signal = {Commodity.ELECTRICITY: Signal.ELECTRICITY, Commodity.WATER: Signal.WATER}
    return replace(known, signal=signal.get(commodity, Signal.HEAT))


def _table(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        text = decoded_text(read_outside(path, MAX_BYTES), str(path), wanted="CSV")
    except OSError as error:
        raise FeedError(f"{path}: cannot be read: {error.strerror}") from error
    first = text[: text.find("\n") + 1] or text
    delimiter = max(",;\t", key=first.count)
    if first.count(delimiter) >= MOST_COLUMNS:
        raise FeedError(f"{path}: has more than {MOST_COLUMNS} columns")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=None), delimiter=delimiter))
    except csv.Error as error:
        raise FeedError(f"{path}: cannot be read as CSV: {error}") from error
    if len(rows) < 2:
        raise FeedError(f"{path}: there is no row below the header")
    return [name.strip() for name in rows[0]], [row for row in rows[1:] if row]


def _named(header: Sequence[str]) -> str:
    return shown(", ".join(header), MOST_NAMED)


def _time_column(header: Sequence[str], mapping: ColumnMap) -> int:
    if mapping.time is not None:
        if mapping.time not in header:
            raise FeedError(f"no column {mapping.time!r}; there are: {_named(header)}")
        return header.index(mapping.time)
    names = [plain(name.replace("_", " ")) for name in header]
    for wanted in TIME_NAMES:
        if wanted in names:
            return names.index(wanted)
    for place, name in enumerate(names):
        if re.search(r"utc|time|stamp", name):
            return place
    raise FeedError(f"no column of time: {_named(header)}; name it in a --map")


def _moments(texts: list[str], mapping: ColumnMap) -> tuple[Ints, Ints, int]:
    """Ascending, distinct moments [epoch s], the rows that they are of, and how many are unread."""
    form = mapping.time_format or _format_of(texts)
    zone = ZoneInfo(mapping.timezone) if mapping.timezone else UTC
    stamps = np.full(len(texts), np.iinfo(np.int64).min, dtype=np.int64)
    for row, text in enumerate(texts):
        moment = _moment(text.strip(), form)
        if moment is not None:
            aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
            stamps[row] = int(aware.timestamp())
    readable = np.flatnonzero(stamps > np.iinfo(np.int64).min)
    at, first = np.unique(stamps[readable], return_index=True)
    return at, readable[first], len(texts) - len(readable)


def _format_of(texts: Iterable[str]) -> str | None:
    """The form in which the stamps can all be read; None for ISO 8601."""
    sample = [text.strip() for text in texts if text.strip()]
    sample = sample[:: max(len(sample) // 200, 1)]
    if sample and all(_moment(text, None) is not None for text in sample[:5]):
        return None
    fits = [form for form in FORMATS if all(_moment(text, form) is not None for text in sample)]
    return fits[0] if fits else None


def _moment(text: str, form: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if form is None else datetime.strptime(text, form)  # noqa: DTZ007
    except ValueError:
        return None


def _numbers(texts: list[str]) -> Floats:
    values = np.full(len(texts), np.nan)
    words = {"true": 1.0, "on": 1.0, "yes": 1.0, "false": 0.0, "off": 0.0, "no": 0.0}
    for row, text in enumerate(texts):
        clean = text.strip()
        if clean.lower() in MISSING:
            continue
        try:
            values[row] = float(clean)
        except ValueError:
            values[row] = words.get(clean.lower(), np.nan)
    values[~np.isfinite(values)] = np.nan
    return values


def _subjects(
    at: Ints, read: list[tuple[Guess, Floats]], mapping: ColumnMap, site: str
) -> Iterable[Observations]:
    step = _step_s(at)
    converted = _converted(read, step)
    signals: dict[Signal, Floats] = {}
    rooms: dict[Signal, dict[str, Floats]] = {}
    for known, values in converted:
        if known.place is not None:
            rooms.setdefault(known.signal, {})[known.place] = values
        else:
            signals.setdefault(known.signal, values)
    for equipment in _equipment(signals, rooms, mapping):
        yield Observations(
            site_id=site,
            subject=equipment.value,
            equipment=equipment,
            at=at,
            step_s=step,
            signals=signals,
            rooms=rooms,
            context=mapping.context,
        )


def _step_s(at: Ints) -> int:
    return int(np.median(np.diff(at))) if len(at) > 1 else 3600


_TELLING = (
    (Equipment.AIR_HANDLER, AIR_TEMPERATURES | {Signal.FAN, Signal.FAN_SPEED}),
    (Equipment.HEATING, {Signal.SUPPLY_TEMP, Signal.RETURN_TEMP}),
    (Equipment.ELECTRICITY_METER, {Signal.ELECTRICITY}),
    (Equipment.WATER_METER, {Signal.WATER}),
    (Equipment.HEAT_PUMP, {Signal.HEAT_PUMP_POWER, Signal.HEAT_PUMP_RUN}),
    (Equipment.ROOMS, {Signal.ZONE_TEMP, Signal.ZONE_VALVE}),
)


def _equipment(
    signals: dict[Signal, Floats], rooms: dict[Signal, dict[str, Floats]], mapping: ColumnMap
) -> list[Equipment]:
    """What a file is about, by its columns; a circuit's own heat is not a supplier's meter."""
    if mapping.equipment is not None:
        return [mapping.equipment]
    have = set(signals) | set(rooms)
    found = [equipment for equipment, telling in _TELLING if have & telling]
    if Signal.HEAT in have and Equipment.HEATING not in found:
        found.insert(0, Equipment.HEAT_METER)
    return found or [Equipment.ANY]


def _converted(read: list[tuple[Guess, Floats]], step_s: int) -> list[tuple[Guess, Floats]]:
    fahrenheit = _plainly_fahrenheit(read)
    balance = _flow_unit(read)
    hours = step_s / 3600.0
    answers = []
    for known, values in read:
        unit = known.unit
        if known.signal in TEMPERATURES:
            if unit == "degf" or _is_f(unit) or (unit is None and fahrenheit):
                values = (values - 32.0) / 1.8
        elif known.signal in SHARES:
            values = _share(values, unit)
        elif known.signal in (Signal.PRESSURE, Signal.PRESSURE_SETPOINT):
            values = _pascal(values, unit)
        elif known.signal in AMOUNTS:
            values = _amounts(known, values, hours, balance)
        answers.append((replace(known, unit=unit), values))
    return answers


def _is_f(unit: str | None) -> bool:
    return unit is not None and unit.strip().lower() in ("f", "°f", "degf", "fahrenheit", "deg f")


def _plainly_fahrenheit(read: list[tuple[Guess, Floats]]) -> bool:
    """Whether temperatures of air, of which none says its unit, are too warm for degC."""
    silent = [(k.signal, v) for k, v in read if k.signal in TEMPERATURES and k.unit is None]
    indoor = {Signal.RETURN_AIR_TEMP, Signal.ZONE_TEMP, Signal.MIXED_AIR_TEMP}
    for signal, values in silent:
        known = values[np.isfinite(values)]
        if not len(known):
            continue
        middle = float(np.median(known))
        if signal in indoor and middle > WARM_F:
            return True
        if signal in WATER_TEMPERATURES and middle > 105.0:
            return True
        if signal is Signal.OUTDOOR_TEMP and float(np.percentile(known, 95)) > 60.0:
            return True
    return False


def _share(values: Floats, unit: str | None) -> Floats:
    known = values[np.isfinite(values)]
    percent = unit == "%" or (unit is None and len(known) > 0 and float(known.max()) > 1.5)
    return values / 100.0 if percent and len(known) and float(known.max()) > 1.5 else values


def _pascal(values: Floats, unit: str | None) -> Floats:
    if unit is None:
        known = values[np.isfinite(values)]
        unit = "inH2O" if len(known) and float(np.percentile(known, 95)) < 12.0 else "Pa"
    factor = {"inH2O": 249.1, "kPa": 1000.0}.get(unit, 1.0)
    return values * factor


def _flow_unit(read: list[tuple[Guess, Floats]]) -> str | None:
    """The unit of a flow that says none, by the heat that it carries: l/s or m3/h; None where they
    do not fit together."""
    by = {known.signal: values for known, values in read}
    parts = [by.get(s) for s in (Signal.HEAT, Signal.VOLUME)]
    sup = by.get(Signal.SUPPLY_TEMP, by.get(Signal.METER_FLOW_TEMP))
    ret = by.get(Signal.RETURN_TEMP, by.get(Signal.METER_RETURN_TEMP))
    if any(part is None for part in (*parts, sup, ret)):
        return None
    assert parts[0] is not None
    assert parts[1] is not None
    assert sup is not None
    assert ret is not None
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = parts[0] / (parts[1] * (sup - ret))
    ratio = ratio[np.isfinite(ratio) & (ratio > 0)]
    if not len(ratio):
        return None
    middle = float(np.median(ratio))
    known_ratios = {"W l/s": 4150.0, "kW l/s": 4.15, "W m3/h": 1150.0, "kW m3/h": 1.15}
    name = min(known_ratios, key=lambda key: abs(np.log(middle / known_ratios[key])))
    return name if abs(np.log(middle / known_ratios[name])) < 0.3 else None


def _amounts(known: Guess, values: Floats, hours: float, balance: str | None) -> Floats:
    """Amounts per step [kWh] or [m3]."""
    unit = known.unit
    if unit is None and balance is not None and known.signal in (Signal.HEAT, Signal.VOLUME):
        power, flow = balance.split()
        unit = power if known.signal is Signal.HEAT else flow
        if (power, flow, hours) == ("kW", "m3/h", 1.0):
            return values  # amounts of an hour are its mean power and flow
    factor = {
        "W": hours / 1000.0,
        "kW": hours,
        "MWh": 1000.0,
        "Wh": 0.001,
        "l/s": 3.6 * hours,
        "m3/h": hours,
        "l": 0.001,
        "GJ": 277.8,
    }.get(unit or "", 1.0)
    return values * factor
