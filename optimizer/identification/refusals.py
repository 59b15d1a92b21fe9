"""Why there is no model of a building or of a zone, and what the data lack."""

from __future__ import annotations

import numpy as np

from bms.model.fact import Fact, MessageCode, fact
from optimizer.model.zone_record import ZoneRecord

STILL_K = 0.4
"""A room whose temperature spreads less than this shows nothing of its capacity [K]."""
STEADY_HEAT = 0.1
FEW_DAYS = 21.0


class NoModelReason(MessageCode):
    """Why there is no model of a building."""

    NO_HISTORY = "no_history"
    TOO_FEW_DAYS = "too_few_days"
    NO_ZONE_HISTORY = "no_zone_history"
    SERIES_MISSING = "series_missing"
    NO_EXCITATION = "no_excitation_building"


class ZoneRefusal(MessageCode):
    """Why a zone has no model, and what would help."""

    ZONE_TEMP_MISSING = "zone_temp_missing"
    SENSOR_STUCK = "sensor_stuck"
    NO_EXCITATION = "no_excitation"
    TOO_MANY_GAPS = "too_many_gaps"
    TOO_UNCERTAIN = "too_uncertain"
    RIVALS_BETTER = "rivals_better"
    HEAT_RIVALS_BETTER = "heat_rivals_better"
    NO_BETTER_THAN_MEAN = "no_better_than_mean"
    HEAT_NO_BETTER_THAN_MEAN = "heat_no_better_than_mean"
    FEW_DEVIATIONS = "few_deviations"
    RESPONSE_NOT_SHOWN = "response_not_shown"
    ASKED_LATELY = "asked_lately"
    STEADY_HEAT = "steady_heat"
    HELD_STILL = "held_still"
    MORE_DAYS = "more_days"
    NOT_HELD = "not_held"


def what_is_missing(record: ZoneRecord, called: str, at_bounds: tuple[str, ...]) -> list[Fact]:
    """Returns what would help zone ``called``, most important first; may be empty."""
    found = []
    heat = record.heat[np.isfinite(record.heat)]
    if len(heat) and float(np.std(heat)) < STEADY_HEAT * max(1e-9, float(np.mean(heat))):
        share = float(np.std(heat)) / float(np.mean(heat))
        found.append(fact(ZoneRefusal.STEADY_HEAT, zone=called, share=share))
    spread = float(np.nanstd(record.temp))
    if spread < STILL_K:
        found.append(fact(ZoneRefusal.HELD_STILL, zone=called, spread=spread))
    days = len(record) * record.step_h / 24.0
    if days < FEW_DAYS:
        found.append(fact(ZoneRefusal.MORE_DAYS, zone=called, days=days, enough=FEW_DAYS))
    if at_bounds:
        found.append(fact(ZoneRefusal.NOT_HELD, zone=called, names=at_bounds))
    return found
