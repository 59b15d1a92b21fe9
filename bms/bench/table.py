"""The benchmarks by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bms.bench.claims import bench_claims
from bms.bench.figure import Figure, Progress

Bench = Callable[[Progress], list[Figure]]
BENCHES: Mapping[str, Bench] = MappingProxyType({"demo": bench_claims})


def run_bench(name: str, report: Progress) -> list[Figure]:
    """Run one benchmark, or all of them. Raises KeyError for a name that is not in ``BENCHES``."""
    chosen = list(BENCHES) if name == "all" else [name]
    return [figure for each in chosen for figure in BENCHES[each](report)]
