"""A plan in a process of its own tells its memory."""

from __future__ import annotations

from bms.bench.planning.worker import memory_mb, planned
from tests.rigs.buildings.toy_problems import task


def test_a_process_of_its_own_plans_and_tells_its_memory() -> None:
    assert planned(task(48)) == "optimal"
    megabytes = memory_mb(task(48))
    assert megabytes is None or 20 < megabytes < 400
