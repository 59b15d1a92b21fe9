"""The zones of a problem that have a model and an estimated state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from bms.model.fact import Fact, fact
from bms.model.planning.problem import BuildingModel, History, Problem, ZoneModel, ZoneTask
from optimizer.explain.plan_reason import PlanReason
from optimizer.identification.energy_balance import BY_CLASS
from optimizer.identification.refusals import NoModelReason
from optimizer.model.heat_shares import HeatShares
from optimizer.model.history import measured_past
from optimizer.model.rc_network import RcNetwork
from optimizer.model.state_estimate import MEMORY_H, EstimatedState, estimate_state

OLD_HISTORY_H = 6.0
"""A history that ends so long before the horizon [h] says nothing about the state."""


@dataclass(frozen=True, slots=True)
class KnownZones:
    """Tasks, models and states of the same ``p`` zones, and what is missing of others or odd."""

    tasks: tuple[ZoneTask, ...]
    models: tuple[ZoneModel, ...]
    state: EstimatedState
    missing: tuple[Fact, ...]


def known_zones(problem: Problem, model: BuildingModel) -> KnownZones:
    """Returns the zones of a problem that can be planned with ``model``."""
    models = {zone.zone: zone for zone in model.zones}
    missing = [
        fact(PlanReason.ZONE_WITHOUT_MODEL, zone=zone.called)
        for zone in problem.zones
        if zone.id not in models
    ]
    history = problem.history
    in_history = {zone.id for zone in history.zones} if history else set()
    tasks = [zone for zone in problem.zones if zone.id in models and zone.id in in_history]
    if history is None or not tasks:
        return _none([*missing, fact(NoModelReason.NO_HISTORY)])
    age_h = _age_h(problem, history)
    if age_h > OLD_HISTORY_H:
        return _none([*missing, fact(PlanReason.OLD_HISTORY, hours=age_h)])
    parameters = [models[task.id].parameters for task in tasks]
    past = measured_past(problem, history, [task.id for task in tasks], last_h=MEMORY_H)
    state = estimate_state(
        past, HeatShares.from_parameters(parameters), RcNetwork.from_parameters(parameters)
    )
    seen = np.isfinite(state.air)
    kept = [task for task, known in zip(tasks, seen.tolist(), strict=True) if known]
    missing += [
        fact(PlanReason.CAPACITY_BY_CLASS, zone=task.called)
        for task in tasks
        if models[task.id].parameters.get(BY_CLASS)
    ]
    missing += [
        fact(PlanReason.PROBABLE_WINDOW, zone=task.called)
        for task, window in zip(tasks, state.window.tolist(), strict=True)
        if window < 0.0 and task in kept
    ]
    missing += [fact(PlanReason.NO_STATE, zone=each.called) for each in tasks if each not in kept]
    return KnownZones(
        tuple(kept),
        tuple(models[task.id] for task in kept),
        state.of(seen),
        tuple(missing),
    )


def _none(missing: list[Fact]) -> KnownZones:
    nothing = np.empty(0)
    nowhere = EstimatedState(air=nothing, mass=nothing, disturbance=nothing, window=nothing)
    return KnownZones((), (), nowhere, tuple(missing))


def _age_h(problem: Problem, history: History) -> float:
    """How long before the horizon the history ends [h]."""
    end = history.start + timedelta(seconds=history.step_s * len(history.heat_kw))
    return (problem.start - end).total_seconds() / 3600.0
