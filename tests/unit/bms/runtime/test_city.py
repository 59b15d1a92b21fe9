"""A wired city hands each service the implementations that it holds, and no others."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from bms.runtime.city import Stores
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.api import a_world


def test_one_object_may_have_every_role() -> None:
    store = MemoryStore()
    stores = Stores.of(store)
    roles = {field.name for field in fields(Stores)} - {"close", "snapshot"}
    assert {getattr(stores, role) for role in roles} == {store}
    assert len(roles) == 14


def test_every_bundle_has_the_citys_own_parts(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    city = world.city
    held = {id(part) for part in (world.store, city.sites, city.clock, city.drivers)}
    held |= {id(part) for part in (city.journal, city.keeper, city.planner, city.checker)}
    held |= {id(part) for part in (city.feed, city.tariffs, city.plan_check, city.rooms)}
    held |= {id(part) for part in (city.device_times, city.starts, city.owned)}
    held |= {id(part) for part in (city.factors, city.normal_year)}
    held |= {id(part) for part in (city.decisions, city.hands_off, city.commissioned)}
    held |= {id(part) for part in (city.factors, city.normal_year)}
    for bundle in (city.control, city.planning, city.assessment, city.trials):
        for field in fields(bundle):
            if field.name in ("tick", "lot"):  # each tick has its own; the lot is the system's
                continue
            assert id(getattr(bundle, field.name)) in held, (type(bundle).__name__, field.name)
    assert city.api.control == city.control
    assert city.api.planning == city.planning
    assert city.api.assessment == city.assessment
    assert city.api.keys is world.store
