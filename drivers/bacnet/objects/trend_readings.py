"""Readings of a point from its trend log, to fill gaps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from bms.errors import DeviceError
from bms.model.assets.point import Point
from bms.model.control.device_clock import MOST_DRIFT_S
from bms.model.readings.device_units import LinearScale
from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.trend_log import LogAnswer, Logged, NotLogged
from drivers.bacnet.encoding.services import Reference
from drivers.bacnet.objects.device_clock import read_clock
from drivers.bacnet.objects.profile import ObjectProfiles
from drivers.bacnet.objects.status import judged, scaled
from drivers.bacnet.objects.trend_log import (
    LogExtract,
    LogRecord,
    read_logged_property,
    records_between,
)
from drivers.bacnet.session import BacnetSession
from drivers.bacnet.write_target import point_reference
from drivers.fieldbus.errors import InvalidReply, retryable
from drivers.fieldbus.reading import Decoded, reading

DETAIL = "trend log"


@dataclass(frozen=True, slots=True)
class LogSpan:
    """What is asked of a log: ``after`` < time < ``before``, at most about ``most`` records [1]."""

    after: datetime
    before: datetime
    most: int


async def logged_readings(
    session: BacnetSession, point: Point, span: LogSpan, profiles: ObjectProfiles, zone: tzinfo
) -> LogAnswer:
    """The readings of the point's trend log between two times (``bms.ports.drivers.LogDriver``).

    A record has the number in the unit of its object, and the status flags of that moment (clause
    12.25.14). Never raises ``DeviceError``.
    """
    if session.breaker.open:
        return NotLogged(point.id, "left alone for a while: it did not answer", retryable=True)
    try:
        reference = point_reference(point)
        if point.trend_log is None:
            raise ValueError("no trend log is declared for it")
        await session.identify(again=True)
        await _check(session, point.trend_log, reference)
        scale = (await profiles.with_unit(point, reference)).scale_of(point)
        doubt = await _clock_doubt(session, zone)
        found = await records_between(
            session, point.trend_log, span.after, span.before, span.most, zone
        )
    except ValueError as error:
        return NotLogged(point.id, str(error), retryable=False)
    except DeviceError as error:
        return NotLogged(point.id, f"trend log {point.trend_log}: {error}", retryable(error))
    now = session.clock.now()
    readings = (_reading(point, record, scale, doubt, now) for record in found.records)
    return _answer(tuple(r for r in readings if r is not None), found, span.before, doubt)


async def _check(session: BacnetSession, log: int, reference: Reference) -> None:
    """Raise ValueError when the log records another property than that of the point."""
    logs = await read_logged_property(session, log)
    if logs is None:
        return
    elsewhere = logs.device not in (None, session.device.instance)
    if elsewhere or (logs.object_id, logs.property_id) != (
        reference.object_id,
        reference.property_id,
    ):
        raise ValueError(
            f"trend log {log} records object {logs.object_id >> 22},{logs.object_id & 0x3FFFFF} "
            f"property {logs.property_id}, not this point; correct trend_log in the site file"
        )


async def _clock_doubt(session: BacnetSession, zone: tzinfo) -> str | None:
    """Why the time stamps of the device are uncertain; None where they are good.

    Raises ``DeviceError``.
    """
    try:
        drift_s = (await read_clock(session, zone)).drift_s
    except InvalidReply:
        return "the device shows no time to compare with"
    if abs(drift_s) <= MOST_DRIFT_S:
        return None  # not corrected: a record read twice would become two readings
    return f"the device's clock is {drift_s:+.0f} s off"


def _answer(
    readings: tuple[Reading, ...], found: LogExtract, before: datetime, doubt: str | None
) -> Logged:
    more = found.records and not found.complete
    return Logged(
        readings=readings,
        reached=found.records[-1].time if more else before,
        lost=found.purged or found.lost > 0,
        doubt=doubt,
    )


def _reading(
    point: Point, record: LogRecord, scale: LinearScale, doubt: str | None, now: datetime
) -> Reading | None:
    """None for a record without a number, which adds nothing to the gap."""
    if record.value is None:
        return None
    decoded = scaled(judged(Decoded(record.value), record.flags, None), scale)
    quality = decoded.quality
    if doubt is not None and quality is Quality.GOOD:
        quality = Quality.UNCERTAIN
    detail = "; ".join(filter(None, (DETAIL, decoded.detail, doubt)))
    return reading(point, Decoded(decoded.value, quality, detail), record.time, now)
