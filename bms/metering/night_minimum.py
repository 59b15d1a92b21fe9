"""Water at night: a leak runs when nobody does.

The least flow of a night is what runs all the time: pipes and cisterns that leak, and what a
building lets run on purpose. A leak shows as a least flow that has risen and stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from bms.model.fact import Day, Fact, MessageCode, fact
from bms.model.planning.grid import local_grid
from bms.model.readings.series import Floats, Series

NIGHT_H = (1, 5)
"""Local hours in which a building without guests draws nothing [h]."""
LEAST_M3_H = 0.005
"""Flow [m3/h] below which nothing is said: a dripping tap, and the resolution of a register."""
NIGHTS = 3
"""Nights in a row [1] that make a leak: a night of cleaning or of guests is none."""
KNOWN_NIGHTS = 7
"""Nights [1] that are needed to say what is usual."""
CONSTANT = 0.25
"""A least flow of more than this share of the mean flow is no building at rest."""
YEAR_H = 8760.0


class NightCode(MessageCode):
    """What the least flow at night says."""

    LEAK = "water_leak"
    NEVER_STILL = "water_never_still"
    QUIET = "water_quiet"


@dataclass(frozen=True, slots=True, kw_only=True)
class NightMinimum:
    """The least flow of the last ``NIGHTS`` nights and of the usual night [m3/h]; ``since`` is the
    first night of the rise that stays, ``yearly_m3`` what it would come to in a year."""

    m3_per_h: float
    usual_m3_per_h: float
    nights: int
    since: date | None
    yearly_m3: float | None
    fact: Fact


def night_minimum(use: Series, timezone: str) -> NightMinimum | None:
    """Returns the least flow at night of ``use`` [m3 per step] of water, in steps of an hour or
    less; None with fewer than seven nights that are known."""
    nights, least = _nights(use, timezone)
    if len(nights) < KNOWN_NIGHTS:
        return None
    hours = use.step / timedelta(hours=1)
    mean = float(np.nanmean(use.values)) / hours
    now, usual = float(least[-NIGHTS:].min()), float(np.quantile(least, 0.1))
    risen = least > usual + max(LEAST_M3_H, 0.02 * mean)
    since = _since(nights, risen)
    code, flow = NightCode.QUIET, None
    if since is not None:
        code, flow = NightCode.LEAK, now - usual
    elif now > LEAST_M3_H and usual > CONSTANT * mean:
        code, flow = NightCode.NEVER_STILL, now
    told = {} if flow is None else {"m3_per_h": flow, "m3_per_year": flow * YEAR_H}
    return NightMinimum(
        m3_per_h=now,
        usual_m3_per_h=usual,
        nights=len(nights),
        since=since,
        yearly_m3=None if flow is None else flow * YEAR_H,
        fact=fact(code, **told, **({} if since is None else {"since": Day(since)})),
    )


def _nights(use: Series, timezone: str) -> tuple[list[date], Floats]:
    """The local nights of which every step is known, and the least flow of each [m3/h]."""
    grid = local_grid(timezone, use.start, int(use.step.total_seconds()), len(use))
    hour = grid.minute // 60
    at = np.flatnonzero((hour >= NIGHT_H[0]) & (hour < NIGHT_H[1]))
    days, first = np.unique(grid.day[at], return_index=True)
    ends = np.append(first[1:], len(at))
    hours = use.step / timedelta(hours=1)
    full = round((NIGHT_H[1] - NIGHT_H[0]) / hours)
    found = [
        (day, use.values[at[a:b]].min() / hours)
        for day, a, b in zip(days.tolist(), first, ends, strict=True)
        if b - a >= full - round(1 / hours) and np.isfinite(use.values[at[a:b]]).all()
    ]
    nights = [date(1970, 1, 1) + timedelta(days=day) for day, _ in found]
    return nights, np.array([flow for _, flow in found], dtype=np.float64)


def _since(nights: list[date], risen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> date | None:
    """The first night of a rise of three nights and more that lasts until the newest."""
    quiet = np.flatnonzero(~risen)
    first = 0 if not len(quiet) else int(quiet[-1]) + 1
    return nights[first] if len(nights) - first >= NIGHTS else None
