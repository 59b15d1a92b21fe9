"""What is asked of a meter, from one flat set of keywords."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypedDict

from bms.metering.register.usual_rate import MeterRating
from bms.metering.step_edges import MeterPeriod
from bms.model.readings.series import Micros
from bms.model.readings.units import Unit


class Asked(TypedDict):
    """The keywords that a register and amounts per interval share."""

    period: MeterPeriod
    rating: MeterRating


def asked(
    start: datetime,
    end: datetime,
    step: timedelta = timedelta(hours=1),
    *,
    edges: Micros | None = None,
    unit: Unit = Unit.KWH,
    multiplier: float = 1.0,
    max_per_hour: float | None = None,
    spread: bool = False,
) -> Asked:
    return Asked(
        period=MeterPeriod(start, end, step, edges, spread),
        rating=MeterRating(unit, multiplier, max_per_hour),
    )
