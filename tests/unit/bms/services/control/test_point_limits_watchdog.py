"""Leases that end by themselves in the device are written anew with each renewal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.model.assets.site import Site
from bms.model.assets.write_rule import Release, ReleaseKind
from bms.model.control.command import Accepted
from bms.model.fact import Fact
from bms.services.control.point_limits import ClampedValue, clamp
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.safety import NULL, TICK, hut, with_rule

SCHEDULE = Release(kind=ReleaseKind.SCHEDULE, schedule=3)


def through_a_schedule() -> Site:
    return with_rule(hut(), NULL, release=SCHEDULE, hold_safe=None)


@pytest.mark.parametrize("site", [through_a_schedule(), with_rule(hut(), NULL, watchdog_s=1200)])
async def test_a_value_that_stands_is_written_again_where_it_would_end(site: Site) -> None:
    bench = ControlBench(site)
    bench.plan({NULL: 21.0})
    await bench.tick()
    outcomes = await bench.tick(TICK)
    assert isinstance(outcomes[NULL], Accepted)
    first, second = bench.device(NULL).writes
    assert second.lease_end - first.lease_end == TICK


async def test_an_override_takes_the_exception_away_at_once() -> None:
    bench = ControlBench(through_a_schedule())
    bench.plan({NULL: 21.0})
    await bench.tick()
    bench.override(NULL)
    await bench.tick(TICK)
    assert bench.held() == {}
    assert bench.journal.leases() == {}


def test_a_schedule_is_watchdog_enough() -> None:
    rule = next(p.write for p in through_a_schedule().points if p.id == NULL)
    assert rule is not None
    assert clamp(22.5, rule, 20.0) == ClampedValue(22.5)
    bare = replace(rule, release=Release(kind=ReleaseKind.NULL))
    assert isinstance(clamp(22.5, bare, 20.0), Fact)
