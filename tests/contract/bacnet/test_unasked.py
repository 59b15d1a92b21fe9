"""What BACnet devices tell or keep by themselves, behind the ports: logs, changes, clocks.

The answers of SubscribeCOV and ReadRange are mutated: never a wrong value, never past the deadline,
and the next request is right.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bms.clock import SystemClock, VirtualClock
from bms.model.assets.site import Site
from bms.model.control.device_clock import NoTime, ShownTime
from bms.model.readings.measurement import Quality
from bms.model.readings.trend_log import Logged, NotLogged
from bms.ports.drivers import ClockDriver, LogDriver, WatchingDriver
from bms.services.collect.change_of_value import watching
from bms.store.memory.store import MemoryStore
from drivers.bacnet.driver import BacnetDriver
from drivers.bacnet.link import BacnetLink
from drivers.registry import NetworkDrivers
from tests.rigs.fakes.city import lodge
from tests.rigs.fieldbus.bacnet_responder import (
    ABORT,
    REJECT,
    TinyDevice,
    ack,
    error,
    listening,
    simple_ack,
)
from tests.rigs.fieldbus.bacnet_session import (
    Logger,
    clockwork,
    device,
    driving,
    inputs,
    tiny,
    until,
)
from tests.rigs.fieldbus.bacnet_session import watching as listening_to
from tests.rigs.fieldbus.driver_rigs import MORNING, BacnetRig

(SENSOR,) = inputs(1)
POINT = replace(SENSOR, trend_log=1)
LOGGED = b"\x0c" + struct.pack(">I", 1) + b"\x19\x55"  # analog-input 1, present-value


class TimedLogger(Logger):
    """A trend log that also finds entries by their time, and says what it records."""

    by_time = True

    def grow(self, total: int) -> None:
        super().grow(total)
        self.properties[20, 1, 132] = LOGGED
        self.shows(self.start + timedelta(minutes=15 * total))

    def shows(self, moment: datetime) -> None:
        """What its clock shows."""
        self.properties |= clockwork(moment).properties

    def read_range(self, invoke: int, payload: bytes) -> bytes | None:
        if payload[7] != 0x7E:
            return super().read_range(invoke, payload)
        if not self.by_time:
            return error(invoke, 26, 5, 7)
        year, month, day = 1900 + payload[9], payload[10], payload[11]
        moment = datetime(year, month, day, *payload[14:17], tzinfo=UTC)
        count = int.from_bytes(payload[19:21], "big")
        oldest = self.total - min(self.kept, self.total) + 1
        later = [n for n in range(oldest, self.total + 1) if self.stamp(n) > moment]
        if not later:
            empty = b"\x3a\x05\xe0\x49\x00\x5e\x5f"
            return ack(invoke, 26, payload[:7] + empty)
        number = later[0].to_bytes(4, "big")
        request = payload[:7] + b"\x6e\x24" + number + b"\x32" + struct.pack(">H", count) + b"\x6f"
        return super().read_range(invoke, request)

    def stamp(self, number: int) -> datetime:
        return self.start + timedelta(minutes=15 * number)


def at(hour: int, minute: int = 0) -> datetime:
    """A moment of the day of the log, in Copenhagen."""
    return datetime(2019, 1, 16, hour, minute, tzinfo=UTC) - timedelta(hours=1)


def log_of(total: int = 40) -> TimedLogger:
    responder = TimedLogger()
    responder.grow(total)
    return responder


@asynccontextmanager
async def asking(responder: TinyDevice, now: datetime) -> AsyncIterator[BacnetDriver]:
    link = BacnetLink()
    async with listening(responder) as port:
        try:
            yield BacnetDriver(device(port), link, VirtualClock(now))
        finally:
            await link.close()


class TestALogAsReadings:
    async def test_what_lies_between_is_read_by_time_with_its_own_stamps(self) -> None:
        async with asking(log_of(), at(10)) as driver:
            assert isinstance(driver, LogDriver)
            found = await driver.logged(POINT, at(3), at(5), 500)
            assert isinstance(found, Logged)
            assert [r.value for r in found.readings] == [13, 14, 15, 16, 17, 18, 19]
            assert found.readings[0].time == at(3, 15)
            assert {(r.quality, r.detail) for r in found.readings} == {(Quality.GOOD, "trend log")}
            assert (found.reached, found.lost, found.doubt) == (at(5), False, None)

    async def test_a_long_one_goes_on_by_number_and_stops_in_time(self) -> None:
        responder = log_of(400)
        async with asking(responder, responder.stamp(400) - timedelta(hours=1)) as driver:
            found = await driver.logged(POINT, at(0), at(23) + timedelta(days=3), 100)
            assert isinstance(found, Logged)
            first = [r.value for r in found.readings]
            assert first == list(range(1, len(first) + 1))
            assert 100 <= len(first) < 200
            assert found.reached == found.readings[-1].time
            rest = await driver.logged(POINT, found.reached, at(23) + timedelta(days=3), 500)
            assert isinstance(rest, Logged)
            assert rest.readings[0].value == len(first) + 1
            assert rest.reached == at(23) + timedelta(days=3)
            kinds = [payload[7] for service, payload in responder.requests if service == 26]
            assert kinds.count(0x7E) == 2
            assert kinds.count(0x6E) >= 2

    async def test_what_was_overwritten_is_said(self) -> None:
        responder = log_of()
        responder.kept = 20
        responder.grow(40)
        async with asking(responder, at(10)) as driver:
            found = await driver.logged(POINT, at(3), at(8), 500)
            assert isinstance(found, Logged)
            assert found.lost
            assert found.readings[0].value == 21

    async def test_an_emptied_buffer_is_said(self) -> None:
        responder = log_of()
        responder.purged_at = 15
        async with asking(responder, at(10)) as driver:
            found = await driver.logged(POINT, at(3), at(5), 500)
            assert isinstance(found, Logged)
            assert found.lost
            assert 15 not in [r.value for r in found.readings]

    async def test_a_log_of_something_else_is_not_believed(self) -> None:
        responder = log_of()
        responder.properties[20, 1, 132] = b"\x0c" + struct.pack(">I", 2) + b"\x19\x55"
        async with asking(responder, at(10)) as driver:
            found = await driver.logged(POINT, at(3), at(5), 500)
            assert isinstance(found, NotLogged)
            assert not found.retryable
            assert "records object 0,2" in found.reason
            assert 26 not in [service for service, _ in responder.requests]

    async def test_a_log_of_another_device_is_not_believed(self) -> None:
        responder = log_of()
        responder.properties[20, 1, 132] = LOGGED + b"\x3c" + struct.pack(">I", 8 << 22 | 78)
        async with asking(responder, at(10)) as driver:
            assert isinstance(await driver.logged(POINT, at(3), at(5), 500), NotLogged)

    @pytest.mark.parametrize("minutes", [5, -60])
    async def test_with_a_clock_that_is_off_the_times_are_uncertain(self, minutes: int) -> None:
        responder = log_of()
        responder.shows(datetime(2019, 1, 16, 10, tzinfo=UTC) + timedelta(minutes=minutes))
        async with asking(responder, at(10)) as driver:
            found = await driver.logged(POINT, at(3), at(5), 500)
            assert isinstance(found, Logged)
            assert found.doubt == f"the device's clock is {minutes * 60:+d} s off"
            assert {r.quality for r in found.readings} == {Quality.UNCERTAIN}
            assert len(found.readings) == 7

    async def test_in_the_hour_that_comes_twice_nothing_is_left_out(self) -> None:
        responder = TimedLogger()
        responder.start = datetime(2019, 10, 27, 0, 0, tzinfo=UTC)
        responder.grow(24)
        wall = [responder.stamp(n) for n in range(25)]
        # two o'clock to three o'clock comes twice: entries 12 to 15 are stamped as 8 to 11 were
        stamps = [*wall[:12], *wall[8:12], *wall[12:21]]
        responder.stamp = lambda number: stamps[number]  # type: ignore[method-assign]
        honest = responder.entry

        def entry(number: int) -> bytes:
            octets = bytearray(honest(number))
            octets[7:9] = bytes((stamps[number].hour, stamps[number].minute))
            return bytes(octets)

        responder.entry = entry  # type: ignore[method-assign]
        first = datetime(2019, 10, 26, 22, tzinfo=UTC)
        async with asking(responder, first + timedelta(hours=6)) as driver:
            found = await driver.logged(POINT, first, first + timedelta(hours=5), 500)
            assert isinstance(found, Logged)
            assert [r.time for r in found.readings] == [
                first + timedelta(minutes=15 * n) for n in range(1, 20)
            ]


async def test_law5_a_record_has_the_unit_and_the_status_of_its_object() -> None:
    responder = log_of()
    responder.properties[0, 1, 117] = b"\x91\x40"  # degrees-fahrenheit
    honest = responder.entry
    flags = {14: 0x40, 15: 0x10, 16: 0x80}

    def entry(number: int) -> bytes:
        return honest(number)[:-1] + bytes((flags.get(number, 0),))

    responder.entry = entry  # type: ignore[method-assign]
    async with asking(responder, at(10)) as driver:
        found = await driver.logged(POINT, at(3), at(5), 500)
        assert isinstance(found, Logged)
        assert [r.quality for r in found.readings[:5]] == [
            Quality.GOOD,
            Quality.BAD,
            Quality.UNCERTAIN,
            Quality.GOOD,
            Quality.GOOD,
        ]
        numbers = [13, None, 15, 16, 17]
        celsius = [None if n is None else round((n - 32) / 1.8, 6) for n in numbers]
        assert [r.value if r.value is None else round(r.value, 6) for r in found.readings[:5]] == (
            celsius
        )
        assert found.readings[1].detail == "trend log; the object reports a fault"


RANGE_ANSWERS: dict[str, Callable[[int, bytes], bytes | list[bytes] | None]] = {
    "an error": lambda i, a: error(i, 26, 2, 40),
    "an unknown object": lambda i, a: error(i, 26, 1, 31),
    "a rejection": lambda i, a: bytes((REJECT, i, 9)),
    "an abort": lambda i, a: bytes((ABORT | 1, i, 0)),
    "too long for it": lambda i, a: bytes((ABORT | 1, i, 4)),
    "a simple acknowledgement": lambda i, a: simple_ack(i, 26),
    "another service": lambda i, a: ack(i, 12, a[3:]),
    "another object": lambda i, a: a[:7] + bytes((a[7] + 1,)) + a[8:],
    "another property": lambda i, a: a[:9] + b"\x84" + a[10:],
    "without its number": lambda i, a: a[:-5],
    "one entry too few": lambda i, a: a[:14] + bytes((a[14] + 1,)) + a[15:],
    "cut in the head": lambda i, a: a[:8],
    "cut in the flags": lambda i, a: a[:12],
    "cut in an entry": lambda i, a: a[:30],
    "cut at the end": lambda i, a: a[:-1],
    "junk": lambda i, a: bytes((0x30, i, 26)) + b"\xff" * 40,
    "silence": lambda i, a: None,
    "a late answer of another request": lambda i, a: [bytes((0x30, i ^ 1)) + a[2:]],
}


class TestMutatedLogs:
    @pytest.mark.parametrize("mutation", RANGE_ANSWERS)
    async def test_nothing_of_it_is_believed(self, mutation: str) -> None:
        responder = log_of()
        honest = responder.read_range

        def mutated(invoke: int, payload: bytes) -> bytes | list[bytes] | None:
            answer = honest(invoke, payload)
            assert answer is not None
            return RANGE_ANSWERS[mutation](invoke, answer)

        async with asking(responder, at(10)) as driver:
            responder.read_range = mutated  # type: ignore[method-assign, assignment]
            started = time.monotonic()
            found = await driver.logged(POINT, at(3), at(5), 500)
            assert time.monotonic() - started < 3 * driver.session.device.timeout_s
            assert isinstance(found, NotLogged)
            responder.read_range = honest  # type: ignore[method-assign]
            found = await driver.logged(POINT, at(3), at(5), 500)
            assert isinstance(found, Logged)
            assert [r.value for r in found.readings] == [13, 14, 15, 16, 17, 18, 19]

    @pytest.mark.parametrize("mutation", ["an error", "a rejection", "an unknown object"])
    async def test_a_refusal_is_for_good(self, mutation: str) -> None:
        responder = log_of()
        responder.read_range = lambda i, p: RANGE_ANSWERS[mutation](i, b"")  # type: ignore[method-assign, assignment, return-value]
        async with asking(responder, at(10)) as driver:
            found = await driver.logged(POINT, at(3), at(5), 500)
            assert isinstance(found, NotLogged)
            assert not found.retryable

    async def test_a_device_that_is_left_alone_is_not_asked(self) -> None:
        responder = log_of()
        responder.deaf = True
        async with asking(responder, at(10)) as driver:
            for _ in range(2):
                found = await driver.logged(POINT, at(3), at(5), 500)
                assert isinstance(found, NotLogged)
                assert found.retryable
            asked = len(responder.requests)
            await driver.logged(POINT, at(3), at(5), 500)
            assert len(responder.requests) == asked

    async def test_a_point_without_a_log_is_none(self) -> None:
        async with asking(log_of(), at(10)) as driver:
            assert isinstance(await driver.logged(SENSOR, at(3), at(5), 500), NotLogged)


COV_ANSWERS: dict[str, Callable[[int], bytes | list[bytes] | None]] = {
    "an error": lambda i: error(i, 5, 5, 45),
    "no room": lambda i: error(i, 5, 3, 20),
    "a rejection": lambda i: bytes((REJECT, i, 9)),
    "an abort": lambda i: bytes((ABORT | 1, i, 0)),
    "too long for it": lambda i: bytes((ABORT | 1, i, 4)),
    "another service": lambda i: simple_ack(i, 15),
    "the error of another service": lambda i: error(i, 12, 2, 40),
    "an error without its code": lambda i: bytes((0x50, i, 5, 0x91, 5)),
    "cut short": lambda i: bytes((0x20, i)),
    "junk": lambda i: bytes((0x30, i, 5)) + b"\xff" * 20,
    "silence": lambda i: None,
    "a late answer of another request": lambda i: simple_ack(i ^ 1, 5),
}


class TestMutatedSubscriptions:
    @pytest.mark.parametrize("mutation", COV_ANSWERS)
    async def test_the_poll_goes_on_and_no_value_is_wrong(self, mutation: str) -> None:
        responder = tiny(2)
        responder.subscribe = lambda i, p: COV_ANSWERS[mutation](i)  # type: ignore[method-assign, assignment, return-value]
        async with listening_to(responder, inputs(2), backstop_s=0.05) as (heard, _):
            await heard.until(6)
        assert set(heard.values) <= {1, 2}
        assert {1, 2} <= set(heard.values)

    async def test_one_object_in_trouble_spares_the_others(self) -> None:
        responder = tiny(3)
        honest = responder.subscribe
        responder.subscribe = lambda i, p: (  # type: ignore[method-assign]
            bytes((ABORT | 1, i, 4)) if p[6] == 1 else honest(i, p)
        )
        async with listening_to(responder, inputs(3)) as (heard, _):
            await until(lambda: len(responder.subscriptions) == 2)
            responder.change(0, 3, 8.5)
            await until(lambda: 8.5 in heard.values)

    async def test_at_the_end_the_device_is_told_that_it_is_over(self) -> None:
        responder = tiny(2)
        async with listening_to(responder, inputs(2)):
            await until(lambda: len(responder.subscriptions) == 2)
        payloads = [payload for service, payload in responder.requests if service == 5]
        assert [len(payload) for payload in payloads] == [12, 12, 7, 7]
        assert [payload[:7] for payload in payloads[:2]] == payloads[2:]

    async def test_a_silent_device_does_not_hold_up_the_end(self) -> None:
        responder = tiny(1)
        async with listening_to(responder, inputs(1)):
            await until(lambda: len(responder.subscriptions) == 1)
            responder.deaf = True
            started = time.monotonic()
        assert time.monotonic() - started < 1.5

    @pytest.mark.parametrize("cut", [3, 8, 14, 20, 26, 33, -1])
    async def test_a_mutilated_notification_is_no_value(self, cut: int) -> None:
        responder = tiny(1)
        async with listening_to(responder, inputs(1), confirmed=False) as (heard, _):
            await until(lambda: len(responder.subscriptions) == 1)
            await heard.until(1)
            sent: list[bytes] = []
            honest = responder.send
            responder.send = lambda answer: sent.append(answer)  # type: ignore[method-assign, assignment, arg-type]
            responder.change(0, 1, 50.0)
            responder.send = honest  # type: ignore[method-assign]
            responder.send(sent[0][:cut])
            responder.change(0, 1, 9.0)
            await heard.until(2)
            assert heard.values == [1, 9.0]


class TestLiveIntoTheStore:
    async def test_a_change_at_a_real_device_is_stored_without_a_poll(self) -> None:
        rig = BacnetRig()
        await rig.start()
        drivers, store = NetworkDrivers(SystemClock()), MemoryStore()
        site = _site_of(rig)
        try:
            assert isinstance(drivers.driver(rig.device), WatchingDriver)
            async with watching([site], drivers=drivers, every_s=0.02, readings=store):
                await until(lambda: bool(store.latest([rig.setpoint.id])))
                await asyncio.sleep(0.2)
                await rig.take(21.25)
                await until(lambda: store.latest([rig.setpoint.id])[rig.setpoint.id].value == 21.25)
        finally:
            await drivers.close()
            await rig.stop()


def _site_of(rig: BacnetRig) -> Site:
    return replace(
        lodge(),
        id="site",
        devices=(rig.device,),
        points=(replace(rig.setpoint, cov=True),),
    )


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
