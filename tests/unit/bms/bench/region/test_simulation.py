"""The simulated region: what it counts, and that it hides nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.bench.city.job_costs import NIGHT, SiteCosts, TaskCost
from bms.bench.region.figures import quantile, simulated_region, workers_needed
from bms.bench.region.simulation import LEASE_S, SimulatedTown, VirtualTown
from bms.ports.jobs import JobKind

SECOND = TaskCost(1.0, 10.0)
COSTS = SiteCosts(
    tick=TaskCost(0.01, 2.0),
    jobs={JobKind.PLAN: (SECOND,), **dict.fromkeys(NIGHT, (SECOND,))},
    points=27.0,
)
CALM = SimulatedTown(sites=20, workers=2, deaths_a_day=0.0)


def test_every_plan_and_every_night_is_done_in_the_time_that_it_costs() -> None:
    seen = VirtualTown(CALM, COSTS).run()
    assert len(seen.plans_s) == 24 * 20
    assert len(seen.night_s) == len(NIGHT) * 20
    assert max(seen.plans_s) == pytest.approx(10.0)  # 20 plans of a second by two workers
    assert max(seen.night_s) == pytest.approx(10.0 + len(NIGHT) * 10.0)
    assert seen.busy_s == pytest.approx(24 * 20 + len(NIGHT) * 20 + 96 * 20 * 0.01)
    assert sum(seen.statements.values()) == pytest.approx(
        10 * (24 * 20 + len(NIGHT) * 20) + 96 * 20 * 2
    )


def test_nothing_is_lost_where_workers_die() -> None:
    long = replace(COSTS, jobs={**COSTS.jobs, JobKind.PLAN: (TaskCost(100.0, 1.0),)})
    seen = VirtualTown(replace(CALM, deaths_a_day=48.0, seed=3), long).run()
    assert seen.deaths > 10
    assert seen.again > 0
    assert len(seen.night_s) == len(NIGHT) * 20
    assert len(seen.plans_s) >= 23 * 20
    assert min(seen.take_over_s) > LEASE_S


def test_one_worker_who_dies_is_followed_by_nobody() -> None:
    seen = VirtualTown(replace(CALM, workers=1, deaths_a_day=5.0, seed=1), COSTS).run()
    assert set(seen.take_over_s) == {600.0}


def test_the_same_seed_gives_the_same_day() -> None:
    town = replace(CALM, deaths_a_day=10.0, seed=7)
    assert VirtualTown(town, COSTS).run() == VirtualTown(town, COSTS).run()


def test_as_many_workers_are_asked_for_as_are_in_time_and_one_more() -> None:
    dear = replace(COSTS, jobs={**COSTS.jobs, JobKind.PLAN: (TaskCost(100.0, 1.0),)})
    said: list[str] = []
    assert workers_needed(COSTS, CALM, said.append) == 2
    assert workers_needed(dear, CALM, said.append) == 4
    assert any("not enough" in line for line in said)


def test_the_figures_say_that_they_are_simulated_and_lines_come_as_they_go() -> None:
    said: list[str] = []
    cheap = replace(COSTS, jobs=dict.fromkeys(COSTS.jobs, (TaskCost(0.2, 10.0),)))
    rows = simulated_region(cheap, lambda *_: None, said.append, municipalities=2)
    assert all(row.name.startswith("simulated: ") for row in rows)
    assert all(row.ok for row in rows)
    assert len([line for line in said if line.startswith("municipality")]) == 2


def test_quantiles_are_of_what_there_is() -> None:
    assert quantile([], 0.5) == 0.0
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([1.0, 2.0], 0.99) == 2.0
