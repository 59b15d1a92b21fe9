"""Writes without slots, changes of value, trend logs, schedules and clocks of BACnet devices."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from bacpypes3.apdu import WritePropertyRequest
from bacpypes3.basetypes import (
    CalendarEntry,
    DailySchedule,
    DateRange,
    SpecialEvent,
    SpecialEventPeriod,
    TimeValue,
)
from bacpypes3.constructeddata import ArrayOf
from bacpypes3.primitivedata import Date, Real, Time

from bms.clock import SystemClock
from bms.errors import DeviceError
from bms.model.assets.address import BacnetAddress
from bms.model.assets.point import Point
from bms.model.assets.write_rule import Release, ReleaseKind
from bms.model.control.command import Accepted, Command, Failed, Refused, Released, StillHeld
from bms.model.control.reasons import ReceiptReason, RefusalReason
from bms.model.fact import fact
from bms.model.readings.measurement import Quality
from drivers.bacnet.encoding.primitives import DatePattern
from drivers.bacnet.objects.device_clock import read_clock, synchronise
from drivers.bacnet.objects.schedule import (
    SpecialEvent as OurEvent,
)
from drivers.bacnet.objects.schedule import (
    SpecialEventPeriod as OurPeriod,
)
from drivers.bacnet.objects.schedule import (
    TimeValue as OurTimeValue,
)
from drivers.bacnet.objects.schedule import (
    read_schedule,
    write_exceptions,
    write_weekly_schedule,
)
from drivers.bacnet.objects.trend_log import records_after
from drivers.fieldbus.errors import InvalidReply, PermanentRefusal
from tests.rigs.fieldbus.bacnet_responder import (
    ABORT,
    REJECT,
    TinyDevice,
    ack,
    error,
    real,
    simple_ack,
)
from tests.rigs.fieldbus.bacnet_session import (
    Logger,
    clockwork,
    driving,
    inputs,
    tiny,
    until,
    watching,
)
from tests.rigs.fieldbus.commands import command
from tests.rigs.fieldbus.driver_rigs import MORNING, NIGHT, OWN, TIMETABLE, point, rule

COPENHAGEN = ZoneInfo("Europe/Copenhagen")


# Points without a priority array


def lever(release: Release) -> Point:
    where = BacnetAddress(object_type="analog-value", instance=1)
    return point("lever", where, rule(release))


CONSTANT = lever(Release(kind=ReleaseKind.CONSTANT, value=OWN))
BY_TIME = lever(Release(kind=ReleaseKind.TIMETABLE, timetable=TIMETABLE))


def plain_value() -> TinyDevice:
    responder = tiny(0)
    responder.properties[2, 1, 85] = real(OWN)
    return responder


@pytest.mark.parametrize(
    ("kind", "hour", "own"), [("constant", 2, OWN), ("timetable", 2, NIGHT), ("timetable", 12, OWN)]
)
async def test_without_slots_the_declared_value_is_given_back(
    kind: str, hour: int, own: float
) -> None:
    target = CONSTANT if kind == "constant" else BY_TIME
    responder = plain_value()
    async with driving(responder) as driver:
        receipt = await driver.write(target, command(target, 21.0))
        assert receipt == Accepted(command(target, 21.0), 21.0)
        write = [payload for service, payload in responder.requests if service == 15]
        assert write == [b"\x0c\x00\x80\x00\x01\x19\x55\x3e" + real(21.0) + b"\x3f"]  # no priority
        at = MORNING.replace(hour=hour)
        assert await driver.release(target, at) == Released(target.id, own)
        assert responder.properties[2, 1, 85] == real(own)


async def test_with_slots_a_value_is_no_way_back() -> None:
    responder = plain_value()
    responder.properties[2, 1, 87] = [b"\x00"] * 16
    async with driving(responder) as driver:
        receipt = await driver.write(CONSTANT, command(CONSTANT, 21.0))
        assert isinstance(receipt, Refused)
        assert receipt.reason.code == RefusalReason.SLOTS_WANT_NULL
        assert responder.properties[2, 1, 85] == real(OWN)


async def test_a_constant_that_does_not_stand_is_not_released() -> None:
    responder = plain_value()
    async with driving(responder) as driver:
        await driver.write(CONSTANT, command(CONSTANT, 21.0))
        responder.write = lambda i, p: simple_ack(i, 15)  # type: ignore[method-assign, assignment]
        held = await driver.release(CONSTANT, MORNING)
        assert held == StillHeld(
            CONSTANT.id, fact(ReceiptReason.GAVE_BACK_READS, value=19.0, seen=21.0)
        )


WRITE_ANSWERS: dict[str, Callable[[int], bytes | list[bytes] | None]] = {
    "an error": lambda i: error(i, 15, 2, 40),
    "a rejection": lambda i: bytes((REJECT, i, 3)),
    "an abort": lambda i: bytes((ABORT | 1, i, 0)),
    "another service": lambda i: simple_ack(i, 16),
    "a value": lambda i: ack(i, 15, real(21.0)),
    "an acknowledgement of nothing": lambda i: simple_ack(i, 15),
    "silence": lambda i: None,
    "the error of another service": lambda i: error(i, 12, 2, 40),
}


@pytest.mark.parametrize("mutation", WRITE_ANSWERS)
async def test_a_write_that_was_not_done_is_never_accepted(mutation: str) -> None:
    responder = plain_value()
    honest = responder.write
    responder.write = lambda i, p: WRITE_ANSWERS[mutation](i)  # type: ignore[method-assign, assignment, return-value]
    async with driving(responder) as driver:
        receipt = await driver.write(CONSTANT, command(CONSTANT, 21.0))
        assert isinstance(receipt, Failed)
        assert responder.properties[2, 1, 85] == real(OWN)
        responder.write = honest  # type: ignore[method-assign]
        assert isinstance(await driver.write(CONSTANT, command(CONSTANT, 21.0)), Accepted)


@pytest.mark.parametrize("confirmed", [True, False])
async def test_a_change_is_told_at_once(confirmed: bool) -> None:
    responder = tiny(2)
    async with watching(responder, inputs(2), confirmed=confirmed) as (heard, _):
        await heard.until(2)  # the first poll
        responder.change(0, 2, 7.5)
        await heard.until(3)
        assert heard.values == [1, 2, 7.5]
        assert heard.readings[-1].point == "site/i2"


async def test_a_notification_of_somebody_else_is_no_change() -> None:
    responder = tiny(2)
    async with watching(responder, inputs(2)) as (heard, _):
        await heard.until(2)
        await until(lambda: len(responder.subscriptions) == 2)
        before = dict(responder.subscriptions)
        responder.subscriptions = {(p + 100, o): v for (p, o), v in before.items()}
        responder.change(0, 1, 50.0)  # of another process
        responder.subscriptions = before
        responder.instance = 78
        responder.change(0, 1, 51.0)  # of another device
        responder.instance = 77
        assert responder.peer is not None
        responder.send(b"\x10\x02\x09\x01\x1c")  # cut short
        responder.change(0, 1, 3.0)
        await heard.until(3)
        assert heard.values == [1, 2, 3.0]


async def test_subscriptions_are_renewed_before_they_end() -> None:
    responder = tiny(1)
    async with watching(responder, inputs(1), lifetime_s=1):
        await until(lambda: [s for s, _ in responder.requests].count(5) >= 2)
        lifetimes = [payload[-1] for service, payload in responder.requests if service == 5]
        assert set(lifetimes) == {1}


async def test_a_restarted_device_is_subscribed_to_again() -> None:
    responder = tiny(1)
    async with watching(responder, inputs(1)) as (heard, _):
        await until(lambda: bool(responder.subscriptions))
        responder.subscriptions.clear()
        responder.send(responder.i_am())
        await until(lambda: bool(responder.subscriptions))
        responder.change(0, 1, 8.0)
        await heard.until(2)
        assert heard.values[-1] == 8.0


async def test_after_silence_it_is_subscribed_to_again() -> None:
    responder = tiny(1)
    async with watching(responder, inputs(1), backstop_s=0.2) as (heard, driver):
        await until(lambda: bool(responder.subscriptions))
        driver.session.breaker._failures = 100
        responder.deaf = True
        await until(lambda: heard.has(Quality.NO_REPLY))
        responder.subscriptions.clear()
        responder.deaf = False
        await until(lambda: bool(responder.subscriptions))


async def test_what_takes_no_subscription_is_polled_at_its_interval() -> None:
    responder = tiny(1, takes_subscriptions=False)
    (sensor,) = inputs(1)
    async with watching(responder, [sensor], backstop_s=0.1) as (heard, _):
        await heard.until(3)
        assert heard.values[:3] == [1, 1, 1]


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


# Schedules, whose bytes are those of bacpypes3


def encoded(value: object) -> bytes:
    request = WritePropertyRequest(
        objectIdentifier=("schedule", 1), propertyIdentifier="weekly-schedule"
    )
    from bacpypes3.constructeddata import Any as AnyValue

    request.propertyValue = AnyValue(value)
    tags = bytes(request.encode().pduData)
    return tags[tags.index(b"\x3e") + 1 : -1]


def stock_week() -> bytes:
    days = [
        DailySchedule(
            daySchedule=[
                TimeValue(time=Time((6, 30, 0, 0)), value=Real(20.5 + day)),
                TimeValue(time=Time((17, 0, 0, 0)), value=Real(17.0)),
            ]
        )
        for day in range(7)
    ]
    return encoded(ArrayOf(DailySchedule)(days))


def stock_exceptions() -> bytes:
    def event(entry: CalendarEntry) -> SpecialEvent:
        return SpecialEvent(
            period=SpecialEventPeriod(calendarEntry=entry),
            listOfTimeValues=[TimeValue(time=Time((0, 0, 0, 0)), value=Real(16.0))],
            eventPriority=10,
        )

    christmas = event(CalendarEntry(date=Date((255, 12, 24, 255))))
    first, last = Date((119, 2, 11, 255)), Date((119, 2, 15, 255))
    holiday = event(CalendarEntry(dateRange=DateRange(startDate=first, endDate=last)))
    return encoded(ArrayOf(SpecialEvent)([christmas, holiday]))


def scheduler() -> TinyDevice:
    responder = tiny(0)
    responder.properties[17, 1, 123] = stock_week()
    responder.properties[17, 1, 38] = stock_exceptions()
    responder.properties[17, 1, 174] = real(18.0)
    responder.properties[17, 1, 32] = b"\xa4\xff\xff\xff\xff" * 2
    return responder


WEEK = [(OurTimeValue(time(6, 30), 20.5 + day), OurTimeValue(time(17), 17.0)) for day in range(7)]
EXCEPTIONS = (
    OurEvent(OurPeriod(day=DatePattern(None, 12, 24, None)), (OurTimeValue(time(), 16.0),), 10),
    OurEvent(
        OurPeriod(between=(DatePattern(2019, 2, 11), DatePattern(2019, 2, 15))),
        (OurTimeValue(time(), 16.0),),
        10,
    ),
)


async def test_a_schedule_is_read_and_255_means_any() -> None:
    async with driving(scheduler()) as driver:
        found = await read_schedule(driver.session, 1)
        assert found.weekly == tuple(WEEK)
        assert found.exceptions == EXCEPTIONS
        assert found.effective == (DatePattern(), DatePattern())
        assert found.default == 18.0


async def test_a_written_week_is_the_bytes_of_the_standard_and_read_back() -> None:
    responder = scheduler()
    async with driving(responder) as driver:
        responder.properties[17, 1, 123] = b"\x0e\x0f" * 7
        found = await write_weekly_schedule(driver.session, 1, WEEK)
        assert responder.properties[17, 1, 123] == stock_week()
        assert found.weekly == tuple(WEEK)
        responder.properties[17, 1, 38] = b""
        await write_exceptions(driver.session, 1, EXCEPTIONS)
        assert responder.properties[17, 1, 38] == stock_exceptions()


@pytest.mark.parametrize(
    "period",
    [
        OurPeriod(pattern=(None, 6, 5)),
        OurPeriod(calendar=(6, 3)),
        OurPeriod(day=DatePattern(2019, 12, 24, 2)),
    ],
)
async def test_every_kind_of_days_survives_the_device(period: OurPeriod) -> None:
    wanted = (OurEvent(period, (OurTimeValue(time(8), 21.0), OurTimeValue(time(16), None)), 3),)
    async with driving(scheduler()) as driver:
        assert (await write_exceptions(driver.session, 1, wanted)).exceptions == wanted


async def test_a_schedule_of_switches_keeps_its_datatype() -> None:
    responder = scheduler()
    responder.properties[17, 1, 123] = (b"\x0e\xb4\x06\x00\x00\x00\x91\x01\x0f") * 7
    async with driving(responder) as driver:
        week = [(OurTimeValue(time(7), 1.0), OurTimeValue(time(18), 0.0))] * 7
        await write_weekly_schedule(driver.session, 1, week)
        day = b"\x0e\xb4\x07\x00\x00\x00\x91\x01\xb4\x12\x00\x00\x00\x91\x00\x0f"
        assert responder.properties[17, 1, 123] == day * 7


async def test_a_week_that_does_not_stand_is_an_error() -> None:
    responder = scheduler()
    async with driving(responder) as driver:
        responder.write = lambda i, p: simple_ack(i, 15)  # type: ignore[method-assign, assignment]
        with pytest.raises(PermanentRefusal, match="reads back differently"):
            await write_weekly_schedule(driver.session, 1, [()] * 7)
        with pytest.raises(ValueError, match="a week of 6 days"):
            await write_weekly_schedule(driver.session, 1, [()] * 6)


@pytest.mark.parametrize(
    "octets", [b"\x0e", b"\x0e\xb4\x06", b"\x0e\x44", b"\x0e\x0f" * 6, b"\x1e"]
)
async def test_a_mutilated_schedule_is_refused(octets: bytes) -> None:
    responder = scheduler()
    responder.properties[17, 1, 123] = octets
    async with driving(responder) as driver:
        with pytest.raises(InvalidReply):
            await read_schedule(driver.session, 1)


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


def test_commands_here_are_leased() -> None:
    assert isinstance(command(CONSTANT, 20.0), Command)
    assert SystemClock().now().tzinfo is not None
