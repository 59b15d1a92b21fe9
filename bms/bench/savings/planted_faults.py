"""Faults and events planted in real meters: are they found, and do clean meters stay quiet?

The clean list was made by eye, from plots of both years of every meter; docs/savings.md says what
the others show.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bms.bench.figure import Figure
from bms.bench.savings.meters import ZONE, Change, Meters
from bms.model.planning.grid import local_grid
from bms.model.readings.series import Floats, Series
from bms.model.savings.avoided_use import Savings
from bms.model.savings.finding import FindingCode

STEPS = frozenset({FindingCode.STEP, FindingCode.STEP_UNCLEAR})
SHOWN: Mapping[str, frozenset[FindingCode]] = {
    "b2_gas": STEPS,
    "b3_el": STEPS,
    "b7_el": frozenset({FindingCode.CLOCK_SHIFT}),
    "b15_el": frozenset({FindingCode.CLOCK_SHIFT}),
    "b31_gas": STEPS,
    "b35_gas": frozenset({FindingCode.OUTAGE}),
    "b61_gas": STEPS,
    "b96_el": frozenset({FindingCode.CLOCK_SHIFT}),
}
"""What single meters do show in their plots, and may be flagged for."""
CHANGED = frozenset({"b20_el", "b31_el", "b62_gas"})
"""Meters whose plots show a change that is not found, or a season that moved; they are not clean
either."""
ASKED = (FindingCode.UNIT_ERROR, FindingCode.STUCK, FindingCode.GAP, FindingCode.STEP)
EVENTS = frozenset(
    {
        *STEPS,
        FindingCode.DRIFT,
        FindingCode.OUTAGE,
        FindingCode.CHANGED_USE,
        FindingCode.CLOCK_SHIFT,
    }
)
SIZES = (-0.5, -0.4, -0.3, -0.2, -0.15, 0.15, 0.2, 0.3, 0.4, 0.5)
LASTING = (-0.12, 0.12)
DATES = 3
SEED = 20190501
DAY = 24
STEP_AFTER = 100 * DAY
STEP = FindingCode.STEP
SAME, LEAST = timedelta(days=14), 0.05
"""A step on another day than a meter's own, or by so much more, is another step."""


def faults(bench: Meters) -> list[Figure]:
    """All figures about faults and events."""
    return [*_planted(bench), *_steps(bench), *_lasting_steps(bench), *_others(bench)]


def _new_step(result: Savings, clean: Savings) -> bool:
    """Whether a step is flagged that the meter does not show by itself."""
    own, seen = _stepped(clean), _stepped(result)
    return any(
        all(abs(day - at) > SAME or abs(size - share) > LEAST for at, share in own)
        for day, size in seen
    )


def _stepped(result: Savings) -> list[tuple[datetime, float]]:
    """Days and sizes of the steps that were found."""
    found = [(f.start, f.proposal or f.unsure) for f in result.findings if f.code in STEPS]
    return [(day, proposal.share) for day, proposal in found if proposal is not None]


def _share(saving: float | None, adjusted: float | None) -> float:
    return float("nan") if saving is None or not adjusted else saving / adjusted


def _planted(bench: Meters) -> list[Figure]:
    found = dict.fromkeys(ASKED, 0)
    shifts, false = [], 0
    for meter, use in bench.meters.items():
        clean = bench.assess(meter)
        if meter not in CHANGED:
            false += len((set(clean.flags) & {*ASKED, *EVENTS}) - SHOWN.get(meter, frozenset()))
        at = bench.after(meter) + 40 * DAY
        for flag, change in _asked(use.values, at).items():
            result = bench.assess(meter, change)
            if flag == STEP:
                found[flag] += _new_step(result, clean)
            else:
                found[flag] += flag in result.flags
                moved = _share(result.saving_kwh, result.adjusted_baseline_kwh)
                shifts.append(abs(moved - _share(clean.saving_kwh, clean.adjusted_baseline_kwh)))
    n = len(bench.meters)
    rows = [
        Figure(
            name=f"planted fault flagged: {flag.value}",
            value=100 * count / n,
            unit=f"% of {n} meters",
            at_least="100",
            ok=count == n,
        )
        for flag, count in found.items()
    ]
    return [
        *rows,
        Figure(
            name="false flags on the clean meters",
            value=false,
            unit=f"flags on {n - len(CHANGED | SHOWN.keys())} meters",
            at_least="0",
            ok=false == 0,
        ),
        Figure(
            name="saving moved by ×1000, stuck register or gap, at most",
            value=100 * max(shifts),
            unit="% of baseline",
            ok=True,
        ),
    ]


def _asked(values: Floats, at: int) -> dict[FindingCode, Change]:
    spiked = np.random.default_rng(3).choice(np.arange(at, len(values)), 20, replace=False)
    first = at + int(np.flatnonzero(values[at:] > 0)[0])

    def thousand(v: Floats) -> None:
        v[spiked] *= 1000.0

    def stick(v: Floats) -> None:
        v[first : first + 168] = v[first]

    def lose(v: Floats) -> None:
        v[at : at + 336] = np.nan

    return {
        FindingCode.UNIT_ERROR: thousand,
        FindingCode.STUCK: stick,
        FindingCode.GAP: lose,
        STEP: _times(at + STEP_AFTER, len(values), 1.3),
    }


def _times(start: int, end: int, factor: float) -> Change:
    def change(values: Floats) -> None:
        values[start:end] *= factor

    return change


def _steps(bench: Meters) -> list[Figure]:
    """Steps of many sizes on random days, in either period, of meters that show nothing else."""
    rng = np.random.default_rng(SEED)
    figures = []
    for period in ("reporting", "baseline"):
        for size in SIZES:
            flagged, n = 0, 0
            for meter in bench.meters:
                start, end = _period(bench, meter, period)
                for at in rng.integers(start + 45 * DAY, end - 60 * DAY, DATES):
                    if meter in SHOWN:
                        continue
                    flags = bench.assess(meter, _times(int(at), end, 1.0 + size)).flags
                    flagged += bool({*STEPS, FindingCode.DRIFT} & set(flags))
                    n += 1
            figures.append(
                Figure(
                    name=f"step of {100 * size:+.0f} % on a random day flagged, {period} period",
                    value=100 * flagged / n,
                    unit=f"% of {n} steps",
                    ok=True,
                )
            )
    return figures


def _lasting_steps(bench: Meters) -> list[Figure]:
    """Steps of 12 % that stay, of meters that show nothing: is their period told, or said not to
    be?"""
    rng = np.random.default_rng(SEED)
    found = unclear = wrong = 0
    clean = [meter for meter in bench.meters if meter not in SHOWN and meter not in CHANGED]
    for meter in clean:
        for period in ("reporting", "baseline"):
            start, end = _period(bench, meter, period)
            for at, size in zip(
                rng.integers(start + 60 * DAY, end - 60 * DAY, 4), LASTING * 2, strict=True
            ):
                change = _times(int(at), len(bench.meters[meter].values), 1.0 + size)
                steps = [f for f in bench.assess(meter, change).findings if f.code in STEPS]
                found += bool(steps)
                if steps and steps[0].code != STEP:
                    unclear += 1
                elif steps:
                    later = steps[0].start >= bench.reporting.start
                    share = steps[0].parameters["share"]
                    alike = isinstance(share, float) and share * size > 0
                    wrong += later != (period == "reporting") or not alike
    return [
        Figure(
            name=f"lasting steps of 12 %: told in the wrong period ({unclear} not told)",
            value=100 * wrong / max(found, 1),
            unit=f"% of {found} found",
            at_least="<= 10",
            ok=wrong <= 0.1 * found,
        )
    ]


def _period(bench: Meters, meter: str, period: str) -> tuple[int, int]:
    """First step and end of a period within a meter's series."""
    use, after = bench.meters[meter], bench.after(meter)
    if period == "baseline":
        return max(int((bench.baseline.start - use.start) // use.step), 0), after
    return after, min(int((bench.reporting.end - use.start) // use.step), len(use))


def _others(bench: Meters) -> list[Figure]:
    """Drift, outage and changed use in the reporting year, of meters that show nothing else."""
    flagged: dict[str, list[bool]] = {}
    for meter, use in bench.meters.items():
        if meter in SHOWN:
            continue
        for name, (flags, change) in _planted_events(bench, meter, use).items():
            seen = set(bench.assess(meter, change).flags)
            flagged.setdefault(name, []).append(bool(flags & seen))
    return [
        Figure(
            name=f"planted event flagged: {name}",
            value=100 * float(np.mean(each)),
            unit=f"% of {len(each)} meters",
            ok=True,
        )
        for name, each in flagged.items()
    ]


def _planted_events(
    bench: Meters, meter: str, use: Series
) -> dict[str, tuple[frozenset[FindingCode], Change]]:
    start, end = _period(bench, meter, "reporting")
    grid = local_grid(ZONE, use.start, int(use.step.total_seconds()), len(use))
    hour, later = grid.minute // 60, np.arange(len(use)) >= start + 150 * DAY
    workday = grid.weekday < 5

    def slope(values: Floats) -> None:
        values[start:end] *= np.linspace(1.0, 1.5, end - start)

    def cold(values: Floats) -> None:
        values[start + 33 * DAY : start + 38 * DAY] *= 0.05

    def more(where: NDArray[np.bool_]) -> Change:
        def change(values: Floats) -> None:
            values[later & where] *= 1.5

        return change

    either = STEPS | {FindingCode.DRIFT}
    events: dict[str, tuple[frozenset[FindingCode], Change]] = {
        "drift to +50 % over the year (as drift or step)": (either, slope),
        "outage, five days in February at a twentieth": (frozenset({FindingCode.OUTAGE}), cold),
    }
    if meter.endswith("_el"):
        used = frozenset({FindingCode.CHANGED_USE})
        events |= {
            "evenings +50 % (electricity)": (used, more(workday & (hour >= 17) & (hour < 22))),
            "weekends +50 % (electricity)": (used, more(~workday)),
            "nights +50 % (electricity)": (used, more((hour >= 23) | (hour < 5))),
        }
    return events
