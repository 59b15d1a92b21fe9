"""Ramps and minimum on and off times of what is written, whoever wants it (W3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bms.errors import StoreUnavailable
from bms.model.assets.site import Site
from bms.model.control.command import Accepted, Clamped, Receipt, Refused, Released
from bms.model.control.reasons import ReceiptReason
from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.units import Unit
from bms.store.memory.store import MemoryStore
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.safety import LEASE, NOW, NULL, TICK, TIMETABLE, hut, with_rule

MINUTE = timedelta(minutes=1)


def fan(minimum_on: float = 60.0, minimum_off: float = 45.0) -> Site:
    """The hut, whose fan stays on and off for a least time."""
    site = with_rule(hut(), TIMETABLE, minimum_on=minimum_on, minimum_off=minimum_off)
    points = tuple(replace(p, unit=Unit.ON_OFF) if p.id == TIMETABLE else p for p in site.points)
    return replace(site, points=points)


def seen(bench: ControlBench, value: float, minutes: int) -> None:
    """The fan was read as ``value`` for so many minutes, and as something else before."""
    looks = [(k, value) for k in range(0, minutes + 1, 5)] + [(minutes + 5, 1.0 - value)]
    bench.store.add_readings(
        Reading(TIMETABLE, bench.now - k * MINUTE, shown) for k, shown in looks
    )


def reason(receipt: Receipt | object) -> str:
    assert isinstance(receipt, Refused | Clamped)
    return (receipt.reason if isinstance(receipt, Refused) else receipt.limit).code


@pytest.mark.parametrize(("minutes", "may"), [(0, False), (55, False), (60, True), (90, True)])
async def test_w03_what_was_switched_on_lately_is_not_switched_off(minutes: int, may: bool) -> None:
    bench = ControlBench(fan())
    seen(bench, 1.0, minutes)
    bench.plan({TIMETABLE: 0.0})
    receipt = (await bench.tick())[TIMETABLE]
    assert isinstance(receipt, Accepted) is may
    assert (TIMETABLE in bench.held()) is may
    if not may:
        assert reason(receipt) == ReceiptReason.LEAST_TIME_ON


async def test_w03_our_own_switch_waits_for_its_time_and_the_lease_is_kept() -> None:
    bench = ControlBench(fan())
    seen(bench, 1.0, 120)
    bench.plan({TIMETABLE: 0.0})
    await bench.tick()
    off_at = bench.now
    bench.plan({TIMETABLE: 1.0})
    for _ in range(2):
        receipt = (await bench.tick(TICK))[TIMETABLE]
        assert reason(receipt) == ReceiptReason.LEAST_TIME_OFF
        assert bench.held() == {TIMETABLE: 0.0}
        assert bench.journal.leases()[TIMETABLE].lease_end == bench.now + LEASE
    await bench.tick(TICK)
    assert bench.now - off_at == 45 * MINUTE
    assert bench.held() == {TIMETABLE: 1.0}


async def test_w03_the_times_are_known_after_a_restart_by_the_journal() -> None:
    """The database has nothing; what we wrote and when stands in the journal."""
    bench = ControlBench(fan())
    seen(bench, 1.0, 120)
    bench.plan({TIMETABLE: 0.0})
    await bench.tick()
    bench.store = MemoryStore()
    bench.now += TICK
    bench.plan({TIMETABLE: 1.0})
    assert reason((await bench.tick())[TIMETABLE]) == ReceiptReason.LEAST_TIME_OFF
    await bench.tick(TICK)
    await bench.tick(TICK)
    assert bench.held() == {TIMETABLE: 1.0}


async def test_w03_where_nobody_knows_when_it_switched_it_is_watched_first() -> None:
    bench = ControlBench(fan(minimum_on=30.0))
    bench.plan({TIMETABLE: 0.0})
    for k in range(2):
        receipt = (await bench.tick(TICK * (k > 0)))[TIMETABLE]
        bench.store.add_readings([Reading(TIMETABLE, bench.now, 1.0)])
        assert TIMETABLE not in bench.held()
        wanted = ReceiptReason.SWITCHED_UNKNOWN if k == 0 else ReceiptReason.LEAST_TIME_ON
        assert reason(receipt) == wanted
    await bench.tick(TICK)
    assert bench.held() == {TIMETABLE: 0.0}


async def test_w03_a_switch_that_was_announced_and_never_sent_has_not_happened() -> None:
    """Killed between journal and write: the least time counts from the write that left."""
    bench = ControlBench(fan(minimum_off=20.0))
    seen(bench, 1.0, 120)
    bench.plan({TIMETABLE: 0.0})
    await bench.announce()
    await bench.tick(TICK)
    assert bench.held() == {TIMETABLE: 0.0}
    bench.plan({TIMETABLE: 1.0})
    receipt = (await bench.tick(TICK))[TIMETABLE]
    assert reason(receipt) == ReceiptReason.LEAST_TIME_OFF
    assert bench.held() == {TIMETABLE: 0.0}


async def test_w03_what_stands_of_ours_is_kept_where_another_value_was_never_sent() -> None:
    """The database has nothing of when it switched: what we hold stays, and is not given back."""
    bench = ControlBench(fan(minimum_off=30.0))
    seen(bench, 1.0, 120)
    bench.plan({TIMETABLE: 0.0})
    await bench.tick()
    await bench.tick(TICK)
    bench.plan({TIMETABLE: 1.0})
    await bench.announce(TICK)
    bench.store = MemoryStore()
    bench.plan({TIMETABLE: 1.0})
    receipt = (await bench.tick(MINUTE))[TIMETABLE]
    assert reason(receipt) == ReceiptReason.SWITCHED_UNKNOWN
    assert bench.held() == {TIMETABLE: 0.0}
    assert bench.journal.leases()[TIMETABLE].lease_end == bench.now + LEASE


async def test_w14_a_least_time_ends_though_the_calendar_went_back() -> None:
    """What was switched tomorrow has been so for as long as it was watched."""
    bench = ControlBench(fan())
    seen(bench, 1.0, 120)
    bench.plan({TIMETABLE: 0.0})
    await bench.tick()
    bench.clock.set_calendar(bench.now - timedelta(days=1))
    bench.plan({TIMETABLE: 1.0})
    for _ in range(4):
        assert bench.held() == {TIMETABLE: 0.0}
        bench.clock.advance(TICK)
        bench.store.add_readings([Reading(TIMETABLE, bench.now, bench.held()[TIMETABLE])])
        await bench.tick()
    assert bench.held() == {TIMETABLE: 1.0}


async def test_w03_a_person_waits_as_well() -> None:
    bench = ControlBench(fan())
    seen(bench, 1.0, 20)
    receipt = await bench.write(TIMETABLE, 0.0)
    assert reason(receipt) == ReceiptReason.LEAST_TIME_ON
    assert bench.device(TIMETABLE).writes == []


async def test_w03_a_give_back_waits_for_nothing() -> None:
    bench = ControlBench(fan())
    seen(bench, 1.0, 120)
    bench.plan({TIMETABLE: 0.0})
    await bench.tick()
    bench.override(TIMETABLE)
    assert isinstance((await bench.tick(MINUTE))[TIMETABLE], Released)


async def test_w03_doubtful_looks_do_not_count() -> None:
    bench = ControlBench(fan(minimum_on=30.0))
    looks = [
        Reading(TIMETABLE, NOW - k * MINUTE, 1.0, Quality.UNCERTAIN if k > 10 else Quality.GOOD)
        for k in range(0, 60, 5)
    ]
    bench.store.add_readings(looks)
    bench.plan({TIMETABLE: 0.0})
    assert reason((await bench.tick())[TIMETABLE]) == ReceiptReason.LEAST_TIME_ON


@pytest.mark.slow
@pytest.mark.parametrize("minutes", [1, 5, 15, 25])
async def test_w03_the_ramp_is_the_same_whatever_the_tick(minutes: int) -> None:
    """2 K an hour from 19 degC, however often we come by."""
    bench = ControlBench(with_rule(hut(), NULL, max_change=2.0))
    bench.plan({NULL: 22.9})
    await bench.tick()
    assert bench.held()[NULL] == 19.5
    for _ in range(60 // minutes):
        await bench.tick(minutes * MINUTE)
    most = 19.5 + 2.0
    assert most - 0.9 - (minutes > 15) <= bench.held()[NULL] <= most


async def test_w03_the_ramp_counts_from_the_write_that_left() -> None:
    """19.5 was announced a quarter of an hour before it was sent."""
    bench = ControlBench(with_rule(hut(), NULL, max_change=2.0))
    bench.plan({NULL: 22.9})
    await bench.announce()
    await bench.tick(TICK)
    assert bench.held()[NULL] == 19.5
    await bench.tick(MINUTE)
    assert bench.held()[NULL] == 19.5


async def test_w03_the_ramp_goes_on_where_what_stands_is_written_again() -> None:
    """A value between was announced and never sent; what stands was written three minutes ago."""
    bench = ControlBench(with_rule(hut(), NULL, max_change=2.0))
    for wanted, run in ((19.4, bench.tick), (22.9, bench.announce), (19.4, bench.tick)):
        bench.plan({NULL: wanted})
        await run(3 * MINUTE)
    assert bench.held()[NULL] == 19.4
    bench.plan({NULL: 22.9})
    await bench.tick(MINUTE)
    assert bench.held()[NULL] <= 19.4 + 2.0 * 7 / 60


async def test_w03_a_person_is_limited_by_the_ramp_and_told() -> None:
    bench = ControlBench(with_rule(hut(), NULL, max_change=2.0))
    receipt = await bench.write(NULL, 22.0)
    assert isinstance(receipt, Clamped)
    assert (receipt.written, receipt.limit.code) == (19.5, ReceiptReason.LIMITS_NOW)


async def test_w03_a_give_back_is_not_ramped() -> None:
    bench = ControlBench(with_rule(hut(), NULL, max_change=2.0))
    bench.plan({NULL: 22.9})
    for _ in range(6):
        await bench.tick(TICK)
    bench.override(NULL)
    await bench.tick(MINUTE)
    assert NULL not in bench.held()


class Away(MemoryStore):
    """A store whose readings cannot be had."""

    def readings(self, *_: object) -> list[Reading]:  # type: ignore[override]
        raise StoreUnavailable("away")


async def test_w03_without_readings_nothing_is_switched() -> None:
    bench = ControlBench(fan())
    bench.store = Away()
    bench.plan({TIMETABLE: 0.0})
    assert reason((await bench.tick())[TIMETABLE]) == ReceiptReason.SWITCHED_UNKNOWN
