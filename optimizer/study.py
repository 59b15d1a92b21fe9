"""The study of one zone: every rung, the choice, its rivals, how sure it is, or why it is refused.

The last part of the days is held out: neither fits nor the choice of the rung see it. On it the
chosen model is compared with "like now" (persistence), "like the same time last week" and the mean.
A model that does not beat them all is refused. Where a thermostat repeats the same temperatures
every day, those rivals are right without knowing anything of the building; what is unknown there is
the heat. Such a zone is judged on the heat of the coming 24 h that its measured temperatures take
by the model, and there the model has to beat both rivals and the mean.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bms.model.plan import ZoneModel
from bms.model.words import Words
from optimizer import reasons
from optimizer.begin import rung_of, values_of
from optimizer.choose import Trial, best_of, ladder
from optimizer.fit import ITERATIONS, Fit, fit_rung, task_of
from optimizer.missing import no_better_than_the_mean, what_is_missing
from optimizer.record import Record
from optimizer.score import NOTHING, Score, heat_score, score
from optimizer.uncertainty import derived, standard_errors

LEARN_PART = 0.75
USELESS_K = 1.0
STILL_GOOD = 1.15
"""A model taken over from the last time may be this much worse than it was."""
NO_EXCITATION = 0.01
REFIT_ITERATIONS = 8
NOTHING_OF_IT = 1e-6


@dataclass(frozen=True, slots=True)
class Study:
    """What is known of one zone. ``refused`` is empty where there is a model.

    ``trials`` are the rungs in the order in which they were tried (none where the model of the
    last time was taken over), ``learned`` the chosen one fitted to the learning part, ``fit`` the
    same fitted to everything.
    """

    refused: tuple[Words, ...] = ()
    trials: tuple[Trial, ...] = ()
    temperature: Score = NOTHING
    heat: Score = NOTHING
    learned: Fit | None = None
    fit: Fit | None = None
    errors: dict[str, float] = field(default_factory=dict)

    def parameters(self) -> dict[str, float]:
        """Named parameters of the model, with its time constants; empty where it is refused."""
        if self.fit is None:
            return {}
        named = {**self.fit.parameters(), **derived(self.fit.rc, 0)}
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
        return Study(refused=(reasons.no_excitation(called),))
    limit = round(len(record) * learn_part)
    if previous is not None:
        again = _taken_over(record, previous, limit)
        if again is not None:
            return again
    trials = ladder(record, limit, late_heat=late_heat)
    if not trials:
        return Study(refused=(reasons.too_many_gaps(called),))
    learned = best_of(trials).fit
    temperature, heat = score(record, learned, limit), heat_score(record, learned, limit)
    refused = _refusal(called, temperature, heat)
    if refused:
        said = (*refused, *what_is_missing(record, called, learned.at_bounds))
        return Study(said, tuple(trials), temperature, heat, learned)
    return _finished(record, tuple(trials), temperature, heat, learned)


def _excited(record: Record) -> bool:
    heat = record.heat[np.isfinite(record.heat)]
    return len(heat) > 0 and float(np.std(heat)) > NO_EXCITATION * abs(float(np.mean(heat)))


def _taken_over(record: Record, previous: ZoneModel, limit: int) -> Study | None:
    """The last model fitted again, None when it is not as good any more."""
    rung = rung_of(previous.parameters)
    task = task_of(record, limit, _scale(previous))
    if task is None:
        return None
    values = values_of(previous.parameters, task.scale, record.vent_kw_per_k)
    learned = fit_rung(task, rung, values, REFIT_ITERATIONS)
    temperature = score(record, learned, limit)
    if not temperature.known or temperature.model > STILL_GOOD * previous.rmse_24h_k:
        return None
    heat = NOTHING if temperature.wins else heat_score(record, learned, limit)
    if _refusal("", temperature, heat):
        return None
    return _finished(record, (), temperature, heat, learned, REFIT_ITERATIONS)


def _scale(previous: ZoneModel) -> float:
    """The loss that bounds are relative to: outdoors, and through the mass in series."""
    p = previous.parameters
    through = p["mass_kw_per_k"] + p["mass_out_kw_per_k"]
    series = p["mass_kw_per_k"] * p["mass_out_kw_per_k"] / through if through > 0 else 0.0
    return max(1e-9, p["ua_kw_per_k"] + series)


def _finished(
    record: Record,
    trials: tuple[Trial, ...],
    temperature: Score,
    heat: Score,
    learned: Fit,
    iterations: int = ITERATIONS,
) -> Study:
    task = task_of(record, len(record), learned.scale)
    fit = learned if task is None else fit_rung(task, learned.rung, learned.values, iterations)
    sure = {} if task is None else standard_errors(task, fit)
    return Study((), trials, temperature, heat, learned, fit, sure)


def _refusal(called: str, temperature: Score, heat: Score) -> tuple[Words, ...]:
    if not temperature.known:
        return (reasons.too_many_gaps(called),)
    if temperature.model > USELESS_K:
        return (reasons.too_uncertain(called, temperature.model),)
    if temperature.wins or (temperature.held and heat.wins):
        return ()
    if temperature.held and heat.known:
        return (reasons.rivals_better_heat(called, heat.model, heat.persistence, heat.last_week),)
    if temperature.beats_both:
        return (no_better_than_the_mean(called, temperature.model, temperature.spread),)
    return (
        reasons.rivals_better(
            called, temperature.model, temperature.persistence, temperature.last_week
        ),
    )
