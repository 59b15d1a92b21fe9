"""What the planner is measured by: identification, speed, a city, memory, and a heating season."""

from __future__ import annotations

from bms.bench.figure import Figure, Progress
from bms.bench.planning.identification import identify_figures
from bms.bench.planning.season import bench_plan_season
from bms.bench.planning.speed import bench_plan_speed


def bench_plan(report: Progress) -> list[Figure]:
    """All figures of the planner; the season takes minutes."""
    return [*identify_figures(report), *bench_plan_speed(report), *bench_plan_season(report)]
