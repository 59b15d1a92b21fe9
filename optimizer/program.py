"""The linear program: heat per zone and step that costs least and keeps comfort.

Minimise, over heat ``q`` [kW], air and mass temperatures [degC] and slacks [K]::

    sum_k dt ( worth_k sum_z q_zk  +  price_zk (below_zk + above_zk) )  -  value of stored heat

subject to the zones' dynamics, ``0 <= q <= heat_max``, ``sum_z q_zk <= room_k`` and
``low - below <= air <= high + above``. Slack prices make every problem feasible: in use they are
the comfort weight, out of use (floor and ceiling) ten times that. A tiny cost on early heat makes
the optimum unique.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array

from optimizer.building import Building, Course
from optimizer.thermal import Floats

Places = NDArray[np.intp]

FLOOR_FACTOR = 10.0
TIE_BREAK = 1e-5
STORED_PART = 0.4
ITERATIONS = 50_000
BLOCKS = 5
"""Variables per zone: heat, air, mass, below, above."""


@dataclass(frozen=True, slots=True)
class Solution:
    """Heat [kW] (p, n) and air temperature [degC] (p, n) at the end of every step."""

    heat: Floats
    air: Floats


@dataclass(frozen=True, slots=True)
class Targets:
    """Lowest and highest air temperature [degC] at the end of every step and their prices
    [DKK/(K h)], each (p, n)."""

    low: Floats
    high: Floats
    price: Floats


def solve(
    building: Building, course: Course, targets: Targets, *, derate: float, given: Floats
) -> Solution | str:
    """The optimum, or the solver's message.

    ``derate`` is the part of the power that is counted on. ``given`` (p, n) [kW] is the heat of
    zones that cannot be moved, NaN where the program decides.
    """
    zones, n = building.use.shape
    cost = _cost(building, targets)
    bounds = _bounds(building, derate, given)
    equal, forced = _dynamics(building, course)
    limits, room = _limits(building, course, targets)
    answer = linprog(
        cost,
        A_ub=limits,
        b_ub=room,
        A_eq=equal,
        b_eq=forced,
        bounds=bounds,
        method="highs",
        options={"maxiter": ITERATIONS},
    )
    if answer.status != 0 or answer.x is None:
        return f"HiGHS {answer.status}"
    x = np.asarray(answer.x).reshape(zones, BLOCKS, n)
    return Solution(heat=x[:, 0], air=x[:, 1])


def _cost(building: Building, targets: Targets) -> Floats:
    zones, n = building.use.shape
    step_h, worth = building.outlook.step_h, building.outlook.heat_worth
    cost = np.zeros((zones, BLOCKS, n))
    early = TIE_BREAK * float(np.mean(np.abs(worth)) + 1e-3) * np.arange(n, 0, -1) / n
    cost[:, 0] = (worth + early) * step_h
    cost[:, 3] = cost[:, 4] = targets.price * step_h
    value = STORED_PART * max(0.0, float(worth.min()))
    coupled = building.rc.h_mass > 0
    cost[:, 1, -1] -= value * building.rc.c_air
    cost[:, 2, -1] -= value * np.where(coupled, building.rc.c_mass, 0.0)
    return cost.ravel()


def _bounds(building: Building, derate: float, given: Floats) -> Floats:
    zones, n = building.use.shape
    bounds = np.zeros((zones, BLOCKS, n, 2))
    bounds[:, 0, :, 0] = np.nan_to_num(given)
    bounds[:, 0, :, 1] = np.where(np.isnan(given), building.heat_max * derate, given)
    bounds[:, 1:3, :, 0], bounds[:, 1:3, :, 1] = -np.inf, np.inf
    bounds[:, 3:, :, 1] = np.inf
    return bounds.reshape(-1, 2)


class _Matrix:
    """Collects entries of a sparse matrix."""

    def __init__(self) -> None:
        self._rows: list[Places] = []
        self._columns: list[Places] = []
        self._values: list[Floats] = []

    def add(self, row: Places, column: Places, value: Floats) -> None:
        self._rows.append(row.ravel())
        self._columns.append(column.ravel())
        self._values.append(value.ravel())

    def build(self, shape: tuple[int, int]) -> Any:
        """Compressed by rows."""
        places = (np.concatenate(self._rows), np.concatenate(self._columns))
        return coo_array((np.concatenate(self._values), places), shape=shape).tocsr()


def _dynamics(building: Building, course: Course) -> tuple[Any, Floats]:
    """Rows: air, then mass, of every zone and step."""
    zones, n = building.use.shape
    column = np.arange(zones * BLOCKS * n).reshape(zones, BLOCKS, n)
    row = np.arange(zones * 2 * n).reshape(zones, 2, n)
    a = np.moveaxis(course.steps.a, 0, 3)
    b = np.moveaxis(course.steps.b, 0, 3)
    matrix = _Matrix()
    for node in (0, 1):
        matrix.add(row[:, node], column[:, 1 + node], np.ones((zones, n)))
        matrix.add(row[:, node], column[:, 0], -b[:, node, 0])
        for other in (0, 1):
            matrix.add(row[:, node, 1:], column[:, 1 + other, :-1], -a[:, node, other, 1:])
    forced = np.stack(
        [b[:, i, 0] * course.flow_air + b[:, i, 1] * course.flow_mass for i in (0, 1)], axis=1
    )
    start = np.stack([building.state.air, building.state.mass])
    forced[:, :, 0] += np.einsum("pij,jp->pi", a[:, :, :, 0], start)
    return matrix.build((zones * 2 * n, zones * BLOCKS * n)), forced.ravel()


def _limits(building: Building, course: Course, targets: Targets) -> tuple[Any, Floats]:
    """Rows: low, then high, of every zone and step; then the plant, every step."""
    zones, n = building.use.shape
    column = np.arange(zones * BLOCKS * n).reshape(zones, BLOCKS, n)
    row = np.arange(zones * 2 * n).reshape(zones, 2, n)
    plant = zones * 2 * n + np.arange(n)
    ones = np.ones((zones, n))
    matrix = _Matrix()
    for side, sign in ((0, -1.0), (1, 1.0)):
        matrix.add(row[:, side], column[:, 1], sign * ones)
        matrix.add(row[:, side], column[:, 3 + side], -ones)
    matrix.add(np.broadcast_to(plant, (zones, n)), column[:, 0], ones)
    limits = np.stack([-targets.low, targets.high], axis=1).ravel()
    room = course.room_kw(building.capacity_kw)
    return matrix.build((zones * 2 * n + n, zones * BLOCKS * n)), np.concatenate([limits, room])
