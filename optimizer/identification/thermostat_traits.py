"""Traits of a zone's own controller from history: radiator power, droop and spread."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optimizer.model.heat_shares import HeatShares
from optimizer.model.history import MeasuredPast
from optimizer.model.rc_network import Bools, Floats, RcNetwork
from optimizer.model.steady_state_filter import drive_model, filter_states, predict_from
from optimizer.model.zone_record import ZoneRecord

STEADY_H = 3.0
LEAST_STEADY = 24
SETTLED_K = 0.5
DARK_KW_PER_M2 = 0.02
IDLE = 0.05
"""Where no valve is known a thermostat is in command while its zone gets more than this part of
its power, in the dark, and the room is no more than :data:`SETTLED_K` above the setpoint."""
WAITING_K = 1.0
"""A room so far below its setpoint gets all that its radiators can give."""
DESIGN_K = 33.0
"""Radiators are chosen for 21 degC indoors at -12 degC outdoors (DS 418, DS/EN 12831)."""
FULL_VALVE_PCT = 90.0
LEAST_FULL = 8
SURE_FULL = 32
COLD_RADIATORS = 1.25
"""With fewer steps than these an open valve was only seen while radiators were cold, which take far
more than they give later: so much more than part-open valves tell is believed."""
LEAST_OPEN = 0.2
OPENEST = 0.9
CURVE = 0.4
"""Power goes with this power of the opening: 76 % at half. Radiators alone would have 0.3; with a
smaller number warm-ups begin rather too early than too late."""
MOST_QUANTILE = 0.97
WARM_UP_QUANTILE = 0.75
"""A warm-up starts from cold radiators, which take more than they do on average."""
LARGEST_DROOP_K = 1.0
DEFAULT_TRACK_K = 0.2
LEAST_WARM_UPS = 3
LONGEST_WARM_UP_H = 6.0
REACHED_K = 0.5
"""A warm-up is over where the room is so near to its setpoint."""
LONG_PART = 0.5
"""Warm-ups that rise by less than this part of the longest are over before they show the power."""
SLOW_QUANTILE = 0.25
"""Three of four recorded warm-ups were faster than at the power of this quantile."""


def thermostat_traits(
    past: MeasuredPast, shares: HeatShares, z: int, loss_kw_per_k: float = 0.0
) -> dict[str, float]:
    """Returns the traits of zone ``z``, whose heat loss is ``loss_kw_per_k`` [kW/K] by its model.

    ``heat_max_kw`` and ``heat_max_cold_kw`` [kW]: power with an open valve at 15 degC outdoors and
    what -5 degC adds. ``droop_k`` [K]: how far from its setpoint the room settles; ``track_k`` [K]:
    the spread around that.
    """
    base, by_cold = _power(past, shares, z, DESIGN_K * max(0.0, loss_kw_per_k))
    droop, track = _steady(past, z, _is_controlling(past, shares, z, base))
    return {
        "heat_max_kw": base,
        "heat_max_cold_kw": by_cold,
        "droop_k": droop,
        "track_k": track,
    }


def warm_up_power(record: ZoneRecord, rc: RcNetwork) -> float:
    """Returns the power [kW] at which the model ``rc`` (1,) is as fast as the slower ones of the
    recorded warm-ups; 0 where there are fewer than :data:`LEAST_WARM_UPS`.

    A meter that shows means of quarter-hours hides the power of a warm-up that takes ten minutes,
    and a model fitted to whole days has the air of such a room too heavy: its warm-ups would begin
    hours too early.
    """
    warm_ups = _warm_ups(record)
    if len(warm_ups) < LEAST_WARM_UPS:
        return 0.0
    filled, steps = record.filled(), np.arange(len(warm_ups))
    begins, lengths = np.array(warm_ups).T
    states = filter_states(drive_model(rc, filled), record.temp)
    free, heated = (
        predict_from(
            drive_model(rc, replace(filled, heat=np.full(len(record), kw))),
            states,
            begins,
            int(lengths.max()),
        )[0, steps, lengths - 1]
        for kw in (0.0, 1.0)
    )
    reached = record.temp[begins + lengths]
    power, rise = (reached - free) / np.maximum(heated - free, 1e-9), reached - record.temp[begins]
    return max(0.0, float(np.quantile(power[rise >= LONG_PART * rise.max()], SLOW_QUANTILE)))


def _warm_ups(record: ZoneRecord) -> list[tuple[int, int]]:
    """The step at which the setpoint rose well above the room, and after how many the room was
    there, for each time."""
    if record.setpoint is None:
        return []
    setpoint, temp = record.setpoint, record.temp
    longest = round(LONGEST_WARM_UP_H / record.step_h)
    risen = (np.diff(setpoint) >= REACHED_K) & (setpoint[1:] - temp[1:] >= WAITING_K)
    found = []
    for begin in (np.flatnonzero(risen) + 1).tolist():
        part = slice(begin + 1, begin + 1 + longest)
        there = np.flatnonzero(temp[part] >= setpoint[begin] - REACHED_K)
        if len(there):
            found.append((begin, int(there[0]) + 1))
    return found


def _is_controlling(past: MeasuredPast, shares: HeatShares, z: int, power_kw: float) -> Bools:
    """The steps (n,) at which the thermostat of zone ``z`` decides its heat."""
    valve = past.valve[z]
    if np.isfinite(valve).any():
        return np.asarray((valve > 3.0) & (valve < FULL_VALVE_PCT))
    above = past.temp[z] - past.setpoint[z]
    settled = (above <= SETTLED_K) & (above > -WAITING_K)
    heated = _heat(past, shares, z) > IDLE * power_kw
    return np.asarray(settled & heated & (past.ghi < DARK_KW_PER_M2))


def _steady(past: MeasuredPast, z: int, in_command: Bools) -> tuple[float, float]:
    """Offset from the setpoint and its spread [K] while the thermostat is controlling.

    Without a valve a room above its setpoint may be kept warm by others, and one below may have
    radiators at their limit: there is no offset, and the spread is at most the usual one.
    """
    setpoint, temp = past.setpoint[z], past.temp[z]
    hold = round(STEADY_H / past.step_h)
    same = np.zeros(past.steps, dtype=bool)
    if past.steps <= hold:
        return 0.0, DEFAULT_TRACK_K
    windows = np.lib.stride_tricks.sliding_window_view(setpoint, hold + 1)
    same[hold:] = np.ptp(windows, axis=1) < 0.05
    commanding = same & (past.use[z] > 0) & in_command
    error = (temp - setpoint)[commanding & np.isfinite(temp)]
    if len(error) < LEAST_STEADY:
        return 0.0, DEFAULT_TRACK_K
    middle = float(np.median(error))
    if not np.isfinite(past.valve[z]).any():
        spread = float(np.quantile(np.abs(error - max(0.0, middle)), 0.7))
        return 0.0, min(DEFAULT_TRACK_K, spread)
    droop = float(np.clip(middle, -LARGEST_DROOP_K, LARGEST_DROOP_K))
    return droop, float(np.quantile(np.abs(error - droop), 0.7))


def _heat(past: MeasuredPast, shares: HeatShares, z: int) -> Floats:
    """The zone's part of the building's heat [kW] (n,)."""
    divided = shares.divide(
        past.heat, past.valve, past.temp_out, past.building_run, past.building_use
    )
    return np.asarray(divided[z])


def _power(past: MeasuredPast, shares: HeatShares, z: int, design_kw: float) -> tuple[float, float]:
    """Power with an open valve [kW] at 15 degC outdoors, and what -5 degC adds."""
    heat = _heat(past, shares, z)
    if not shares.by_valve:
        return _without_valve(heat, past.setpoint[z] - past.temp[z], design_kw), 0.0
    expected = shares.full_kw(past.temp_out)[z]
    opening = past.valve[z] / 100.0
    known = np.isfinite(heat + expected + opening) & (expected > 0.0)
    full = known & (past.valve[z] >= FULL_VALVE_PCT)
    factor = _from_part_open(heat[known], expected[known], opening[known])
    if full.sum() >= LEAST_FULL:
        seen = float(np.quantile(heat[full] / (expected * opening)[full], WARM_UP_QUANTILE))
        few = full.sum() < SURE_FULL and np.isfinite(factor)
        factor = min(seen, COLD_RADIATORS * factor) if few else seen
    if not np.isfinite(factor):
        return _most_seen(heat), 0.0
    return float(shares.valve_kw[z]) * factor, float(shares.valve_cold_kw[z]) * factor


def _from_part_open(heat: Floats, expected: Floats, opening: Floats) -> float:
    """Heat of an open valve relative to ``expected`` [kW] from valves that never open fully; NaN
    where they hardly move.

    Radiators give about 80 % of their heat at half the flow, and valves take some of that back
    (:data:`CURVE`).
    """
    if not len(opening):
        return float("nan")
    widest = opening >= max(LEAST_OPEN, float(np.quantile(opening, OPENEST)))
    if widest.sum() < LEAST_FULL:
        return float("nan")
    return float(np.median(heat[widest] / (expected * opening**CURVE)[widest]))


def _without_valve(heat: Floats, below: Floats, design_kw: float) -> float:
    """Heat of an open valve [kW] by how far the room was ``below`` its setpoint [K] (n,).

    A room that waits for its setpoint shows it. Where it never had to, the radiators have the power
    they were chosen for, ``design_kw``.
    """
    most = _most_seen(heat)
    known = np.isfinite(heat + below)
    waiting = known & (below >= WAITING_K)
    if waiting.sum() >= LEAST_FULL:
        return max(most, float(np.quantile(heat[waiting], WARM_UP_QUANTILE)))
    return max(most, design_kw) if known.any() else most


def _most_seen(heat: Floats) -> float:
    """The heat that a zone exceeded only briefly [kW]."""
    known = heat[np.isfinite(heat)]
    return float(np.quantile(known, MOST_QUANTILE)) if len(known) else 0.0
