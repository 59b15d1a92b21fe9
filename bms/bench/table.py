"""The benchmarks by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from bms.bench.chaos.table import ChaosOptions, bench_chaos
from bms.bench.city.api_figures import bench_api
from bms.bench.city.figures import bench_city
from bms.bench.control.figures import bench_control
from bms.bench.detection.figures import bench_detect
from bms.bench.fieldbus.bacnet import DEVICES as BACNET_DEVICES
from bms.bench.fieldbus.bacnet import POINTS as BACNET_POINTS
from bms.bench.fieldbus.bacnet import bench_drivers_bacnet
from bms.bench.fieldbus.mbus import bench_drivers_mbus
from bms.bench.fieldbus.modbus import MODBUS_MEMORY, MODBUS_PROCESSOR, bench_drivers_modbus
from bms.bench.fieldbus.mqtt import bench_drivers_mqtt
from bms.bench.figure import Figure, Progress
from bms.bench.planning.closed_loop import bench_closed_loops
from bms.bench.planning.identification import identify_figures
from bms.bench.planning.season import bench_plan_season
from bms.bench.planning.speed import bench_plan_speed
from bms.bench.region.figures import bench_region
from bms.bench.savings.accuracy import bench_assess
from bms.bench.savings.interval_claims import bench_claims
from bms.bench.savings.trial_cells import bench_trial_cells
from bms.bench.savings.trials import bench_trials
from bms.bench.storage.migration import bench_migration
from bms.bench.storage.throughput import bench_store

BACNET_MEMORY = "memory of a BACnet point"
BACNET_PROCESSOR = f"{BACNET_DEVICES} BACnet devices x {BACNET_POINTS} points each minute, CPU"
POINTS = 100_000


def city_figures(figures: Sequence[Figure]) -> list[Figure]:
    """Both sums for 100 000 points. Raises KeyError when a figure of either protocol is missing."""
    seen: Mapping[str, float] = {figure.name: figure.value for figure in figures}
    share = seen[MODBUS_PROCESSOR] + seen[BACNET_PROCESSOR]
    megabytes = POINTS / 2 * (seen[MODBUS_MEMORY] + seen[BACNET_MEMORY]) / 1e6
    return [
        Figure(
            name=f"processor for {POINTS} points of both protocols each minute",
            value=round(share, 2),
            unit="% of a core",
            ok=share <= 50,
            at_least="<= 50",
            stretch="<= 20",
        ),
        Figure(
            name=f"memory for {POINTS} points of both protocols",
            value=round(megabytes, 1),
            unit="MB",
            ok=megabytes <= 500,
            at_least="<= 500",
            stretch="<= 200",
        ),
    ]


def bench_plan(
    report: Progress, long: bool = False, told: Callable[[Figure], None] = lambda _: None
) -> list[Figure]:
    """Figures of the planner, each handed to ``told`` as soon as it is known; with ``long`` also
    those of a season and of closed loops, which take minutes."""
    parts: list[Bench] = [identify_figures, bench_plan_speed]
    parts += [bench_plan_season, bench_closed_loops] if long else []
    figures: list[Figure] = []
    for part in parts:
        rows = part(report)
        for row in rows:
            told(row)
        figures += rows
    return figures


Bench = Callable[[Progress], list[Figure]]


def bench_savings(report: Progress) -> list[Figure]:
    """Savings of a year, and switchback trials, on the same meters."""
    return [*bench_assess(report), *bench_trials(report)]


def bench_drivers(report: Progress) -> list[Figure]:
    """Each protocol; Modbus and BACnet against the stock library in the same run."""
    figures = [*bench_drivers_modbus(report), *bench_drivers_bacnet(report)]
    lines = [*bench_drivers_mbus(report), *bench_drivers_mqtt(report)]
    return [*figures, *city_figures(figures), *lines]


BENCHES: Mapping[str, Bench] = MappingProxyType(
    {
        "api": bench_api,
        "assess": bench_savings,
        "chaos": partial(bench_chaos, ChaosOptions()),
        "city": bench_city,
        "control": bench_control,
        "demo": bench_claims,
        "detect": bench_detect,
        "drivers": bench_drivers,
        "migration": bench_migration,
        "plan": bench_plan,
        "region": bench_region,
        "store": bench_store,
        "trials": bench_trial_cells,
    }
)


def run_bench(name: str, report: Progress) -> list[Figure]:
    """Run one benchmark, or all of them. Raises KeyError for a name that is not in ``BENCHES``."""
    chosen = list(BENCHES) if name == "all" else [name]
    return [figure for each in chosen for figure in BENCHES[each](report)]
