"""Lines that break where nothing is known; the time axis: local midnights, whatever the clocks do,
in the manner of the language."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bms.messages import translator
from bms.reports.svg import between, edges_of, line, steps, time_ticks
from bms.reports.text import ChartText

ZONE = "Europe/Copenhagen"
START = datetime(2019, 1, 15, 23, tzinfo=UTC).timestamp()
DAY_S = 86_400.0


def text(language: str) -> ChartText:
    return ChartText(title="", description="", translator=translator(language, ZONE))


@pytest.mark.parametrize(
    ("language", "days", "shown"),
    [
        ("da", 1, ["ons. 16/1", "06:00", "12:00", "18:00", "tors. 17/1"]),
        ("en", 1, ["Wed 16 Jan", "06:00", "12:00", "18:00", "Thu 17 Jan"]),
        ("da", 62, ["16. jan.", "23. jan."]),
        ("en", 62, ["16 Jan", "23 Jan"]),
    ],
)
def test_the_time_axis_is_local(language: str, days: int, shown: list[str]) -> None:
    """23:00 UTC on the 15th is midnight in Copenhagen."""
    labels = [label for _, label in time_ticks(START, START + days * DAY_S, text(language))]
    assert labels[: len(shown)] == shown


@pytest.mark.parametrize(("day", "hours"), [(31, 23), (30, 24)])
def test_ticks_follow_the_change_of_the_clock(day: int, hours: int) -> None:
    start = datetime(2019, 3, day, tzinfo=ZoneInfo(ZONE)).timestamp()
    midnights = [
        t
        for t, label in time_ticks(start, start + 90_000, text("en"))
        if "Mar" in label or "Apr" in label
    ]
    assert midnights[1] - midnights[0] == hours * 3600


def test_the_last_interval_is_as_long_as_the_others() -> None:
    times = [datetime(2019, 1, 1, hour, tzinfo=UTC) for hour in (0, 1, 2)]
    assert edges_of(times)[-1] - edges_of(times)[-2] == 3600.0
    assert edges_of([]) == [0.0, 1.0]


@pytest.mark.parametrize("gap", [None, float("nan"), float("inf")])
def test_what_is_missing_is_a_gap_and_what_stands_alone_is_seen(gap: float | None) -> None:
    """A path that only moves draws nothing; one of no length is a dot of its line."""
    ys = [1.0, gap, 2.0, 3.0, gap, gap, 4.0]
    assert line(enumerate(ys)) == "M0.0 1.0m-1 0h2M2.0 2.0L3.0 3.0M6.0 4.0m-1 0h2"
    assert line([(0.0, gap)]) == line([]) == ""
    assert steps(range(8), ys).count("M") == 3
    assert between(range(8), ys, [y and y + 1.0 for y in ys]).count("Z") == 3
