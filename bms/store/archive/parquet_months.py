"""Readings of a site and month as one Parquet file each, in folders that DuckDB takes for columns:
``month=2025-10/site=school/readings.parquet``.

Rows are ordered by point and time: ``point``, ``time`` (UTC), ``value`` in the unit of the point,
``quality``. Months are local to the time zone of the city.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from bms.errors import ConfigError, StoreError
from bms.model.readings.archived_month import ArchivedMonth
from bms.model.readings.measurement import Quality, Reading

FILE = "readings.parquet"
POINTS = b"points"
ROWS_AT_ONCE = 100_000


class ParquetArchive:
    """The files below ``folder``; a file is replaced as a whole or not at all.

    Raises ``ConfigError`` where pyarrow is needed and not installed, ``StoreError`` for a file that
    cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, site: str, month: date) -> bool:
        """Whether there is a file of the site and month."""
        return self._path(site, month).exists()

    def months(self) -> Iterator[ArchivedMonth]:
        """Every file, by month and site."""
        for path in sorted(self._folder.glob(f"month=*/site=*/{FILE}")):
            yield _described(path)

    def readings(self, site: str, month: date) -> list[Reading]:
        """What the file of the site and month has; nothing where there is none."""
        path = self._path(site, month)
        return _rows(_read(path)) if path.exists() else []

    def keep(self, site: str, month: date, readings: Iterable[Reading]) -> ArchivedMonth:
        """Add readings to the file of the site and month; those of the same point and time take the
        place of the older ones. What was written is read back before it counts."""
        rows = {(r.point, r.time): r for r in self.readings(site, month)}
        rows.update(((r.point, r.time), r) for r in readings)
        path = self._path(site, month)
        _write(path, [rows[key] for key in sorted(rows)])
        return _described(path)

    def forget(self, site: str, points: Collection[str], before: datetime) -> int:
        """Take readings of these points from before a moment out of the files of a site; returns
        how many they were [1]."""
        gone = 0
        for path in sorted(self._folder.glob(f"month=*/site={site}/{FILE}")):
            if _month_of(path) <= f"{before:%Y-%m}" and _points_of(path) & set(points):
                gone += _without(path, points, before)
        return gone

    def _path(self, site: str, month: date) -> Path:
        return self._folder / f"month={month:%Y-%m}" / f"site={site}" / FILE


def _without(path: Path, points: Collection[str], before: datetime) -> int:
    rows = _rows(_read(path))
    left = [row for row in rows if row.point not in points or row.time >= before]
    if left and len(left) < len(rows):
        _write(path, left)
    elif not left:
        path.unlink()
    return len(rows) - len(left)


def _month_of(path: Path) -> str:
    return path.parent.parent.name.removeprefix("month=")


def _described(path: Path) -> ArchivedMonth:
    return ArchivedMonth(
        site=path.parent.name.removeprefix("site="),
        month=_month_of(path),
        readings=_footer(path).num_rows,
        bytes=path.stat().st_size,
        path=path,
    )


def _points_of(path: Path) -> set[str]:
    metadata = _footer(path).metadata or {}
    return set(json.loads(metadata.get(POINTS, b"[]")))


def parquet_library() -> tuple[Any, Any]:
    """pyarrow and its Parquet. Raises ``ConfigError`` where it is not installed."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ConfigError(
            "the archive needs pyarrow; install it with pip install 'bms[archive]'"
        ) from None
    return pa, pq


def _footer(path: Path) -> Any:
    pa, pq = parquet_library()
    try:
        return pq.read_metadata(path)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path} cannot be read: {error}") from error


def _read(path: Path) -> Any:
    pa, pq = parquet_library()
    try:
        return pq.ParquetFile(path).read()
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path} cannot be read: {error}") from error


def _rows(table: Any) -> list[Reading]:
    columns = (table.column(name).to_pylist() for name in ("point", "time", "value", "quality"))
    return [
        Reading(point, time, value, Quality(quality))
        for point, time, value, quality in zip(*columns, strict=True)
    ]


def _write(path: Path, rows: Sequence[Reading]) -> None:
    """Write a file beside its place, read it back, and put it there."""
    pa, pq = parquet_library()
    fresh = path.with_name(f"{FILE}.new")
    names = sorted({row.point for row in rows})
    schema = pa.schema(
        [
            ("point", pa.dictionary(pa.int32(), pa.string())),
            ("time", pa.timestamp("us", tz="UTC")),
            ("value", pa.float64()),
            ("quality", pa.dictionary(pa.int32(), pa.string())),
        ],
        metadata={POINTS: json.dumps(names).encode()},
    )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with pq.ParquetWriter(fresh, schema, compression="zstd") as writer:
            for first in range(0, len(rows), ROWS_AT_ONCE):
                writer.write_table(_table(pa, schema, rows[first : first + ROWS_AT_ONCE]))
        if _rows(_read(fresh)) != [_plain(row) for row in rows]:
            raise StoreError(f"{fresh} does not have what was written into it")
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.replace(path)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path} cannot be written: {error}") from error


def _plain(row: Reading) -> Reading:
    """A reading as the file has it."""
    return Reading(row.point, row.time, row.value, row.quality)


def _table(pa: Any, schema: Any, rows: Sequence[Reading]) -> Any:
    columns = {
        "point": [row.point for row in rows],
        "time": [row.time for row in rows],
        "value": [row.value for row in rows],
        "quality": [row.quality.value for row in rows],
    }
    return pa.table(columns, schema=schema)
