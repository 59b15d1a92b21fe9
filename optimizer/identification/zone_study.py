"""The study of one zone: every rung, the choice, its rivals, how sure it is, or why it is refused.

The last part of the days is held out: neither fits nor the choice of the rung see it. On it the
chosen model is compared with "like now" (persistence), "like the same time last week" and the mean.
A model that does not beat them all is refused. Where a thermostat repeats the same temperatures
every day, those rivals are right without knowing anything of the building; what is unknown there is
the heat. Such a zone is judged on the heat of the coming 24 h that its measured temperatures take
by the model, and there the model has to beat both rivals and the mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from bms.model.fact import Fact, fact
from bms.model.planning.problem import ZoneModel
from optimizer.identification.energy_balance import BY_CLASS, balance
from optimizer.identification.excitation import Clock, excitation, last_learnt
from optimizer.identification.holdout_score import NOTHING, Score, heat_by_mean, heat_score, score
from optimizer.identification.model_selection import Trial, best_of, ladder
from optimizer.identification.model_structures import rung_of, values_of
from optimizer.identification.parameter_fit import ITERATIONS, Fit, fit_rung, task_of
from optimizer.identification.parameter_uncertainty import derived, standard_errors
from optimizer.identification.refusals import ZoneRefusal, what_is_missing
from optimizer.model.rc_network import Bools
from optimizer.model.zone_record import Record

LEARN_PART = 0.75
USELESS_K = 1.0
SURELY = 0.8
"""So much better than the mean of the days before has to be what knows only the losses."""
STILL_GOOD = 1.15
"""A model taken over from the last time may be this much worse than it was."""
MUCH_HARDER = 1.5
NO_EXCITATION = 0.01
REFIT_ITERATIONS = 8
NOTHING_OF_IT = 1e-6
LEAST_LOSS = 1e-9


@dataclass(frozen=True, slots=True)
class Study:
    """What is known of one zone. ``refused`` is empty where there is a model.

    ``trials`` are the rungs in the order in which they were tried (none where the model of the
    last time was taken over), ``learned`` the chosen one fitted to the learning part, ``fit`` the
    same fitted to everything. With ``by_class`` the losses are measured, but the capacities are
    those of a class of buildings (:mod:`optimizer.identification.energy_balance`).
    """

    refused: tuple[Fact, ...] = ()
    trials: tuple[Trial, ...] = ()
    temperature: Score = NOTHING
    heat: Score = NOTHING
    learned: Fit | None = None
    fit: Fit | None = None
    errors: dict[str, float] = field(default_factory=dict)
    by_class: bool = False

    def parameters(self) -> dict[str, float]:
        """Named parameters of the model, with its time constants; empty where it is refused."""
        if self.fit is None:
            return {}
        named = {**self.fit.parameters(), **derived(self.fit.rc, 0)}
        if self.by_class:
            named[BY_CLASS] = 1.0
        return {name: 0.0 if abs(value) < NOTHING_OF_IT else value for name, value in named.items()}


def study(
    record: Record,
    called: str,
    *,
    previous: ZoneModel | None = None,
    learn_part: float = LEARN_PART,
    late_heat: bool = True,
) -> Study:
    """Study the zone that people call ``called``.

    With ``previous``, a model of the same zone, its rung is fitted again from its parameters; the
    whole ladder is only climbed when that has become worse. ``late_heat`` lets rungs have a lag
    between the meter and the room.
    """
    if not _excited(record):
        return Study(refused=(fact(ZoneRefusal.NO_EXCITATION, zone=called),))
    moves = excitation(record)
    clock = moves.clock(len(record), learn_part)
    limit = last_learnt(record, clock, learn_part)
    if previous is not None and not previous.parameters.get(BY_CLASS):
        again = _taken_over(record, previous, limit, clock)
        if again is not None:
            return again
    still = moves.still(len(record))
    held = _by_balance(record, still, learn_part) if moves.held else None
    if held is not None:
        return held
    climbed = _climb(record, called, limit, clock, late_heat)
    if climbed.refused and not clock.even:
        return _by_balance(record, still, learn_part) or climbed
    return climbed


def _climb(record: Record, called: str, limit: int, clock: Clock, late_heat: bool) -> Study:
    """The best of the ladder, or why it is refused."""
    trials = ladder(record, limit, late_heat=late_heat, clock=clock)
    if not trials:
        return Study(refused=(fact(ZoneRefusal.TOO_MANY_GAPS, zone=called),))
    learned = best_of(trials).fit
    temperature, heat = score(record, learned, limit), heat_score(record, learned, limit)
    refused = _refusal(called, temperature, heat, clock)
    if refused:
        said = (*refused, *what_is_missing(record, called, learned.at_bounds))
        return Study(said, tuple(trials), temperature, heat, learned)
    return _finished(record, clock, Study((), tuple(trials), temperature, heat, learned))


def _by_balance(record: Record, still: Bools, learn_part: float) -> Study | None:
    """Losses from the heat of still days, capacities by class; None where that says no more of the
    heat of the next day than its rivals do."""
    quiet = replace(record, heat=np.where(still, record.heat, np.nan))
    limit = int(np.searchsorted(np.cumsum(still), learn_part * still.sum()))
    learned, whole = balance(quiet, limit), balance(quiet, len(record))
    if learned is None or whole is None:
        return None
    temperature, heat = score(quiet, learned.fit, limit), heat_score(quiet, learned.fit, limit)
    rivals = min(heat.persistence, heat.last_week, SURELY * heat_by_mean(quiet, limit))
    if not (heat.known and heat.model <= rivals and temperature.model <= USELESS_K):
        return None
    return Study((), (), temperature, heat, learned.fit, whole.fit, whole.errors, by_class=True)


def _excited(record: Record) -> bool:
    heat = record.heat[np.isfinite(record.heat)]
    return len(heat) > 0 and float(np.std(heat)) > NO_EXCITATION * abs(float(np.mean(heat)))


def _taken_over(record: Record, previous: ZoneModel, limit: int, clock: Clock) -> Study | None:
    """The last model fitted again, None when it is not as good any more."""
    rung = rung_of(previous.parameters)
    task = task_of(record, limit, max(LEAST_LOSS, loss_of(previous.parameters)), clock)
    if task is None:
        return None
    values = values_of(previous.parameters, task.scale, record.vent_kw_per_k)
    learned = fit_rung(task, rung, values, REFIT_ITERATIONS)
    temperature = score(record, learned, limit)
    if not temperature.known or temperature.model > STILL_GOOD * _was(previous, temperature):
        return None
    doubt = not (temperature.wins and clock.even)
    heat = heat_score(record, learned, limit) if doubt else NOTHING
    if _refusal("", temperature, heat, clock):
        return None
    return _finished(record, clock, Study((), (), temperature, heat, learned), REFIT_ITERATIONS)


def _was(previous: ZoneModel, now: Score) -> float:
    """The error of the last time [K], up to half more where the days of now are harder for
    everybody: a rival of a steady month is much worse as soon as setpoints move."""
    then = min(previous.persistence_k, previous.last_week_k)
    rival = min(now.persistence, now.last_week)
    harder = rival / then if then > 0 else 1.0
    return previous.rmse_24h_k * min(MUCH_HARDER, max(1.0, harder))


def loss_of(p: Mapping[str, float]) -> float:
    """The loss [kW/K] of a model's parameters: outdoors, and through the mass in series."""
    through = p["mass_kw_per_k"] + p["mass_out_kw_per_k"]
    series = p["mass_kw_per_k"] * p["mass_out_kw_per_k"] / through if through > 0 else 0.0
    return p["ua_kw_per_k"] + series


def _finished(record: Record, clock: Clock, judged: Study, iterations: int = ITERATIONS) -> Study:
    """With the rung that was learnt fitted to all days."""
    learned = judged.learned
    task = task_of(record, len(record), learned.scale, clock) if learned else None
    if learned is None or task is None:
        return replace(judged, fit=learned)
    fit = fit_rung(task, learned.rung, learned.values, iterations)
    return replace(judged, fit=fit, errors=standard_errors(task, fit))


def _refusal(called: str, temperature: Score, heat: Score, clock: Clock) -> tuple[Fact, ...]:
    """Why a model is refused. Where few days show how the room answers, a wrong model may be right
    about their temperature by chance: there it has to know their heat as well."""
    if not temperature.known:
        return (fact(ZoneRefusal.TOO_MANY_GAPS, zone=called),)
    if temperature.model > USELESS_K:
        return (fact(ZoneRefusal.TOO_UNCERTAIN, zone=called, model=temperature.model),)
    lost = not clock.even and heat.known and not heat.beats_both
    if not lost and (temperature.wins or (temperature.held and heat.wins)):
        return ()
    if not lost and temperature.held and heat.beats_both:
        return (_against_mean(ZoneRefusal.HEAT_NO_BETTER_THAN_MEAN, called, heat),)
    if lost or (temperature.held and heat.known):
        return (_against_rivals(ZoneRefusal.HEAT_RIVALS_BETTER, called, heat),)
    if temperature.beats_both:
        return (_against_mean(ZoneRefusal.NO_BETTER_THAN_MEAN, called, temperature),)
    return (_against_rivals(ZoneRefusal.RIVALS_BETTER, called, temperature),)


def _against_mean(reason: ZoneRefusal, called: str, score: Score) -> Fact:
    return fact(reason, zone=called, model=score.model, spread=score.spread)


def _against_rivals(reason: ZoneRefusal, called: str, score: Score) -> Fact:
    return fact(
        reason,
        zone=called,
        model=score.model,
        persistence=score.persistence,
        last_week=score.last_week,
    )
