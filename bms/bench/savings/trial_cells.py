"""``bms bench trials``: coverage, false findings and power of trials, cell by cell.

One factor is varied at a time from a base cell: a saving of 8 %, noise of 8 % with an
autocorrelation of 0.5, 8 weeks, one building. The buildings come from ``trial_generator``; design,
draw, analysis, pooling and planning are the product's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from bms.bench.figure import Figure, Progress
from bms.bench.savings.trial_generator import (
    HOLIDAY_DAYS,
    PAST_DAYS,
    BuildingKind,
    GeneratedWeather,
    lived,
)
from bms.model.savings.trial_result import Effect, Regression
from bms.savings.trials.analysis import Allocations, analyse
from bms.savings.trials.carry_over import design_for
from bms.savings.trials.daily_values import DailyRecord, learn_expectation
from bms.savings.trials.effect import CONFIDENCE, as_share, interval_of
from bms.savings.trials.pool import pooled_share
from bms.savings.trials.power import BlockDesign, detectable_effects, weeks_for
from bms.savings.trials.random_allocation import (
    TrialLayout,
    allocate,
    layout,
    possible_allocations,
)
from bms.services.trials.design import confidence_of

RUNS = 1000
SEED = 2026
"""Nothing of the product was chosen by its figures on this seed."""
WINTERS = 8
"""Weathers of a cell [1], with the draws that each allows."""
POOL = 1200
"""Draws of a weather [1] from which the one that is made and those instead of it are taken."""
DRAWS = 499
STARTS = 4
"""How often somebody starts a trial again until one pleases [1]."""
PROMISING = 1.0
"""Standard errors [1] below which the estimate at half time does not please."""
MOSTLY = 0.7
"""Share of the days of a week off [1] from which on a draw pleases who knows of it."""
AIM = 0.08
PLANNED = 12
"""Buildings that are planned in a cell of power [1]."""
COVERED = 0.87
USUAL_COVERAGE = (0.88, 0.94)
FALSE = 0.12
POWER = 0.75
GEOMETRIC = 0.7

Flags = NDArray[np.bool_]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCell:
    """A kind of building and how its trials are made; ``buildings`` of them are pooled."""

    name: str
    kind: BuildingKind = field(default_factory=BuildingKind)
    weeks: int = 8
    buildings: int = 1
    time_constant_h: float | None = None

    @property
    def design(self) -> BlockDesign:
        return design_for(self.time_constant_h)


BASE = BuildingKind()


def _varied(name: str, **changes: object) -> TrialCell:
    return TrialCell(name=name, kind=replace(BASE, **changes))  # type: ignore[arg-type]


CELLS: tuple[TrialCell, ...] = (
    TrialCell(name="base"),
    *(_varied(f"effect {100 * e:.0f} %", effect=e) for e in (0.0, 0.03, 0.15)),
    *(_varied(f"autocorrelation {rho:g}", rho=rho) for rho in (0.0, 0.7)),
    *(_varied(f"carry-over {c:g}", carried=c) for c in (0.2, 0.4)),
    TrialCell(
        name=f"carry-over geometric {GEOMETRIC:g}",
        kind=replace(BASE, memory=GEOMETRIC),
        weeks=12,
        time_constant_h=-24.0 / float(np.log(GEOMETRIC)),
    ),
    _varied("outliers", outliers=0.03),
    _varied("missing days", missing=0.15),
    _varied("trend", trend=0.15),
    _varied("step", step=0.15),
    _varied("an unlisted holiday", holiday=True),
    *(TrialCell(name=f"{weeks} weeks", weeks=weeks) for weeks in (3, 4, 6, 12)),
    *(TrialCell(name=f"{n} buildings alike", buildings=n) for n in (2, 5)),
    *(
        TrialCell(
            name=f"{n} buildings not alike",
            kind=replace(BASE, scatter=0.03, unlike_noise=True),
            buildings=n,
        )
        for n in (2, 5)
    ),
)
A_A: tuple[TrialCell, ...] = (
    _varied("A/A, autocorrelation 0.7", effect=0.0, rho=0.7),
    _varied("A/A, outliers", effect=0.0, outliers=0.03),
    _varied("A/A, step", effect=0.0, step=0.15),
    _varied("A/A, an unlisted holiday", effect=0.0, holiday=True),
    TrialCell(name="A/A, 3 weeks", kind=replace(BASE, effect=0.0), weeks=3),
)
RESTARTED = _varied("A/A, stopped at half time and started again until it pleases", effect=0.0)
REPEATED = _varied("A/A, four trials to their end, the best", effect=0.0)
SHOPPED = _varied(
    "A/A, withdrawn before day one until our days have most of an unlisted week off",
    effect=0.0,
    holiday=True,
)
POWERED: tuple[TrialCell, ...] = tuple(
    _varied(f"power at the planned length, autocorrelation {rho:g}", rho=rho)
    for rho in (0.0, 0.5, 0.7)
)


@dataclass(frozen=True, slots=True, eq=False)
class Winter:
    """A weather with the layout of its trial and draws that may be made."""

    weather: GeneratedWeather
    layout: TrialLayout
    draws: Flags

    @classmethod
    def of(cls, weeks: int, design: BlockDesign, rng: np.random.Generator) -> Winter:
        days = weeks * 7 // design.block_days * design.block_days
        weather = GeneratedWeather.of(days, rng)
        here = slice(PAST_DAYS, PAST_DAYS + days)
        plan = layout(
            weather.temp_c[here].tolist(),
            weather.rest[here].tolist(),
            design.block_days,
            design.washout_days,
        )
        seed = int(rng.integers(1 << 30))
        limit = allocate(plan, seed).limit
        return cls(weather, plan, possible_allocations(plan, limit, seed, POOL))

    def drawn(self, rng: np.random.Generator) -> Allocations:
        order = rng.permutation(len(self.draws))
        return Allocations(self.layout, self.draws[order[0]], self.draws[order[1 : DRAWS + 1]])


@dataclass(frozen=True, slots=True, eq=False)
class TrialRun:
    """A made trial, and what is found of it."""

    record: DailyRecord
    draws: Allocations

    def found(self, until: int | None = None, confidence: float = CONFIDENCE) -> Effect | None:
        """The effect over the days of the trial before ``until``, by default all of them."""
        end = len(self.record) if until is None else PAST_DAYS + until
        expectation = learn_expectation(self.record, PAST_DAYS)
        return analyse(self.record, expectation, self.draws, PAST_DAYS, end, confidence=confidence)


def made(kind: BuildingKind, winter: Winter, rng: np.random.Generator) -> TrialRun:
    """A trial of a new building in this winter."""
    draws = winter.drawn(rng)
    ours = np.repeat(draws.made, winter.layout.block_days)
    return TrialRun(lived(kind, winter.weather, ours, rng), draws)


def winters(cell: TrialCell, rng: np.random.Generator) -> Iterator[Winter]:
    """Winters of a cell, over and over."""
    known = [Winter.of(cell.weeks, cell.design, rng) for _ in range(WINTERS)]
    for i in count():
        yield known[i % WINTERS]


def bench_trial_cells(
    report: Progress, runs: int = RUNS, say: Say = lambda _: None
) -> list[Figure]:
    """Every cell, and over all of them the share that covers 88 to 94 %."""
    figures: list[Figure] = []
    coverages: list[float] = []
    makers: list[Callable[[np.random.Generator], list[Figure]]] = [
        *(lambda rng, cell=cell: covered(cell, runs, rng, coverages) for cell in CELLS),
        *(lambda rng, cell=cell: false_findings(cell, runs, rng) for cell in A_A),
        lambda rng: [_restarts(RESTARTED, runs, rng), _repeats(REPEATED, runs, rng)],
        lambda rng: [shopped_draws(SHOPPED, runs, rng)],
        *(lambda rng, cell=cell: power(cell, runs, rng) for cell in POWERED),
    ]
    for number, maker in enumerate(makers):
        found = maker(np.random.default_rng((SEED, number)))
        for each in found:
            say(f"{each.name}: {each.value:.1f} {each.unit}{'' if each.ok else '  NOT MET'}")
        figures += found
        report("trials", (number + 1) / len(makers))
    low, high = USUAL_COVERAGE
    usual = float(np.mean([low <= each <= high for each in coverages]))
    name = f"legs and pools of {len(coverages)} that cover 88 to 94 %"
    return [*figures, _figure(name, usual, ">= 95", usual >= 0.95, "% of cells")]


def covered(
    cell: TrialCell, runs: int, rng: np.random.Generator, coverages: list[float]
) -> list[Figure]:
    """How often each leg, or the pool, holds the effect, and the claimed interval."""
    truth = cell.kind.effect
    held: dict[str, list[bool]] = {}
    for _, winter in zip(range(runs), winters(cell, rng), strict=False):
        several = [made(cell.kind, winter, rng).found() for _ in range(cell.buildings)]
        effects = [each for each in several if each is not None]
        for leg, holds in _held(effects, cell, truth).items():
            held.setdefault(leg, []).append(holds)
    figures = []
    for leg, each in held.items():
        share = float(np.mean(each))
        if leg != CLAIMED:
            coverages.append(share)
        figures.append(_figure(f"{cell.name}: {leg}", share, ">= 87", share >= COVERED))
    if truth == 0.0:
        shown = 1.0 - float(np.mean(held[CLAIMED]))
        figures.append(_figure(f"{cell.name}: false findings", shown, "<= 12", shown <= FALSE))
    return figures


CLAIMED = "claimed interval"
"""Of one building, wider than either of its legs on purpose."""


def _held(effects: list[Effect], cell: TrialCell, truth: float) -> Mapping[str, bool]:
    """Whether each leg of one building holds the truth, or the pool of several."""
    if cell.buildings > 1:
        found: list[Regression] = [e.relative for e in effects if e.relative is not None]
        together = pooled_share(found)
        if together is None:
            return {}
        return {"pool": together.holds(truth)}
    if not effects or effects[0].share is None or effects[0].share_by_lot is None:
        return {}
    effect = effects[0]
    assert effect.share is not None
    assert effect.share_by_lot is not None
    return {
        "interval by lot": effect.share_by_lot.holds(truth),
        "interval by regression": as_share(interval_of(effect.relative)).holds(truth),
        CLAIMED: effect.share.holds(truth),
    }


def _finds(effect: Effect | None) -> bool:
    return effect is not None and (effect.saving.above_zero or effect.saving.below_zero)


def false_findings(cell: TrialCell, runs: int, rng: np.random.Generator) -> list[Figure]:
    """How often a trial in which nothing was switched finds something at its end."""
    each = zip(range(runs), winters(cell, rng), strict=False)
    share = float(np.mean([_finds(made(cell.kind, winter, rng).found()) for _, winter in each]))
    return [_figure(cell.name, share, "<= 12", share <= FALSE)]


def _restarts(cell: TrialCell, runs: int, rng: np.random.Generator) -> Figure:
    """Somebody reads the meters beside the product, stops what does not please at half time, and
    starts again, up to ``STARTS`` times."""
    found = []
    for _, winter in zip(range(runs), winters(cell, rng), strict=False):
        for number in range(1, STARTS + 1):
            run = made(cell.kind, winter, rng)
            half = run.found(len(run.draws.layout.used) // 2)
            if number == STARTS or _pleases(half):
                found.append(_finds(run.found(confidence=confidence_of(number))))
                break
    share = float(np.mean(found))
    return _figure(cell.name, share, "<= 12", share <= FALSE)


def _pleases(half: Effect | None) -> bool:
    known = None if half is None else half.relative
    return known is not None and known.value > PROMISING * known.error


def _repeats(cell: TrialCell, runs: int, rng: np.random.Generator) -> Figure:
    """Every trial runs to its end, and one finding of any of them is taken."""
    found = [
        any(
            _finds(made(cell.kind, winter, rng).found(confidence=confidence_of(number)))
            for number in range(1, STARTS + 1)
        )
        for _, winter in zip(range(runs), winters(cell, rng), strict=False)
    ]
    share = float(np.mean(found))
    return _figure(cell.name, share, "<= 12", share <= FALSE)


def shopped_draws(cell: TrialCell, runs: int, rng: np.random.Generator) -> Figure:
    """Somebody who knows of a week off that is listed nowhere withdraws what the lot gave before
    its first day, and draws again, until the week is mostly ours or ``STARTS`` draws were seen."""
    found = []
    for _, winter in zip(range(runs), winters(cell, rng), strict=False):
        used = winter.layout.used
        at = int(rng.integers(0, len(used) - HOLIDAY_DAYS))
        week = np.flatnonzero(used[at : at + HOLIDAY_DAYS]) + at
        kind = replace(cell.kind, holiday_at=at)
        for number in range(1, STARTS + 1):
            draws = winter.drawn(rng)
            ours = np.repeat(draws.made, winter.layout.block_days)
            if number == STARTS or ours[week].mean() >= MOSTLY:
                run = TrialRun(lived(kind, winter.weather, ours, rng), draws)
                found.append(_finds(run.found(confidence=confidence_of(number))))
                break
    share = float(np.mean(found))
    return _figure(cell.name, share, "<= 12", share <= FALSE)


def power(cell: TrialCell, runs: int, rng: np.random.Generator) -> list[Figure]:
    """How often a saving of ``AIM`` is shown by trials of the length that was planned from the
    past of buildings of that kind."""
    planned, shown = [], []
    for winter in (Winter.of(cell.weeks, cell.design, rng) for _ in range(PLANNED)):
        past = made(cell.kind, winter, rng).record
        weeks = weeks_for(detectable_effects(past, cell.design, PAST_DAYS), AIM).at_most
        if weeks is None:
            continue
        planned.append(weeks)
        later = Winter.of(weeks, cell.design, rng)
        shown += [
            _above(made(cell.kind, later, rng).found()) for _ in range(max(runs // PLANNED, 1))
        ]
    share = float(np.mean(shown)) if shown else 0.0
    return [
        _figure(cell.name, share, ">= 75", share >= POWER),
        Figure(name=f"{cell.name}: weeks", value=float(np.mean(planned)), unit="weeks", ok=True),
    ]


def _above(effect: Effect | None) -> bool:
    return effect is not None and effect.saving.above_zero


def _figure(name: str, share: float, asked: str, ok: bool, unit: str = "% of runs") -> Figure:
    return Figure(name=name, value=100.0 * share, unit=unit, at_least=asked, ok=ok)
