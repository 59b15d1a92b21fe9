"""Values on fixed grids, kept on disk by year: prices, emission factors and weather as they came.

One file per name and year, ``NAME.2026.f64``: one little-endian double for each step of the year
(UTC), NaN where nothing is known. A file that has another length counts as not there.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bms.errors import FeedError
from bms.feeds.client.disk_cache import Shelf, write_whole
from bms.feeds.client.payload import Samples, Seconds, moment_of
from bms.model.readings.series import Floats

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Record:
    """Implements keeping and looking up; ``shelf`` says where, and who writes when."""

    shelf: Shelf
    _years: dict[Path, tuple[tuple[int, int], Floats]] = field(default_factory=dict)

    def put(self, name: str, step_s: int, samples: Samples) -> None:
        """Keep what is known in ``samples``; moments off the grid of ``step_s`` [s] are left out.

        Raises ``FeedError`` when the folder cannot be used.
        """
        wanted = np.isfinite(samples.values) & (samples.seconds % step_s == 0)
        seconds, values = samples.seconds[wanted], samples.values[wanted]
        if not len(seconds):
            return
        with self.shelf.turn(name):
            for year in range(_year(seconds[0]), _year(seconds[-1]) + 1):
                first, n = _extent(year, step_s)
                at = (seconds - first) // step_s
                inside = (at >= 0) & (at < n)
                self._merge(self._path(name, year), n, at[inside], values[inside])

    def get(self, name: str, step_s: int, first: int, n: int) -> Floats:
        """``n`` values from the moment ``first`` [s], which lies on the grid. Shape (n,)."""
        values = np.full(n, np.nan)
        if n <= 0:
            return values
        for year in range(_year(first), _year(first + (n - 1) * step_s) + 1):
            begin, steps = _extent(year, step_s)
            kept = self._kept(self._path(name, year), steps)
            if kept is not None:
                skip = (begin - first) // step_s
                low, high = max(0, skip), min(n, skip + steps)
                values[low:high] = kept[low - skip : high - skip]
        return values

    def _path(self, name: str, year: int) -> Path:
        return self.shelf.folder / f"{name}.{year}.f64"

    def _merge(self, path: Path, n: int, at: Seconds, values: Floats) -> None:
        kept = self._kept(path, n)
        merged = np.full(n, np.nan) if kept is None else kept.copy()
        if np.array_equal(merged[at], values):
            return
        merged[at] = values
        try:
            write_whole(path, merged.astype("<f8").tobytes())
        except OSError as error:
            raise FeedError(f"{path} cannot be written: {error.strerror}") from error

    def _kept(self, path: Path, n: int) -> Floats | None:
        with suppress(OSError):
            found = path.stat()
            changed = (found.st_mtime_ns, found.st_ino)
            held = self._years.get(path)
            if held is None or held[0] != changed:
                raw = path.read_bytes()
                if len(raw) != n * 8:
                    log.warning("%s has the wrong length and is not used", path)
                    return None
                held = (changed, np.frombuffer(raw, dtype="<f8").astype(np.float64))
                self._years[path] = held
            return held[1]
        return None


def _year(second: int) -> int:
    return moment_of(second).year


def _extent(year: int, step_s: int) -> tuple[int, int]:
    """First moment [s] and number of steps of a year."""
    first = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    return first, (int(datetime(year + 1, 1, 1, tzinfo=UTC).timestamp()) - first) // step_s
