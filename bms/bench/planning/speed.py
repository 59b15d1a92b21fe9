"""How long a plan takes: alone, against cvxpy, for a city; and how much memory."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from bms.bench.figure import Figure, Progress
from bms.bench.planning.city import learned_city
from bms.bench.planning.cvxpy_rival import by_cvxpy, has_cvxpy
from bms.bench.planning.worker import memory_mb, planned
from bms.model.assets.equipment import HeatSource, HeatSourceKind
from bms.model.planning.problem import Problem
from bms.runtime.municipality import START
from bms.services.planning.problem import assemble
from optimizer.horizon.peak_demand import metered_power, overload_price
from optimizer.linear_program.block_dynamics import forced_response
from optimizer.linear_program.program import STORED_PART, HorizonProgram, Solution, solve
from optimizer.linear_program.time_blocks import single_steps
from optimizer.model.rc_network import Floats
from optimizer.planner import Optimizer
from optimizer.planning.make_plan import program_for


def cost_of(program: HorizonProgram, heat: Floats) -> float:
    """The objective of the program [DKK] for the heat (p, n) [kW] of every step.

    Energy, CO2, discomfort, the month's peak and power over its limit, less what more heat is
    stored at the end than at the start.
    """
    building, targets = program.building, program.targets
    inputs = building.inputs
    air, mass = _course(program, heat)
    outside = np.maximum(0.0, targets.low - air) + np.maximum(0.0, air - targets.high)
    energy = float(heat.sum(axis=0) @ inputs.heat_price) * inputs.step_h
    discomfort = float((targets.price * outside).sum()) * inputs.step_h
    stored = building.rc.stored_kwh(air[:, -1], mass[:, -1])
    before = building.rc.stored_kwh(building.state.air, building.state.mass)
    value = STORED_PART * max(0.0, float(inputs.heat_price.min()))
    power = program.peak.cost(
        metered_power(building, program.dynamics, heat),
        overload_price(building, float(targets.price.max())),
    )
    return energy + discomfort + power - value * float((stored - before).sum())


def _course(program: HorizonProgram, heat: Floats) -> tuple[Floats, Floats]:
    """Air and mass [degC] at the end of every step, (p, n) each."""
    steps, added = program.dynamics.steps, forced_response(program.dynamics)
    x = program.initial
    rows = []
    for k in range(program.building.n):
        x = (steps.a[k] @ x[..., np.newaxis])[..., 0] + added[k]
        x = x + steps.b[k, :, :, 0] * heat[:, k, np.newaxis]
        rows.append(x)
    ends = np.stack(rows, axis=2)
    return ends[:, 0], ends[:, 1]


HORIZON = timedelta(hours=48)
ZONES = 3
BUILDINGS = 650
PROCESSES = 2
REPEATS = 15
MEMORY_MB = 200
HEAT_PUMP = HeatSource(
    kind=HeatSourceKind.HEAT_PUMP, capacity_kw=220.0, cop=((-10.0, 2.4), (2.0, 3.2), (12.0, 4.2))
)


def bench_plan_speed(report: Progress) -> list[Figure]:
    """Speed, accuracy of the coarser grid, a city and memory."""
    with tempfile.TemporaryDirectory(prefix="bms-bench-") as home:
        district = _problem(Path(home), report)
    pump = replace(district, heat_source=HEAT_PUMP)
    cases = (("district heat", district), ("heat pump, quarter-hour prices", pump))
    figures = [_whole(district)]
    for done, (name, problem) in enumerate(cases):
        report("against cvxpy", done / len(cases))
        figures += _against_cvxpy(name, program_for(problem))
    report("against cvxpy", 1.0)
    return [*figures, *_city(cases, report)]


def _problem(home: Path, report: Progress) -> Problem:
    """The town hall's first three zones in January, with prices by the quarter-hour."""
    simulated = learned_city(START, home, report)
    city, site = simulated.city, simulated.sites[0]
    full = assemble(
        site,
        now=simulated.clock.now(),
        ports=city.planning,
        horizon=HORIZON,
    )
    if full.history is None or full.model is None:
        raise RuntimeError(f"{site.id} has no model to plan with")
    return replace(
        full,
        zones=full.zones[:ZONES],
        history=replace(full.history, zones=full.history.zones[:ZONES]),
        model=replace(full.model, zones=full.model.zones[:ZONES]),
    )


def _whole(problem: Problem) -> Figure:
    planner = Optimizer()
    took = 1000 * _median_s(lambda: planner.plan(problem))
    return Figure(
        name="whole plan: state, program, setpoints, check; 3 zones, 48 h in quarter-hours",
        value=round(took, 1),
        unit="ms",
        at_least="<= 150",
        stretch="<= 50",
        ok=took <= 150,
    )


def _against_cvxpy(name: str, program: HorizonProgram) -> list[Figure]:
    """The program built and solved by us and by the rival, and what the coarser grid costs."""

    def ours() -> Solution | str:
        return solve(replace(program))  # a new one, so that nothing is kept from the last time

    took = 1000 * _median_s(ours)
    figures = [
        Figure(
            name=f"build and solve ({name}), {program.blocks.m} blocks",
            value=round(took, 2),
            unit="ms",
            at_least="<= 150",
            stretch="<= 50",
            ok=took <= 150,
        ),
        _coarse(name, program),
    ]
    if not has_cvxpy():
        missing = "against cvxpy: not installed; pip install '.[bench]'"
        return [*figures, Figure(name=missing, value=0.0, unit="times", ok=True)]
    theirs = 1000 * _median_s(lambda: by_cvxpy(program))
    figures.append(
        Figure(
            name=f"faster than the uniform program in cvxpy ({name})",
            value=round(theirs / took, 1),
            unit="times",
            at_least=">= 3",
            stretch=">= 6",
            ok=theirs / took >= 3,
            rival="cvxpy + HiGHS [ms]",
            rival_value=round(theirs, 1),
        )
    )
    return figures


def _coarse(name: str, program: HorizonProgram) -> Figure:
    exact = replace(program, blocks=single_steps(program.building.n))
    coarse_cost, exact_cost = (cost_of(exact, _heat(each).heat) for each in (program, exact))
    more = 100 * (coarse_cost - exact_cost) / abs(exact_cost)
    return Figure(
        name=f"cost on the uniform grid beside its own optimum ({name})",
        value=round(more, 3),
        unit="% more",
        at_least="<= 1",
        ok=more <= 1.0,
    )


def _heat(program: HorizonProgram) -> Solution:
    answer = solve(program)
    if isinstance(answer, str):
        raise RuntimeError(f"the program was not solved: {answer}")
    return answer


def _city(cases: Sequence[tuple[str, Problem]], report: Progress) -> list[Figure]:
    """650 buildings, half of each kind, no two alike, on two processes."""
    many = [_another(cases[i % len(cases)][1], i) for i in range(BUILDINGS)]
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        list(pool.map(planned, many[: 2 * PROCESSES]))
        began = time.perf_counter()
        statuses = []
        for done, status in enumerate(pool.map(planned, many, chunksize=10)):
            report("650 buildings", done / BUILDINGS)
            statuses.append(status)
        took = time.perf_counter() - began
    memory = memory_mb(many[0])
    report("650 buildings", 1.0)
    made = sum(status != "fallback" for status in statuses)
    return [
        Figure(
            name=f"{BUILDINGS} buildings on {PROCESSES} processes ({made} not by timetable)",
            value=round(took, 1),
            unit="s",
            at_least="<= 60",
            stretch="<= 20",
            ok=took <= 60,
        ),
        *_memory(memory),
    ]


def _memory(megabytes: float | None) -> list[Figure]:
    if megabytes is None:
        return []
    return [
        Figure(
            name="memory of a process that plans, libraries included",
            value=round(megabytes, 1),
            unit="MB",
            at_least=f"<= {MEMORY_MB}",
            ok=megabytes <= MEMORY_MB,
        )
    ]


def _another(problem: Problem, i: int) -> Problem:
    """A building like it in other weather."""
    shift = (i % 41 - 20) / 10
    temp = tuple(None if t is None else t + shift for t in problem.weather.temp_out_c)
    return replace(problem, site=f"b{i}", weather=replace(problem.weather, temp_out_c=temp))


def _median_s(work: Callable[[], object]) -> float:
    work()
    took = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took)
