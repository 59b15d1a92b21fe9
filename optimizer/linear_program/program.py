"""The linear program: heat per zone and block of steps that costs least and keeps comfort.

Minimise, over heat ``q`` [kW], air and mass temperatures [degC], slacks [K] and power [kW]::

    sum_k dt_k ( heat_price_k sum_z q_zk  +  price_zk (below_zk + above_zk) )
        +  sum_k dt_k overload_price over_k  +  peak_price new_peak  -  value of stored heat
        -  sum_k dt_k heat_price_k sum_u per_k_uk cooler_uk

subject to the zones' dynamics, ``0 <= q <= heat_max``, ``sum_z q_zk <= available_k``,
``low <= air + below - above <= high``, ``power_k <= so_far + new_peak`` and
``power_k <= limit + over_k``. Slack prices make every problem feasible: in use they are the comfort
weight, out of use (floor and ceiling) ten times that, and power over its limit is dearer than any
discomfort. A tiny cost on early heat makes the optimum unique.

The air temperature stands in the program as ``inside - below + above`` with ``inside`` between its
limits, which saves a row for each. ``reset_k`` [K] is by how much the supply air of a unit is below
its own setpoint; it takes its heat from the units' rooms
(:mod:`optimizer.setpoints.supply_air_reset`). Where no such setpoint may be written the program has
no column for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf

import numpy as np

from optimizer.horizon.building import Building, ZoneDynamics
from optimizer.horizon.peak_demand import PeakDemand, overload_price, uncontrolled_power
from optimizer.linear_program.block_dynamics import (
    BlockDynamics,
    StepLimits,
    lift_to_blocks,
    refine_to_steps,
)
from optimizer.linear_program.highs import AT_LOWER, AT_UPPER, BASIC, Basis, LinearProgram, minimise
from optimizer.linear_program.sparse_rows import Matrix, Rows
from optimizer.linear_program.starting_basis import FreeVariable, Vertex, latest_heating_vertex
from optimizer.linear_program.supply_air import SupplyReset
from optimizer.linear_program.time_blocks import Blocks, Places
from optimizer.model.rc_network import Bools, Floats

FLOOR_FACTOR = 10.0
TIE_BREAK = 1e-5
STORED_PART = 0.4
BLOCKS = 5
HEAT, INSIDE, MASS, BELOW, ABOVE = range(BLOCKS)
AIR = ((INSIDE, 1.0), (BELOW, -1.0), (ABOVE, 1.0))
"""The variables that make up the air temperature, with their signs."""


@dataclass(frozen=True, slots=True)
class Solution:
    """Heat [kW] (p, n) and air temperature [degC] (p, n) at the end of every step; ``reset_k`` [K]
    (v, n) is how far the supply air is below its own setpoint."""

    heat: Floats
    air: Floats
    reset_k: Floats = field(default_factory=lambda: np.empty((0, 0)))


@dataclass(frozen=True, slots=True)
class ComfortTargets:
    """Lowest and highest air temperature [degC] at the end of every step and their prices
    [DKK/(K h)], each (p, n)."""

    low: Floats
    high: Floats
    price: Floats


@dataclass(frozen=True)
class HorizonProgram:
    """The data of the program.

    ``counted_power`` is the part of the radiators' power that is counted on. ``fixed_heat`` (p, n)
    [kW] is the heat of zones that the program does not decide, NaN where it does. ``running`` (m,)
    is false in blocks in which the heat source stands still; elsewhere it gives at least
    ``least_kw`` [kW]. ``supply_reset`` is None where no supply air may be cooler.
    """

    building: Building
    dynamics: ZoneDynamics
    targets: ComfortTargets
    counted_power: float
    fixed_heat: Floats
    blocks: Blocks
    peak: PeakDemand = field(default_factory=PeakDemand)
    running: Bools | None = None
    least_kw: float = 0.0
    supply_reset: SupplyReset | None = None

    @cached_property
    def block_dynamics(self) -> BlockDynamics:
        return lift_to_blocks(self.dynamics, self.blocks)

    @cached_property
    def initial(self) -> Floats:
        """Air and mass now [degC] (p, 2)."""
        return np.column_stack([self.building.state.air, self.building.state.mass])

    @cached_property
    def step_bounds(self) -> tuple[Floats, Floats]:
        """Least and most heat [kW] (p, n) of every step."""
        most = np.where(
            np.isnan(self.fixed_heat), self.building.heat_max * self.counted_power, self.fixed_heat
        )
        return np.nan_to_num(self.fixed_heat), most

    @cached_property
    def block_bounds(self) -> tuple[Floats, Floats]:
        """Least and most heat [kW] (p, m) of every block."""
        least, most = self.step_bounds
        fixed = self.blocks.mean(least)
        return fixed, np.where(
            np.isnan(self.fixed_heat[:, self.blocks.first]), self.blocks.least(most), fixed
        )

    @cached_property
    def available_kw(self) -> Floats:
        """Power that the plant has left for radiators [kW] (m,), at least the fixed heat."""
        available_kw = self.blocks.least(self.dynamics.available_kw(self.building.capacity_kw))
        if self.running is not None:
            available_kw = np.where(self.running, available_kw, 0.0)
        return np.asarray(np.maximum(available_kw, self.block_bounds[0].sum(axis=0)))

    @cached_property
    def hours(self) -> Floats:
        """Length of the blocks [h] (m,)."""
        return np.asarray(self.blocks.length * self.building.inputs.step_h, dtype=np.float64)


def solve(program: HorizonProgram) -> Solution | str:
    """Returns the optimum, or the solver's message."""
    if not program.building.zones:
        return "no zone"
    linear = linear_program(program)
    x = minimise(linear, initial_basis(program, linear.matrix.shape))
    return x if isinstance(x, str) else solution_of(program, x)


def solution_of(program: HorizonProgram, x: Floats) -> Solution:
    """Returns the variables ``x`` as heat and temperature of every step."""
    zones, m = len(program.initial), program.blocks.m
    parts = x[: zones * BLOCKS * m].reshape(zones, BLOCKS, m)
    air = parts[:, INSIDE] - parts[:, BELOW] + parts[:, ABOVE]
    ends = np.stack([air, parts[:, MASS]], axis=1)
    least, most = program.step_bounds
    dynamics, reset_k = _with_reset(program, x)
    limits = StepLimits(
        least=least,
        most=most,
        low=program.targets.low,
        available_kw=_available_in_steps(program, dynamics),
    )
    return Solution(
        *refine_to_steps(dynamics, program.blocks, program.initial, ends, parts[:, HEAT], limits),
        reset_k,
    )


def _with_reset(program: HorizonProgram, x: Floats) -> tuple[ZoneDynamics, Floats]:
    """The course with the supply air of the solution, and how much cooler it is [K] (v, n)."""
    supply_reset, blocks = program.supply_reset, program.blocks
    if supply_reset is None:
        return program.dynamics, np.empty((0, program.building.n))
    reset_k = blocks.spread(x[len(x) - supply_reset.count(blocks) :].reshape(-1, blocks.m))
    dynamics = replace(
        program.dynamics,
        flow_air=program.dynamics.flow_air - supply_reset.zone_loss_kw(reset_k),
        fixed_kw=program.dynamics.fixed_kw - supply_reset.saved_kw(reset_k),
    )
    return dynamics, reset_k


def _available_in_steps(program: HorizonProgram, dynamics: ZoneDynamics) -> Floats:
    """What plant and power limit leave for radiators [kW] (n,) in every step."""
    building = program.building
    saved_kw = program.dynamics.fixed_kw - dynamics.fixed_kw
    available_kw = np.minimum(
        dynamics.available_kw(building.capacity_kw),
        program.blocks.spread(program.available_kw) + saved_kw,
    )
    other = uncontrolled_power(building, dynamics)
    return np.minimum(available_kw, (program.peak.limits(len(other)) - other) * building.inputs.cop)


def linear_program(program: HorizonProgram) -> LinearProgram:
    """The program as arrays. Columns: per zone heat, inside, mass, below and above, each (m,);
    then the new peak and the power over the limit, where they matter, then the cooler air of each
    unit, (m,)."""
    rows = [_dynamics(program), _plant(program), *_powers(program)]
    lower, upper = _bounds(program)
    matrix = Matrix()
    height = 0
    for part in rows:
        matrix.add(part.row + height, part.column, part.value)
        height += len(part.lower)
    return LinearProgram(
        cost=_cost(program),
        lower=lower,
        upper=upper,
        matrix=matrix.build((height, len(lower))),
        row_lower=np.concatenate([part.lower for part in rows]),
        row_upper=np.concatenate([part.upper for part in rows]),
    )


def _extra(program: HorizonProgram) -> int:
    """Columns behind those of the zones: the new peak and, per block, the power over the limit."""
    return (program.peak.dkk_per_kw > 0) + program.blocks.m * (program.peak.limit_kw < inf)


def _cost(program: HorizonProgram) -> Floats:
    building, blocks, targets = program.building, program.blocks, program.targets
    price = building.inputs.heat_price
    n = building.n
    cost = np.zeros((len(program.initial), BLOCKS, blocks.m))
    early = TIE_BREAK * float(np.mean(np.abs(price)) + 1e-3) * np.arange(n, 0, -1) / n
    cost[:, HEAT] = blocks.mean(price + early) * program.hours
    cost[:, BELOW] = cost[:, ABOVE] = blocks.mean(targets.price) * program.hours
    value = STORED_PART * max(0.0, float(price.min()))
    for part, sign in AIR:
        cost[:, part, -1] -= sign * value * building.rc.c_air
    cost[:, MASS, -1] -= value * np.where(building.rc.h_mass > 0, building.rc.c_mass, 0.0)
    extra = np.full(_extra(program), program.peak.dkk_per_kw)
    if program.peak.limit_kw < inf:
        dearest = overload_price(building, float(targets.price.max()))
        extra[-blocks.m :] = dearest * program.hours
    reset_k = program.supply_reset
    cost_per_k = (
        np.empty(0) if reset_k is None else reset_k.cost_per_k(blocks, price, program.hours)
    )
    return np.concatenate([cost.ravel(), extra, cost_per_k])


def _bounds(program: HorizonProgram) -> tuple[Floats, Floats]:
    shape = (len(program.initial), BLOCKS, program.blocks.m)
    lower, upper = np.zeros(shape), np.full(shape, np.inf)
    lower[:, HEAT], upper[:, HEAT] = program.block_bounds
    lower[:, INSIDE], upper[:, INSIDE] = _inside(program)
    lower[:, MASS] = -np.inf
    extra = _extra(program)
    reset_k = program.supply_reset
    most = np.empty(0) if reset_k is None else reset_k.upper_bounds(program.blocks)
    return (
        np.concatenate([lower.ravel(), np.zeros(extra + most.size)]),
        np.concatenate([upper.ravel(), np.full(extra, np.inf), most]),
    )


def _inside(program: HorizonProgram) -> tuple[Floats, Floats]:
    """Limits of the air temperature [degC] at the end of every block, (p, m) each."""
    low = program.blocks.greatest(program.targets.low)
    return low, np.maximum(program.blocks.least(program.targets.high), low)


def columns_of(program: HorizonProgram) -> Places:
    """Column numbers of the zones' variables (p, 5, m)."""
    zones, m = len(program.initial), program.blocks.m
    return np.arange(zones * BLOCKS * m).reshape(zones, BLOCKS, m)


def _dynamics(program: HorizonProgram) -> Rows:
    """Rows: air, then mass, of every zone and block."""
    column = columns_of(program)
    zones, _, m = column.shape
    row = np.arange(zones * 2 * m).reshape(zones, 2, m)
    a = program.block_dynamics.a.transpose(1, 2, 3, 0)
    b = program.block_dynamics.heat.transpose(1, 2, 0)
    matrix = Matrix()
    for part, sign in AIR:
        matrix.add(row[:, 0], column[:, part], sign)
    matrix.add(row[:, 1], column[:, MASS], 1.0)
    for node in (0, 1):
        matrix.add(row[:, node], column[:, HEAT], -b[:, node])
        matrix.add(row[:, node, 1:], column[:, MASS, :-1], -a[:, node, 1, 1:])
        for part, sign in AIR:
            matrix.add(row[:, node, 1:], column[:, part, :-1], -sign * a[:, node, 0, 1:])
    if program.supply_reset is not None:
        program.supply_reset.add_to_dynamics(matrix, row, b, _reset_columns(program))
    forced = program.block_dynamics.forced.transpose(1, 2, 0).copy()
    forced[:, :, 0] += (program.block_dynamics.a[0] @ program.initial[:, :, np.newaxis])[..., 0]
    return matrix.part(forced.ravel(), forced.ravel())


def _reset_columns(program: HorizonProgram) -> list[tuple[Places, Floats]]:
    """Of each unit the columns of its cooler air and what a kelvin of it saves [kW/K] (m,)."""
    if program.supply_reset is None:
        return []
    first = len(program.initial) * BLOCKS * program.blocks.m + _extra(program)
    return program.supply_reset.columns(program.blocks, first)


def _plant(program: HorizonProgram) -> Rows:
    """A row for every block in which the radiators could take more than the plant has."""
    most = program.block_bounds[1].sum(axis=0)
    least = np.full(program.blocks.m, -np.inf)
    if program.running is not None:
        least[program.running] = np.minimum(
            np.minimum(program.least_kw, most), program.available_kw
        )[program.running]
    resets = _reset_columns(program) if program.running is None else []
    available_kw = program.available_kw - _overload(program) if resets else program.available_kw
    tight = np.flatnonzero((most > available_kw) | (least > 0))
    matrix = Matrix()
    matrix.add(np.arange(len(tight)), columns_of(program)[:, HEAT, tight], 1.0)
    for column, per_k in resets:
        matrix.add(np.arange(len(tight)), column[tight], -per_k[tight])
    return matrix.part(least[tight], available_kw[tight])


def _overload(program: HorizonProgram) -> Floats:
    """By how much coils and hot water exceed the plant [kW] (m,), as far as cooler air can help:
    that much of it leaves nothing for radiators."""
    blocks, supply_reset = program.blocks, program.supply_reset
    if supply_reset is None:
        return np.zeros(blocks.m)
    beyond = blocks.greatest(program.dynamics.fixed_kw - program.building.capacity_kw)
    help_kw = supply_reset.saved_in_blocks_kw(blocks, supply_reset.upper_bounds(blocks))
    return np.clip(beyond, 0.0, help_kw)


def _powers(program: HorizonProgram) -> list[Rows]:
    """Rows of the month's peak and of the limit, for blocks that could exceed them."""
    peak, blocks = program.peak, program.blocks
    if not peak.is_priced:
        return []
    building = program.building
    per_heat = 1.0 / blocks.least(building.inputs.cop)
    other = blocks.greatest(uncontrolled_power(building, program.dynamics))
    highest = other + per_heat * program.block_bounds[1].sum(axis=0)
    column = columns_of(program)
    first = column.size
    new_peak = np.full(blocks.m, first)
    over = first + (peak.dkk_per_kw > 0) + np.arange(blocks.m)
    found = []
    for asked, limit, slack in (
        (peak.dkk_per_kw > 0, np.full(blocks.m, peak.so_far_kw), new_peak),
        (peak.limit_kw < inf, blocks.least(peak.limits(building.n)), over),
    ):
        at = np.flatnonzero(highest > limit) if asked else np.empty(0, dtype=np.intp)
        if len(at):
            matrix = Matrix()
            matrix.add(np.arange(len(at)), column[:, HEAT, at], per_heat[at])
            for reset_k, per_k in _reset_columns(program):
                matrix.add(np.arange(len(at)), reset_k[at], -(per_heat * per_k)[at])
            matrix.add(np.arange(len(at)), slack[at], -1.0)
            found.append(matrix.part(np.full(len(at), -np.inf), (limit - other)[at]))
    return found


def initial_basis(program: HorizonProgram, shape: tuple[int, int]) -> Basis:
    """Returns the basis at which every zone is heated as late as possible; ``shape`` is that of the
    matrix."""
    vertex = latest_heating_vertex(
        program.block_dynamics,
        program.initial,
        *_inside(program),
        *program.block_bounds,
    )
    rows = np.full(shape[0], BASIC)
    rows[: len(program.initial) * 2 * program.blocks.m] = AT_LOWER
    columns = np.full(shape[1], AT_LOWER)
    columns[: vertex.free.size * BLOCKS] = _statuses(vertex).ravel()
    return Basis(columns=columns, rows=rows)


def _statuses(vertex: Vertex) -> Places:
    zones, m = vertex.free.shape
    status = np.full((zones, BLOCKS, m), AT_LOWER, dtype=np.intp)
    status[:, HEAT][vertex.full] = AT_UPPER
    status[:, MASS] = BASIC
    for free, part in (
        (FreeVariable.HEAT, HEAT),
        (FreeVariable.TEMPERATURE, INSIDE),
        (FreeVariable.BELOW, BELOW),
        (FreeVariable.ABOVE, ABOVE),
    ):
        status[:, part][vertex.free == free] = BASIC
    status[:, INSIDE][vertex.free == FreeVariable.ABOVE] = AT_UPPER
    return status
