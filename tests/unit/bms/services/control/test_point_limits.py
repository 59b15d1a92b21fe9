"""What may be written of what is wished."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bms.model.assets.site import Site
from bms.model.assets.write_rule import Release, ReleaseKind, WriteRule
from bms.model.control.command import Accepted
from bms.model.control.reasons import ReceiptReason, RefusalReason
from bms.model.fact import Fact, fact
from bms.services.control.point_limits import ClampedValue, clamp
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.safety import NULL, TICK, hut, with_rule

RULE = WriteRule(
    minimum=15.0,
    maximum=23.0,
    release=Release(kind=ReleaseKind.NULL),
    resolution=0.5,
    hold_safe=(15.0, 22.0),
)


def test_within_the_limits_it_is_only_rounded_to_what_the_point_takes() -> None:
    assert clamp(20.3, RULE, 19.0) == ClampedValue(20.5)


@pytest.mark.parametrize(("wish", "written"), [(9.0, 15.0), (99.0, 22.0)])
def test_limits_clamp_and_say_so(wish: float, written: float) -> None:
    clamped = clamp(wish, replace(RULE, maximum=22.0), 19.0)
    assert isinstance(clamped, ClampedValue)
    assert clamped.value == written
    assert clamped.limit == fact(ReceiptReason.LIMITS_NOW, wish=wish, low=15.0, high=22.0)


def test_rounding_never_leaves_the_limits() -> None:
    odd = replace(RULE, minimum=15.2, maximum=21.8)
    assert clamp(21.79, odd, 20.0) == ClampedValue(21.5)
    assert clamp(15.2, odd, 20.0) == ClampedValue(15.5)


def test_outside_hold_safe_needs_a_watchdog() -> None:
    refused = clamp(22.5, RULE, 20.0)
    assert isinstance(refused, Fact)
    assert refused == fact(RefusalReason.OUTSIDE_HOLD_SAFE, value=22.5, low=15.0, high=22.0)
    assert clamp(22.5, replace(RULE, watchdog_s=600.0), 20.0) == ClampedValue(22.5)


@pytest.mark.parametrize(("standing", "written"), [(19.0, 20.0), (22.5, 21.5), (20.5, 21.0)])
def test_w03_the_ramp_counts_from_what_stands(standing: float, written: float) -> None:
    clamped = clamp(21.0, replace(RULE, max_change=4.0), standing)
    assert isinstance(clamped, ClampedValue)
    assert clamped.value == written


@pytest.mark.parametrize(
    ("minutes", "written"), [(0, 19.0), (1, 19.0), (7, 19.0), (8, 19.5), (15, 20.0), (90, 20.0)]
)
def test_w03_no_tick_is_so_soon_that_the_ramp_gets_steeper(minutes: int, written: float) -> None:
    """Half a kelvin is what the point takes; at 4 K an hour that is seven and a half minutes."""
    rule = replace(RULE, max_change=4.0)
    clamped = clamp(23.0, rule, 19.0, timedelta(minutes=minutes))
    assert isinstance(clamped, ClampedValue)
    assert clamped.value == written


def test_w03_the_ramp_leads_back_into_the_limits() -> None:
    clamped = clamp(21.0, replace(RULE, max_change=4.0), 5.0)
    assert isinstance(clamped, ClampedValue)
    assert clamped.value == 15.0


def test_w03_a_ramp_without_a_reading_is_refused() -> None:
    assert isinstance(clamp(21.0, replace(RULE, max_change=4.0), None), Fact)


@pytest.mark.parametrize("wish", [float("nan"), float("inf")])
def test_what_is_no_number_is_never_written(wish: float) -> None:
    assert isinstance(clamp(wish, RULE, 20.0), Fact)


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
