"""The protocol of PreDist: seven days ahead, two days before and one after masked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.bench.detection.reported import reported_score, scored
from bms.errors import FeedError

DAY = timedelta(days=1)
START = datetime(2025, 1, 1, tzinfo=UTC)
SPAN = (START, START + 60 * DAY)
REPORT = START + 30 * DAY


def at(day: float, days: float = 1.0) -> tuple[datetime, datetime]:
    return START + day * DAY, START + (day + days) * DAY


def test_what_speaks_within_the_week_is_found_so_far_ahead() -> None:
    told = scored({"a": SPAN}, {"a": [at(26, 2)]}, [("a", REPORT)])
    assert (told.events, told.found, told.lead) == (1, 1, 4.0)
    assert told.peace == told.normal
    assert told.f_half == pytest.approx(1.0)


def test_what_spoke_earlier_is_a_false_alarm_and_the_fault_is_missed() -> None:
    told = scored({"a": SPAN}, {"a": [at(10, 3)]}, [("a", REPORT)])
    assert (told.found, told.alarms, told.normal - told.peace) == (0, 1, 3)
    assert told.f_half == 0.0


def test_the_day_after_a_report_is_nobodys() -> None:
    told = scored({"a": SPAN}, {"a": [at(30, 1)]}, [("a", REPORT)])
    assert (told.found, told.alarms) == (0, 0)


def test_a_substation_without_a_report_has_normal_days_only() -> None:
    told = scored({"a": SPAN, "b": SPAN}, {"b": [at(5)]}, [("a", REPORT), ("gone", REPORT)])
    assert (told.events, told.found, told.alarms) == (1, 0, 1)
    assert told.normal > 110


def test_a_folder_without_reports_says_so(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="reports"):
        reported_score(tmp_path)
