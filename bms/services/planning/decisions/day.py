"""What the heat meter showed of a day beside what its plan was to bring, in the same weather."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from bms.model.assets.equipment import HeatSourceKind
from bms.model.planning.decision_day import DecisionDay
from bms.model.planning.plan import DayAhead
from bms.model.planning.problem import Problem
from bms.model.readings.series import Floats
from bms.services.points_by_role import STEP


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
