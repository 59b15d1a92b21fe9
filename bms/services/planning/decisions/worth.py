"""What each kind of decision brings of what it was to bring, told by the days of the heat meter.

The meter shows the sum of all kinds. How much of each came is told by a regression with a careful
prior, so that a kind that is hardly ever decided on is not believed too early.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

from bms.model.assets.equipment import HeatSourceKind
from bms.model.planning.decision_day import DecisionDay, KindWorth
from bms.model.planning.plan import DayAhead, DecisionKind
from bms.model.planning.problem import Problem
from bms.model.readings.series import Floats
from bms.services.points_by_role import STEP

PRIOR_SHARE, PRIOR_SPREAD = 0.8, 0.3
"""What a kind is taken to bring of its prediction before any day has shown it."""
PRIOR_NOISE, PRIOR_DAYS = 0.4, 5
"""Days are taken to scatter by this part of what they were to bring, as if so many had shown it: a
few days that agree by chance are no proof."""


def worth_by_kind(days: Sequence[DecisionDay]) -> tuple[KindWorth, ...]:
    """Returns what each kind of decision has been worth over ``days``.

    The days' gains are regressed on what each kind was to bring, with a normal prior of the shares
    around :data:`PRIOR_SHARE` and the scatter of the days as noise.
    """
    kinds = [kind for kind in DecisionKind if any(each.predicted.get(kind) for each in days)]
    if not kinds:
        return ()
    told = np.array([[each.predicted.get(kind, 0.0) for kind in kinds] for each in days])
    came = np.array([each.came_dkk for each in days])
    off = came - PRIOR_SHARE * told.sum(axis=1)
    usual = PRIOR_NOISE * float(np.abs(told).sum(axis=1).mean()) + 1e-6
    noise = float(np.sqrt((PRIOR_DAYS * usual**2 + off @ off) / (PRIOR_DAYS + len(days))))
    precision = told.T @ told / noise**2 + np.eye(len(kinds)) / PRIOR_SPREAD**2
    covariance = np.linalg.inv(precision)
    shares = covariance @ (told.T @ came / noise**2 + PRIOR_SHARE / PRIOR_SPREAD**2)
    return tuple(
        KindWorth(
            kind=kind,
            days=int(np.count_nonzero(told[:, i])),
            predicted_dkk=float(told[:, i].sum()),
            came_dkk=float(shares[i] * told[:, i].sum()),
            share=float(shares[i]),
            share_error=float(np.sqrt(covariance[i, i])),
        )
        for i, kind in enumerate(kinds)
    )


def day_beside(
    day: date, ahead: DayAhead, heat: Floats, outdoor: Floats, price: Floats
) -> DecisionDay:
    """Returns a day of which heat [kW], outdoor temperature [degC] and the price of heat [DKK/kWh]
    are known in quarter-hours (n,), beside what was expected of it."""
    step_h = STEP / timedelta(hours=1)
    colder_kwh = ahead.kwh_per_k * (ahead.outdoor_c - float(outdoor.mean()))
    own_kwh = ahead.own_heat_kwh + colder_kwh
    own_dkk = ahead.own_cost_dkk + colder_kwh * float(price.mean())
    cost = float(heat @ price) * step_h
    return DecisionDay(
        day=day,
        predicted={each.kind: each.dkk for each in ahead.gains},
        predicted_dkk=ahead.gain_dkk,
        came_dkk=own_dkk - cost - ahead.left_dkk,
        predicted_kwh=ahead.own_heat_kwh - ahead.heat_kwh,
        came_kwh=own_kwh - float(heat.sum()) * step_h,
    )


def heat_price_of(problem: Problem, n: int) -> Floats | None:
    """Returns what heat cost in the first ``n`` steps of a problem [DKK/kWh] (n,): the price of
    district heat, or that of electricity over the COP; None where it is not known. A horizon that
    is shorter counts with its last price."""
    source = problem.heat_source
    pump = source.kind is HeatSourceKind.HEAT_PUMP
    row = problem.electricity_dkk_per_kwh if pump else problem.heat_dkk_per_kwh
    prices = np.array([np.nan if v is None else v for v in row[:n]], dtype=np.float64)
    if pump and source.cop:
        outdoor = np.array([np.nan if t is None else t for t in problem.weather.temp_out_c[:n]])
        cold, cop = np.array(sorted(source.cop), dtype=np.float64).T
        prices = prices / np.interp(outdoor, cold, cop)
    if not len(prices) or not np.isfinite(prices).all():
        return None
    return np.pad(prices, (0, max(0, n - len(prices))), mode="edge")
