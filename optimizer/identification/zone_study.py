"""The study of one zone: all model structures, the selection, its validation, or why it is refused.

The last part of the days is held out: neither fits nor the selection see it. On it the selected
model is compared with persistence ("like now"), with last week ("like the same time last week") and
with the mean. A model that does not beat them all is refused. Where a thermostat repeats the same
temperatures every day, these forecasts are right without any knowledge of the building; what is
unknown there is the heat. Such a zone is validated on the heat of the coming 24 h that its measured
temperatures take by the model, and there the model has to beat them. Where every week is alike, a
model that loses to "like last week" is asked for what it is for, the response to a change
(:mod:`optimizer.identification.response`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from bms.model.fact import Fact, fact
from bms.model.planning.problem import ZoneModel
from optimizer.identification.energy_balance import BY_CLASS, fit_energy_balance
from optimizer.identification.excitation import (
    DataSplit,
    excitation_of,
    heating_varied,
    last_training_step,
)
from optimizer.identification.holdout_score import (
    NO_SCORE,
    HoldoutScore,
    heat_by_mean,
    heat_score,
    score,
)
from optimizer.identification.model_selection import (
    StructureFit,
    compare_structures,
    select_structure,
)
from optimizer.identification.model_structures import fitted_values, structure_of
from optimizer.identification.parameter_fit import (
    ITERATIONS,
    FittedModel,
    fit_structure,
    fit_windows,
)
from optimizer.identification.parameter_uncertainty import derived_parameters, standard_errors
from optimizer.identification.refusals import ZoneRefusal, what_is_missing
from optimizer.identification.response import (
    LEAST_WINDOWS,
    NO_RESPONSE,
    ResponseScore,
    respond,
)
from optimizer.model.rc_network import Bools
from optimizer.model.zone_record import ZoneRecord

TRAINING_PART = 0.75
LARGEST_ERROR_K = 1.0
CLEARLY_BELOW_MEAN = 0.8
"""So much better than the mean of the days before has to be what knows only the losses."""
ALLOWED_GROWTH = 1.15
"""A model taken over from the last time may be this much worse than it was."""
LARGEST_HARDNESS = 1.5
REFIT_ITERATIONS = 8
NEGLIGIBLE = 1e-6
BY_RESPONSE = "judged_by_response"
"""A parameter of models that were judged by their response to deviations: 1."""
LEAST_LOSS = 1e-9


@dataclass(frozen=True, slots=True)
class ZoneStudy:
    """Result of a study. ``refused`` is empty where there is a model.

    ``structures`` are the fits in the order in which they were tried (none where the previous model
    was refitted), ``training_fit`` is the selected one on the training part, ``fit`` the same on
    all days. With ``by_class`` the losses are measured, but the capacities are those of a class of
    buildings (:mod:`optimizer.identification.energy_balance`). ``response`` is known where the
    model was judged by what it says of deviations: there ``temperature`` has its errors after them.
    """

    refused: tuple[Fact, ...] = ()
    structures: tuple[StructureFit, ...] = ()
    temperature: HoldoutScore = NO_SCORE
    heat: HoldoutScore = NO_SCORE
    training_fit: FittedModel | None = None
    fit: FittedModel | None = None
    errors: dict[str, float] = field(default_factory=dict)
    by_class: bool = False
    response: ResponseScore = NO_RESPONSE

    def parameters(self) -> dict[str, float]:
        """Returns the named parameters of the model, with its time constants; empty where it is
        refused."""
        if self.fit is None:
            return {}
        named = {**self.fit.parameters(), **derived_parameters(self.fit.rc, 0)}
        if self.by_class:
            named[BY_CLASS] = 1.0
        if self.response.shown:
            named[BY_RESPONSE] = 1.0
        return {name: 0.0 if abs(value) < NEGLIGIBLE else value for name, value in named.items()}


def study_zone(
    record: ZoneRecord,
    called: str,
    *,
    previous: ZoneModel | None = None,
    training_part: float = TRAINING_PART,
    heat_lag: bool = True,
) -> ZoneStudy:
    """Returns the study of the zone whose name for people is ``called``.

    With ``previous``, a model of the same zone, its structure is fitted again from its parameters;
    all structures are only compared when that has become worse. ``heat_lag`` allows structures with
    a lag between the meter and the room.
    """
    if not heating_varied(record.heat):
        return ZoneStudy(refused=(fact(ZoneRefusal.NO_EXCITATION, zone=called),))
    moves = excitation_of(record)
    split = moves.split(len(record), training_part)
    limit = last_training_step(record, split, training_part)
    if previous is not None and not previous.parameters.get(BY_CLASS):
        again = _refit_previous(record, previous, limit, split)
        if again is not None:
            return again
    steady_steps = moves.steady_steps(len(record))
    held = _study_by_balance(record, steady_steps, training_part) if moves.held else None
    if held is not None:
        return held
    climbed = _study_by_structures(record, called, limit, split, heat_lag)
    if climbed.refused and not split.by_calendar:
        return _study_by_balance(record, steady_steps, training_part) or climbed
    return climbed


def _study_by_structures(
    record: ZoneRecord, called: str, limit: int, split: DataSplit, heat_lag: bool
) -> ZoneStudy:
    """The selected structure, or why it is refused."""
    structures = compare_structures(record, limit, heat_lag=heat_lag, split=split)
    if not structures:
        return ZoneStudy(refused=(fact(ZoneRefusal.TOO_MANY_GAPS, zone=called),))
    training_fit = select_structure(structures).fit
    temperature, heat = score(record, training_fit, limit), heat_score(record, training_fit, limit)
    refused = _refusal(called, temperature, heat, split)
    if refused:
        answer = _study_by_response(record, called, tuple(structures), split)
        if answer.fit is not None:
            return answer
        lacking = what_is_missing(record, called, training_fit.at_bounds)
        why = (*refused, *answer.refused, *lacking)
        return ZoneStudy(why, tuple(structures), temperature, heat, training_fit)
    return _refit_on_all(
        record, split, ZoneStudy((), tuple(structures), temperature, heat, training_fit)
    )


def _study_by_response(
    record: ZoneRecord, called: str, structures: tuple[StructureFit, ...], split: DataSplit
) -> ZoneStudy:
    """The structure that foretells what deviations from the habit do, or why none does."""
    fit, response = respond(record, structures, split)
    windows = None if fit is None else fit_windows(record, len(record), fit.scale, split)
    if fit is None or windows is None:
        return ZoneStudy(refused=_response_refusal(called, response))
    rival = response.rival_temp_k
    temperature = HoldoutScore(response.temp_k, rival, rival, rival)
    rival = response.rival_heat_kwh
    heat = HoldoutScore(response.heat_kwh, rival, rival, rival)
    errors = standard_errors(windows, fit)
    return ZoneStudy((), structures, temperature, heat, fit, fit, errors, response=response)


def _response_refusal(called: str, response: ResponseScore) -> tuple[Fact, ...]:
    if response.windows < LEAST_WINDOWS:
        few = ZoneRefusal.FEW_DEVIATIONS
        return (fact(few, zone=called, count=response.windows, least=LEAST_WINDOWS),)
    return (
        fact(
            ZoneRefusal.RESPONSE_NOT_SHOWN,
            zone=called,
            temp_k=response.temp_k,
            rival_temp_k=response.rival_temp_k,
            heat_kwh=response.heat_kwh,
            rival_heat_kwh=response.rival_heat_kwh,
        ),
    )


def _study_by_balance(
    record: ZoneRecord, steady_steps: Bools, training_part: float
) -> ZoneStudy | None:
    """Losses from the heat of steady days, capacities by class; None where that predicts the heat
    of the next day no better than its rivals."""
    quiet = replace(record, heat=np.where(steady_steps, record.heat, np.nan))
    limit = int(np.searchsorted(np.cumsum(steady_steps), training_part * steady_steps.sum()))
    training_fit, whole = fit_energy_balance(quiet, limit), fit_energy_balance(quiet, len(record))
    if training_fit is None or whole is None:
        return None
    temperature, heat = (
        score(quiet, training_fit.fit, limit),
        heat_score(quiet, training_fit.fit, limit),
    )
    rivals = min(heat.persistence, heat.last_week, CLEARLY_BELOW_MEAN * heat_by_mean(quiet, limit))
    if not (heat.known and heat.model <= rivals and temperature.model <= LARGEST_ERROR_K):
        return None
    return ZoneStudy(
        (), (), temperature, heat, training_fit.fit, whole.fit, whole.errors, by_class=True
    )


def _refit_previous(
    record: ZoneRecord, previous: ZoneModel, limit: int, split: DataSplit
) -> ZoneStudy | None:
    """The previous model fitted again, None when it is not as good any more."""
    structure = structure_of(previous.parameters)
    windows = fit_windows(record, limit, max(LEAST_LOSS, heat_loss_of(previous.parameters)), split)
    if windows is None:
        return None
    values = fitted_values(previous.parameters, windows.scale, record.vent_kw_per_k)
    training_fit = fit_structure(windows, structure, values, REFIT_ITERATIONS)
    temperature = score(record, training_fit, limit)
    if not temperature.known or temperature.model > ALLOWED_GROWTH * _previous_error_k(
        previous, temperature
    ):
        return None
    doubt = not (temperature.beats_all and split.by_calendar)
    heat = heat_score(record, training_fit, limit) if doubt else NO_SCORE
    by_response = previous.parameters.get(BY_RESPONSE)
    if not by_response and _refusal("", temperature, heat, split):
        return None
    return _refit_on_all(
        record, split, ZoneStudy((), (), temperature, heat, training_fit), REFIT_ITERATIONS
    )


def _previous_error_k(previous: ZoneModel, now: HoldoutScore) -> float:
    """The error of the previous model [K], raised by up to half where the days of now are harder to
    predict: a rival's error of a steady month grows as soon as setpoints move."""
    then = min(previous.persistence_k, previous.last_week_k)
    rival = min(now.persistence, now.last_week)
    harder = rival / then if then > 0 else 1.0
    return previous.rmse_24h_k * min(LARGEST_HARDNESS, max(1.0, harder))


def heat_loss_of(p: Mapping[str, float]) -> float:
    """Returns the heat loss [kW/K] of a model's parameters: to outdoors, and through the mass in
    series."""
    through = p["mass_kw_per_k"] + p["mass_out_kw_per_k"]
    series = p["mass_kw_per_k"] * p["mass_out_kw_per_k"] / through if through > 0 else 0.0
    return p["ua_kw_per_k"] + series


def _refit_on_all(
    record: ZoneRecord, split: DataSplit, judged: ZoneStudy, iterations: int = ITERATIONS
) -> ZoneStudy:
    """The study with its structure fitted to all days."""
    training_fit = judged.training_fit
    windows = fit_windows(record, len(record), training_fit.scale, split) if training_fit else None
    if training_fit is None or windows is None:
        return replace(judged, fit=training_fit)
    fit = fit_structure(windows, training_fit.structure, training_fit.values, iterations)
    return replace(judged, fit=fit, errors=standard_errors(windows, fit))


def _refusal(
    called: str, temperature: HoldoutScore, heat: HoldoutScore, split: DataSplit
) -> tuple[Fact, ...]:
    """Why a model is refused. Where few days excite the room, a wrong model may predict their
    temperature by chance: there it has to predict their heat as well."""
    if not temperature.known:
        return (fact(ZoneRefusal.TOO_MANY_GAPS, zone=called),)
    if temperature.model > LARGEST_ERROR_K:
        return (fact(ZoneRefusal.TOO_UNCERTAIN, zone=called, model=temperature.model),)
    lost = not split.by_calendar and heat.known and not heat.beats_both
    if not lost and (temperature.beats_all or (temperature.held and heat.beats_all)):
        return ()
    if not lost and temperature.held and heat.beats_both:
        return (_against_mean(ZoneRefusal.HEAT_NO_BETTER_THAN_MEAN, called, heat),)
    if lost or (temperature.held and heat.known):
        return (_against_rivals(ZoneRefusal.HEAT_RIVALS_BETTER, called, heat),)
    if temperature.beats_both:
        return (_against_mean(ZoneRefusal.NO_BETTER_THAN_MEAN, called, temperature),)
    return (_against_rivals(ZoneRefusal.RIVALS_BETTER, called, temperature),)


def _against_mean(reason: ZoneRefusal, called: str, score: HoldoutScore) -> Fact:
    return fact(reason, zone=called, model=score.model, spread=score.spread)


def _against_rivals(reason: ZoneRefusal, called: str, score: HoldoutScore) -> Fact:
    return fact(
        reason,
        zone=called,
        model=score.model,
        persistence=score.persistence,
        last_week=score.last_week,
    )
