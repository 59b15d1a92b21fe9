"""The clock of a BACnet device: how far it is off, and how it is set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from drivers import bacnet_codec as codec
from drivers import bacnet_plain as plain
from drivers.bacnet_bulk import read_tags
from drivers.bacnet_codec import Reference
from drivers.bacnet_plain import AnyDate, AnyTime
from drivers.bacnet_session import BacnetSession
from drivers.refusals import Garbled


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
