"""One simulated day of the demo's three buildings over real Modbus TCP and BACnet/IP sockets.

The demo's own code path, in lockstep with the simulator process. The past is six weeks instead of
a year, so that the buildings are identified and savings have to be refused. At noon the guard gets
a SIGKILL.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bms.demo.city import Simulated, learn, simulated_city
from bms.demo.once import run_and_give_back, taken_stock
from bms.demo.options import DemoOptions
from bms.demo.trust import entrust
from bms.journal import open_leases
from bms.model.assets.point import Role
from bms.model.assets.site import Site
from bms.model.control.command import (
    Accepted,
    AnyReceipt,
    Clamped,
    Released,
)
from bms.model.planning.plan import Plan, PlanStatus
from bms.model.planning.problem import NoModel
from bms.model.readings.measurement import Ingested, Reading
from bms.model.savings.objection import Verdict
from bms.runtime.city import City
from bms.runtime.municipality import START
from bms.services.guard.heartbeat import Presence
from bms.services.simulated_worlds import WorldComparison

BEGIN = START.astimezone(UTC)
DAY = timedelta(days=1)
QUARTER = timedelta(minutes=15)
QUARTERS = [BEGIN + i * QUARTER for i in range(97)]
SITES = ("townhall", "school", "sportshall")


@dataclass
class Watcher:
    """Sees the day pass: who is held, which guards there are; kills the guard at noon."""

    city: City | None = None
    held: list[set[str]] = field(default_factory=list)
    guards: list[int] = field(default_factory=list)
    killed: int | None = None

    def report(self, what: str, share: float) -> None:
        if what != "days" or self.city is None:
            return
        self.held.append(set(self.city.journal.leases()))
        guard = self.city.keeper.guard  # type: ignore[attr-defined]
        if guard is not None and guard.pid not in self.guards:
            self.guards.append(guard.pid)
        if share >= 0.5 and self.killed is None and guard is not None:
            self.killed = guard.pid
            os.kill(guard.pid, signal.SIGKILL)


@dataclass(frozen=True)
class Lived:
    """What the day left behind."""

    sites: Sequence[Site]
    refused: list[NoModel]
    rows: dict[str, WorldComparison]
    state: dict[str, dict[str, Any]]
    readings: dict[str, list[Reading]]
    again: Ingested
    receipts: dict[str, list[tuple[datetime, AnyReceipt]]]
    written: dict[str, int]
    """Writes and renewals [1] by site."""
    plans: dict[str, Plan]
    watcher: Watcher
    journal: Path


async def live_a_day(home: Path) -> Lived:
    options = DemoOptions(home=home, days=1, past_days=42)
    watcher = Watcher()
    async with simulated_city(options, watcher.report) as simulated:
        watcher.city = simulated.city
        refused = await learn(simulated.city, watcher.report)
        await entrust(simulated, watcher.report)
        await run_and_give_back(simulated, BEGIN, BEGIN + DAY, watcher.report)
        rows = await taken_stock(simulated, BEGIN, BEGIN + DAY, options)
        return await left_behind(simulated, watcher, refused, {row.site: row for row in rows})


async def left_behind(
    simulated: Simulated, watcher: Watcher, refused: list[NoModel], rows: dict[str, WorldComparison]
) -> Lived:
    city = simulated.city
    points = [point.id for site in city.sites.values() for point in site.points]
    readings = {p: city.stores.readings.readings(p, BEGIN, BEGIN + DAY + QUARTER) for p in points}
    plans = {site: city.stores.plans.plan_in_force(site, BEGIN + DAY) for site in city.sites}
    return Lived(
        sites=tuple(city.sites.values()),
        refused=refused,
        rows=rows,
        state=await simulated.simulator.state(),
        readings=readings,
        again=city.stores.readings.add_readings([r for batch in readings.values() for r in batch]),
        receipts={site: city.stores.ledgers.receipts(site, BEGIN) for site in city.sites},
        written=writes_of(city.settings.home / "bms.db"),
        plans={site: plan for site, plan in plans.items() if plan is not None},
        watcher=watcher,
        journal=city.settings.journal,
    )


def writes_of(database: Path) -> dict[str, int]:
    """Writes that stood, each with its renewals, by site."""
    ask = (
        "SELECT site, sum(1 + renewals) FROM receipts"
        " WHERE kind IN ('accepted', 'clamped') GROUP BY site"
    )
    with closing(sqlite3.connect(database)) as connection:
        return dict(connection.execute(ask).fetchall())


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    return asyncio.run(live_a_day(tmp_path_factory.mktemp("demo")))


def test_every_point_is_read_every_quarter_of_an_hour_and_stored_once(day: Lived) -> None:
    assert len(day.readings) == sum(len(site.points) for site in day.sites)
    assert len(day.sites) == 3
    rarely = {d.id for site in day.sites for d in site.devices if d.reads_per_day is not None}
    devices = {point.id: point.device for site in day.sites for point in site.points}
    for point, readings in day.readings.items():
        times = [r.time for r in readings]
        if devices[point] in rarely:
            assert len(times) in (4, 5), point
            assert set(times) <= set(QUARTERS), point
        else:
            assert times == QUARTERS, point
        assert {r.quality.value for r in readings} == {"good"}, point
    assert day.again == Ingested(known=sum(map(len, day.readings.values())))


def test_registers_of_the_meters_only_rise_and_agree_with_the_truth(day: Lived) -> None:
    for site in day.sites:
        optimised, total = day.rows[site.id].optimised, 0.0
        for meter in (m for m in site.meters if m.billed):
            point = site.meter_point(meter.id, Role.METER_ENERGY)
            assert point is not None
            values = [r.value or 0.0 for r in day.readings[point.id]]
            assert values == sorted(values)
            total += values[-1] - values[0]
        assert total == pytest.approx(optimised.energy_kwh, rel=0.02), site.id


def test_every_building_is_identified_and_planned_to_the_end(day: Lived) -> None:
    assert day.refused == []
    assert set(day.plans) == set(SITES)
    for plan in day.plans.values():
        assert plan.objections == ()
        assert plan.schedule.status is not PlanStatus.FALLBACK
        assert plan.created_at == BEGIN + timedelta(hours=23)


@pytest.mark.parametrize("site", SITES)
def test_less_is_used_than_under_own_control_and_nobody_is_cold(day: Lived, site: str) -> None:
    row = day.rows[site]
    assert row.optimised.energy_kwh < row.own_control.energy_kwh
    assert row.optimised.cost_dkk < row.own_control.cost_dkk
    assert row.optimised.comfort_kh <= row.comfort_limit_kh


def test_a_saving_after_one_day_is_refused(day: Lived) -> None:
    for row in day.rows.values():
        assert row.claimed.verdict is Verdict.NOT_CLAIMABLE
        assert row.claimed.saving_kwh is None
        assert row.claimed.reasons


@pytest.mark.parametrize("site", SITES)
def test_setpoints_were_written_read_back_and_given_back(day: Lived, site: str) -> None:
    kinds = Counter(type(receipt) for _, receipt in day.receipts[site])
    other = dict(kinds)
    for kind in (Accepted, Clamped, Released):
        other.pop(kind, None)
    assert other == {}
    levers = len(day.plans[site].schedule.setpoints)
    assert levers >= 3
    assert day.written[site] >= 0.9 * 96 * levers
    assert kinds[Released] >= levers
    end = [receipt for at, receipt in day.receipts[site] if at == BEGIN + DAY]
    assert {type(receipt) for receipt in end} == {Released}


def test_nothing_is_held_at_the_end_and_much_was_before(day: Lived) -> None:
    most = max(day.watcher.held, key=len)
    assert {point.split("/", 1)[0] for point in most} == set(SITES)
    assert {site: day.state[site]["held"] for site in SITES} == {site: [] for site in SITES}
    assert open_leases(day.journal) == []


def test_a_killed_guard_is_replaced_and_the_last_one_ends_with_us(day: Lived) -> None:
    assert day.watcher.killed == day.watcher.guards[0]
    assert len(day.watcher.guards) == 2
    assert Presence(day.journal).look() is None
