"""Local days, and intervals that are stamped with their end."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

import numpy as np
import pytest

from bms.metering.local_days import hour_starting, local_day_edges, to_days
from bms.metering.step_edges import from_micros, to_micros
from bms.model.readings.metering import Consumption
from bms.model.readings.series import Series
from bms.model.readings.units import Unit

HOUR = timedelta(hours=1)
HOUR_US = 3_600_000_000
COPENHAGEN = "Europe/Copenhagen"


def hours_from(start: datetime, values: list[float]) -> Consumption:
    use = Series(start, HOUR, np.array(values, dtype=np.float64))
    return Consumption(use=use, unit=Unit.KWH, total=None, events=())


class TestTheEdgesOfLocalDays:
    def test_are_midnights_of_days_of_23_24_and_25_hours(self) -> None:
        spring = local_day_edges(date(2026, 3, 28), date(2026, 3, 30), COPENHAGEN)
        autumn = local_day_edges(date(2026, 10, 24), date(2026, 10, 26), COPENHAGEN)
        assert (np.diff(spring) // HOUR_US).tolist() == [24, 23, 24]
        assert (np.diff(autumn) // HOUR_US).tolist() == [24, 25, 24]
        assert from_micros(int(spring[0])) == datetime(2026, 3, 27, 23, tzinfo=UTC)

    def test_of_a_single_day_are_two(self) -> None:
        assert len(local_day_edges(date(2026, 1, 1), date(2026, 1, 1), COPENHAGEN)) == 2

    def test_need_days_in_order_and_a_known_zone(self) -> None:
        with pytest.raises(ValueError, match="end before they begin"):
            local_day_edges(date(2026, 1, 2), date(2026, 1, 1), COPENHAGEN)
        with pytest.raises(ZoneInfoNotFoundError):
            local_day_edges(date(2026, 1, 1), date(2026, 1, 2), "Europe/Atlantis")


class TestDaysFromHours:
    edges = local_day_edges(date(2026, 10, 24), date(2026, 10, 26), COPENHAGEN)
    start = from_micros(int(edges[0]))

    def test_have_each_its_own_hours(self) -> None:
        days = to_days(hours_from(self.start, [1.0] * 73), self.edges)
        assert days.use.values.tolist() == [24.0, 25.0, 24.0]
        assert days.total == 73.0
        assert days.edges is not None

    def test_are_missing_where_an_hour_is(self) -> None:
        values = [1.0] * 73
        values[30] = float("nan")
        days = to_days(hours_from(self.start, values), self.edges)
        assert np.isnan(days.use.values).tolist() == [False, True, False]
        assert days.total is None

    def test_are_missing_where_the_hours_do_not_reach(self) -> None:
        for start, n in ((self.start + HOUR, 73), (self.start, 72)):
            days = to_days(hours_from(start, [1.0] * n), self.edges)
            assert np.isnan(days.use.values).sum() == 1

    def test_are_missing_where_no_step_begins_at_midnight(self) -> None:
        days = to_days(hours_from(self.start - HOUR / 2, [1.0] * 80), self.edges)
        assert np.isnan(days.use.values).all()

    def test_are_not_made_of_days(self) -> None:
        days = to_days(hours_from(self.start, [1.0] * 73), self.edges)
        with pytest.raises(ValueError, match="one length"):
            to_days(days, self.edges)


class TestHoursThatAreStampedWithTheirEnd:
    def test_begin_an_interval_before(self) -> None:
        ends = to_micros(datetime(2026, 1, 1, 1, tzinfo=UTC)) + HOUR_US * np.arange(3)
        assert from_micros(int(hour_starting(ends, 3600)[0])) == datetime(2026, 1, 1, tzinfo=UTC)
        assert np.diff(hour_starting(ends, 3600)).tolist() == [HOUR_US, HOUR_US]
