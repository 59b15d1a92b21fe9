"""W14: whether a calendar is believed enough to delete what it calls old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bms.model.clock_reading import CalendarTrust, ClockReading, Elapsed

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY, YEAR = timedelta(days=1), timedelta(days=365)


def at(calendar: datetime, gone: timedelta, boot: str = "first") -> ClockReading:
    return ClockReading(calendar, Elapsed(boot, 1000.0 + gone.total_seconds()))


def seen(*readings: ClockReading) -> CalendarTrust:
    trust = CalendarTrust.first(readings[0])
    for reading in readings[1:]:
        trust = trust.seen(reading)
    return trust


def test_a_calendar_that_goes_with_running_time_is_believed() -> None:
    assert seen(*(at(START + n * DAY, n * DAY) for n in range(400))).holds


@pytest.mark.parametrize("jump", [timedelta(days=3), YEAR, 30 * YEAR])
def test_one_that_jumps_forward_is_not(jump: timedelta) -> None:
    assert not seen(at(START, 0 * DAY), at(START + DAY + jump, DAY)).holds


def test_one_that_was_put_back_is_believed_again() -> None:
    assert seen(at(START, 0 * DAY), at(START + YEAR, DAY), at(START + 2 * DAY, 2 * DAY)).holds


def test_one_that_goes_back_only_is_believed() -> None:
    assert seen(at(START, 0 * DAY), at(START - YEAR, DAY)).holds


def test_one_that_has_gone_on_for_a_week_is_believed() -> None:
    jumped = [at(START + YEAR + n * DAY, n * DAY) for n in range(1, 9)]
    assert not seen(at(START, 0 * DAY), *jumped[:7]).holds
    assert seen(at(START, 0 * DAY), *jumped).holds


def test_another_jump_begins_the_week_anew() -> None:
    first = [at(START + YEAR + n * DAY, n * DAY) for n in range(1, 7)]
    second = [at(START + 2 * YEAR + n * DAY, n * DAY) for n in range(7, 14)]
    assert not seen(at(START, 0 * DAY), *first, *second).holds


def test_a_computer_that_was_off_for_a_month_is_believed_a_week_later() -> None:
    after = [at(START + (31 + n) * DAY, n * DAY, boot="second") for n in range(8)]
    assert not seen(at(START, 0 * DAY), *after[:7]).holds
    assert seen(at(START, 0 * DAY), *after).holds


def test_a_restart_within_a_day_costs_nothing() -> None:
    assert seen(at(START, 0 * DAY), at(START + DAY, 0 * DAY, boot="second")).holds
