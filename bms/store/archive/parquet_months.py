"""Readings of a site and month as one Parquet file each, in folders that DuckDB takes for columns:
``month=2025-10/site=school/readings.parquet``.

Rows are ordered by point and time: ``point``, ``time`` (UTC), ``value`` in the unit of the point,
``quality``. Months are local to the time zone of the city.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from bms.errors import ConfigError, StoreError
from bms.model.readings.archived_month import ArchivedMonth
from bms.model.readings.measurement import Quality, Reading

FILE = "readings.parquet"
UNFINISHED = f"{FILE}.new"
LOCK = ".lock"
PATIENCE_S = 120.0
"""How long another process may take to write the file of a month [s]."""
LOOK_S = 0.05
POINTS = b"points"
ROWS_AT_ONCE = 100_000


class ParquetArchive:
    """The files below ``folder``; a file is replaced as a whole or not at all, by one process at a
    time. When ``keep`` returns, a power cut takes nothing away.

    Raises ``ConfigError`` where pyarrow is needed and not installed, ``StoreError`` for a file that
    cannot be read or written.
    """

    def __init__(self, folder: Path, patience_s: float = PATIENCE_S) -> None:
        self._folder, self._patience_s = folder, patience_s

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
        path = self._path(site, month)
        with self._turn():
            rows = {(r.point, r.time): r for r in self.readings(site, month)}
            rows.update(((r.point, r.time), r) for r in readings)
            _write(path, [rows[key] for key in sorted(rows)])
            _settle(path.parent, self._folder)
        return _described(path)

    def forget(self, site: str, points: Collection[str], before: datetime) -> int:
        """Take readings of these points from before a moment out of the files of a site; returns
        how many they were [1]. What a process that was killed left half written goes, too."""
        if not self._folder.exists():
            return 0
        gone, last = 0, f"{before + timedelta(days=1):%Y-%m}"  # months are local, moments UTC
        with self._turn():
            for left in self._folder.glob(f"month=*/site={site}/{UNFINISHED}"):
                _unlink(left)
            for path in sorted(self._folder.glob(f"month=*/site={site}/{FILE}")):
                if _month_of(path) <= last and _points_of(path) & set(points):
                    gone += _without(path, points, before)
        return gone

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Alone at the files: what another process takes out of one must not come back."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(
                self._folder / LOCK, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise StoreError(f"{self._folder} cannot be written: {error}") from error
        try:
            _locked(descriptor, self._folder, self._patience_s)
            yield
        finally:
            os.close(descriptor)

    def _path(self, site: str, month: date) -> Path:
        return self._folder / f"month={month:%Y-%m}" / f"site={site}" / FILE


def _locked(descriptor: int, folder: Path, patience_s: float) -> None:
    """The lock ends with its descriptor. Raises ``StoreError`` where another process keeps it."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise StoreError(
                    f"another process has written to {folder} for {patience_s:.0f} s; try again"
                ) from None
            time.sleep(LOOK_S)
        else:
            return


def _settle(place: Path, folder: Path) -> None:
    """The name of a new file outlives a power cut: readings leave the database next."""
    for each in (place, *place.parents):
        descriptor = os.open(each, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if each == folder:
            return


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{path} cannot be deleted: {error}") from error


def _without(path: Path, points: Collection[str], before: datetime) -> int:
    rows = _rows(_read(path))
    left = [row for row in rows if row.point not in points or row.time >= before]
    if left and len(left) < len(rows):
        _write(path, left)
    elif not left:
        _unlink(path)
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
    fresh = path.with_name(UNFINISHED)
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
    finally:
        with suppress(OSError):  # where all went well there is none
            fresh.unlink(missing_ok=True)


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
