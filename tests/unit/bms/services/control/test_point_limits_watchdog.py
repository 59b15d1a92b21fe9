"""Leases that end by themselves in the device are written anew with each renewal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.model.assets.site import Site
from bms.model.assets.write_rule import Release, ReleaseKind
from bms.model.control.command import Accepted
from bms.services.control.point_limits import Fitted, Unfit, fit
from tests.rigs.fakes.safety import NULL, TICK, hut, with_rule
from tests.unit.bms.services.control.test_dispatch import Bench

SCHEDULE = Release(kind=ReleaseKind.SCHEDULE, schedule=3)


def through_a_schedule() -> Site:
    return with_rule(hut(), NULL, release=SCHEDULE, hold_safe=None)


@pytest.mark.parametrize("site", [through_a_schedule(), with_rule(hut(), NULL, watchdog_s=1200)])
async def test_a_value_that_stands_is_written_again_where_it_would_end(site: Site) -> None:
    bench = Bench(site)
    bench.plan({NULL: 21.0})
    await bench.tick()
    outcomes = await bench.tick(TICK)
    assert isinstance(outcomes[NULL], Accepted)
    first, second = bench.device(NULL).writes
    assert second.lease_end - first.lease_end == TICK


async def test_an_override_takes_the_exception_away_at_once() -> None:
    bench = Bench(through_a_schedule())
    bench.plan({NULL: 21.0})
    await bench.tick()
    bench.override(NULL)
    await bench.tick(TICK)
    assert bench.held() == {}
    assert bench.journal.leases() == {}


def test_a_schedule_is_watchdog_enough() -> None:
    rule = next(p.write for p in through_a_schedule().points if p.id == NULL)
    assert rule is not None
    assert fit(22.5, rule, 20.0) == Fitted(22.5)
    assert isinstance(fit(22.5, replace(rule, release=Release(kind=ReleaseKind.NULL)), 20.0), Unfit)
