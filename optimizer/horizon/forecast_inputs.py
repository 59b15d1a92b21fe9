"""Forecasts over the horizon as arrays: weather, prices, emission factors and other loads.

A gap of at most :data:`LONGEST_HOLD_H` in the outdoor temperature is filled with the last value
before it; a longer one means that there is no forecast. Unknown prices are replaced by the mean of
the known ones, which favours no hour, and the cost of the plan is then not stated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bms.model.assets.equipment import HeatSource, HeatSourceKind
from bms.model.fact import Fact, Term, fact
from bms.model.planning.problem import Numbers, Problem
from optimizer.explain.plan_reason import InputTerm, PlanReason
from optimizer.model.history import fill_forward, series
from optimizer.model.rc_network import Floats

LONGEST_HOLD_H = 3.0
LEAST_COP = 1.0
FORECAST_K, MOST_SPREAD_K = 0.8, 5.0
"""Spread of the error of forecast outdoor temperatures that lasts over a horizon, where there is no
record of it [K]: six hours to two days ahead, forecasts of the archive erred by 0.7 to 1.3 K. And
the largest that is believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """Price [DKK/kWh] and emission factor [kg CO2/kWh] of one commodity, each (n,) and without
    gaps; the flags are false where a part of it was not known."""

    price: Floats
    factor: Floats
    price_known: bool
    factor_known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastInputs:
    """The horizon: ``n`` steps of ``step_h`` [h]. Series have the shape (n,).

    ``temp_out`` [degC] (NaN throughout where there is no forecast), ``ghi`` [kW/m2]; ``cop`` is
    heat per billed energy [kWh/kWh], 1 for district heating; ``other_load`` [kW] is the known load
    of others behind the meter that heat is billed by, below 0 where solar cells give more than they
    take; ``export_price`` [DKK/kWh] is what that earns, NaN where nobody knows, and ``usual_kw``
    [kW] the electric power of the heat source at full load. ``temp_out_spread`` [K] is how far the
    outdoor temperature errs. ``reasons`` say what is missing.
    """

    n: int
    step_h: float
    temp_out: Floats
    ghi: Floats
    heat: Tariff
    electricity: Tariff
    cop: Floats
    heat_is_electric: bool
    co2_dkk_per_kg: float
    other_load: Floats
    export_price: Floats
    usual_kw: float
    temp_out_spread: Floats
    reasons: tuple[Fact, ...]

    @property
    def has_weather(self) -> bool:
        return self.n > 0 and bool(np.isfinite(self.temp_out).all())

    @property
    def heat_price(self) -> Floats:
        """Marginal price of heat with CO2 [DKK/kWh] (n,): where solar power is to spare, between
        what it earns and what power costs, by how much of the source's power it covers."""
        covered = np.minimum(1.0, self.spare_kw / self.usual_kw)
        price = self.source_price
        return (price - covered * self._worth_less(price)) / self.cop

    @property
    def source_price(self) -> Floats:
        """Price with CO2 of what heat is billed by, where it is bought [DKK/kWh] (n,)."""
        return self._with_emissions(self.source)

    @property
    def spare_kw(self) -> Floats:
        """Solar power behind the meter that nobody else takes [kW] (n,)."""
        nothing = np.zeros(self.n)
        return np.maximum(0.0, -self.other_load) if self.heat_is_electric else nothing

    def spared_dkk(self, power_kw: Floats, price: Floats) -> float:
        """Returns how much less electric power (n,) [kW] costs than at ``price`` [DKK/kWh] (n,), as
        what is to spare is taken first, at what it would earn [DKK]."""
        own = np.minimum(np.maximum(0.0, power_kw), self.spare_kw)
        return float(own @ self._worth_less(price)) * self.step_h

    def _worth_less(self, price: Floats) -> Floats:
        """How much less power to spare is worth than ``price`` [DKK/kWh] (n,); 0 where nobody knows
        what it earns."""
        return np.nan_to_num(price - self.export_price)

    @property
    def electricity_price(self) -> Floats:
        """Marginal price of electricity with CO2 [DKK/kWh] (n,)."""
        return self._with_emissions(self.electricity)

    @property
    def source(self) -> Tariff:
        """The tariff that heat is billed by."""
        return self.electricity if self.heat_is_electric else self.heat

    def at_one_price(self) -> ForecastInputs:
        """Returns the same horizon with the mean price of each commodity in every hour, and no
        power to spare."""
        heat, electricity = (
            replace(each, price=np.full(self.n, each.price.mean()))
            for each in (self.heat, self.electricity)
        )
        load = np.maximum(0.0, self.other_load)
        return replace(self, heat=heat, electricity=electricity, other_load=load)

    def _with_emissions(self, tariff: Tariff) -> Floats:
        return tariff.price + self.co2_dkk_per_kg * tariff.factor


def forecast_inputs(problem: Problem) -> ForecastInputs:
    """Returns the arrays of the problem's horizon."""
    n, step_h = problem.steps, problem.step_s / 3600.0
    found: list[Fact] = []
    temp_out = _temperature(problem.weather.temp_out_c, n, step_h, found)
    ghi = _sun(problem.weather.ghi_wm2, n, step_h, found)
    electric = problem.heat_source.kind is HeatSourceKind.HEAT_PUMP
    electricity = _tariff(
        InputTerm.ELECTRICITY,
        problem.electricity_dkk_per_kwh,
        problem.electricity_kg_per_kwh,
        n,
        found,
        quiet=not electric and not problem.ventilation,
    )
    heat = _tariff(
        InputTerm.HEAT,
        problem.heat_dkk_per_kwh,
        problem.heat_kg_per_kwh,
        n,
        found,
        quiet=electric,
    )
    return ForecastInputs(
        n=n,
        step_h=step_h,
        temp_out=temp_out,
        ghi=ghi,
        heat=heat,
        electricity=electricity,
        cop=_cop(problem.heat_source, temp_out, found),
        heat_is_electric=electric,
        co2_dkk_per_kg=problem.weights.co2_dkk_per_kg,
        other_load=known_load(problem.other_load_kw, n),
        export_price=series(problem.export_dkk_per_kwh, n),
        usual_kw=_usual_kw(problem.heat_source),
        temp_out_spread=_spread(problem.weather.temp_out_spread_k, n),
        reasons=tuple(found),
    )


def _usual_kw(source: HeatSource) -> float:
    """The electric power of a heat pump at full load [kW], by its middle COP."""
    cops = sorted(cop for _, cop in source.cop) or [LEAST_COP]
    power = source.capacity_kw / max(LEAST_COP, cops[len(cops) // 2])
    return power if np.isfinite(power) and power > 0.0 else 1.0


def _spread(numbers: Numbers, n: int) -> Floats:
    raw = series(numbers, n)
    with np.errstate(invalid="ignore"):
        known = np.isfinite(raw) & (raw >= 0.0)
    return np.where(known, np.minimum(raw, MOST_SPREAD_K), FORECAST_K)


def _temperature(numbers: Numbers, n: int, step_h: float, found: list[Fact]) -> Floats:
    raw = series(numbers, n)
    missing = int(np.isnan(raw).sum())
    if not missing:
        return raw
    filled = fill_forward(raw, round(LONGEST_HOLD_H / step_h))
    if np.isnan(filled).any():
        found.append(fact(PlanReason.NO_FORECAST))
        return np.full(n, np.nan)
    outdoors = Term(InputTerm.OUTDOOR_TEMPERATURE)
    found.append(fact(PlanReason.HELD_FORECAST, series=outdoors, hours=missing * step_h))
    return filled


def _sun(numbers: Numbers, n: int, step_h: float, found: list[Fact]) -> Floats:
    raw = series(numbers, n)
    missing = int(np.isnan(raw).sum())
    if missing:
        found.append(fact(PlanReason.NO_SUN_FORECAST, hours=missing * step_h))
    return np.maximum(0.0, np.nan_to_num(raw)) / 1000.0


def _tariff(
    commodity: InputTerm,
    prices: Numbers,
    factors: Numbers,
    n: int,
    found: list[Fact],
    *,
    quiet: bool,
) -> Tariff:
    price, factor = series(prices, n), series(factors, n)
    price_known, factor_known = not np.isnan(price).any(), not np.isnan(factor).any()
    if not price_known and not quiet:
        found.append(fact(PlanReason.PRICE_UNKNOWN, commodity=Term(commodity)))
    if not factor_known and not quiet:
        found.append(fact(PlanReason.FACTOR_UNKNOWN, commodity=Term(commodity)))
    return Tariff(
        price=_with_mean(price, 1.0),
        factor=_with_mean(factor, 0.0),
        price_known=price_known,
        factor_known=factor_known,
    )


def _with_mean(values: Floats, where_nothing: float) -> Floats:
    """Unknown values replaced by the mean of the known ones, or by ``where_nothing``."""
    known = values[np.isfinite(values)]
    mean = float(known.mean()) if len(known) else where_nothing
    return np.where(np.isfinite(values), values, mean)


def known_load(values: Numbers, n: int) -> Floats:
    """Returns the load of others less their own production [kW] (n,), 0 where it is not known."""
    if len(values) != n:
        return np.zeros(n)
    return np.nan_to_num(series(values, n))


def _cop(source: HeatSource, temp_out: Floats, found: list[Fact]) -> Floats:
    if source.kind is not HeatSourceKind.HEAT_PUMP:
        return np.ones(len(temp_out))
    points = sorted(source.cop)
    if not points:
        found.append(fact(PlanReason.NO_COP))
        return np.ones(len(temp_out))
    outdoors, cop = np.array(points).T
    return np.asarray(np.maximum(LEAST_COP, np.interp(temp_out, outdoors, cop)))
