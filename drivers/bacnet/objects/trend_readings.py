"""The trend log of a point as readings, for the time in which nobody asked it."""

from __future__ import annotations

from datetime import datetime, tzinfo

from bms.errors import DeviceError
from bms.model.assets.point import Point
from bms.model.readings.reading import Quality, Reading
from bms.model.readings.trend_log import LogAnswer, Logged, NotLogged
from drivers.bacnet.encoding.services import Reference
from drivers.bacnet.objects.device_clock import read_clock
from drivers.bacnet.objects.trend_log import Backfill, LogRecord, between, logged_property
from drivers.bacnet.session import BacnetSession
from drivers.bacnet.write_target import point_reference
from drivers.fieldbus.errors import Garbled, retryable
from drivers.fieldbus.reading import Decoded, reading

BELIEVED_S = 60.0
"""Drift of a clock [s] up to which its stamps are taken as they are: a correction by what is
measured each time anew would turn one entry that is fetched twice into two readings."""

DETAIL = "trend log"


async def logged(
    session: BacnetSession,
    point: Point,
    after: datetime,
    before: datetime,
    most: int,
    zone: tzinfo,
) -> LogAnswer:
    """What the point's trend log has between two moments (``bms.ports.drivers.LogDriver``)."""
    if session.breaker.open:
        return NotLogged(point.id, "left alone for a while: it did not answer", retryable=True)
    try:
        reference = point_reference(point)
        if point.trend_log is None:
            raise ValueError("no trend log is declared for it")
        await session.identify()
        await _check(session, point.trend_log, reference)
        doubt = await _doubt(session, zone)
        found = await between(session, point.trend_log, after, before, most, zone)
    except ValueError as error:
        return NotLogged(point.id, str(error), retryable=False)
    except DeviceError as error:
        return NotLogged(point.id, f"trend log {point.trend_log}: {error}", retryable(error))
    return _answer(point, found, before, doubt, session.clock.now())


async def _check(session: BacnetSession, log: int, reference: Reference) -> None:
    """Raises ValueError when the log records something else: its values would be wrong ones."""
    logs = await logged_property(session, log)
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


async def _doubt(session: BacnetSession, zone: tzinfo) -> str | None:
    """Why the times of the device's logs are not quite believed, if so. Raises ``DeviceError``."""
    try:
        drift_s = (await read_clock(session, zone)).drift_s
    except Garbled:
        return "the device shows no time to compare with"
    if abs(drift_s) <= BELIEVED_S:
        return None
    return f"the device's clock is {drift_s:+.0f} s off"


def _answer(
    point: Point, found: Backfill, before: datetime, doubt: str | None, now: datetime
) -> Logged:
    # What is no number says nothing that the gap does not say already.
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
