"""The linear program: heat per zone and block of steps that costs least and keeps comfort.

Minimise, over heat ``q`` [kW], air and mass temperatures [degC], slacks [K] and power [kW]::

    sum_k dt_k ( worth_k sum_z q_zk  +  price_zk (below_zk + above_zk)  +  over_price over_k )
        +  peak_price new_peak  -  value of stored heat
        -  sum_k dt_k worth_k sum_u per_k_uk cooler_uk

subject to the zones' dynamics, ``0 <= q <= heat_max``, ``sum_z q_zk <= room_k``,
``low <= air + below - above <= high``, ``power_k <= so_far + new_peak`` and
``power_k <= limit + over_k``. Slack prices make every problem feasible: in use they are the comfort
weight, out of use (floor and ceiling) ten times that, and power over its limit is dearer than any
discomfort. A tiny cost on early heat makes the optimum unique.

The air temperature stands in the program as ``inside - below + above`` with ``inside`` between its
limits, which saves a row for each. ``cooler`` [K] is by how much the supply air of a unit is below
its own setpoint; it takes its heat from the units' rooms
(:mod:`optimizer.setpoints.supply_air_reset`). Where no such setpoint may be written the program has
no column for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf

import numpy as np

from optimizer.horizon.building import Building, Course
from optimizer.horizon.peak_power import Peak, other_power, over_price
from optimizer.linear_program.block_dynamics import Allowed, Condensed, condense, expand
from optimizer.linear_program.highs import AT_LOWER, AT_UPPER, BASIC, Basis, LinearProgram, minimise
from optimizer.linear_program.sparse_rows import Matrix, Rows
from optimizer.linear_program.starting_basis import Corner, Held, latest_corner
from optimizer.linear_program.supply_air import Coolable
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
    """Heat [kW] (p, n) and air temperature [degC] (p, n) at the end of every step; ``cooler`` [K]
    (v, n) is how far the supply air is below its own setpoint."""

    heat: Floats
    air: Floats
    cooler: Floats = field(default_factory=lambda: np.empty((0, 0)))


@dataclass(frozen=True, slots=True)
class Targets:
    """Lowest and highest air temperature [degC] at the end of every step and their prices
    [DKK/(K h)], each (p, n)."""

    low: Floats
    high: Floats
    price: Floats


@dataclass(frozen=True)
class Program:
    """What is to be solved.

    ``derate`` is the part of the power that is counted on. ``given`` (p, n) [kW] is the heat of
    zones that cannot be moved, NaN where the program decides. ``on`` (m,) is false in blocks in
    which the source rests; elsewhere it gives at least ``least_kw`` [kW]. ``coolable`` is None
    where no supply air may be cooler.
    """

    building: Building
    course: Course
    targets: Targets
    derate: float
    given: Floats
    blocks: Blocks
    peak: Peak = field(default_factory=Peak)
    on: Bools | None = None
    least_kw: float = 0.0
    coolable: Coolable | None = None

    @cached_property
    def dynamics(self) -> Condensed:
        return condense(self.course, self.blocks)

    @cached_property
    def start(self) -> Floats:
        """Air and mass now [degC] (p, 2)."""
        return np.column_stack([self.building.state.air, self.building.state.mass])

    @cached_property
    def fine_bounds(self) -> tuple[Floats, Floats]:
        """Least and most heat [kW] (p, n) of every step."""
        most = np.where(np.isnan(self.given), self.building.heat_max * self.derate, self.given)
        return np.nan_to_num(self.given), most

    @cached_property
    def bounds(self) -> tuple[Floats, Floats]:
        """Least and most heat [kW] (p, m) of every block."""
        least, most = self.fine_bounds
        fixed = self.blocks.mean(least)
        return fixed, np.where(
            np.isnan(self.given[:, self.blocks.first]), self.blocks.least(most), fixed
        )

    @cached_property
    def room(self) -> Floats:
        """What the plant has left for radiators [kW] (m,); never less than what is given."""
        room = self.blocks.least(self.course.room_kw(self.building.capacity_kw))
        if self.on is not None:
            room = np.where(self.on, room, 0.0)
        return np.asarray(np.maximum(room, self.bounds[0].sum(axis=0)))

    @cached_property
    def hours(self) -> Floats:
        """Length of the blocks [h] (m,)."""
        return np.asarray(self.blocks.length * self.building.outlook.step_h, dtype=np.float64)


def solve(program: Program) -> Solution | str:
    """The optimum, or the solver's message."""
    if not program.building.zones:
        return "no zone"
    linear = linear_program(program)
    x = minimise(linear, start_of(program, linear.matrix.shape))
    return x if isinstance(x, str) else solution(program, x)


def solution(program: Program, x: Floats) -> Solution:
    """The variables as heat and temperature of every step."""
    zones, m = len(program.start), program.blocks.m
    parts = x[: zones * BLOCKS * m].reshape(zones, BLOCKS, m)
    air = parts[:, INSIDE] - parts[:, BELOW] + parts[:, ABOVE]
    ends = np.stack([air, parts[:, MASS]], axis=1)
    least, most = program.fine_bounds
    course, cooler = _cooled(program, x)
    allowed = Allowed(
        least=least, most=most, low=program.targets.low, room=_fine_room(program, course)
    )
    return Solution(
        *expand(course, program.blocks, program.start, ends, parts[:, HEAT], allowed), cooler
    )


def _cooled(program: Program, x: Floats) -> tuple[Course, Floats]:
    """The course with the supply air of the solution, and how much cooler it is [K] (v, n)."""
    coolable, blocks = program.coolable, program.blocks
    if coolable is None:
        return program.course, np.empty((0, program.building.n))
    cooler = blocks.spread(x[len(x) - coolable.count(blocks) :].reshape(-1, blocks.m))
    course = replace(
        program.course,
        flow_air=program.course.flow_air - coolable.to_zones(cooler),
        fixed_kw=program.course.fixed_kw - coolable.saved(cooler),
    )
    return course, cooler


def _fine_room(program: Program, course: Course) -> Floats:
    """What plant and power limit leave for radiators [kW] (n,) in every step."""
    building = program.building
    saved = program.course.fixed_kw - course.fixed_kw
    room = np.minimum(
        course.room_kw(building.capacity_kw), program.blocks.spread(program.room) + saved
    )
    other = other_power(building, course)
    return np.minimum(room, (program.peak.limit_kw - other) * building.outlook.cop)


def linear_program(program: Program) -> LinearProgram:
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


def _extra(program: Program) -> int:
    """Columns behind those of the zones: the new peak and, per block, the power over the limit."""
    return (program.peak.dkk_per_kw > 0) + program.blocks.m * (program.peak.limit_kw < inf)


def _cost(program: Program) -> Floats:
    building, blocks, targets = program.building, program.blocks, program.targets
    worth = building.outlook.heat_worth
    n = building.n
    cost = np.zeros((len(program.start), BLOCKS, blocks.m))
    early = TIE_BREAK * float(np.mean(np.abs(worth)) + 1e-3) * np.arange(n, 0, -1) / n
    cost[:, HEAT] = blocks.mean(worth + early) * program.hours
    cost[:, BELOW] = cost[:, ABOVE] = blocks.mean(targets.price) * program.hours
    value = STORED_PART * max(0.0, float(worth.min()))
    for part, sign in AIR:
        cost[:, part, -1] -= sign * value * building.rc.c_air
    cost[:, MASS, -1] -= value * np.where(building.rc.h_mass > 0, building.rc.c_mass, 0.0)
    extra = np.full(_extra(program), program.peak.dkk_per_kw)
    if program.peak.limit_kw < inf:
        dearest = over_price(building, float(targets.price.max()))
        extra[-blocks.m :] = dearest * program.hours
    cooler = program.coolable
    gain = np.empty(0) if cooler is None else cooler.gain(blocks, worth, program.hours)
    return np.concatenate([cost.ravel(), extra, gain])


def _bounds(program: Program) -> tuple[Floats, Floats]:
    shape = (len(program.start), BLOCKS, program.blocks.m)
    lower, upper = np.zeros(shape), np.full(shape, np.inf)
    lower[:, HEAT], upper[:, HEAT] = program.bounds
    lower[:, INSIDE], upper[:, INSIDE] = _inside(program)
    lower[:, MASS] = -np.inf
    extra = _extra(program)
    cooler = program.coolable
    most = np.empty(0) if cooler is None else cooler.most_in(program.blocks)
    return (
        np.concatenate([lower.ravel(), np.zeros(extra + most.size)]),
        np.concatenate([upper.ravel(), np.full(extra, np.inf), most]),
    )


def _inside(program: Program) -> tuple[Floats, Floats]:
    """Limits of the air temperature [degC] at the end of every block, (p, m) each."""
    low = program.blocks.greatest(program.targets.low)
    return low, np.maximum(program.blocks.least(program.targets.high), low)


def columns_of(program: Program) -> Places:
    """Column numbers of the zones' variables (p, 5, m)."""
    zones, m = len(program.start), program.blocks.m
    return np.arange(zones * BLOCKS * m).reshape(zones, BLOCKS, m)


def _dynamics(program: Program) -> Rows:
    """Rows: air, then mass, of every zone and block."""
    column = columns_of(program)
    zones, _, m = column.shape
    row = np.arange(zones * 2 * m).reshape(zones, 2, m)
    a = program.dynamics.a.transpose(1, 2, 3, 0)
    b = program.dynamics.heat.transpose(1, 2, 0)
    matrix = Matrix()
    for part, sign in AIR:
        matrix.add(row[:, 0], column[:, part], sign)
    matrix.add(row[:, 1], column[:, MASS], 1.0)
    for node in (0, 1):
        matrix.add(row[:, node], column[:, HEAT], -b[:, node])
        matrix.add(row[:, node, 1:], column[:, MASS, :-1], -a[:, node, 1, 1:])
        for part, sign in AIR:
            matrix.add(row[:, node, 1:], column[:, part, :-1], -sign * a[:, node, 0, 1:])
    if program.coolable is not None:
        program.coolable.take(matrix, row, b, _cooler_columns(program))
    forced = program.dynamics.forced.transpose(1, 2, 0).copy()
    forced[:, :, 0] += (program.dynamics.a[0] @ program.start[:, :, np.newaxis])[..., 0]
    return matrix.part(forced.ravel(), forced.ravel())


def _cooler_columns(program: Program) -> list[tuple[Places, Floats]]:
    """Of each unit the columns of its cooler air and what a kelvin of it saves [kW/K] (m,)."""
    if program.coolable is None:
        return []
    first = len(program.start) * BLOCKS * program.blocks.m + _extra(program)
    return program.coolable.columns(program.blocks, first)


def _plant(program: Program) -> Rows:
    """A row for every block in which the radiators could take more than the plant has."""
    most = program.bounds[1].sum(axis=0)
    least = np.full(program.blocks.m, -np.inf)
    if program.on is not None:
        least[program.on] = np.minimum(np.minimum(program.least_kw, most), program.room)[program.on]
    coolers = _cooler_columns(program) if program.on is None else []
    room = program.room - _overload(program) if coolers else program.room
    tight = np.flatnonzero((most > room) | (least > 0))
    matrix = Matrix()
    matrix.add(np.arange(len(tight)), columns_of(program)[:, HEAT, tight], 1.0)
    for column, per_k in coolers:
        matrix.add(np.arange(len(tight)), column[tight], -per_k[tight])
    return matrix.part(least[tight], room[tight])


def _overload(program: Program) -> Floats:
    """By how much coils and hot water exceed the plant [kW] (m,), as far as cooler air can help:
    that much of it leaves nothing for radiators."""
    blocks, coolable = program.blocks, program.coolable
    if coolable is None:
        return np.zeros(blocks.m)
    beyond = blocks.greatest(program.course.fixed_kw - program.building.capacity_kw)
    help_kw = coolable.saved_in(blocks, coolable.most_in(blocks))
    return np.clip(beyond, 0.0, help_kw)


def _powers(program: Program) -> list[Rows]:
    """Rows of the month's peak and of the limit, for blocks that could exceed them."""
    peak, blocks = program.peak, program.blocks
    if not peak.matters:
        return []
    building = program.building
    per_heat = 1.0 / blocks.least(building.outlook.cop)
    other = blocks.greatest(other_power(building, program.course))
    highest = other + per_heat * program.bounds[1].sum(axis=0)
    column = columns_of(program)
    first = column.size
    new_peak = np.full(blocks.m, first)
    over = first + (peak.dkk_per_kw > 0) + np.arange(blocks.m)
    found = []
    for asked, limit, slack in (
        (peak.dkk_per_kw > 0, peak.so_far_kw, new_peak),
        (peak.limit_kw < inf, peak.limit_kw, over),
    ):
        at = np.flatnonzero(highest > limit) if asked else np.empty(0, dtype=np.intp)
        if len(at):
            matrix = Matrix()
            matrix.add(np.arange(len(at)), column[:, HEAT, at], per_heat[at])
            for cooler, per_k in _cooler_columns(program):
                matrix.add(np.arange(len(at)), cooler[at], -(per_heat * per_k)[at])
            matrix.add(np.arange(len(at)), slack[at], -1.0)
            found.append(matrix.part(np.full(len(at), -np.inf), limit - other[at]))
    return found


def start_of(program: Program, shape: tuple[int, int]) -> Basis:
    """The corner at which every zone is heated as late as possible; ``shape`` of the matrix."""
    corner = latest_corner(program.dynamics, program.start, *_inside(program), *program.bounds)
    rows = np.full(shape[0], BASIC)
    rows[: len(program.start) * 2 * program.blocks.m] = AT_LOWER
    columns = np.full(shape[1], AT_LOWER)
    columns[: corner.free.size * BLOCKS] = _statuses(corner).ravel()
    return Basis(columns=columns, rows=rows)


def _statuses(corner: Corner) -> Places:
    zones, m = corner.free.shape
    status = np.full((zones, BLOCKS, m), AT_LOWER, dtype=np.intp)
    status[:, HEAT][corner.full] = AT_UPPER
    status[:, MASS] = BASIC
    for free, part in (
        (Held.HEAT, HEAT),
        (Held.TEMPERATURE, INSIDE),
        (Held.BELOW, BELOW),
        (Held.ABOVE, ABOVE),
    ):
        status[:, part][corner.free == free] = BASIC
    status[:, INSIDE][corner.free == Held.ABOVE] = AT_UPPER
    return status
