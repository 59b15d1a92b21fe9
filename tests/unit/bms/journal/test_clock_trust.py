"""Whether the calendar is believed, beside the journal: it outlives the process (W14)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.journal.clock_trust import FileCalendarBook
from bms.model.clock_reading import ClockReading, Elapsed

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY, YEAR = timedelta(days=1), timedelta(days=365)


def at(calendar: datetime, gone: timedelta) -> ClockReading:
    return ClockReading(calendar, Elapsed("first", gone.total_seconds()))


def test_w14_a_jump_is_remembered_by_the_next_process(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "calendar.json"
    assert FileCalendarBook(path).believed(at(START, 0 * DAY))
    assert not FileCalendarBook(path).believed(at(START + YEAR, DAY))
    assert "nothing is deleted" in caplog.text
    caplog.clear()
    later = FileCalendarBook(path)
    assert not later.believed(at(START + YEAR + DAY, 2 * DAY))
    assert not later.believed(at(START + YEAR + 2 * DAY, 3 * DAY))
    assert "nothing is deleted" not in caplog.text
    assert later.believed(at(START + 4 * DAY, 4 * DAY))
    assert "believed again" in caplog.text


@pytest.mark.parametrize("text", [b"", b"{}", b"not json"])
def test_what_cannot_be_read_begins_a_week_of_doubt(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "calendar.json"
    path.write_bytes(text)
    assert [FileCalendarBook(path).believed(at(START + n * DAY, n * DAY)) for n in range(8)] == [
        False
    ] * 7 + [True]


def test_a_disk_that_refuses_deletes_nothing_that_the_clock_does_not_allow(tmp_path: Path) -> None:
    book = FileCalendarBook(tmp_path / "nowhere" / "calendar.json")
    assert book.believed(at(START, 0 * DAY))
    assert not book.believed(at(START + YEAR, DAY))
