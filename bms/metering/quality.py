"""How well a meter is read: what is there, what is missing, and what was wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from bms.metering.step_edges import from_micros
from bms.model.fact import Fact, MessageCode, Moment, Parameter, fact
from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.metering import Consumption, FlawKind, MeterEvent
from bms.model.readings.runs_and_peaks import runs

SUPPLIED = (Quality.ESTIMATED, Quality.CALCULATED, Quality.CORRECTED)
"""Qualities of values that a supplier did not measure as they stand."""
ENOUGH = 0.9
"""Share of the steps that has to be known; the savings ask the same of a day."""
PATIENCE = 3
"""So many of its usual pauses a meter may be silent."""
LEAST_PATIENCE = timedelta(hours=2)
"""A restart of a gateway or of this product is no silence."""
SERIOUS = frozenset(
    {FlawKind.RESET, FlawKind.SPIKE, FlawKind.UNIT_SLIP, FlawKind.NEGATIVE, FlawKind.FLAT_LINE}
)
"""Flaws that a person has to look at even where little is missing."""


class MeterState(MessageCode):
    """The state of a meter over a period, the first that holds."""

    NO_READINGS = "no_readings"
    SILENT = "silent"
    INCOMPLETE = "incomplete"
    FLAWED = "flawed"
    GOOD = "good"


class SilencePhrase(MessageCode):
    """How long a meter has been silent."""

    HOURS = "silent_hours"
    DAYS = "silent_days"


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingRun:
    """A run of steps without use, from ``start`` to ``end``, and why."""

    start: datetime
    end: datetime
    reason: MeterEvent | None


@dataclass(frozen=True, slots=True)
class SeldomRead:
    """How a meter is read that is read more seldom than daily: the share of the time up to its
    ``last`` reading that lies between readings of known use, 0..1, and its usual ``pause``."""

    coverage: float
    pause: timedelta
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterQuality:
    """The state of a meter over a period.

    ``coverage`` is the share of the ``steps`` whose use is known, 0..1; ``missing`` how many are
    not. ``counts`` has the number of events of each flaw that was met. ``worst`` is the longest
    run of missing steps. ``last_reading`` is the newest reading with a value, ``silent_for`` its
    age at the end of the period; both None when there is none. ``without_value`` counts readings
    that came as missing, ``estimated`` those that the supplier estimated, calculated or corrected.
    ``verdict`` gives the ``state`` with its numbers.
    """

    coverage: float
    steps: int
    missing: int
    counts: Mapping[FlawKind, int]
    events: tuple[MeterEvent, ...]
    worst: MissingRun | None
    last_reading: datetime | None
    silent_for: timedelta | None
    without_value: int
    estimated: int
    state: MeterState
    verdict: Fact


def assess_quality(
    consumption: Consumption,
    readings: Sequence[Reading],
    *,
    now: datetime | None = None,
    seldom: SeldomRead | None = None,
) -> MeterQuality:
    """The quality of a meter over the period of ``consumption``.

    ``readings`` are those of its point in the period. A meter is silent when ``now`` (the end of
    the period where it is not given) lies more than three of its usual pauses, and two hours,
    after its last reading; the moments of arrival count, where they are known, so that a file
    that comes every night is silent after three nights and not every evening. Of a meter that is
    read more ``seldom`` than daily no step is known, and none is missing: it is asked between its
    readings.
    """
    if seldom is not None:
        return _seldom_quality(consumption, readings, seldom, now)
    use = consumption.use
    known = np.isfinite(use.values)
    valued = [reading for reading in readings if reading.value is not None]
    last = max((reading.time for reading in valued), default=None)
    now = _end(consumption) if now is None else now
    missing = int(np.count_nonzero(~known))
    counts = Counter(event.flaw for event in consumption.events)
    state, numbers = _verdict(valued, last, now, use.coverage, counts)
    return MeterQuality(
        coverage=use.coverage,
        steps=len(use),
        missing=missing,
        counts=dict(counts),
        events=consumption.events,
        worst=_worst(consumption),
        last_reading=last,
        silent_for=None if last is None else max(now - last, timedelta(0)),
        without_value=len(readings) - len(valued),
        estimated=sum(reading.quality in SUPPLIED for reading in valued),
        state=state,
        verdict=fact(state, **numbers),
    )


def _seldom_quality(
    consumption: Consumption,
    readings: Sequence[Reading],
    seldom: SeldomRead,
    now: datetime | None,
) -> MeterQuality:
    now = _end(consumption) if now is None else now
    events = [event for event in consumption.events if event.flaw is not FlawKind.GAP]
    counts = Counter(event.flaw for event in events)
    silent_for = max(now - seldom.last, timedelta(0))
    if silent_for > PATIENCE * seldom.pause:
        state, numbers = _silence(silent_for, seldom.last)
    else:
        state, numbers = _known_state(seldom.coverage, counts)
    steps = len(consumption.use)
    return MeterQuality(
        coverage=seldom.coverage,
        steps=steps,
        missing=round((1.0 - seldom.coverage) * steps),
        counts=dict(counts),
        events=tuple(events),
        worst=None,
        last_reading=seldom.last,
        silent_for=silent_for,
        without_value=sum(reading.value is None for reading in readings),
        estimated=sum(
            reading.quality in SUPPLIED for reading in readings if reading.value is not None
        ),
        state=state,
        verdict=fact(state, **numbers),
    )


def _worst(consumption: Consumption) -> MissingRun | None:
    runs_of_missing = [
        (_edge(consumption, first), _edge(consumption, end))
        for first, end in runs(np.isnan(consumption.use.values))
    ]
    if not runs_of_missing:
        return None
    start, end = max(runs_of_missing, key=lambda each: each[1] - each[0])
    reason = next((e for e in consumption.events if e.start <= start and end <= e.end), None)
    return MissingRun(start=start, end=end, reason=reason)


def _edge(consumption: Consumption, index: int) -> datetime:
    if consumption.edges is not None:
        return from_micros(consumption.edges[index])
    return consumption.use.start + index * consumption.use.step


def _end(consumption: Consumption) -> datetime:
    return _edge(consumption, len(consumption.use))


def _verdict(
    valued: Sequence[Reading],
    last: datetime | None,
    now: datetime,
    coverage: float,
    counts: Mapping[FlawKind, int],
) -> tuple[MeterState, dict[str, Parameter]]:
    """The state of a meter, and the numbers of its message."""
    if last is None:
        return MeterState.NO_READINGS, {}
    if _silent(valued, now):
        return _silence(now - last, last)
    return _known_state(coverage, counts)


def _silence(age: timedelta, last: datetime) -> tuple[MeterState, dict[str, Parameter]]:
    return MeterState.SILENT, {"age": _age(age), "last": Moment(last)}


def _known_state(
    coverage: float, counts: Mapping[FlawKind, int]
) -> tuple[MeterState, dict[str, Parameter]]:
    if coverage < ENOUGH:
        return MeterState.INCOMPLETE, {"coverage": _floor(coverage), "needed": ENOUGH}
    serious = sum(count for flaw, count in counts.items() if flaw in SERIOUS)
    return (MeterState.FLAWED, {"count": serious}) if serious else (MeterState.GOOD, {})


def _floor(coverage: float) -> float:
    """Down to a tenth of a percent: 89.96 % is not yet 90."""
    return float(np.floor(coverage * 1000) / 1000)


def _silent(valued: Sequence[Reading], now: datetime) -> bool:
    heard = sorted({reading.received or reading.time for reading in valued})
    if len(heard) < 2:
        return now - heard[-1] > timedelta(days=PATIENCE)
    pauses = sorted(after - before for before, after in pairwise(heard))
    usual = pauses[len(pauses) // 2]
    return now - heard[-1] > max(PATIENCE * usual, LEAST_PATIENCE)


def _age(silence: timedelta) -> Fact:
    hours = silence / timedelta(hours=1)
    if hours < 48:
        return fact(SilencePhrase.HOURS, hours=hours)
    return fact(SilencePhrase.DAYS, days=hours / 24)
