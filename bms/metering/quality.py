"""How well a meter is read: what is there, what is missing, and what was wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np

from bms.metering.flaw import runs
from bms.metering.step_edges import from_micros
from bms.model.readings.metering import Consumption, Flaw, MeterEvent
from bms.model.readings.reading import Quality, Reading
from bms.model.words import Words

ENOUGH = 0.9
"""Share of the steps that has to be known; the savings ask the same of a day."""
PATIENCE = 3
"""So many of its usual pauses a meter may be silent."""
LEAST_PATIENCE = timedelta(hours=2)
"""A restart of a gateway or of this product is no silence."""
SERIOUS = frozenset({Flaw.RESET, Flaw.SPIKE, Flaw.UNIT_SLIP, Flaw.NEGATIVE, Flaw.FLAT_LINE})
"""Flaws that a person has to look at even where little is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """A run of steps without use, from ``start`` to ``end``, and why."""

    start: datetime
    end: datetime
    reason: MeterEvent | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterQuality:
    """The state of a meter over a period.

    ``coverage`` is the share of the ``steps`` whose use is known, 0..1; ``missing`` how many are
    not. ``counts`` has the number of events of each flaw that was met. ``worst`` is the longest
    run of missing steps. ``last_reading`` is the newest reading with a value, ``silent_for`` its
    age at the end of the period; both None when there is none. ``without_value`` counts readings
    that came as missing, ``estimated`` those that the supplier estimated. ``verdict.code`` is one
    of ``no_readings``, ``silent``, ``incomplete``, ``flawed`` and ``good``, the first that holds.
    """

    coverage: float
    steps: int
    missing: int
    counts: Mapping[Flaw, int]
    events: tuple[MeterEvent, ...]
    worst: Spell | None
    last_reading: datetime | None
    silent_for: timedelta | None
    without_value: int
    estimated: int
    verdict: Words


def quality(
    consumption: Consumption, readings: Sequence[Reading], *, now: datetime | None = None
) -> MeterQuality:
    """The quality of a meter over the period of ``consumption``.

    ``readings`` are those of its point in the period. A meter is silent when ``now`` (the end of
    the period where it is not given) lies more than three of its usual pauses, and two hours,
    after it was last heard of; the moments of arrival tell, where they are known, so that a file
    that comes every night is silent after three nights and not every evening.
    """
    use = consumption.use
    known = np.isfinite(use.values)
    valued = [reading for reading in readings if reading.value is not None]
    last = max((reading.time for reading in valued), default=None)
    now = _end(consumption) if now is None else now
    missing = int(np.count_nonzero(~known))
    counts = Counter(event.flaw for event in consumption.events)
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
        estimated=sum(reading.quality is Quality.ESTIMATED for reading in valued),
        verdict=_verdict(valued, last, now, use.coverage, counts),
    )


def _worst(consumption: Consumption) -> Spell | None:
    spells = [
        (_edge(consumption, first), _edge(consumption, end))
        for first, end in runs(np.isnan(consumption.use.values))
    ]
    if not spells:
        return None
    start, end = max(spells, key=lambda spell: spell[1] - spell[0])
    reason = next((e for e in consumption.events if e.start <= start and end <= e.end), None)
    return Spell(start=start, end=end, reason=reason)


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
    counts: Mapping[Flaw, int],
) -> Words:
    if last is None:
        return Words("no_readings", "Ingen aflæsninger i perioden.", "No readings in the period.")
    if _silent(valued, now):
        return _silence(last, now)
    if coverage < ENOUGH:
        return Words(
            "incomplete",
            f"Forbruget kendes i {_percent(coverage)} % af perioden; mindst 90 % skal kendes.",
            f"The use is known for {_percent(coverage)} % of the period; at least 90 % has to be.",
        )
    serious = sum(count for flaw, count in counts.items() if flaw in SERIOUS)
    if serious:
        return Words(
            "flawed",
            f"Aflæsningerne har fejl, som en person skal se på ({serious}).",
            f"The readings have flaws that a person has to look at ({serious}).",
        )
    return Words("good", "Måleren aflæses som den skal.", "The meter is read as it should be.")


def _percent(coverage: float) -> str:
    """Rounded down: 89.96 % is not yet 90."""
    return f"{np.floor(coverage * 1000) / 10:g}"


def _silent(valued: Sequence[Reading], now: datetime) -> bool:
    heard = sorted({reading.received or reading.time for reading in valued})
    if len(heard) < 2:
        return now - heard[-1] > timedelta(days=PATIENCE)
    pauses = sorted(after - before for before, after in pairwise(heard))
    usual = pauses[len(pauses) // 2]
    return now - heard[-1] > max(PATIENCE * usual, LEAST_PATIENCE)


def _silence(last: datetime, now: datetime) -> Words:
    hours = (now - last) / timedelta(hours=1)
    da, en = ("timer", "hours") if hours < 48 else ("døgn", "days")
    age = f"{hours:.0f}" if hours < 48 else f"{hours / 24:.0f}"
    moment = f"{last.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return Words(
        "silent",
        f"Måleren har ikke givet lyd i {age} {da} (sidst {moment}). Se efter gateway, fil eller"
        " aftale med leverandøren.",
        f"Nothing was heard of the meter for {age} {en} (last {moment}). Look at the gateway, the"
        " file or the agreement with the supplier.",
    )
