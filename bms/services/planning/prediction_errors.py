"""The running record of a model's prediction errors, and what follows when it no longer holds.

Every day the model in force is run again over the last days, restarted every hour from the state
that was known then, with the weather and the heat as they were measured, and compared with what the
rooms showed 1, 6 and 24 h later. That judges the model, not the weather forecast or whether the
plan was followed, so it is the same figure in every mode of a site, and comparable with the error
on held-out days that the model was accepted for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from statistics import median

import numpy as np

from bms.model.assets.site import Site
from bms.model.planning.prediction import PredictionDay
from bms.model.planning.problem import BuildingModel, Problem
from bms.model.readings.series import Floats
from bms.ports.planner import Judge, PredictionErrors
from bms.services.off_loop import off_loop
from bms.services.periods import local_date, midnight
from bms.services.planning.model_drift import STANDS_DAYS
from bms.services.planning.plan import identify_site
from bms.services.planning.ports import PlanningPorts, ProblemPorts
from bms.services.planning.problem import assemble

DAY = timedelta(days=1)
LEADS_H = (1, 6, 24)
DRIFT_LEAD_H = 24
DRIFT_DAYS = 7
"""The days that a verdict looks back on."""
LEAST_DAYS = 3
"""Days [1] of these that have to be known."""
ALLOWED_RATIO, LARGEST_RATIO, RAISE_SUM = 1.6, 4.0, 3.5
"""A cumulative sum (Page 1954, doi:10.1093/biomet/41.1-2.100) of the day's error over that on
held-out days, less ``ALLOWED_RATIO``, never below 0. Above ``RAISE_SUM`` a model is given up. A day
counts ``LARGEST_RATIO`` at most, so that one strange day, or the first one under another control,
is no drift. ``ALLOWED_RATIO`` lies between the days of a model that holds (1 on average) and those
after a change worth knowing of (2 to 3)."""
CLEAR_RATIO = 1.2
"""The middle one of the last ``LEAST_DAYS`` has to be below this for another model: between the two
things stay as they are."""
LEAST_K = 0.25
"""Held-out errors below this [K] count as this: nobody feels the difference."""
LEAST_SAMPLES = 8
"""Predictions [1] of each day that a verdict needs."""
HISTORY_DAYS = 11.0
"""The window of the verdict, a day of lead and three days for the filter to settle."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """A model with its errors on the last days."""

    site: Site
    model: BuildingModel
    found: PredictionErrors
    day: date

    def rows(self, before: Sequence[PredictionDay]) -> list[PredictionDay]:
        """The record of the day; ``before`` are rows of earlier days."""
        return [
            replace(row, drifting=drifting)
            for z, zone in enumerate(self.found.zones)
            for drifting in [self._drifting(z, _last_of(before, zone))]
            for row in self._day_rows(z, zone)
        ]

    def _span(self, day: date) -> tuple[datetime, datetime]:
        """Start and end of a local day."""
        return midnight(day, self.site.timezone), midnight(day + DAY, self.site.timezone)

    def _day_rows(self, z: int, zone: str) -> list[PredictionDay]:
        start, end = self._span(self.day)
        expected = self._held_out(zone)
        rows = []
        for lead in LEADS_H:
            errors = self._errors(z, lead, start, end)
            rows.append(
                PredictionDay(
                    site=self.site.id,
                    zone=zone,
                    lead_h=lead,
                    day=self.day,
                    n=len(errors),
                    rmse_k=_rounded(_rms(errors)) if len(errors) else None,
                    bias_k=_rounded(float(errors.mean())) if len(errors) else None,
                    expected_k=expected if lead == DRIFT_LEAD_H else None,
                    model_at=self.model.identified_at,
                )
            )
        return rows

    def _errors(self, z: int, lead_h: int, start: datetime, end: datetime) -> Floats:
        """Errors [K] of the predictions for moments in ``[start, end)``."""
        column = list(self.found.horizons_h).index(float(lead_h))
        lead = timedelta(hours=lead_h)
        inside = np.array([start <= moment + lead < end for moment in self.found.starts], bool)
        errors = self.found.errors[z, inside, column]
        return np.asarray(errors[np.isfinite(errors)])

    def _held_out(self, zone: str) -> float:
        return next(known.rmse_24h_k for known in self.model.zones if known.zone == zone)

    def _drifting(self, z: int, last: PredictionDay | None) -> bool:
        """Whether the zone's model is given up, with its standing so far in mind."""
        was = last is not None and last.drifting
        days = [self._ratio(z, self.day - i * DAY) for i in reversed(range(DRIFT_DAYS))]
        ratios = [ratio for ratio in days if ratio is not None]
        if len(ratios) < LEAST_DAYS:
            return was
        if not was or last is None:
            return excess(ratios) > RAISE_SUM
        learned_since = self.model.identified_at > last.model_at
        return not (learned_since and median(ratios[-LEAST_DAYS:]) < CLEAR_RATIO)

    def _ratio(self, z: int, day: date) -> float | None:
        """Error on a local day over that on held-out days; None where too little is known."""
        start, end = self._span(day)
        errors = self._errors(z, DRIFT_LEAD_H, start, end)
        if len(errors) < LEAST_SAMPLES:
            return None
        return _rms(errors) / max(LEAST_K, self._held_out(self.found.zones[z]))


def excess(ratios: Sequence[float]) -> float:
    """The cumulative sum of the days' ratios, oldest first, at the last of them."""
    total = 0.0
    for ratio in ratios:
        total = max(0.0, total + min(ratio, LARGEST_RATIO) - ALLOWED_RATIO)
    return total


async def record_predictions(
    site: Site, *, now: datetime, ports: PlanningPorts
) -> list[PredictionDay]:
    """Keep the record of the local day that ended last. A model that has drifted is learned anew
    at once; while none holds, ``bms.services.planning.model_drift`` says so and plans do without.

    Nothing without a model, or with a planner that cannot judge one. Raises ``StoreUnavailable``.
    """

    def judge(raised: Sequence[PredictionDay]) -> list[PredictionDay]:
        planner, model = ports.planner, ports.plans.model(site.id)
        if model is None or not isinstance(planner, Judge):
            return []
        problem = _question(site, now, ports)
        day = local_date(now, site.timezone) - DAY
        found = planner.prediction_errors(problem, model)
        earlier = ports.plans.predictions(site.id, day - STANDS_DAYS * DAY)
        before = [*(row for row in earlier if row.day < day), *raised]
        rows = _Judged(site, model, found, day).rows(before)
        ports.plans.keep_predictions(rows)
        return rows

    rows = await off_loop(judge, [])
    if not any(row.drifting for row in rows):
        return rows
    answer = await identify_site(site, now=now, ports=ports)
    learned = isinstance(answer, BuildingModel)
    return await off_loop(judge, rows) if learned else rows


def _question(site: Site, now: datetime, ports: ProblemPorts) -> Problem:
    return assemble(
        site,
        now=now,
        ports=ports,
        horizon=timedelta(hours=1),
        history_days=HISTORY_DAYS,
    )


def _last_of(rows: Sequence[PredictionDay], zone: str) -> PredictionDay | None:
    return next((r for r in reversed(rows) if r.zone == zone and r.lead_h == DRIFT_LEAD_H), None)


def _rms(errors: Floats) -> float:
    return float(np.sqrt(np.mean(errors**2)))


def _rounded(value: float) -> float:
    return round(value, 4)
