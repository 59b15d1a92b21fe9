"""Savings on real meters: do intervals hold, are planted savings and faults found, how fast?

27 meters of 20 public buildings without a known project, baseline 2018, reporting 2019: every
"saving" is a placebo. The meters are those of the tests; a checkout has them.
"""

from __future__ import annotations

import resource
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from bms.bench.figure import Figure, Progress
from bms.bench.savings.kept_answers import kept_answers
from bms.bench.savings.meters import METERS, ZONE, Change, Meters
from bms.bench.savings.planted_faults import faults
from bms.bench.savings.unfiltered_years import unfiltered
from bms.errors import FeedError
from bms.feeds.archive import DATA
from bms.feeds.suppliers.meter_files import read_meters, read_weather
from bms.metering.bills import BilledUse
from bms.model.planning.grid import local_grid
from bms.model.readings.series import Floats
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Savings
from bms.savings.claims.billing_savings import assess_bills
from bms.savings.data.daily import daily
from bms.savings.data.screening import screen_use
from bms.savings.models.baseline import fit_baseline
from bms.savings.models.hourly import MONTHLY, SINGLE, second_opinion
from bms.savings.models.uncertainty import Placebo, covered, half_width, learn_drift

CITY = 1000


def bench_assess(report: Progress) -> list[Figure]:
    """All figures of the assessment. Raises ``FeedError`` where the meters are missing."""
    if not METERS.exists():
        raise FeedError(f"{METERS} is missing; run this bench in a checkout of the repository")
    bench = Meters(read_meters(METERS).use, read_weather(DATA / "weather_hourly.csv.gz").temp_c)
    steps = (placebos, planted, faults, _errors, _speed, _unfiltered, _kept)
    figures: list[Figure] = []
    for i, step in enumerate(steps):
        report("assessing", i / len(steps))
        figures += step(bench)
    report("assessing", 1.0)
    return figures


def _share(result: Savings) -> float:
    if result.saving_kwh is None or not result.adjusted_baseline_kwh:
        return float("nan")
    return result.saving_kwh / result.adjusted_baseline_kwh


def _placebo(result: Savings) -> Placebo:
    high, low = result.saving_high_kwh or 0.0, result.saving_low_kwh or 0.0
    width = (high - low) / 2.0 / (result.adjusted_baseline_kwh or 1.0)
    return Placebo(result.meter_id.split("_")[0], _share(result), width)


def placebos(bench: Meters) -> list[Figure]:
    """Placebo years against intervals whose drift other buildings taught."""
    years = [_placebo(bench.assess(meter, drift=0.0)) for meter in bench.meters]
    hits, widths = 0, []
    for each in years:
        drift = learn_drift([p for p in years if p.building != each.building])
        hits += covered(each, drift)
        widths.append(half_width(each, drift))
    exact = binomtest(hits, len(years)).proportion_ci(0.90, "exact")
    width, mean = float(np.median(widths)), float(np.mean([p.saving for p in years]))
    coverage = hits / len(years)
    return [
        Figure(
            name="placebo years inside the 90 % interval, drift learned on other buildings "
            f"(exact 90 % interval {100 * exact.low:.0f}-{100 * exact.high:.0f} %)",
            value=100 * coverage,
            unit=f"% of {len(years)} meters",
            at_least="interval contains 90",
            ok=bool(exact.low <= 0.9 <= exact.high),
        ),
        Figure(
            name="half-width of the interval, median",
            value=100 * width,
            unit="% of baseline",
            at_least="<= 12",
            stretch="<= 8",
            ok=width <= 0.12,
        ),
        Figure(
            name="mean placebo saving",
            value=100 * mean,
            unit="% of baseline",
            at_least="within ± 1",
            ok=abs(mean) <= 0.01,
        ),
    ]


def months(bench: Meters) -> list[Figure]:
    """The months of the placebo years against their own intervals."""
    rows = [row for meter in bench.meters for row in bench.assess(meter).months]
    inside = np.mean([row.saving_low_kwh <= 0 <= row.saving_high_kwh for row in rows])
    to_date = np.mean([row.to_date_low_kwh <= 0 <= row.to_date_high_kwh for row in rows])
    return [
        Figure(
            name=f"placebo months inside their 90 % interval ({what})",
            value=100 * float(share),
            unit=f"% of {len(rows)} months",
            ok=True,
        )
        for what, share in (("each alone", inside), ("year to date", to_date))
    ]


def bills(bench: Meters) -> list[Figure]:
    """The placebo years of the same meters, read by the month."""
    zone = ZoneInfo(ZONE)
    firsts = [datetime(2018 + i // 12, i % 12 + 1, 1, tzinfo=zone) for i in range(25)]
    edges = np.array([int(m.timestamp()) for m in firsts], dtype=np.int64)
    found = []
    for meter, use in bench.meters.items():
        moments = use.start.timestamp() + use.step.total_seconds() * np.arange(len(use))
        place = np.searchsorted(edges, moments, side="right") - 1
        kwh = np.bincount(place, np.nan_to_num(use.values), 25)[:24].astype(np.float64)
        result = assess_bills(
            BilledUse(edges, kwh),
            bench.temp,
            meter_id=meter,
            commodity=bench.kind(meter),
            periods=bench.periods,
        )
        found.append(_placebo(result))
    hits = sum(abs(each.saving) <= each.model_half_width for each in found)
    exact = binomtest(hits, len(found)).proportion_ci(0.90, "exact")
    return [
        Figure(
            name="placebo years of the same meters by monthly bills inside the 90 % interval",
            value=100 * hits / len(found),
            unit=f"% of {len(found)} meters",
            ok=bool(exact.low <= 0.9 <= exact.high),
        )
    ]


def planted(bench: Meters) -> list[Figure]:
    """A fifth taken off the reporting year: everywhere, at night, at the weekend."""
    worst = {"fraction": 0.0, "night setback": 0.0, "weekend off": 0.0}
    for meter, use in bench.meters.items():
        grid = local_grid(ZONE, use.start, int(use.step.total_seconds()), len(use))
        hour = grid.minute // 60
        hours = {
            "fraction": np.ones(len(use), dtype=bool),
            "night setback": (hour >= 22) | (hour < 6),
            "weekend off": grid.weekday >= 5,
        }
        placebo = bench.assess(meter)
        for name, where in hours.items():
            found = bench.assess(meter, _less(where & (np.arange(len(use)) >= bench.after(meter))))
            true = (placebo.measured_kwh or 0.0) - (found.measured_kwh or 0.0)
            claimed = (found.saving_kwh or 0.0) - (placebo.saving_kwh or 0.0)
            worst[name] = max(worst[name], abs(claimed / true - 1.0))
    return [
        Figure(
            name=f"planted saving recovered: {name}, largest error",
            value=100 * error,
            unit="% of the saving",
            at_least="to rounding",
            ok=error < 1e-6,
        )
        for name, error in worst.items()
    ]


def _less(where: NDArray[np.bool_]) -> Change:
    def change(values: Floats) -> None:
        values[where] *= 0.8

    return change


def _errors(bench: Meters) -> list[Figure]:
    days: list[float] = []
    hours: dict[str, list[float]] = {SINGLE: [], MONTHLY: []}
    for meter, use in bench.meters.items():
        kind = bench.kind(meter)
        clean, _ = screen_use(use, bench.temp, kind)
        before, after = (
            daily(clean, bench.temp, span, ZONE, bench.sun).only_valid()
            for span in (bench.baseline, bench.reporting)
        )
        model = fit_baseline(before, cooling=kind is Commodity.ELECTRICITY)
        left = after.rate - model.expect(after)
        days.append(float(np.sqrt((left**2).mean()) / after.rate.mean()))
        views = second_opinion(
            clean, bench.temp, bench.baseline, bench.reporting, ZONE, (SINGLE, MONTHLY)
        )
        for view in views:
            if view.out_of_sample is not None:
                hours[view.model].append(view.out_of_sample)
    limits = (
        (days, "daily", 0.185, 0.17),
        (hours[SINGLE], "hourly, one model of the year", 0.28, 0.25),
        (hours[MONTHLY], "hourly, twelve models of three months", 0.28, 0.25),
    )
    return [
        Figure(
            name=f"out-of-sample CV(RMSE), {name}, median",
            value=float(np.median(errors)),
            unit="1",
            at_least=f"<= {limit:g}",
            stretch=f"<= {stretch:g}",
            ok=float(np.median(errors)) <= limit,
        )
        for errors, name, limit, stretch in limits
    ]


def _unfiltered(bench: Meters) -> list[Figure]:
    return unfiltered()


def _kept(bench: Meters) -> list[Figure]:
    return kept_answers()


def _speed(bench: Meters) -> list[Figure]:
    names = [name for _ in range(CITY) for name in bench.meters][:CITY]
    start = time.process_time()
    kept = [bench.assess(name) for name in names]
    daily_s = time.process_time() - start
    start = time.process_time()
    for name in names:
        use = bench.meters[name]
        second_opinion(use, bench.temp, bench.baseline, bench.reporting, ZONE, (SINGLE, MONTHLY))
    hourly_s = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    seconds = ((daily_s, "daily", 3.0, 2.0), (hourly_s, "hourly, both models", 8.0, 5.0))
    return [
        *(
            Figure(
                name=f"{len(kept)} meters, {name}: fit and assess, CPU",
                value=spent,
                unit="s",
                at_least=f"<= {limit:g}",
                stretch=f"<= {stretch:g}",
                ok=spent <= limit,
            )
            for spent, name, limit, stretch in seconds
        ),
        Figure(
            name="peak memory of the process",
            value=peak,
            unit="MB",
            at_least="<= 1024",
            ok=peak <= 1024,
        ),
    ]
