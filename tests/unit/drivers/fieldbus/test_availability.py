"""A silent device is left alone for a while, and that is logged once."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from bms.clock import VirtualClock
from drivers.fieldbus.availability import CircuitBreaker

START = datetime(2019, 1, 16, tzinfo=UTC)


def test_breaker_opens_backs_off_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = VirtualClock(START)
    breaker = CircuitBreaker("site/meter", clock, first_s=60, longest_s=100)
    with caplog.at_level(logging.WARNING, "drivers.fieldbus.availability"):
        breaker.failed("time-out")
        assert not breaker.open
        breaker.failed("time-out")
        assert breaker.open
        clock.advance(timedelta(seconds=60))
        assert not breaker.open  # one try may pass
        breaker.failed("time-out")
        clock.advance(timedelta(seconds=99))
        assert breaker.open  # doubled to 120 s, but 100 s is the longest
        clock.advance(timedelta(seconds=1))
        assert not breaker.open
        breaker.succeeded()
        breaker.failed("time-out")
        assert not breaker.open
    assert [record.getMessage() for record in caplog.records] == [
        "site/meter does not answer: time-out",
        "site/meter is back",
    ]
