"""Switchback trials on real meters: is a planted effect inside the interval, and nothing where
nothing was planted?

Daily use is made from 27 real meters of 20 public buildings: what the season's weather explains,
and residuals of the same meter in stretches of two weeks as they were (moving-block bootstrap,
Künsch 1989, doi:10.1214/aos/1176347265), so that noise keeps its size, its autocorrelation and its
odd days. Half of the effect reaches into the first day after a switch, on which the building still
remembers. The same is done with the real days themselves, nothing made. Trials of heat begin from
October to February.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bms.bench.figure import Figure, Progress
from bms.bench.savings.meters import METERS, ZONE, Meters
from bms.errors import FeedError
from bms.feeds.archive import DATA
from bms.feeds.suppliers.meter_files import read_meters, read_weather
from bms.model.readings.series import Floats
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Span
from bms.model.savings.trial_result import Effect, Subject
from bms.savings.data.daily import daily
from bms.savings.data.screening import screen_use
from bms.savings.trials.analysis import allocations_of, analyse
from bms.savings.trials.daily_values import DailyRecord, Expectation, learn_expectation
from bms.savings.trials.power import BlockDesign, window_layout
from bms.savings.trials.random_allocation import Allocation, allocate

EFFECT = 0.08
RUNS = 500
WEEKS = 8
DESIGN = BlockDesign(block_days=3, washout_days=1)
STRETCH_DAYS = 14
COLD_MONTHS = (10, 11, 12, 1, 2)
CARRIED = 0.5
"""Share of the effect that a switch carries over into its first day."""
LEAST_PAST = 365


@dataclass(frozen=True, slots=True, eq=False)
class MeterPast:
    """A real meter: its days, and what their weather explains."""

    record: DailyRecord
    expectation: Expectation


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedRun:
    """What a run found with the effect planted, and without."""

    planted: Effect
    nothing: Effect


def bench_trials(report: Progress) -> list[Figure]:
    """The figures of trials. Raises ``FeedError`` where the meters are missing."""
    if not METERS.exists():
        raise FeedError(f"{METERS} is missing; run this bench in a checkout of the repository")
    began = time.perf_counter()
    known = meter_pasts()
    figures: list[Figure] = []
    for made, name in ((True, "made from their residuals"), (False, "as they were")):
        found = []
        for one in runs(known, RUNS, made=made):
            found.append(one)
            report("trials", (len(figures) / 4 + len(found) / RUNS) / 2)
        figures += _figures(found, f"27 real meters {name}")
    spent = time.perf_counter() - began
    return [
        *figures,
        Figure(
            name=f"{4 * RUNS} trials found",
            value=spent,
            unit="s",
            at_least="<= 120",
            ok=spent <= 120.0,
        ),
    ]


def runs(known: list[MeterPast], count: int, *, made: bool, seed: int = 7) -> Iterator[PlantedRun]:
    """Trials of ``WEEKS`` weeks at random meters and times; ``made`` days or the real ones."""
    rng = np.random.default_rng(seed)
    days = WEEKS * 7 // DESIGN.block_days * DESIGN.block_days
    done = 0
    while done < count:
        past = known[rng.integers(len(known))]
        record = past.record
        at = int(rng.integers(LEAST_PAST, len(record) - days))
        if record.subject is not Subject.ELECTRICITY and not _cold(record, at):
            continue
        if made:
            record = _remade(past, at, days, rng)
        found = _run(record, at, days, int(rng.integers(1 << 30)))
        if found is not None:
            done += 1
            yield found


def _run(record: DailyRecord, at: int, days: int, seed: int) -> PlantedRun | None:
    plan = window_layout(record, DESIGN, at, days)
    if plan is None:
        return None
    allocation = allocate(plan, seed)
    draws = allocations_of(plan, allocation, seed)
    expectation = learn_expectation(record, at)
    planted = analyse(_planted(record, allocation, at), expectation, draws, at, at + days)
    nothing = analyse(record, expectation, draws, at, at + days)
    if planted is None or nothing is None:
        return None
    return PlantedRun(planted=planted, nothing=nothing)


def _planted(record: DailyRecord, allocation: Allocation, at: int) -> DailyRecord:
    ours = np.repeat(allocation.optimised, DESIGN.block_days).astype(np.float64)
    first = np.arange(len(ours)) % DESIGN.block_days == 0
    before = np.concatenate(([1.0], ours[:-1]))
    felt = np.where(first, CARRIED * before + (1.0 - CARRIED) * ours, ours)
    value = record.value.copy()
    value[at : at + len(ours)] *= 1.0 - EFFECT * felt
    return DailyRecord(record.subject, record.first, value, record.temp_c, record.rest)


def _remade(past: MeterPast, at: int, days: int, rng: np.random.Generator) -> DailyRecord:
    """The days from ``at`` on made anew: expected use, and residuals of the same season in
    stretches, as shares of what was expected."""
    record = past.record
    left = record.value - past.expectation.value
    places = np.arange(len(record) - STRETCH_DAYS)
    away = np.abs((places - at - days / 2 + 182.5) % 365 - 182.5)
    near = places[(away <= 60) & _whole(left)]
    value = record.value.copy()
    for start in range(at, at + days, STRETCH_DAYS):
        taken = int(rng.choice(near))
        length = min(STRETCH_DAYS, at + days - start)
        value[start : start + length] = np.maximum(
            past.expectation.value[start : start + length] + left[taken : taken + length], 0.0
        )
    return DailyRecord(record.subject, record.first, value, record.temp_c, record.rest)


def _whole(left: Floats) -> NDArray[np.bool_]:
    """Whether the stretch that begins at a place has no gap, shape (n - STRETCH_DAYS,)."""
    gaps = np.concatenate(([0], np.cumsum(~np.isfinite(left))))
    return np.asarray(gaps[STRETCH_DAYS:-1] == gaps[: -STRETCH_DAYS - 1])


def _cold(record: DailyRecord, at: int) -> bool:
    return record.dates[at].month in COLD_MONTHS


def meter_pasts() -> list[MeterPast]:
    """The real meters of the tests with what their weather explains."""
    bench = Meters(read_meters(METERS).use, read_weather(DATA / "weather_hourly.csv.gz").temp_c)
    whole = Span(start=bench.baseline.start, end=bench.reporting.end)
    made = []
    for name, use in bench.meters.items():
        kind = bench.kind(name)
        clean, _ = screen_use(use, bench.temp, kind)
        found = daily(clean, bench.temp, whole, ZONE)
        subject = Subject.ELECTRICITY if kind is Commodity.ELECTRICITY else Subject.HEAT
        rest = np.array([day.weekday() >= 5 for day in found.dates])
        record = DailyRecord(subject, found.dates[0], found.rate, found.temp_c, rest)
        made.append(MeterPast(record, learn_expectation(record, len(record))))
    return made


def _figures(found: list[PlantedRun], where: str) -> list[Figure]:
    holds = [each.planted.share is None or each.planted.share.holds(EFFECT) for each in found]
    zero = [each.nothing.saving.holds(0.0) for each in found]
    halves = [_half(each.planted) for each in found]
    seen = [each.planted.saving.above_zero for each in found]
    return [
        Figure(
            name=f"planted effect of 8 % over 8 weeks inside the interval, {where}",
            value=100 * float(np.mean(holds)),
            unit=f"% of {len(found)} runs",
            at_least=">= 90",
            ok=float(np.mean(holds)) >= 0.9,
        ),
        Figure(
            name=f"A/A: no effect inside the interval, {where}",
            value=100 * float(np.mean(zero)),
            unit=f"% of {len(found)} runs",
            at_least=">= 90",
            ok=float(np.mean(zero)) >= 0.9,
        ),
        Figure(
            name=f"half-width of the interval, median, {where}",
            value=100 * float(np.median(halves)),
            unit="% of use",
            ok=True,
        ),
        Figure(
            name=f"the effect is shown, {where}",
            value=100 * float(np.mean(seen)),
            unit=f"% of {len(found)} runs",
            ok=True,
        ),
    ]


def _half(effect: Effect) -> float:
    share = effect.share
    if share is None or share.low is None or share.high is None:
        return float("inf")
    return (share.high - share.low) / 2.0
