"""A thermal model on the screen: rungs, rivals, parameters and how sure they are."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np
from rich.console import Console

from bms.cli.console.language import Language, language
from bms.cli.console.screen import screen, slim_table
from bms.model.codec import to_dict
from bms.model.fact import Fact
from bms.model.planning.problem import BuildingModel
from optimizer.identification.holdout_score import Score
from optimizer.identification.model_selection import AHEAD_H, Trial, errors_ahead, restarts
from optimizer.identification.zone_study import Study
from optimizer.model.zone_record import Record

UNITS = (
    ("_kwh_per_k", "kWh/K"),
    ("_kw_per_k", "kW/K"),
    ("_m2", "m2"),
    ("_kw", "kW"),
    ("_h", "h"),
    ("_c", "degC"),
    ("_per_k", "K/K"),
    ("_k", "K"),
)
CHART_DAYS = 5
BARS = " ▁▂▃▄▅▆▇█"


def as_dict(answer: Study, called: str) -> dict[str, Any]:
    """The study as JSON: rungs, errors and rivals [K], parameters with standard errors, reasons."""
    return {
        "zone": called,
        "order": answer.fit.order if answer.fit else None,
        "label": answer.learned.rung.label if answer.learned else None,
        "rmse_24h_k": _number(answer.temperature.model),
        "persistence_k": _number(answer.temperature.persistence),
        "last_week_k": _number(answer.temperature.last_week),
        "heat_24h_kwh": _number(answer.heat.model),
        "heat_like_yesterday_kwh": _number(answer.heat.persistence),
        "heat_last_week_kwh": _number(answer.heat.last_week),
        "rungs": [_trial(trial, answer) for trial in answer.trials],
        "parameters": answer.parameters(),
        "standard_errors": answer.errors,
        "reasons": [_reason(each) for each in answer.refused],
    }


def _reason(fact: Fact) -> dict[str, Any]:
    """Code, numbers, and the sentence in both languages."""
    return {**to_dict(fact), **{each.value: each.of(fact) for each in Language}}


def _trial(trial: Trial, answer: Study) -> dict[str, Any]:
    return {
        "label": trial.rung.label,
        "order": trial.rung.order,
        "parameters": len(trial.fit.names),
        "validation_rmse_k": _number(trial.error_k),
        "at_bounds": list(trial.at_bounds),
        "chosen": trial.fit is answer.learned,
    }


def _number(value: float) -> float | None:
    return round(value, 4) if isfinite(value) else None


def print_study(answer: Study, record: Record, learn: float) -> None:
    """Rungs, rivals, parameters, a chart of the last days; or the reasons."""
    console = screen()
    _print_rungs(console, answer)
    _print_scores(console, answer)
    if answer.learned is not None:
        _print_chart(console, answer, record, round(len(record) * learn))
    if answer.refused:
        console.print("no model:", markup=False)
        for reason in answer.refused:
            console.print(f"  {language().of(reason)}", markup=False, highlight=False)
        return
    print_parameters(console, answer.parameters(), answer.errors)


def _print_rungs(console: Console, answer: Study) -> None:
    if not answer.trials:
        return
    table = slim_table("rung", "parameters", "validation RMSE 24 h [K]", "at a bound", "")
    for trial in answer.trials:
        chosen = "chosen" if trial.fit is answer.learned else ""
        error = f"{trial.error_k:.3f}"
        bounds = ", ".join(trial.at_bounds)
        table.add_row(trial.rung.label, str(len(trial.fit.names)), error, bounds, chosen)
    console.print(table)


def _print_scores(console: Console, answer: Study) -> None:
    table = slim_table("on held-out days", "model", "like now", "like last week")
    _add_score(table, "temperature 24 h ahead [K]", answer.temperature)
    _add_score(table, "heat of 24 h \\[kWh]", answer.heat)
    console.print(table)


def _add_score(table: Any, name: str, score: Score) -> None:
    if score.known:
        errors = (score.model, score.persistence, score.last_week)
        table.add_row(name, *(f"{error:.3g}" for error in errors))


def print_parameters(
    console: Console, parameters: dict[str, float], errors: dict[str, float]
) -> None:
    """One line for each, with its standard error where there is one."""
    table = slim_table("parameter", "value", "± standard error", "unit")
    for name, value in parameters.items():
        if value == 0.0 and name not in errors:
            continue
        error = f"{errors[name]:.2g}" if name in errors else "-"
        table.add_row(name, f"{value:.4g}", error, _unit(name))
    console.print(table)


def _unit(name: str) -> str:
    if name.startswith("time_constant") or name == "heat_lag_h":
        return "h"
    return next((unit for end, unit in UNITS if name.endswith(end)), "")


def _print_chart(console: Console, answer: Study, record: Record, first: int) -> None:
    """Measured and predicted, a day ahead, over the last days: one sign for every two hours."""
    fit = answer.learned
    starts = restarts(record, first, AHEAD_H)
    if fit is None or not len(starts):
        return
    ahead = round(AHEAD_H / record.step_h)
    shown = starts[-CHART_DAYS * 24 :: 2]
    measured = record.temp[shown + ahead]
    predicted = measured + errors_ahead(fit, record, shown, AHEAD_H)
    low = float(min(measured.min(), predicted.min()))
    high = float(max(measured.max(), predicted.max(), low + 0.5))
    console.print(f"the last days, {low:.1f} to {high:.1f} degC:", markup=False, highlight=False)
    for name, values in (("measured", measured), ("predicted", predicted)):
        level = np.rint((values - low) / (high - low) * (len(BARS) - 2)).astype(int) + 1
        console.print(f"  {name:9} {''.join(BARS[i] for i in level)}", markup=False)


def print_building(model: BuildingModel) -> None:
    """Every zone of a building: errors beside the rivals, how its heat is known, parameters."""
    console = screen()
    table = slim_table(
        "zone", "order", "RMSE 24 h [K]", "like now [K]", "last week [K]", "part of the heat"
    )
    for zone in model.zones:
        errors = (zone.rmse_24h_k, zone.persistence_k, zone.last_week_k)
        table.add_row(
            zone.zone,
            zone.order,
            *(f"{e:.2f}" for e in errors),
            _part(zone.parameters, zone.standard_errors),
        )
    console.print(table)
    for zone in model.zones:
        console.print(zone.zone, markup=False)
        print_parameters(console, zone.parameters, zone.standard_errors)


def _part(parameters: dict[str, float], errors: dict[str, float]) -> str:
    part = f"{100 * parameters['heat_part']:.0f} %" if "heat_part" in parameters else "-"
    if "heat_part" in errors:
        return f"{part} ± {100 * errors['heat_part']:.0f}"
    return f"{part} by area"
