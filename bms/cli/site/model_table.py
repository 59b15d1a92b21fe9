"""A thermal model on the screen: structures, rivals, parameters and how sure they are."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bms.cli.console.language import CommandTranslator
from bms.cli.console.screen import screen, slim_table
from bms.messages import MISSING
from bms.messages.spelled_out import spelled_out
from bms.model.planning.problem import BuildingModel
from optimizer.identification.holdout_score import HoldoutScore
from optimizer.identification.model_selection import (
    AHEAD_H,
    StructureFit,
    errors_ahead,
    restart_steps,
)
from optimizer.identification.zone_study import ZoneStudy
from optimizer.model.zone_record import ZoneRecord

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


def as_dict(answer: ZoneStudy, called: str) -> dict[str, Any]:
    """The study as JSON: structures, errors and rivals [K], parameters with standard errors,
    reasons."""
    return {
        "zone": called,
        "order": answer.fit.order if answer.fit else None,
        "label": answer.training_fit.structure.label if answer.training_fit else None,
        "rmse_24h_k": _number(answer.temperature.model),
        "persistence_k": _number(answer.temperature.persistence),
        "last_week_k": _number(answer.temperature.last_week),
        "heat_24h_kwh": _number(answer.heat.model),
        "heat_like_yesterday_kwh": _number(answer.heat.persistence),
        "heat_last_week_kwh": _number(answer.heat.last_week),
        "structures": [_structure(candidate, answer) for candidate in answer.structures],
        "parameters": answer.parameters(),
        "standard_errors": answer.errors,
        "reasons": [spelled_out(fact) for fact in answer.refused],
    }


def _structure(candidate: StructureFit, answer: ZoneStudy) -> dict[str, Any]:
    return {
        "label": candidate.structure.label,
        "order": candidate.structure.order,
        "parameters": len(candidate.fit.names),
        "validation_rmse_k": _number(candidate.error_k),
        "at_bounds": list(candidate.at_bounds),
        "chosen": candidate.fit is answer.training_fit,
    }


def _number(value: float) -> float | None:
    return round(value, 4) if isfinite(value) else None


def print_study(answer: ZoneStudy, record: ZoneRecord, learn: float, t: CommandTranslator) -> None:
    """Structures, rivals, parameters, a chart of the last days; or the reasons."""
    console = screen()
    _print_structures(console, answer, t)
    _print_scores(console, answer, t)
    if answer.training_fit is not None:
        _print_chart(console, answer, record, round(len(record) * learn), t)
    if answer.refused:
        console.print(t("model_none"))
        for fact in answer.refused:
            console.print(f"  {t.describe(fact)}", highlight=False)
        return
    print_parameters(console, answer.parameters(), answer.errors, t)


def _print_structures(console: Console, answer: ZoneStudy, t: CommandTranslator) -> None:
    if not answer.structures:
        return
    table = slim_table(
        t("model_structure"), t("parameters"), t("validation_rmse"), t("at_a_bound"), ""
    )
    for candidate in answer.structures:
        chosen = t("chosen") if candidate.fit is answer.training_fit else ""
        error = t.number(candidate.error_k, 3)
        bounds = ", ".join(candidate.at_bounds)
        table.add_row(
            candidate.structure.label, str(len(candidate.fit.names)), error, bounds, chosen
        )
    console.print(table)


def _print_scores(console: Console, answer: ZoneStudy, t: CommandTranslator) -> None:
    table = slim_table(t("held_out"), t("model"), t("like_now"), t("like_last_week"))
    _add_score(table, t("temperature_ahead"), answer.temperature, t)
    _add_score(table, t("heat_ahead"), answer.heat, t)
    console.print(table)


def _add_score(table: Table, name: str, score: HoldoutScore, t: CommandTranslator) -> None:
    if score.known:
        errors = (score.model, score.persistence, score.last_week)
        table.add_row(name, *(t.significant(error) for error in errors))


def print_parameters(
    console: Console,
    parameters: dict[str, float],
    errors: dict[str, float],
    t: CommandTranslator,
) -> None:
    """One line for each, with its standard error where there is one."""
    table = slim_table(t("parameter"), t("value"), t("standard_error"), t("unit"))
    for name, value in parameters.items():
        if value == 0.0 and name not in errors:
            continue
        error = t.significant(errors[name], 2) if name in errors else MISSING
        table.add_row(name, t.significant(value, 4), error, _unit(name))
    console.print(table)


def _unit(name: str) -> str:
    if name.startswith("time_constant") or name == "heat_lag_h":
        return "h"
    return next((unit for end, unit in UNITS if name.endswith(end)), "")


def _print_chart(
    console: Console, answer: ZoneStudy, record: ZoneRecord, first: int, t: CommandTranslator
) -> None:
    """Measured and predicted, a day ahead, over the last days: one sign for every two hours."""
    fit = answer.training_fit
    starts = restart_steps(record, first, AHEAD_H)
    if fit is None or not len(starts):
        return
    ahead = round(AHEAD_H / record.step_h)
    shown = starts[-CHART_DAYS * 24 :: 2]
    measured = record.temp[shown + ahead]
    predicted = measured + errors_ahead(fit, record, shown, AHEAD_H)
    low = float(min(measured.min(), predicted.min()))
    high = float(max(measured.max(), predicted.max(), low + 0.5))
    console.print(t("last_days", low=low, high=high), highlight=False)
    for name, values in ((t("measured"), measured), (t("predicted"), predicted)):
        level = np.rint((values - low) / (high - low) * (len(BARS) - 2)).astype(int) + 1
        console.print(f"  {name:9} {''.join(BARS[i] for i in level)}")


def print_building(model: BuildingModel, t: CommandTranslator) -> None:
    """Every zone of a building: errors beside the rivals, how its heat is known, parameters."""
    console = screen()
    table = slim_table(
        t("zone"),
        t("order"),
        "RMSE 24 h [K]",
        t("like_now_k"),
        t("last_week_k"),
        t("part_of_heat"),
    )
    for zone in model.zones:
        errors = (zone.rmse_24h_k, zone.persistence_k, zone.last_week_k)
        table.add_row(
            zone.zone,
            zone.order,
            *(t.number(error, 2) for error in errors),
            _part(zone.parameters, zone.standard_errors, t),
        )
    console.print(table)
    for zone in model.zones:
        console.print(zone.zone)
        print_parameters(console, zone.parameters, zone.standard_errors, t)


def _part(parameters: dict[str, float], errors: dict[str, float], t: CommandTranslator) -> str:
    part = parameters.get("heat_part")
    if "heat_part" in errors:
        return t("heat_part_learned", part=part, se=100 * errors["heat_part"])
    return t("heat_part_by_area", part=part)
