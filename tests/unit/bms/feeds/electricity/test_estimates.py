"""Estimates from the same quarter-hours of the last days."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from bms.feeds.electricity.estimates import mean_of_same_quarters


class TestTheUsualDay:
    def test_it_is_the_mean_of_the_same_local_quarters(self) -> None:
        first = int(datetime(2026, 1, 14, 23, tzinfo=UTC).timestamp())
        past = np.tile(np.arange(96.0), 7) + np.repeat(np.arange(7.0), 96)
        np.testing.assert_allclose(
            mean_of_same_quarters(past, first, 100, "Europe/Copenhagen")[:96], np.arange(96) + 3
        )

    def test_it_follows_the_clock_on_the_wall_when_that_changes(self) -> None:
        # until Sunday 2026-03-29 01:00 UTC; the peak is at 17:00 local time of each day
        first = int(datetime(2026, 3, 29, 0, tzinfo=UTC).timestamp())
        past = np.zeros(7 * 96)
        past[16 * 4 :: 96] = 1.0  # 16:00 UTC is 17:00 in winter
        ahead = mean_of_same_quarters(past, first, 24 * 4, "Europe/Copenhagen")
        assert np.flatnonzero(ahead).tolist() == [15 * 4]

    def test_two_days_are_too_few(self) -> None:
        first = int(datetime(2026, 1, 14, 23, tzinfo=UTC).timestamp())
        past = np.full(7 * 96, np.nan)
        past[-2 * 96 :] = 1.0
        assert np.isnan(mean_of_same_quarters(past, first, 96, "Europe/Copenhagen")).all()
        past[-3 * 96] = 1.0
        assert np.isfinite(
            mean_of_same_quarters(past, first, 96, "Europe/Copenhagen")
        ).tolist() == [
            True,
            *[False] * 95,
        ]
