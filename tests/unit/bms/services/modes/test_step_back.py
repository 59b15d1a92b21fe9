"""Back from ``auto`` by itself, staying back until a named person agrees."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bms.model.assets.site import Mode
from bms.model.control.audit import Action, AuditSearch
from bms.model.control.command import Released
from bms.model.readings.measurement import Reading
from bms.model.trust.modes import AutoScope
from bms.services.modes.bounds import BOUNDS
from bms.services.modes.step_back import watch_bounds
from bms.services.operator import NotReady, change_mode
from bms.services.site_lookup import mode_in_force
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.safety import LEVERS, TICK

HOUR = timedelta(hours=1)
WHO = {"actor": "eva", "reason": "the network is mended"}


async def bench_in_auto() -> ControlBench:
    """The plan holds every lever of the hut, and a reading of each has just come in."""
    bench = ControlBench()
    bench.store.approve("hut", AutoScope.FULL, at=bench.now, **WHO)
    bench.plan()
    await bench.tick()
    read(bench)
    return bench


def read(bench: ControlBench) -> None:
    bench.store.add_readings([Reading(point, bench.now, 1.0) for point in LEVERS])


async def stepped_back() -> ControlBench:
    bench = await bench_in_auto()
    bench.now += BOUNDS.data_age
    assert await watch_bounds(bench.site, bench.now, bench.ports) is not None
    return bench


async def test_a_site_that_keeps_its_bounds_stays() -> None:
    bench = await bench_in_auto()
    for _ in range(30):
        bench.now += HOUR
        read(bench)
        assert await watch_bounds(bench.site, bench.now, bench.ports) is None
    assert bench.store.mode("hut") is Mode.AUTO


async def test_one_that_does_not_goes_to_advise_with_the_reason_and_gives_back() -> None:
    bench = await bench_in_auto()
    bench.now += HOUR
    assert bench.held()
    bench.now += BOUNDS.data_age - HOUR
    step = await watch_bounds(bench.site, bench.now, bench.ports)
    assert step is not None
    assert step.reason.code == "step_back_data_old"
    assert bench.store.mode("hut") is Mode.ADVISE
    outcomes = await bench.tick(TICK)
    assert {type(each) for each in outcomes.values()} <= {Released}
    assert bench.held() == {}
    [entry] = bench.store.audit(AuditSearch(action=Action.STEP_BACK))
    assert (entry.actor, entry.site) == ("bms", "hut")


async def test_it_stays_back_until_a_named_person_agrees() -> None:
    bench = await stepped_back()
    with pytest.raises(NotReady, match="mode_stepped_back"):
        await change_mode(bench.site, Mode.AUTO, now=bench.now, ports=bench.ports, **WHO)
    assert mode_in_force(bench.site, bench.ports.decisions) is Mode.ADVISE
    await change_mode(bench.site, Mode.AUTO, now=bench.now, ports=bench.ports, agree=True, **WHO)
    assert mode_in_force(bench.site, bench.ports.decisions) is Mode.AUTO
    [step] = bench.store.steps_back("hut")
    assert (step.agreed_by, step.agreed_at) == ("eva", bench.now)
    assert await watch_bounds(bench.site, bench.now, bench.ports) is None, "it begins anew"


async def test_a_lower_mode_and_back_is_no_agreement() -> None:
    bench = await stepped_back()
    await change_mode(bench.site, Mode.OBSERVE, now=bench.now, ports=bench.ports, **WHO)
    with pytest.raises(NotReady, match="mode_stepped_back"):
        await change_mode(bench.site, Mode.AUTO, now=bench.now, ports=bench.ports, **WHO)


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.ADVISE])
async def test_below_auto_nothing_is_watched(mode: Mode) -> None:
    bench = ControlBench()
    bench.store.set_mode("hut", mode, at=bench.now, **WHO)
    bench.now += 10 * BOUNDS.data_age
    assert await watch_bounds(bench.site, bench.now, bench.ports) is None


async def test_a_site_file_that_allows_less_is_not_stepped_back_either() -> None:
    bench = await bench_in_auto()
    bench.now += BOUNDS.data_age
    site = replace(bench.site, mode=Mode.ADVISE)
    assert await watch_bounds(site, bench.now, bench.ports) is None
    assert bench.store.steps_back("hut") == []
