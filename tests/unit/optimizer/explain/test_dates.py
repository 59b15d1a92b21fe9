"""Moments as people say them, in local time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from optimizer.explain.dates import local, spoken


@pytest.mark.parametrize(
    ("moment", "da", "en"),
    [
        (
            datetime(2019, 1, 21, 6, 15, tzinfo=UTC),
            "mandag 21. jan. kl. 07.15",
            "Monday 21 Jan 07:15",
        ),
        (
            datetime(2019, 6, 30, 22, 5, tzinfo=UTC),
            "mandag 1. juli kl. 00.05",
            "Monday 1 Jul 00:05",
        ),
        (
            datetime(2019, 3, 31, 1, 0, tzinfo=UTC),  # the hour that summer time skips
            "søndag 31. marts kl. 03.00",
            "Sunday 31 Mar 03:00",
        ),
    ],
)
def test_moments_are_said_in_local_time(moment: datetime, da: str, en: str) -> None:
    assert spoken(local(moment, "Europe/Copenhagen")) == (da, en)


@pytest.mark.parametrize("timezone", ["Europe/Kopenhagen", "", "../secret"])
def test_an_unknown_clock_is_utc_and_says_so(timezone: str) -> None:
    moment = datetime(2019, 1, 21, 6, 15, tzinfo=UTC)
    assert spoken(local(moment, timezone)) == (
        "mandag 21. jan. kl. 06.15 UTC",
        "Monday 21 Jan 06:15 UTC",
    )
