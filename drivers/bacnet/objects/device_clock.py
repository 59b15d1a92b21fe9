"""The clock of a BACnet device: its drift, and how it is set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from bms.errors import DeviceError
from bms.model.control.device_clock import NoTime, ShownTime
from drivers.bacnet.encoding import primitives
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.primitives import DatePattern, TimePattern
from drivers.bacnet.encoding.services import Reference
from drivers.bacnet.read_multiple import read_tags
from drivers.bacnet.session import BacnetSession
from drivers.fieldbus.errors import InvalidReply

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class DeviceClock:
    """``local`` is the device's time; ``drift_s`` [s] is how much it is ahead of ours, and
    ``offset_min`` [min] the device's offset east of UTC (None where it has no such property)."""

    local: datetime
    drift_s: float
    offset_min: int | None


async def read_clock(session: BacnetSession, zone: tzinfo) -> DeviceClock:
    """The device's clock, with its drift against the local time of ``zone``.

    A drift of a whole hour is a missed change of summer time. Raises ``DeviceError``;
    ``InvalidReply`` for a device without a date and time.
    """
    await session.identify(again=True)
    instance = codec.ANY_INSTANCE if session.device.instance is None else session.device.instance
    answers = await read_tags(
        session,
        [
            Reference(codec.DEVICE, instance, name)
            for name in (codec.LOCAL_DATE, codec.LOCAL_TIME, codec.UTC_OFFSET)
        ],
    )
    found: list[primitives.PrimitiveValue] = []
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
        one = isinstance(answer, list) and len(answer) == 1
        found.append(primitives.decode(answer[0]) if isinstance(answer, list) and one else None)
    day, at, offset = found
    if not isinstance(day, DatePattern) or not isinstance(at, TimePattern):
        raise InvalidReply("the device shows no date and time")
    local = primitives.datetime_of(day, at, zone)
    if local is None:
        raise InvalidReply("the device's date or time is not set")
    now = session.clock.now().astimezone(zone)
    # The difference of local times, so that a change of summer time between them does not count.
    drift_s = (local.replace(tzinfo=None) - now.replace(tzinfo=None)).total_seconds()
    # The standard counts minutes westwards (clause 12.11.27).
    return DeviceClock(local, drift_s, -offset if isinstance(offset, int) else None)


def summer_time_changes(zone: tzinfo, start: datetime, end: datetime) -> bool:
    """Whether summer time begins or ends from an hour before ``start`` to an hour after ``end``.

    Around a change a local time may not exist or occur twice, and devices may switch early or late.
    """
    ends = (moment.astimezone(zone).utcoffset() for moment in (start - _HOUR, end + _HOUR))
    return len(set(ends)) > 1


async def synchronise(session: BacnetSession, zone: tzinfo, *, utc: bool = False) -> DeviceClock:
    """Send TimeSynchronization (clause 16.7) and read the clock.

    Only for devices whose owner allows it, because there may be another time master. ``utc`` sends
    UTCTimeSynchronization, for devices that know their own time zone. Raises ``DeviceError``.
    """
    await session.identify(again=True)
    now = session.clock.now()
    local = now if utc else now.astimezone(zone)
    parameters = primitives.encode_application(
        primitives.DATE, DatePattern.of(local.date()).encoded()
    ) + primitives.encode_application(primitives.TIME, TimePattern.of(local.time()).encoded())
    service = codec.UTC_TIME_SYNCHRONIZATION if utc else codec.TIME_SYNCHRONIZATION
    await session.link.unconfirmed(await session.peer(), service, parameters)
    return await read_clock(session, zone)


async def shown_time(session: BacnetSession, zone: tzinfo) -> ShownTime | NoTime:
    """The time that the clock shows; its drift goes to the health counters.

    Never raises ``DeviceError``.
    """
    if session.breaker.open:
        return NoTime(session.device.id, "left alone for a while: it did not answer")
    try:
        return _shown(session, await read_clock(session, zone))
    except DeviceError as error:
        return NoTime(session.device.id, str(error))


async def set_clock(session: BacnetSession, zone: tzinfo) -> ShownTime | NoTime:
    """Set the clock, where the site file allows that, and read it.

    Not around a change of summer time, because the device may switch before or after us. Never
    raises ``DeviceError``.
    """
    device, now = session.device, session.clock.now()
    if not device.set_clock:
        return NoTime(
            device.id,
            "its clock may not be set by us; give the device `set_clock: true` in the site file "
            "where no other time master is at work",
        )
    if summer_time_changes(zone, now, now):
        return NoTime(device.id, "summer time begins or ends about now; try again in two hours")
    try:
        return _shown(session, await synchronise(session, zone))
    except DeviceError as error:
        return NoTime(device.id, str(error))


def _shown(session: BacnetSession, clock: DeviceClock) -> ShownTime:
    session.health.clock_drift_s = clock.drift_s
    return ShownTime(session.device.id, clock.local, clock.drift_s)
