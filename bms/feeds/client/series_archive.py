"""Time series on regular grids, on disk by year: prices, emission factors and weather.

One file per name and year, ``NAME.2026.f64``: one little-endian double for each step of the year
(UTC), NaN where unknown. A file of another length counts as missing.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bms.errors import FeedError
from bms.feeds.client.disk_cache import DiskCache, replace_file
from bms.feeds.client.payload import EpochSeconds, Samples, utc_time
from bms.model.readings.series import Floats

log = logging.getLogger(__name__)


MOST_HELD = 512
"""Files [1] that are held in memory, some 70 kB each; the others are read again."""


@dataclass(frozen=True, slots=True)
class SeriesArchive:
    """Series by name, in the folder and under the locks of ``cache``."""

    cache: DiskCache
    _years: dict[Path, tuple[tuple[int, int], Floats]] = field(default_factory=dict)

    def put(self, name: str, step_s: int, samples: Samples) -> None:
        """Writes the finite values of ``samples`` whose times lie on the grid of ``step_s`` [s].

        Raises ``FeedError`` when the folder cannot be used.
        """
        wanted = np.isfinite(samples.values) & (samples.seconds % step_s == 0)
        seconds, values = samples.seconds[wanted], samples.values[wanted]
        if not len(seconds):
            return
        with self.cache.lock(name):
            for year in range(_year(seconds[0]), _year(seconds[-1]) + 1):
                first, n = _extent(year, step_s)
                at = (seconds - first) // step_s
                inside = (at >= 0) & (at < n)
                self._merge(self._path(name, year), n, at[inside], values[inside])

    def get(self, name: str, step_s: int, first: int, n: int) -> Floats:
        """Returns ``n`` values from epoch second ``first``, which lies on the grid. Shape (n,)."""
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
        return self.cache.folder / f"{name}.{year}.f64"

    def _merge(self, path: Path, n: int, at: EpochSeconds, values: Floats) -> None:
        kept = self._kept(path, n)
        merged = np.full(n, np.nan) if kept is None else kept.copy()
        if np.array_equal(merged[at], values):
            return
        merged[at] = values
        try:
            replace_file(path, merged.astype("<f8").tobytes())
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
                for oldest in list(self._years)[:-MOST_HELD]:
                    self._years.pop(oldest, None)
            return held[1]
        return None


def _year(second: int) -> int:
    return utc_time(second).year


def _extent(year: int, step_s: int) -> tuple[int, int]:
    """Returns the first epoch second [s] and the number of steps of a year."""
    first = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    return first, (int(datetime(year + 1, 1, 1, tzinfo=UTC).timestamp()) - first) // step_s
