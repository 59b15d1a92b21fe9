"""From any setpoint one walks to its plan, problem, forecast and readings (W16)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bms.errors import NotFound
from bms.model.control.command import Accepted, Released
from bms.model.planning.plan_digest import sealed
from bms.services.evidence.retention import prune
from bms.services.evidence.trace import TracePorts, trace
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import lodge
from tests.rigs.fakes.store import HOUR, MONDAY, QUARTER, a_plan, quarters
from tests.rigs.storage.evidence_rows import SITE, a_command

POINT = f"{SITE}/gym.setpoint"


def a_store() -> MemoryStore:
    store = MemoryStore()
    plan = sealed(a_plan("p1", SITE, MONDAY))
    store.add_plan(plan)
    sensor = next(point.id for point in lodge().points)
    history = plan.problem.history
    assert history is not None
    store.add_readings(quarters([20.0, 20.1, 20.2], sensor, history.start))
    command = a_command("c1", 18.5, point=POINT, actor="plan", plan="p1")
    store.add_receipts([Accepted(command, 18.5)], MONDAY)
    return store


def ports(store: MemoryStore) -> TracePorts:
    return TracePorts(ledgers=store, plans=store, evidence=store, readings=store)


def test_w16_a_setpoint_leads_to_its_readings() -> None:
    store = a_store()
    found = trace(lodge(), POINT, MONDAY + QUARTER, ports(store))
    assert (found.receipt_at, found.outcome) == (MONDAY, "accepted")
    plan, problem = found.plan, store.plan("p1").problem
    assert plan is not None
    assert plan.problem is not None
    assert (plan.id, plan.value, plan.sealed) == ("p1", 18.5, True)
    assert plan.digest == store.plan("p1").digest
    assert plan.entry is not None
    assert plan.entry.row == "p1"
    assert plan.problem.forecast_start == problem.start
    assert plan.problem.forecast_known == 0.75
    assert problem.history is not None
    assert plan.problem.history_start == problem.history.start
    (window,) = plan.problem.readings
    assert window.n > 0


def test_w16_the_newest_receipt_until_then_counts() -> None:
    store = a_store()
    store.add_receipts([Released(POINT, 19.0)], MONDAY + HOUR)
    assert trace(lodge(), POINT, MONDAY + HOUR / 2, ports(store)).outcome == "accepted"
    released = trace(lodge(), POINT, MONDAY + 2 * HOUR, ports(store))
    assert (released.outcome, released.plan) == ("released", None)


async def test_w16_without_its_problem_the_walk_ends_at_the_plan() -> None:
    store = a_store()
    await prune("lodge", now=MONDAY + timedelta(days=31), evidence=store)
    plan = trace(lodge(), POINT, MONDAY + QUARTER, ports(store)).plan
    assert plan is not None
    assert (plan.id, plan.value, plan.sealed, plan.problem) == ("p1", 18.5, None, None)


def test_w16_a_plan_that_was_edited_shows() -> None:
    store = MemoryStore()
    plan = sealed(a_plan("p1", SITE, MONDAY))
    store.add_plan(replace(plan, schedule=a_plan("p1", SITE, MONDAY, 13.0).schedule))
    command = a_command("c1", 13.0, point=POINT, plan="p1")
    store.add_receipts([Accepted(command, 13.0)], MONDAY)
    found = trace(lodge(), POINT, MONDAY, ports(store)).plan
    assert found is not None
    assert found.sealed is False


def test_w16_nothing_written_is_said() -> None:
    with pytest.raises(NotFound, match="nothing was written to lodge/other"):
        trace(lodge(), "lodge/other", MONDAY, ports(a_store()))
