"""Minimum on and off times when something is written (clause W3): what switched lately stays."""

from __future__ import annotations

from datetime import datetime, timedelta

from bms.errors import StoreError
from bms.model.assets.point import Point
from bms.model.control.lease import Lease
from bms.model.control.reasons import ReceiptReason
from bms.model.fact import Fact, Moment, fact
from bms.model.readings.units import Unit
from bms.ports.storage.readings import ReadingStore
from bms.services.local_overrides.detection import agrees
from bms.services.standing_since import least_time, stood_since


def too_soon(
    point: Point,
    wish: float,
    standing: float,
    *,
    held: Lease | None,
    now: datetime,
    readings: ReadingStore,
) -> Fact | None:
    """Why a point that stands at ``standing`` may not be given the wished value yet; None where it
    may, or does not switch.

    Since when it stands there is told by our own write, else by what was read of it. Where neither
    tells, it is taken to have switched just now: after its least time it has been watched for so
    long.
    """
    on = standing >= 0.5
    least = least_time(point, on)
    if point.unit is not Unit.ON_OFF or (wish >= 0.5) is on or not least:
        return None
    since = _since(point, standing, on, held, now, readings, least)
    minutes = least.total_seconds() / 60.0
    if since is None:
        return fact(ReceiptReason.SWITCHED_UNKNOWN, minutes=minutes)
    if now - since >= least:
        return None
    reason = ReceiptReason.LEAST_TIME_ON if on else ReceiptReason.LEAST_TIME_OFF
    return fact(reason, minutes=minutes, wish=wish, until=Moment(since + least))


def _since(
    point: Point,
    standing: float,
    on: bool,
    held: Lease | None,
    now: datetime,
    readings: ReadingStore,
    least: timedelta,
) -> datetime | None:
    rule = point.write
    ours = rule is not None and held is not None and agrees(rule, standing, [held.command.value])
    moved_at = None if held is None else held.command.moved_at
    if ours and moved_at is not None and moved_at <= now:  # else the clock has gone back since
        return moved_at
    try:
        return stood_since(point, on, readings, now, least)
    except StoreError:
        return None
