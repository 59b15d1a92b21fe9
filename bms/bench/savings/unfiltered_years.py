"""Intervals of unfiltered meters, and savings of 20 % that are held for three years on them.

Every pair of consecutive years of ``placebo_years`` is a placebo: its saving is none. The measures
are planted: of each day after the baseline year 80 % is used, so that the saving is a quarter of
what is measured.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bms.bench.figure import Figure
from bms.bench.savings.placebo_years import ManyYears, building, many_years
from bms.model.savings.avoided_use import Savings
from bms.model.savings.objection import Verdict

HELD_YEARS = 3
MEASURES = 100
"""Meters and baseline years with a planted measure [1]."""
LEFT = 0.8
PLANTED = 0.15
SHARE = 100.0


@dataclass(frozen=True, slots=True)
class _ToldYear:
    """A placebo year of a meter with its half-width and miss, shares of the adjusted baseline."""

    meter: str
    half: float
    inside: bool
    verdict: Verdict


def unfiltered() -> list[Figure]:
    """Figures of every pair of consecutive years, and of measures over three years."""
    known = many_years()
    found = [(meter, year, known.assess(meter, year)) for meter, year in known.pairs()]
    told = [(meter, year, each) for meter, year, each in found if each.saving_kwh is not None]
    pairs = [_pair(meter, each) for meter, _, each in told]
    half = np.median([pair.half for pair in pairs])
    quiet = [(m, y) for (m, y, _), pair in zip(told, pairs, strict=True) if pair.half <= half]
    return [*_placebo_rows(pairs), *_planted(known, quiet), *held_measures(known)]


def _pair(meter: str, told: Savings) -> _ToldYear:
    low, high = told.saving_low_kwh or 0.0, told.saving_high_kwh or 0.0
    whole = told.adjusted_baseline_kwh or 1.0
    return _ToldYear(meter, (high - low) / 2.0 / whole, low <= 0.0 <= high, told.verdict)


def _placebo_rows(pairs: Sequence[_ToldYear]) -> list[Figure]:
    claimed = [pair for pair in pairs if pair.verdict is not Verdict.NOT_CLAIMABLE]
    by_width = np.array_split(sorted(pairs, key=lambda pair: pair.half), 3)
    thirds = [100.0 * np.mean([pair.inside for pair in third]) for third in by_width]
    proved = sum(pair.verdict is Verdict.VERIFIED for pair in pairs)
    quiet = _quieter_half(pairs)
    return [
        _within(f"{len(pairs)} unfiltered placebo years inside the 90 % interval", pairs, 85, 95),
        _within(f"of those whose verdict allows a claim ({len(claimed)})", claimed, 85, 95),
        Figure(
            name="of each third by width: the farthest from 90 %",
            value=float(max(thirds, key=lambda share: abs(share - 90.0))),
            unit="%",
            at_least="82..96",
            ok=all(82.0 <= share <= 96.0 for share in thirds),
        ),
        Figure(
            name="unfiltered placebo years that are verified",
            value=100.0 * proved / len(pairs),
            unit="%",
            at_least="<= 1",
            ok=proved <= 0.01 * len(pairs),
        ),
        Figure(
            name="half-width of the quieter half of the buildings, median",
            value=100.0 * float(np.median([p.half for p in pairs if building(p.meter) in quiet])),
            unit="%",
            at_least="<= 8",
            stretch="<= 6",
            ok=float(np.median([p.half for p in pairs if building(p.meter) in quiet])) <= 0.08,
        ),
    ]


def _within(name: str, pairs: Sequence[_ToldYear], low: float, high: float) -> Figure:
    share = 100.0 * float(np.mean([pair.inside for pair in pairs]))
    return Figure(
        name=name, value=share, unit="%", at_least=f"{low}..{high}", ok=low <= share <= high
    )


def _quieter_half(pairs: Iterable[_ToldYear]) -> set[str]:
    """The buildings whose intervals are narrower than those of the other half, in the middle."""
    widths: dict[str, list[float]] = defaultdict(list)
    for pair in pairs:
        widths[building(pair.meter)].append(pair.half)
    middle = {name: float(np.median(found)) for name, found in widths.items()}
    half = np.median([*middle.values()])
    return {name for name, width in middle.items() if width <= half}


def _planted(known: ManyYears, quiet: Sequence[tuple[str, int]]) -> list[Figure]:
    told = [known.assess(meter, year, left=1.0 - PLANTED) for meter, year in quiet]
    share = 100.0 * float(np.mean([each.verdict is Verdict.VERIFIED for each in told]))
    return [
        Figure(
            name="planted 15 %, verified: quieter half of the pairs",
            value=share,
            unit="%",
            at_least=">= 60",
            ok=share >= 60.0,
        )
    ]


def held_measures(known: ManyYears, most: int = MEASURES) -> list[Figure]:
    """A measure of 20 % that is held for three years, told at months 12, 24 and 36, on ``most``
    meters and baseline years, spread over all that can be told."""
    every = [
        (meter, year)
        for meter, year in known.pairs(HELD_YEARS)
        if known.assess(meter, year, left=LEFT).saving_kwh is not None
    ]
    chosen = [every[i] for i in np.unique(np.linspace(0, len(every) - 1, most).astype(int))]
    figures: list[Figure] = []
    for years in range(1, HELD_YEARS + 1):
        told = [known.assess(m, y, years=years, left=LEFT) for m, y in chosen]
        rows = [each for each in told if each.saving_kwh is not None]
        figures += _held_rows(rows, 12 * years)
        if years == HELD_YEARS:
            figures.append(_fading(rows))
    return figures


def _held_rows(rows: Sequence[Savings], month: int) -> list[Figure]:
    pairs = [_held(row) for row in rows]
    narrow = np.median([pair.half for pair in pairs])
    proved = [pair.verdict is Verdict.VERIFIED for pair in pairs if pair.half <= narrow]
    share = 100.0 * float(np.mean(proved))
    return [
        _within(f"20 % held: the truth inside the interval at month {month}", pairs, 85, 95),
        Figure(
            name=f"20 % held: verified at month {month}, quieter half",
            value=share,
            unit="%",
            at_least=">= 90",
            ok=share >= 90.0,
        ),
    ]


def _held(row: Savings) -> _ToldYear:
    truth = (row.measured_kwh or 0.0) * (1.0 / LEFT - 1.0)
    low, high = row.saving_low_kwh or 0.0, row.saving_high_kwh or 0.0
    whole = row.adjusted_baseline_kwh or 1.0
    return _ToldYear(row.meter_id, (high - low) / 2.0 / whole, low <= truth <= high, row.verdict)


def _fading(rows: Sequence[Savings]) -> Figure:
    """The month of three years at which the saving told so far lies farthest from what was planted:
    the mean of the quieter half of the meters, since the others change by themselves."""
    narrow = np.median([_held(row).half for row in rows])
    by_month: dict[int, list[float]] = defaultdict(list)
    for row in (row for row in rows if _held(row).half <= narrow):
        adjusted = saved = 0.0
        for month in row.months:
            adjusted += month.adjusted_baseline_kwh
            saved += month.saving_kwh
            place = (month.month.year - row.reporting.start.year) * 12 + month.month.month
            by_month[place].append(saved / adjusted if adjusted > 0 else 0.0)
    told = [100.0 * float(np.mean(found)) for found in by_month.values()]
    planted = 100.0 * (1.0 - LEFT)
    return Figure(
        name="20 % held: the saving so far, farthest from 20 % in 36 months, quieter half",
        value=max(told, key=lambda share: abs(share - planted)),
        unit="%",
        at_least="18..22",
        ok=all(abs(share - planted) <= 2.0 for share in told),
    )
