"""Local midnights on the UTC line, against the calendar of the standard library."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from bms.model.readings.rollup import Level
from bms.store.rollups.local_days import HOUR, LocalDays
from tests.rigs.storage.plain_rollups import edges_of, micros

#: The last one leaves summer time for the month of Ramadan, and one begins its day at one o'clock.
ZONES = (
    "Europe/Copenhagen",
    "Atlantic/Faroe",
    "America/Nuuk",
    "UTC",
    "America/Havana",
    "Africa/Casablanca",
)


@pytest.mark.parametrize("timezone", ZONES)
def test_midnights_are_those_of_the_calendar(timezone: str) -> None:
    days, zone = LocalDays(timezone), ZoneInfo(timezone)
    for number in range(18_000, 22_000):
        day = date(1970, 1, 1) + timedelta(days=number)
        midnight = micros(datetime.combine(day, time(), zone).astimezone(UTC))
        assert days.midnights(np.array([number])).tolist() == [midnight]
        assert days.midnight(day) == midnight


def test_a_day_has_23_24_or_25_hours() -> None:
    days = LocalDays()
    lengths = np.diff(days.edges(Level.DAY, micros(YEAR), micros(YEAR + timedelta(days=365))))
    hours, counts = np.unique(lengths // HOUR, return_counts=True)
    assert (hours.tolist(), counts.tolist()) == ([23, 24, 25], [1, 364, 1])


YEAR = datetime(2025, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("minutes", [1, 15, 24 * 60, 40 * 24 * 60 + 7])
@pytest.mark.parametrize("start", [YEAR, YEAR - timedelta(hours=13), YEAR + timedelta(minutes=8)])
def test_edges_reach_around_what_is_asked_for(level: Level, minutes: int, start: datetime) -> None:
    end = start + timedelta(minutes=minutes)
    expected = [micros(edge) for edge in edges_of(level, start, end)]
    assert LocalDays().edges(level, micros(start), micros(end)).tolist() == expected
    assert expected[0] <= micros(start) < micros(end) <= expected[-1]


def test_months_begin_and_end_at_local_midnights() -> None:
    days = LocalDays()
    for month in (0, 1, 662, 663, 670, 2759):
        first, after = days.month(month)
        for moment in (first, (first + after) // 2, after - 1):
            assert days.month_of(moment) == month
        local = datetime.fromtimestamp(first / 1e6, ZoneInfo("Europe/Copenhagen"))
        assert (local.year, local.month) == (1970 + month // 12, 1 + month % 12)
        assert (local.day, local.hour) == (1, 0)


def test_only_days_of_230_years_are_known() -> None:
    days = LocalDays()
    moments = [micros(datetime(year, 6, 1, tzinfo=UTC)) for year in (1969, 1970, 2199, 2200)]
    assert days.days_of(np.array(moments)).tolist()[::3] == [-1, -1]
    assert (days.days_of(np.array(moments[1:3])) > 0).all()
    assert not days.covers(moments[0], moments[1])
    first, after = days.within(moments[0], moments[3])
    assert days.covers(first, after)
    assert days.within(moments[0] - 5, moments[0])[0] == first
    with pytest.raises(ValueError, match="outside of the years"):
        days.midnight(date(1969, 12, 31))
