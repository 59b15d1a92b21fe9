"""Clocks of BACnet devices: their drift, and when they are set."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bms.model.control.device_clock import NoTime, ShownTime
from bms.ports.drivers import ClockDriver
from drivers.bacnet.objects.device_clock import read_clock, synchronise
from drivers.fieldbus.errors import InvalidReply
from tests.rigs.fieldbus.bacnet_session import (
    asking,
    clockwork,
    driving,
    tiny,
)
from tests.rigs.fieldbus.driver_rigs import MORNING

COPENHAGEN = ZoneInfo("Europe/Copenhagen")


class TestClocksBehindThePort:
    async def test_the_drift_is_kept_in_the_health_of_the_device(self) -> None:
        async with driving(clockwork(datetime(2019, 1, 16, 6, 34, 30, tzinfo=UTC))) as driver:
            assert isinstance(driver, ClockDriver)
            assert driver.health.clock_drift_s is None
            found = await driver.clock()
            assert isinstance(found, ShownTime)
            assert found.drift_s == 270.0
            assert driver.health.clock_drift_s == 270.0

    async def test_a_clock_is_set_only_where_the_site_file_says_so(self) -> None:
        responder = clockwork(datetime(2019, 1, 16, 6, 30, tzinfo=UTC))
        async with driving(responder) as driver:
            found = await driver.set_clock()
            assert isinstance(found, NoTime)
            assert "set_clock: true" in found.reason
            assert responder.unconfirmed == []
            driver.session.device = replace(driver.session.device, set_clock=True)
            assert isinstance(await driver.set_clock(), ShownTime)
            assert [service for service, _ in responder.unconfirmed] == [6]

    @pytest.mark.parametrize(
        ("now", "sets"),
        [
            (datetime(2019, 3, 31, 0, 1, tzinfo=UTC), False),
            (datetime(2019, 3, 31, 1, 59, tzinfo=UTC), False),
            (datetime(2019, 3, 30, 23, 59, tzinfo=UTC), True),
            (datetime(2019, 3, 31, 2, 1, tzinfo=UTC), True),
            (datetime(2019, 10, 27, 0, 30, tzinfo=UTC), False),
        ],
    )
    async def test_no_clock_is_set_about_a_change_of_summer_time(
        self, now: datetime, sets: bool
    ) -> None:
        responder = clockwork(now)
        async with asking(responder, now) as driver:
            driver.session.device = replace(driver.session.device, set_clock=True)
            assert isinstance(await driver.set_clock(), ShownTime) is sets
            assert bool(responder.unconfirmed) is sets

    async def test_a_device_without_a_clock_is_an_answer(self) -> None:
        async with asking(tiny(1), MORNING) as driver:
            found = await driver.clock()
            assert isinstance(found, NoTime)
            assert "no date and time" in found.reason


async def test_the_drift_of_a_clock_is_measured_in_local_time() -> None:
    async with driving(clockwork(datetime(2019, 1, 16, 6, 34, 30, tzinfo=UTC))) as driver:
        found = await read_clock(driver.session, COPENHAGEN)
        assert found.drift_s == 270.0
        assert found.offset_min == 60


async def test_a_clock_that_is_not_set_is_no_time() -> None:
    responder = clockwork(MORNING)
    responder.properties[8, 77, 56] = b"\xa4\xff\xff\xff\xff"
    async with driving(responder) as driver:
        with pytest.raises(InvalidReply, match="not set"):
            await read_clock(driver.session, COPENHAGEN)


@pytest.mark.parametrize(("utc", "hour"), [(False, 6), (True, 5)])
async def test_the_time_is_told_in_the_devices_own_way(utc: bool, hour: int) -> None:
    responder = clockwork(datetime(2019, 1, 16, 6, 30, tzinfo=UTC))
    async with driving(responder) as driver:
        found = await synchronise(driver.session, COPENHAGEN, utc=utc)
        assert found.drift_s == 0
        assert responder.unconfirmed == [
            (9 if utc else 6, b"\xa4\x77\x01\x10\x03\xb4" + bytes((hour, 30, 0, 0)))
        ]
