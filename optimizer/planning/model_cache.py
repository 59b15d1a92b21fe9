"""The model of a problem that brings none: identified once for the same whole days of history.

Identification takes a second a zone, and somebody who plans every hour from a full history without
a model would wait for it every time. It is a function of the history, and a day more or less of
weeks does not matter: the days are cut at midnight (UTC), so that every problem of a day has the
same ones, and the answer for these is kept. The same problem still has the same answer.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import ceil

from bms.model.planning.problem import BuildingModel, History, NoModel, Problem, Weather
from optimizer.identification.identify import identify

LEAST_WHOLE_DAYS = 14
"""With fewer every hour of the history counts, and nothing is cut off."""
KEPT = 16
"""Buildings whose last answer is kept."""
DAY = timedelta(days=1)


def identified(problem: Problem) -> BuildingModel | NoModel:
    """What :func:`~optimizer.identification.identify.identify` makes of a problem's whole days."""
    history = problem.history
    asked = _question(problem, whole_days(history)) if history is not None else problem
    try:
        hash(asked)
    except TypeError:  # a problem made in Python may hold lists
        return identify(asked)
    return _identified(asked)


@lru_cache(maxsize=KEPT)
def _identified(asked: Problem) -> BuildingModel | NoModel:
    return identify(asked)


def whole_days(history: History) -> History:
    """The history from its first midnight (UTC) to its last; all of it where that is too short."""
    step = timedelta(seconds=history.step_s)
    if history.step_s <= 0:
        return history
    start = history.start
    end = start + step * len(history.heat_kw)
    first = ceil((_midnight(start + DAY - timedelta.resolution) - start) / step)
    last = ceil((_midnight(end) - start) / step)
    if (last - first) * step < LEAST_WHOLE_DAYS * DAY:
        return history
    return _cut(history, slice(first, last))


def _midnight(moment: datetime) -> datetime:
    """The midnight (UTC) at or before a moment."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _cut(history: History, part: slice) -> History:
    weather = history.weather
    return replace(
        history,
        start=(history.start + part.start * timedelta(seconds=history.step_s)).astimezone(UTC),
        weather=replace(
            weather, temp_out_c=weather.temp_out_c[part], ghi_wm2=weather.ghi_wm2[part]
        ),
        heat_kw=history.heat_kw[part],
        zones=tuple(
            replace(
                zone,
                temp_c=zone.temp_c[part],
                setpoint_c=zone.setpoint_c[part],
                valve_pct=zone.valve_pct[part],
                occupied=zone.occupied[part],
            )
            for zone in history.zones
        ),
        ventilation=tuple(replace(unit, run=unit.run[part]) for unit in history.ventilation),
    )


def _question(problem: Problem, history: History) -> Problem:
    """The problem without what changes from hour to hour: nothing of that tells of the past."""
    blank = {"occupied": (), "low_c": (), "high_c": (), "own_setpoint_c": (), "people": ()}
    now = {"setpoint_c": None, "co2_ppm": None, "comfort_backoff_k": None, "start_backoff_k": None}
    learned = {"learned_start": None, "nights_excited": None, "blind_since": None}
    return Problem(
        site=problem.site,
        start=history.start,
        step_s=problem.step_s,
        timezone=problem.timezone,
        latitude=problem.latitude,
        longitude=problem.longitude,
        weather=Weather(temp_out_c=(), ghi_wm2=()),
        electricity_dkk_per_kwh=(),
        heat_dkk_per_kwh=(),
        electricity_kg_per_kwh=(),
        heat_kg_per_kwh=(),
        zones=tuple(
            replace(zone, lever=None, **blank, **now, **learned)  # type: ignore[arg-type]
            for zone in problem.zones
        ),
        heat_source=problem.heat_source,
        ventilation=tuple(
            replace(
                unit,
                own_run=(),
                required=(),
                own_flow_pct=(),
                own_supply_c=(),
                lever=None,
                flow_lever=None,
                supply_lever=None,
            )
            for unit in problem.ventilation
        ),
        history=history,
    )
