"""Readings of a point from its trend log, to fill gaps."""

from __future__ import annotations

from datetime import datetime, tzinfo

from bms.errors import DeviceError
from bms.model.assets.point import Point
from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.trend_log import LogAnswer, Logged, NotLogged
from drivers.bacnet.encoding.services import Reference
from drivers.bacnet.objects.device_clock import read_clock
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

MAX_DRIFT_S = 60.0
"""Drift of a clock [s] up to which time stamps are good. They are not corrected, because a new
estimate of the drift would make two readings of a record that is read twice."""

DETAIL = "trend log"


async def logged_readings(
    session: BacnetSession,
    point: Point,
    after: datetime,
    before: datetime,
    most: int,
    zone: tzinfo,
) -> LogAnswer:
    """The readings of the point's trend log between two times (``bms.ports.drivers.LogDriver``).

    At most about ``most`` [1]. Never raises ``DeviceError``.
    """
    if session.breaker.open:
        return NotLogged(point.id, "left alone for a while: it did not answer", retryable=True)
    try:
        reference = point_reference(point)
        if point.trend_log is None:
            raise ValueError("no trend log is declared for it")
        await session.identify()
        await _check(session, point.trend_log, reference)
        doubt = await _clock_doubt(session, zone)
        found = await records_between(session, point.trend_log, after, before, most, zone)
    except ValueError as error:
        return NotLogged(point.id, str(error), retryable=False)
    except DeviceError as error:
        return NotLogged(point.id, f"trend log {point.trend_log}: {error}", retryable(error))
    return _answer(point, found, before, doubt, session.clock.now())


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
    if abs(drift_s) <= MAX_DRIFT_S:
        return None
    return f"the device's clock is {drift_s:+.0f} s off"


def _answer(
    point: Point, found: LogExtract, before: datetime, doubt: str | None, now: datetime
) -> Logged:
    # Records without a number add nothing to the gap.
    values = [record for record in found.records if record.value is not None]
    more = found.records and not found.complete
    return Logged(
        readings=tuple(_reading(point, record, doubt, now) for record in values),
        reached=found.records[-1].time if more else before,
        lost=found.purged or found.lost > 0,
        doubt=doubt,
    )


def _reading(point: Point, record: LogRecord, doubt: str | None, now: datetime) -> Reading:
    detail = DETAIL if doubt is None else f"{DETAIL}; {doubt}"
    quality = Quality.GOOD if doubt is None else Quality.UNCERTAIN
    return reading(point, Decoded(record.value, quality, detail), record.time, now)
