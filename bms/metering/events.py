"""Meter events: the flaws of a period with their moments, their amounts and the facts they state.

Sentences about a flaw share phrases: its period, how many values, and the use inside it. Each is
a fact of its own inside the fact of the event.
"""

from __future__ import annotations

from collections.abc import Iterable

from bms.metering.flaw import Flaw, FlawCode
from bms.metering.step_edges import from_micros
from bms.model.fact import Fact, MessageCode, Moment, fact
from bms.model.readings.metering import MeterEvent
from bms.model.readings.units import Unit


class EventPhrase(MessageCode):
    """Phrases inside the sentence of a meter event."""

    AT = "meter_event_at"
    BETWEEN = "meter_event_between"
    VALUES = "meter_event_values"
    IN_ALL = "meter_event_in_all"


def events_within(
    flaws: Iterable[Flaw], unit: Unit, multiplier: float, start: int, end: int
) -> tuple[MeterEvent, ...]:
    """Returns the flaws inside the period from ``start`` to ``end`` [us] as events; amounts are the
    register's times ``multiplier``, in ``unit``."""
    return tuple(event(flaw, unit, multiplier) for flaw in flaws if _inside(flaw, start, end))


def _inside(flaw: Flaw, start: int, end: int) -> bool:
    if flaw.start == flaw.end:
        return start <= flaw.start <= end
    return flaw.start < end and flaw.end > start


def event(flaw: Flaw, unit: Unit, multiplier: float = 1.0) -> MeterEvent:
    """Returns a flaw as an event, its amount in ``unit``."""
    if flaw.code in (FlawCode.INTERPOLATED, FlawCode.STEPPED_BACK):
        return _bounded(flaw, unit, multiplier)
    amount = None if flaw.amount is None else flaw.amount * multiplier
    return MeterEvent(
        flaw=flaw.kind,
        start=from_micros(flaw.start),
        end=from_micros(flaw.end),
        amount=amount,
        fact=fact(
            flaw.code,
            when=_when(flaw),
            values=fact(EventPhrase.VALUES, count=flaw.count),
            in_all=""
            if amount is None
            else fact(EventPhrase.IN_ALL, amount=amount, unit=unit.value),
        ),
    )


def _bounded(flaw: Flaw, unit: Unit, multiplier: float) -> MeterEvent:
    return MeterEvent(
        flaw=flaw.kind,
        start=from_micros(flaw.start),
        end=from_micros(flaw.end),
        amount=None,
        fact=fact(
            flaw.code,
            when=_when(flaw),
            count=flaw.count,
            bound=flaw.bound * multiplier,
            unit=unit.value,
        ),
    )


def _when(flaw: Flaw) -> Fact:
    start, end = Moment(from_micros(flaw.start)), Moment(from_micros(flaw.end))
    if start == end:
        return fact(EventPhrase.AT, at=start)
    return fact(EventPhrase.BETWEEN, start=start, end=end)
