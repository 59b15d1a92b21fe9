"""Trend logs of BACnet devices: what was logged meanwhile, and the readings that come of it.

The answers of ReadRange are mutated: never a wrong value, never past the deadline, and the next
request is right.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bms.errors import DeviceError
from bms.model.readings.measurement import Quality
from bms.model.readings.trend_log import Logged, NotLogged
from bms.ports.drivers import LogDriver
from drivers.bacnet.objects.trend_log import records_after
from tests.rigs.fieldbus.bacnet_responder import (
    ABORT,
    REJECT,
    ack,
    error,
    simple_ack,
)
from tests.rigs.fieldbus.bacnet_session import (
    Logger,
    asking,
    clockwork,
    driving,
    inputs,
)

COPENHAGEN = ZoneInfo("Europe/Copenhagen")


async def test_what_was_logged_meanwhile_is_read_by_number() -> None:
    responder = Logger()
    responder.grow(100)
    async with driving(responder) as driver:
        found = await records_after(driver.session, 1, 40, COPENHAGEN)
        assert [record.sequence for record in found.records] == list(range(41, 101))
        assert [record.value for record in found.records] == list(range(41, 101))
        assert found.records[0].time == datetime(2019, 1, 16, 9, 15, tzinfo=UTC)
        assert (found.lost, found.purged, found.last) == (0, False, 100)
        again = await records_after(driver.session, 1, found.last, COPENHAGEN)
        assert (again.records, again.lost, again.last) == ((), 0, 100)


async def test_what_was_overwritten_is_counted() -> None:
    responder = Logger()
    responder.kept = 30
    responder.grow(100)
    async with driving(responder) as driver:
        found = await records_after(driver.session, 1, 40, COPENHAGEN)
        assert found.records[0].sequence == 71
        assert found.lost == 30
        everything = await records_after(driver.session, 1, None, COPENHAGEN)
        assert (everything.lost, len(everything.records)) == (0, 30)


async def test_a_purged_buffer_is_said() -> None:
    responder = Logger()
    responder.purged_at = 60
    responder.grow(100)
    async with driving(responder) as driver:
        found = await records_after(driver.session, 1, 40, COPENHAGEN)
        assert found.purged
        assert found.records[19].note == "buffer purged"
        assert found.records[19].value is None
        responder.purged_at = 0
        responder.grow(5)  # it counts from the beginning again
        found = await records_after(driver.session, 1, 100, COPENHAGEN)
        assert found.purged
        assert [record.sequence for record in found.records] == [1, 2, 3, 4, 5]


async def test_the_hour_that_comes_twice_is_two_hours() -> None:
    responder = Logger()
    responder.start = datetime(2019, 10, 27, 1, 45, tzinfo=UTC)
    responder.grow(8)
    wall = [(2, 0), (2, 15), (2, 30), (2, 45), (2, 0), (2, 15), (2, 30), (2, 45)]
    honest = responder.entry

    def entry(number: int) -> bytes:
        hour, minute = wall[number - 1]
        octets = bytearray(honest(number))
        octets[7:9] = bytes((hour, minute))
        return bytes(octets)

    responder.entry = entry  # type: ignore[method-assign]
    async with driving(responder) as driver:
        found = await records_after(driver.session, 1, None, COPENHAGEN)
        steps = [b.time - a.time for a, b in zip(found.records, found.records[1:], strict=False)]
        assert set(steps) == {timedelta(minutes=15)}
        assert found.records[0].time == datetime(2019, 10, 27, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("at", [3, 8, 12, 20, 30, -1])
async def test_a_mutilated_log_is_refused(at: int) -> None:
    responder = Logger()
    responder.grow(3)
    honest = responder.read_range

    def mutilated(invoke: int, payload: bytes) -> bytes:
        answer = honest(invoke, payload)
        assert answer is not None
        return answer[:at] if at > 0 else answer[:-5]

    responder.read_range = mutilated  # type: ignore[method-assign]
    async with driving(responder) as driver:
        with pytest.raises(DeviceError):
            await records_after(driver.session, 1, None, COPENHAGEN)


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
