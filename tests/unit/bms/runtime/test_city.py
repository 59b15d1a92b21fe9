"""A wired city hands each service the implementations that it holds, and no others."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

from bms.runtime.city import Stores
from bms.runtime.live_sites import LiveSites
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
    held |= {id(city.calendars)}
    for bundle in (city.control, city.planning, city.assessment, city.trials):
        for field in fields(bundle):
            # made for each tick or planner; the lot is the system's; sites say what is filed
            if field.name in ("tick", "lot", "is_filed", "decided", "snapshot"):
                continue
            assert id(getattr(bundle, field.name)) in held, (type(bundle).__name__, field.name)
    assert city.api.control == city.control
    assert city.api.planning == city.planning
    assert city.api.assessment == city.assessment
    assert city.api.keys is world.store


def test_w03_a_point_is_as_the_site_files_have_it_now(tmp_path: Path) -> None:
    city = a_world(tmp_path).city
    sites = LiveSites(city.sites.values())
    city = replace(city, sites=sites)
    site = next(site for site in sites.values() if any(p.write for p in site.points))
    point = next(point for point in site.points if point.write is not None)
    assert city.control.is_filed(point)
    rule = replace(point.write, maximum=point.write.maximum - 0.5)  # type: ignore[type-var,union-attr]
    narrower = replace(point, write=rule)
    points = tuple(narrower if each is point else each for each in site.points)
    sites.exchange([replace(site, points=points)], ())
    assert not city.control.is_filed(point)
    assert city.control.is_filed(narrower)
    sites.exchange([], ())
    assert not city.control.is_filed(narrower)
