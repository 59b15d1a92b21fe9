"""Unit commitment of a heat source with least run and stop times: mixed-integer only where these
are declared.

Beside the program's own variables every block has ``on`` (0 or 1), ``started`` and ``stopped``::

    on_k - on_(k-1) = started_k - stopped_k
    sum of started within the least run before the end of k  <=  on_k
    sum of stopped within the least stop before the end of k  <=  1 - on_k
    least_kw on_k  <=  sum of heat  <=  available_k on_k

(Rajan and Takriti 2005, IBM research report RC23628). The search ends after a number of nodes, not
of seconds; where it has found nothing by then, the heat of the linear program is rounded to runs.
Either way the linear program is solved once more with the runs given.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import inf

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csc_array, hstack, vstack

from bms.model.assets.equipment import HeatSource
from optimizer.linear_program.program import (
    HEAT,
    HorizonProgram,
    Solution,
    columns_of,
    linear_program,
    solve,
)
from optimizer.linear_program.time_blocks import Places
from optimizer.model.rc_network import Bools, Floats

NODES = 200
GAP = 5e-3
START_DKK = 0.01
"""Keeps the search from starting the source for nothing [DKK]."""
RUNNING_PART = 0.02


def solve_with_runs(program: HorizonProgram, source: HeatSource) -> Solution | str:
    """Returns the optimum in which the source keeps its least run and stop times, or the solver's
    message."""
    free = solve(program)
    source = _usable_source(source, float(program.hours.sum()))
    if isinstance(free, str) or max(source.least_run_min, source.least_stop_min) <= 0:
        return free
    on = _milp_runs(program, source)
    if on is None:
        on = rounded_runs(_running(program, free), program.hours, source)
    return solve(replace(program, running=on, least_kw=source.least_kw))


def _usable_source(source: HeatSource, horizon_h: float) -> HeatSource:
    """The source with numbers that make no sense counted as not declared, and no run longer than
    the horizon."""

    def minutes(value: float) -> float:
        return min(value, 60.0 * horizon_h) if value > 0 else 0.0

    return replace(
        source,
        least_run_min=minutes(source.least_run_min),
        least_stop_min=minutes(source.least_stop_min),
        least_kw=source.least_kw if 0 < source.least_kw < inf else 0.0,
    )


def rounded_runs(running: Bools, hours: Floats, source: HeatSource) -> Bools:
    """Runs and stops (m,) brought to their least length, by running more: heat comes first."""
    on = _without_short_spells(running, hours, source.least_stop_min / 60.0, value=False)
    for _ in range(len(on)):
        short = _short_spell(on, hours, source.least_run_min / 60.0, value=True)
        if short is None:
            break
        first, last = short
        on[last if last < len(on) else first - 1] = True
        on = _without_short_spells(on, hours, source.least_stop_min / 60.0, value=False)
    return on


def _without_short_spells(on: Bools, hours: Floats, least_h: float, *, value: bool) -> Bools:
    """Stretches of ``value`` that are too short take the other value."""
    result = on.copy()
    while (short := _short_spell(result, hours, least_h, value=value)) is not None:
        result[short[0] : short[1]] = not value
    return result


def _short_spell(
    on: Bools, hours: Floats, least_h: float, *, value: bool
) -> tuple[int, int] | None:
    """The first stretch of ``value`` that both begins and ends inside and is too short."""
    edges = [0, *(np.flatnonzero(np.diff(on)) + 1).tolist(), len(on)]
    for first, last in list(pairwise(edges))[1:-1]:
        if bool(on[first]) is value and float(hours[first:last].sum()) < least_h - 1e-9:
            return first, last
    return None


def _running(program: HorizonProgram, free: Solution) -> Bools:
    heat = program.blocks.mean(free.heat.sum(axis=0))
    return np.asarray(heat > RUNNING_PART * np.maximum(program.available_kw, 1e-9))


def _milp_runs(program: HorizonProgram, source: HeatSource) -> Bools | None:
    """On or off per block (m,), or None when the search found nothing in time."""
    linear = linear_program(program)
    m, columns = program.blocks.m, linear.matrix.shape[1]
    rows, lower, upper = _commitment_rows(program, source, columns)
    wide = hstack([linear.matrix, csc_array((linear.matrix.shape[0], 3 * m))])
    answer = milp(
        np.concatenate([linear.cost, np.zeros(m), np.full(m, START_DKK), np.zeros(m)]),
        integrality=np.concatenate([np.zeros(columns), np.ones(m), np.zeros(2 * m)]),
        bounds=Bounds(
            np.concatenate([linear.lower, np.zeros(3 * m)]),
            np.concatenate([linear.upper, np.ones(3 * m)]),
        ),
        constraints=LinearConstraint(
            vstack([wide, rows]).tocsc(),
            np.concatenate([linear.row_lower, lower]),
            np.concatenate([linear.row_upper, upper]),
        ),
        options={"node_limit": NODES, "mip_rel_gap": GAP},
    )
    if answer.x is None:
        return None
    return np.asarray(answer.x[columns : columns + m] > 0.5)


def _commitment_rows(
    program: HorizonProgram, source: HeatSource, first: int
) -> tuple[csc_array, Floats, Floats]:
    """Rows of heat while on (most, least), change, least run and least stop, and their limits."""
    m = program.blocks.m
    heat = columns_of(program)[:, HEAT]
    zones = len(heat)
    k = np.arange(m)
    on, started, stopped = first + k, first + m + k, first + 2 * m + k
    fixed_heat = program.block_bounds[0].sum(axis=0)
    available_kw = np.maximum(program.available_kw - fixed_heat, 0.0)
    least = np.minimum(source.least_kw, program.block_bounds[1].sum(axis=0))
    entries = [
        (np.tile(k, zones), heat.ravel(), np.ones(zones * m)),
        (k, on, -available_kw),
        (np.tile(m + k, zones), heat.ravel(), np.ones(zones * m)),
        (m + k, on, -least),
        (2 * m + k, on, np.ones(m)),
        (2 * m + k[1:], on[:-1], -np.ones(m - 1)),
        (2 * m + k, started, -np.ones(m)),
        (2 * m + k, stopped, np.ones(m)),
        (3 * m + k, on, -np.ones(m)),
        (4 * m + k, on, np.ones(m)),
        *_window_entries(program.hours, source.least_run_min / 60.0, 3 * m, started),
        *_window_entries(program.hours, source.least_stop_min / 60.0, 4 * m, stopped),
    ]
    row, column, value = (np.concatenate(part) for part in zip(*entries, strict=True))
    matrix = coo_array((value, (row, column)), shape=(5 * m, first + 3 * m)).tocsc()
    never = np.full(m, -np.inf)
    free_start = np.concatenate([[-1.0], np.zeros(m - 1)])
    lower = np.concatenate([never, np.zeros(m), free_start, never, never])
    upper = np.concatenate([fixed_heat, np.full(m, np.inf), -free_start, np.zeros(m), np.ones(m)])
    return matrix, lower, upper


def _window_entries(
    hours: Floats, least_h: float, row: int, column: Places
) -> list[tuple[Places, Places, Floats]]:
    """Entries for every switch in block ``j`` that still binds in block ``k``."""
    begins = np.cumsum(hours) - hours
    lag = begins[:, np.newaxis] - begins[np.newaxis, :]
    k, j = np.nonzero((lag >= 0) & (lag < least_h - 1e-9))
    return [(row + k, column[j], np.ones(len(k)))]
