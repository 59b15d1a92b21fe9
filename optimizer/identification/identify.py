"""Identification of a thermal model for every zone from the building's history, or why there is
none.

First the building: enough history, outdoor temperature, sun and heat. Then the one heat meter is
divided among the zones, and each zone is studied by itself
(:mod:`optimizer.identification.zone_study`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from bms.model.fact import Fact, Term, fact
from bms.model.planning.problem import (
    DAYS_FOR_A_MODEL,
    BuildingModel,
    History,
    NoModel,
    Problem,
    ZoneModel,
)
from optimizer.explain.plan_reason import InputTerm
from optimizer.explain.problem_flaw import ProblemFlaw
from optimizer.identification.refusals import NoModelReason, ZoneRefusal
from optimizer.identification.thermostat_traits import thermostat_traits, warm_up_power
from optimizer.identification.zone_study import ZoneStudy, heat_loss_of, study_zone
from optimizer.model.heat_shares import HeatShares, fit_shares
from optimizer.model.history import MeasuredPast, is_stuck, measured_past, without_stuck_values
from optimizer.model.rc_network import Floats
from optimizer.model.zone_record import ZoneRecord

LEAST_COVERAGE = 0.5
RETRY_DAYS = 3
WITH_HEAT_LAG = False
"""The program plans with heat that reaches the room at once. A model with a lag would make it begin
warm-ups too late, so models for plans have none: what they miss is in the capacity of the air."""


def identify(problem: Problem, previous: BuildingModel | None = None) -> BuildingModel | NoModel:
    """Returns the model identified from ``problem.history``; never raises.

    Zones that cannot be identified are left out; when none can, the answer is :class:`NoModel`.
    With ``previous`` (or ``problem.model``), the building's last model, fits begin from its
    parameters and take a tenth of the time; a zone that it does not have was refused, and is
    studied again every :data:`RETRY_DAYS` days.
    """
    history = problem.history
    why = _history_mistakes(problem, history)
    if why or history is None:
        return NoModel(site=problem.site, reasons=tuple(why))
    in_history = {zone.id for zone in history.zones}
    names = [zone.id for zone in problem.zones if zone.id in in_history]
    past = measured_past(problem, history, names)
    why = _building_mistakes(past)
    if why:
        return NoModel(site=problem.site, reasons=tuple(why))
    past = _without_unknown_sun(past)
    shares = heat_shares_of(past)
    last = previous or problem.model
    before = {zone.zone: zone for zone in last.zones} if last else {}
    models: list[ZoneModel] = []
    refused: list[Fact] = []
    end = history.start + timedelta(seconds=history.step_s * past.steps)
    for z, name in enumerate(names):
        if last and name not in before and _refused_lately(last, end, z):
            refused.append(fact(ZoneRefusal.ASKED_LATELY, zone=past.called[z]))
            continue
        answer = _study(past, shares, z, before.get(name))
        refused += answer.refused
        if answer.fit is not None:
            models.append(_zone_model(past, shares, z, answer))
    if not models:
        return NoModel(site=problem.site, reasons=tuple(refused))
    return BuildingModel(
        site=problem.site,
        identified_at=end,
        days=round(past.days, 2),
        zones=tuple(models),
    )


def _refused_lately(last: BuildingModel, end: datetime, z: int) -> bool:
    """Whether zone ``z``, which the last model does not have, was studied on nearly the same days.

    Nothing is stored for this: each zone has its days by the calendar, so the same history gives
    the same answer.
    """
    apart = timedelta(days=RETRY_DAYS)
    return end - last.identified_at < apart and (end.toordinal() + z) % RETRY_DAYS != 0


def _without_unknown_sun(past: MeasuredPast) -> MeasuredPast:
    """The history without sun where that is hardly known; held-out days judge such models."""
    if float(np.isfinite(past.ghi).mean()) >= LEAST_COVERAGE:
        return past
    return replace(past, ghi=np.zeros_like(past.ghi), facades=np.zeros_like(past.facades))


def heat_shares_of(past: MeasuredPast) -> HeatShares:
    """Returns the division of the building's heat among the zones of ``past``."""
    return fit_shares(
        heat=past.heat,
        valve_pct=past.valve,
        temp_out=past.temp_out,
        run=past.building_run,
        use=past.building_use,
        area_m2=past.area,
        coil_share=past.coil_share,
    )


def _history_mistakes(problem: Problem, history: History | None) -> list[Fact]:
    if history is None:
        return [fact(NoModelReason.NO_HISTORY)]
    if history.step_s <= 0 or history.step_s > 7200:
        return [fact(ProblemFlaw.BAD_STEP, step_s=history.step_s)]
    days = len(history.heat_kw) * history.step_s / 86400.0
    if days < DAYS_FOR_A_MODEL:
        return [fact(NoModelReason.TOO_FEW_DAYS, days=days, least=DAYS_FOR_A_MODEL)]
    known = {zone.id for zone in history.zones}
    if not any(zone.id in known for zone in problem.zones):
        return [fact(NoModelReason.NO_ZONE_HISTORY)]
    return []


def _building_mistakes(past: MeasuredPast) -> list[Fact]:
    why = []
    for series, values in (
        (InputTerm.OUTDOOR_TEMPERATURE, past.temp_out),
        (InputTerm.HEATING_POWER, past.heat),
        (InputTerm.VENTILATION_HOURS, past.building_run),
    ):
        coverage = float(np.isfinite(values).mean())
        if coverage < LEAST_COVERAGE:
            missing = NoModelReason.SERIES_MISSING
            why.append(fact(missing, series=Term(series), coverage=coverage))
    heat = past.heat[np.isfinite(past.heat)]
    if len(heat) and float(np.ptp(heat)) <= 0.0:
        why.append(fact(NoModelReason.NO_EXCITATION))
    return why


def _study(past: MeasuredPast, shares: HeatShares, z: int, previous: ZoneModel | None) -> ZoneStudy:
    name, temp = past.called[z], past.temp[z]
    coverage = float(np.isfinite(temp).mean())
    if coverage < LEAST_COVERAGE:
        return ZoneStudy(
            refused=(fact(ZoneRefusal.ZONE_TEMP_MISSING, zone=name, coverage=coverage),)
        )
    record = zone_record(past, shares, z)
    sensor_stuck = fact(ZoneRefusal.SENSOR_STUCK, zone=name)
    if is_stuck(temp) or float(np.isfinite(record.temp).mean()) < LEAST_COVERAGE:
        return ZoneStudy(refused=(sensor_stuck,))
    answer = study_zone(record, name, previous=previous, heat_lag=WITH_HEAT_LAG)
    if not answer.fit and _stuck_now(temp, record.temp):
        return replace(answer, refused=(sensor_stuck, *answer.refused))
    return answer


def _stuck_now(shown: Floats, believed: Floats) -> bool:
    """Whether a sensor that showed something else before still shows the same number."""
    return bool(np.isfinite(shown[-1:]).any() and np.isnan(believed[-1:]).any())


def zone_record(past: MeasuredPast, shares: HeatShares, z: int) -> ZoneRecord:
    """Returns the inputs of zone ``z``, with its share of the heat of the building's meter."""
    radiators = shares.divide(
        past.heat, past.valve, past.temp_out, past.building_run, past.building_use
    )[z]
    coil = shares.coil_kw(past.temp_out, past.building_run) * shares.coil_share[z]
    return ZoneRecord(
        temp=without_stuck_values(past.temp[z], past.step_h),
        heat=radiators + coil,
        temp_out=past.temp_out,
        ghi=past.ghi,
        use=past.use[z],
        run=past.run[z],
        hour=past.hour,
        facades=past.facades,
        temp_vent=past.temp_out,
        step_h=past.step_h,
        vent_kw_per_k=float(past.vent_kw_per_k[z]),
        area_m2=float(past.area[z]),
        setpoint=past.setpoint[z],
    )


def _zone_model(past: MeasuredPast, shares: HeatShares, z: int, answer: ZoneStudy) -> ZoneModel:
    found = answer.parameters()
    facts = thermostat_traits(past, shares, z, heat_loss_of(found))
    if answer.fit is not None and not shares.by_valve:
        fast = warm_up_power(zone_record(past, shares, z), answer.fit.rc)
        facts["heat_max_kw"] = max(facts["heat_max_kw"], fast)
    parameters = {**found, **shares.to_parameters(z), **facts}
    sure = dict(answer.errors)
    if shares.part_error is not None:
        sure["heat_part"] = float(shares.part_error[z])
    return ZoneModel(
        zone=past.zones[z],
        order=answer.fit.order if answer.fit else "",
        parameters={name: six_digits(value) for name, value in parameters.items()},
        rmse_24h_k=six_digits(answer.temperature.model),
        persistence_k=six_digits(answer.temperature.persistence),
        last_week_k=six_digits(answer.temperature.last_week),
        standard_errors={name: six_digits(value) for name, value in sure.items()},
    )


def six_digits(value: float) -> float:
    """Returns a value with six significant digits: parameters are read by people and stored as
    text."""
    return float(f"{value:.6g}")
