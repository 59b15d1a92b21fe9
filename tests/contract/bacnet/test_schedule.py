"""Schedule objects, read and written; their bytes are those of bacpypes3."""

from __future__ import annotations

from datetime import time

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

from drivers.bacnet.encoding.primitives import DatePattern
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
from drivers.fieldbus.errors import InvalidReply, PermanentRefusal
from tests.rigs.fieldbus.bacnet_responder import (
    TinyDevice,
    real,
    simple_ack,
)
from tests.rigs.fieldbus.bacnet_session import (
    driving,
    tiny,
)


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
