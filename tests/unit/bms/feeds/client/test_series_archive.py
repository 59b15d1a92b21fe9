"""Values by year on disk."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from bms.errors import FeedError
from bms.feeds.client.disk_cache import DiskCache
from bms.feeds.client.payload import Samples
from bms.feeds.client.series_archive import MOST_HELD, SeriesArchive

NEW_YEAR = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())


def samples(first: int, values: list[float], step: int = 3600) -> Samples:
    return Samples(first + step * np.arange(len(values)), np.array(values, dtype=np.float64))


class TestTheArchive:
    def test_values_come_back_over_the_turn_of_the_year(self, tmp_path: Path) -> None:
        archive = SeriesArchive(DiskCache(tmp_path))
        archive.put("t", 3600, samples(NEW_YEAR - 2 * 3600, [1.0, 2.0, 3.0, 4.0]))
        got = archive.get("t", 3600, NEW_YEAR - 3 * 3600, 6)
        np.testing.assert_array_equal(got, [np.nan, 1.0, 2.0, 3.0, 4.0, np.nan])
        assert {path.name for path in tmp_path.glob("*.f64")} == {"t.2025.f64", "t.2026.f64"}

    def test_what_is_not_known_leaves_what_was(self, tmp_path: Path) -> None:
        archive = SeriesArchive(DiskCache(tmp_path))
        archive.put("t", 3600, samples(NEW_YEAR, [1.0, 2.0]))
        archive.put("t", 3600, samples(NEW_YEAR, [np.nan, 5.0]))
        assert archive.get("t", 3600, NEW_YEAR, 2).tolist() == [1.0, 5.0]

    def test_moments_between_the_steps_are_left_out(self, tmp_path: Path) -> None:
        archive = SeriesArchive(DiskCache(tmp_path))
        archive.put("t", 3600, samples(NEW_YEAR + 60, [1.0, 2.0]))
        assert np.isnan(archive.get("t", 3600, NEW_YEAR, 3)).all()

    def test_another_process_sees_it(self, tmp_path: Path) -> None:
        ours, theirs = SeriesArchive(DiskCache(tmp_path)), SeriesArchive(DiskCache(tmp_path))
        assert np.isnan(ours.get("t", 3600, NEW_YEAR, 1)).all()
        theirs.put("t", 3600, samples(NEW_YEAR, [1.0]))
        assert ours.get("t", 3600, NEW_YEAR, 1).tolist() == [1.0]
        ours.put("t", 3600, samples(NEW_YEAR, [2.0]))
        assert theirs.get("t", 3600, NEW_YEAR, 1).tolist() == [2.0]

    def test_a_file_of_another_length_is_not_used(self, tmp_path: Path) -> None:
        archive = SeriesArchive(DiskCache(tmp_path))
        archive.put("t", 3600, samples(NEW_YEAR, [1.0]))
        (tmp_path / "t.2026.f64").write_bytes(b"short")
        assert np.isnan(archive.get("t", 3600, NEW_YEAR, 1)).all()
        archive.put("t", 3600, samples(NEW_YEAR, [3.0]))
        assert archive.get("t", 3600, NEW_YEAR, 1).tolist() == [3.0]

    def test_what_is_handed_out_is_a_copy(self, tmp_path: Path) -> None:
        archive = SeriesArchive(DiskCache(tmp_path))
        archive.put("t", 3600, samples(NEW_YEAR, [1.0]))
        archive.get("t", 3600, NEW_YEAR, 1)[0] = 9.0
        assert archive.get("t", 3600, NEW_YEAR, 1).tolist() == [1.0]

    def test_more_files_than_are_held_in_memory_come_back(self, tmp_path: Path) -> None:
        archive, day = SeriesArchive(DiskCache(tmp_path)), 86_400
        for i in range(MOST_HELD + 8):
            archive.put(f"t{i}", day, samples(NEW_YEAR, [float(i)], day))
        assert archive.get("t0", day, NEW_YEAR, 1).tolist() == [0.0]
        assert archive.get(f"t{MOST_HELD}", day, NEW_YEAR, 1).tolist() == [float(MOST_HELD)]

    def test_a_disk_that_refuses_is_an_error_of_the_feed(self, tmp_path: Path) -> None:
        (tmp_path / "t.2026.f64").mkdir()
        with pytest.raises(FeedError, match="cannot be written"):
            SeriesArchive(DiskCache(tmp_path)).put("t", 3600, samples(NEW_YEAR, [1.0]))
