"""Plans keep their problem for 30 days and their setpoints for five years (W16)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from bms.errors import NotFound
from bms.model.control.command import Accepted
from bms.services.evidence.retention import FIVE_YEARS, prune
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.store import MONDAY, a_plan
from tests.rigs.storage.evidence_rows import a_command

DAY = timedelta(days=1)
SITE = "lodge"


async def pruned(store: MemoryStore, now: datetime) -> int:
    removals = await prune(SITE, now=now, evidence=store)
    return sum(removal.rows for removal in removals)


async def test_w16_the_problem_goes_after_thirty_days() -> None:
    store = MemoryStore()
    store.add_plan(a_plan("p1", SITE, MONDAY))
    assert await pruned(store, MONDAY + 29 * DAY) == 0
    assert store.plan("p1").problem
    assert await pruned(store, MONDAY + 31 * DAY) == 1
    assert store.kept_plan("p1").schedule == a_plan("p1", SITE, MONDAY).schedule
    assert await pruned(store, MONDAY + 32 * DAY) == 0
    assert store.verify().flaws == ()


async def test_w16_setpoints_and_receipts_go_after_five_years() -> None:
    store = MemoryStore()
    store.add_plan(a_plan("p1", SITE, MONDAY))
    store.add_receipts([Accepted(a_command(), 21.0)], MONDAY)
    await pruned(store, MONDAY + FIVE_YEARS)
    assert store.kept_plan("p1")
    assert len(store.receipts(SITE, MONDAY)) == 1
    assert await pruned(store, MONDAY + FIVE_YEARS + DAY) == 2
    with pytest.raises(NotFound):
        store.kept_plan("p1")
    assert store.receipts(SITE, MONDAY) == []
    assert store.verify().flaws == ()


async def test_w16_the_plan_in_force_keeps_its_problem() -> None:
    store = MemoryStore()
    for i in range(3):
        store.add_plan(a_plan(f"p{i}", SITE, MONDAY + i * 20 * DAY))
    now = MONDAY + 41 * DAY
    assert await pruned(store, now) == 1
    plan = store.plan_in_force(SITE, now)
    assert plan is not None
    assert plan.id == "p2"
