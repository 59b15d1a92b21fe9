"""The clock of a BACnet device: how far it is off, and how it is set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from bms.errors import DeviceError
from bms.model.control.device_clock import NoTime, ShownTime
from drivers.bacnet.encoding import primitives as plain
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.primitives import AnyDate, AnyTime
from drivers.bacnet.encoding.services import Reference
from drivers.bacnet.read_multiple import read_tags
from drivers.bacnet.session import BacnetSession
from drivers.fieldbus.errors import Garbled

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class DeviceClock:
    """``local`` is what the device shows; ``drift_s`` [s] how much it is ahead of us, and
    ``offset_min`` [min] what it takes for its distance east of UTC (None: it does not say)."""

    local: datetime
    drift_s: float
    offset_min: int | None


async def read_clock(session: BacnetSession, zone: tzinfo) -> DeviceClock:
    """Compare the device's local time with that of ``zone``.

    Raises ``DeviceError``; ``Garbled`` for a device that shows no time. A drift of a whole hour is
    a missed change of summer time.
    """
    await session.identify()
    instance = codec.ANY_INSTANCE if session.device.instance is None else session.device.instance
    answers = await read_tags(
        session,
        [
            Reference(codec.DEVICE, instance, name)
            for name in (codec.LOCAL_DATE, codec.LOCAL_TIME, codec.UTC_OFFSET)
        ],
    )
    found: list[plain.Plain] = []
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
        one = isinstance(answer, list) and len(answer) == 1
        found.append(plain.plain(answer[0]) if isinstance(answer, list) and one else None)
    day, at, offset = found
    if not isinstance(day, AnyDate) or not isinstance(at, AnyTime):
        raise Garbled("the device shows no date and time")
    local = plain.moment_of(day, at, zone)
    if local is None:
        raise Garbled("the device's date or time is not set")
    now = session.clock.now().astimezone(zone)
    # Both are local: their difference must not follow a change of summer time in between.
    drift_s = (local.replace(tzinfo=None) - now.replace(tzinfo=None)).total_seconds()
    # The standard counts minutes westwards (clause 12.11.27).
    return DeviceClock(local, drift_s, -offset if isinstance(offset, int) else None)


def clocks_change(zone: tzinfo, start: datetime, end: datetime) -> bool:
    """Whether summer time begins or ends from an hour before ``start`` to an hour after ``end``.

    About then a local time may not exist, or come twice, and a device may be early or late with it.
    """
    ends = (moment.astimezone(zone).utcoffset() for moment in (start - _HOUR, end + _HOUR))
    return len(set(ends)) > 1


async def synchronise(session: BacnetSession, zone: tzinfo, *, utc: bool = False) -> DeviceClock:
    """Tell the device the time and read what it shows then.

    Only for devices whose owner allows it: another time master may be at work. ``utc`` sends
    UTCTimeSynchronization, for devices that know their own time zone. Raises ``DeviceError``.
    """
    now = session.clock.now()
    local = now if utc else now.astimezone(zone)
    parameters = plain.application(
        plain.DATE, AnyDate.of(local.date()).encoded()
    ) + plain.application(plain.TIME, AnyTime.of(local.time()).encoded())
    service = codec.UTC_TIME_SYNCHRONIZATION if utc else codec.TIME_SYNCHRONIZATION
    await session.link.unconfirmed(await session.peer(), service, parameters)
    return await read_clock(session, zone)


async def shown_time(session: BacnetSession, zone: tzinfo) -> ShownTime | NoTime:
    """What the clock shows, kept in the device's health. Never raises ``DeviceError``."""
    if session.breaker.open:
        return NoTime(session.device.id, "left alone for a while: it did not answer")
    try:
        return _seen(session, await read_clock(session, zone))
    except DeviceError as error:
        return NoTime(session.device.id, str(error))


async def set_clock(session: BacnetSession, zone: tzinfo) -> ShownTime | NoTime:
    """Tell the device the time, where its site file allows it, and read what it shows then.

    Not about a change of summer time: the device may be about to make it, or have made it already.
    Never raises ``DeviceError``.
    """
    device, now = session.device, session.clock.now()
    if not device.set_clock:
        return NoTime(
            device.id,
            "its clock may not be set by us; give the device `set_clock: true` in the site file "
            "where no other time master is at work",
        )
    if clocks_change(zone, now, now):
        return NoTime(device.id, "summer time begins or ends about now; try again in two hours")
    try:
        return _seen(session, await synchronise(session, zone))
    except DeviceError as error:
        return NoTime(device.id, str(error))


def _seen(session: BacnetSession, clock: DeviceClock) -> ShownTime:
    session.health.clock_drift_s = clock.drift_s
    return ShownTime(session.device.id, clock.local, clock.drift_s)
