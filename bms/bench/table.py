"""The benchmarks by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bms.bench.city import city_figures
from bms.bench.fieldbus.bacnet import bench_drivers_bacnet
from bms.bench.fieldbus.modbus import bench_drivers_modbus
from bms.bench.figure import Figure, Progress
from bms.bench.plan import bench_plan
from bms.bench.savings.accuracy import bench_assess
from bms.bench.savings.interval_claims import bench_claims
from bms.bench.savings.trials import bench_trials
from bms.bench.storage.throughput import bench_store

Bench = Callable[[Progress], list[Figure]]


def bench_savings(report: Progress) -> list[Figure]:
    """Savings of a year, and switchback trials, on the same meters."""
    return [*bench_assess(report), *bench_trials(report)]


def bench_drivers(report: Progress) -> list[Figure]:
    """Both protocols, each against the stock library in the same run."""
    figures = [*bench_drivers_modbus(report), *bench_drivers_bacnet(report)]
    return [*figures, *city_figures(figures)]


BENCHES: Mapping[str, Bench] = MappingProxyType(
    {
        "assess": bench_savings,
        "demo": bench_claims,
        "drivers": bench_drivers,
        "plan": bench_plan,
        "store": bench_store,
    }
)


def run_bench(name: str, report: Progress) -> list[Figure]:
    """Run one benchmark, or all of them. Raises KeyError for a name that is not in ``BENCHES``."""
    chosen = list(BENCHES) if name == "all" else [name]
    return [figure for each in chosen for figure in BENCHES[each](report)]
