"""The short form of ``bms bench chaos --workers 2``: two workers on one PostgreSQL, one killed in
the middle of its work, and one that is lost while it hands over."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bms.bench.owners.faults import OwnerLostHandingOver
from bms.bench.owners.run import OwnersRun
from bms.bench.owners.town import SharedTown, SharedTownOptions

pytestmark = pytest.mark.long


def a_run(home: Path, url: str) -> OwnersRun:
    town = SharedTown(home, SharedTownOptions(url, sites=2, minute_s=1.0))
    return OwnersRun(town, random.Random(1), print)


async def test_w02_no_point_is_written_by_two_where_one_is_killed_every_twenty_minutes(
    tmp_path: Path, postgres_url: str
) -> None:
    run = a_run(tmp_path, postgres_url)
    await run.a_day(kills=2)
    assert run.watch.violations == []
    assert run.watch.changes > 0


async def test_w02_a_worker_lost_while_handing_over_leaves_no_false_hand(
    tmp_path: Path, postgres_url: str
) -> None:
    run = a_run(tmp_path, postgres_url)
    outcome = await run.every_fault((OwnerLostHandingOver,))
    assert run.watch.violations == []
    assert outcome.rows[OwnerLostHandingOver.title()].struck
