"""A thermal model of every zone from the building's own past, or the reason why there is none.

Each rung of the ladder (1R1C, 2R2C, 3R2C) is fitted on the error of free runs over the next 24 h
that restart every few hours, by bounded least squares. The rungs are compared on the last quarter
of the days, which no fit has seen, exactly 24 h ahead, with two rivals that know no physics:
"like now" (persistence) and "like the same time last week". A model that beats neither is refused.

Where a thermostat repeats the same temperatures every day, those rivals are right without knowing
anything of the building: what is unknown there is the heat. Such a zone is judged on the heat of
the coming 24 h that its measured temperatures take by the model, and there the model has to beat
both rivals and the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from bms.model.plan import BuildingModel, History, NoModel, Problem, ZoneModel
from bms.model.words import Words
from optimizer import reasons
from optimizer.fit import Fit, Record, fit_ladder, refit
from optimizer.past import Past, past_of, stuck
from optimizer.shares import HeatShares, fit_shares
from optimizer.thermal import Floats
from optimizer.thermostat_facts import thermostat_facts

LEAST_DAYS = 10.0
TRAIN_PART = 0.75
SIMPLER_IF_WITHIN = 1.03
LEAST_TESTS = 24
HELD_K = 0.6
USELESS_K = 1.0
CLEARLY = 0.9


@dataclass(frozen=True, slots=True)
class Score:
    """Errors on held-out days of the model and of its rivals; NaN where nothing could be compared.

    Of the temperature exactly 24 h ahead [K], or of the heat of the coming 24 h [kWh]. ``spread``
    is the standard deviation of the truth: the error of somebody who always says its mean.
    """

    model: float
    persistence: float
    last_week: float
    spread: float

    @property
    def beaten(self) -> bool:
        """Whether both rivals are better than the model."""
        errors = (self.model, self.persistence, self.last_week)
        return not np.all(np.isfinite(errors)) or self.model > max(errors[1:])

    @property
    def wins(self) -> bool:
        """Whether the model is better than all of its rivals, and than the mean."""
        rivals = (self.persistence, self.last_week, CLEARLY * self.spread)
        return self.model <= min(rivals)

    @property
    def held(self) -> bool:
        """Whether a thermostat repeats the temperature from day to day and the model is close."""
        return self.model <= HELD_K and max(self.persistence, self.last_week) <= HELD_K


def identify(problem: Problem) -> BuildingModel | NoModel:
    """Identify every zone from ``problem.history``; never raises.

    Zones that cannot be identified are left out; when none can, the answer is :class:`NoModel`.
    """
    history = problem.history
    why = _history_mistakes(problem, history)
    if why or history is None:
        return NoModel(site=problem.site, reasons=tuple(why))
    in_history = {zone.id for zone in history.zones}
    names = [zone.id for zone in problem.zones if zone.id in in_history]
    past = past_of(problem, history, names)
    why = _building_mistakes(past)
    if why:
        return NoModel(site=problem.site, reasons=tuple(why))
    shares = fit_shares(
        heat=past.heat,
        valve_pct=past.valve,
        temp_out=past.temp_out,
        run=past.building_run,
        use=past.building_use,
        area_m2=past.area,
        coil_share=past.coil_share,
    )
    answers = [_identify_zone(past, shares, z) for z in range(len(names))]
    models = tuple(a for a in answers if isinstance(a, ZoneModel))
    if not models:
        return NoModel(site=problem.site, reasons=tuple(a for a in answers if isinstance(a, Words)))
    return BuildingModel(
        site=problem.site,
        identified_at=history.start + timedelta(seconds=history.step_s * past.steps),
        days=round(past.days, 2),
        zones=models,
    )


def _history_mistakes(problem: Problem, history: History | None) -> list[Words]:
    if history is None:
        return [reasons.no_history()]
    if history.step_s <= 0 or history.step_s > 7200:
        return [reasons.bad_step(history.step_s)]
    days = len(history.heat_kw) * history.step_s / 86400.0
    if days < LEAST_DAYS:
        return [reasons.too_few_days(days, LEAST_DAYS)]
    known = {zone.id for zone in history.zones}
    if not any(zone.id in known for zone in problem.zones):
        return [reasons.no_zone_history()]
    return []


def _building_mistakes(past: Past) -> list[Words]:
    why = []
    for name_da, name_en, values in (
        ("udetemperatur", "outdoor temperature", past.temp_out),
        ("solstråling", "solar irradiance", past.ghi),
        ("varmeforbrug", "heating power", past.heat),
        ("ventilationens drift", "the ventilation's hours", past.building_run),
    ):
        coverage = float(np.isfinite(values).mean())
        if coverage < 0.5:
            why.append(reasons.series_missing(name_da, name_en, coverage))
    heat = past.heat[np.isfinite(past.heat)]
    if len(heat) and float(np.ptp(heat)) <= 0.0:
        why.append(reasons.no_excitation_building())
    return why


def _identify_zone(past: Past, shares: HeatShares, z: int) -> ZoneModel | Words:
    name = past.called[z]
    temp = past.temp[z]
    coverage = float(np.isfinite(temp).mean())
    if coverage < 0.5:
        return reasons.zone_temp_missing(name, coverage)
    if stuck(temp):
        return reasons.sensor_stuck(name)
    record = record_of(past, shares, z)
    if not np.nanstd(record.heat) > 0.0:
        return reasons.no_excitation(name)
    limit = round(past.steps * TRAIN_PART)
    fits = fit_ladder(record, last=limit)
    if not fits:
        return reasons.too_many_gaps(name)
    scores = [score(record, fit, limit) for fit in fits]
    chosen = _choose(scores)
    best, heat = scores[chosen], heat_score(record, fits[chosen], limit)
    if best.model > USELESS_K:
        return reasons.too_uncertain(name, best.model)
    if best.beaten and not (best.held and heat.wins):
        return _refusal(name, best, heat)
    return _zone_model(past, shares, z, refit(record, fits[chosen]), best)


def _refusal(zone: str, temperature: Score, heat: Score) -> Words:
    if not np.isfinite(temperature.model + temperature.persistence + temperature.last_week):
        return reasons.too_many_gaps(zone)
    if temperature.held and np.isfinite(heat.model + heat.persistence + heat.last_week):
        return reasons.rivals_better_heat(zone, heat.model, heat.persistence, heat.last_week)
    return reasons.rivals_better(
        zone, temperature.model, temperature.persistence, temperature.last_week
    )


def _choose(scores: list[Score]) -> int:
    """The simplest rung whose error is within a few percent of the best one."""
    errors = [s.model if np.isfinite(s.model) else np.inf for s in scores]
    best = min(errors)
    return next((i for i, e in enumerate(errors) if e <= best * SIMPLER_IF_WITHIN), 0)


def record_of(past: Past, shares: HeatShares, z: int) -> Record:
    """What drives zone ``z``, with heat from the building's meter by its share."""
    radiators = shares.divide(
        past.heat, past.valve, past.temp_out, past.building_run, past.building_use
    )[z]
    coil = shares.coil_kw(past.temp_out, past.building_run) * shares.coil_share[z]
    return Record(
        temp=past.temp[z],
        heat=radiators + coil,
        temp_out=past.temp_out,
        ghi=past.ghi,
        use=past.use[z],
        run=past.run[z],
        step_h=past.step_h,
        vent_kw_per_k=float(past.vent_kw_per_k[z]),
    )


def score(record: Record, fit: Fit, first: int) -> Score:
    """Errors exactly 24 h ahead from ``first`` on, with a restart every hour."""
    day = round(24.0 / record.step_h)
    every = max(1, round(1.0 / record.step_h))
    starts = np.arange(first, len(record.temp) - day, every)
    starts = starts[np.isfinite(record.temp[starts]) & np.isfinite(record.temp[starts + day])]
    starts = record.usable(starts, day)
    if len(starts) < LEAST_TESTS:
        return Score(np.nan, np.nan, np.nan, np.nan)
    truth = record.temp[starts + day]
    predicted = fit.predict(record, starts, day)[:, -1]
    week = starts + day - 7 * day
    last_week = np.where(week >= 0, record.temp[np.maximum(week, 0)], np.nan)
    return Score(
        model=_rmse(predicted - truth),
        persistence=_rmse(record.temp[starts] - truth),
        last_week=_rmse(last_week - truth),
        spread=float(np.std(truth)),
    )


def heat_score(record: Record, fit: Fit, first: int) -> Score:
    """Errors of the heat of 24 h [kWh] from ``first`` on, with a restart every hour."""
    day = round(24.0 / record.step_h)
    every = max(1, round(1.0 / record.step_h))
    needed = _daily(fit.heat_needed(record), day) * record.step_h
    measured = _daily(record.heat[:-1], day) * record.step_h
    starts = record.usable(np.arange(max(first, 7 * day), len(measured), every), day)
    if len(starts) < LEAST_TESTS:
        return Score(np.nan, np.nan, np.nan, np.nan)
    truth = measured[starts]
    return Score(
        model=_rmse(needed[starts] - truth),
        persistence=_rmse(measured[starts - day] - truth),
        last_week=_rmse(measured[starts - 7 * day] - truth),
        spread=float(np.std(truth)),
    )


def _daily(values: Floats, day: int) -> Floats:
    """Sums over ``day`` steps from every step on; NaN over gaps."""
    return np.asarray(np.lib.stride_tricks.sliding_window_view(values, day).sum(axis=1))


def _rmse(errors: Floats) -> float:
    known = errors[np.isfinite(errors)]
    return float(np.sqrt(np.mean(known**2))) if len(known) else float("nan")


def _zone_model(past: Past, shares: HeatShares, z: int, fit: Fit, result: Score) -> ZoneModel:
    facts = thermostat_facts(past, shares, z)
    parameters = {**fit.parameters(), **shares.to_parameters(z), **facts}
    return ZoneModel(
        zone=past.zones[z],
        order=fit.order,
        parameters={name: _digits(value) for name, value in parameters.items()},
        rmse_24h_k=_digits(result.model),
        persistence_k=_digits(result.persistence),
        last_week_k=_digits(result.last_week),
    )


def _digits(value: float) -> float:
    """Six significant digits: parameters are read by people and stored as text."""
    return float(f"{value:.6g}")
