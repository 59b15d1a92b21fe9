"""Where local midnights and hours lie on a time axis, and what is written there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise

from bms.reports.text import ChartText

HALF_A_DAY_S = 43_200.0


def edges_of(times: Sequence[datetime]) -> list[float]:
    """Start of every interval and the end of the last one [epoch s]."""
    stamps = [t.timestamp() for t in times]
    gaps = [b - a for a, b in pairwise(stamps)]
    return [*stamps, stamps[-1] + (min(gaps) if gaps else 3600.0)] if stamps else [0.0, 1.0]


def time_ticks(start: float, end: float, text: ChartText) -> list[tuple[float, str]]:
    """(epoch s, label) of ticks at local midnights, with hours between them on short spans."""
    days = (end - start) / 86400.0
    hours = (0, 6, 12, 18) if days <= 2.6 else (0, 12) if days <= 4.2 else (0,)
    every = max(1, math.ceil(days / 9.0))
    zone = text.translator.zone or UTC
    day = datetime.fromtimestamp(start, zone).date()
    out: list[tuple[float, str]] = []
    count = 0
    while (stamp := _local(day, 0, zone)) <= end:
        if stamp >= start - HALF_A_DAY_S:
            if count % every == 0:
                out += [(_local(day, hour, zone), _label(day, hour, days, text)) for hour in hours]
            count += 1
        day += timedelta(days=1)
    return [(stamp, label) for stamp, label in out if start <= stamp <= end]


def _local(day: date, hour: int, zone: tzinfo) -> float:
    return datetime.combine(day, time(hour), tzinfo=zone).timestamp()


def _label(day: date, hour: int, days: float, text: ChartText) -> str:
    if hour:
        return f"{hour:02d}:00"
    if days > 60:
        return text.translator.day(day, weekday=False)
    return text.word("tick_day", day=day)
