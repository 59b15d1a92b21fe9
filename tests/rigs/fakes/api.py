"""A city of one lodge with a year behind it and two weeks of control, and a browser for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, cached_property
from pathlib import Path

import httpx
import numpy as np
from fastapi import FastAPI

from api.app import create_app
from bms.clock import VirtualClock
from bms.config import Settings
from bms.journal import FileHandsOff, FileJournal
from bms.messages import FOLDER
from bms.model.assets.site import Mode, Site
from bms.model.control.command import Accepted, Command, Overridden
from bms.model.control.reasons import Holder
from bms.model.fact import Fact, fact
from bms.model.planning.feed import FeedSeries, WeatherSeries
from bms.model.planning.plan import (
    Expected,
    Plan,
    PlanStatus,
    Schedule,
    SetpointPlan,
    Step,
    ZoneForecast,
)
from bms.model.planning.plan_digest import sealed
from bms.model.planning.problem import BuildingModel, NoModel, Problem
from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.series import Series, grid_length
from bms.model.readings.units import Unit
from bms.runtime.city import City, Stores
from bms.runtime.wire import FileReporter
from bms.services.api_keys import create_key
from bms.services.guard.launcher import NoGuardNeeded
from bms.services.rooms.missing_temperature import Rooms
from bms.services.trust.without_building import AllCommissioned, all_approved
from bms.store.memory.store import MemoryStore
from tests.rigs.buildings.any_problem import a_problem
from tests.rigs.fakes.city import HOUR, QUARTER, FakeFeed, FlatTariffs, lodge, utc
from tests.rigs.fakes.drivers import FakeDrivers
from tests.rigs.fakes.ports import SeenRooms
from tests.rigs.storage.stores import AnyStore

CONTROL = utc(2019, 1, 13, 23)
NOW = utc(2019, 1, 28, 9, 5)
SETPOINT = "lodge/hall.setpoint"
SHARE = 0.8
"""What the lodge uses since our control, of what it used before."""
HTML = {"accept": "text/html"}


@cache
def temperature_c(moment: datetime) -> float:
    """A made-up climate: seasons, spells of a few days, day and night [degC]."""
    days = moment.timestamp() / 86_400
    season = 9.0 - 9.0 * np.cos(2 * np.pi * (days % 365.25 - 20) / 365.25)
    return float(season + 4.0 * np.sin(days / 1.7) + 2.0 * np.sin(days / 0.61))


class YearFeed(FakeFeed):
    """The made-up climate as weather; prices of ``FakeFeed``."""

    def weather(
        self, latitude: float, longitude: float, *, start: datetime, end: datetime, now: datetime
    ) -> WeatherSeries:
        n = grid_length(start, end, HOUR)
        values = np.array([temperature_c(start + HOUR * i) for i in range(n)])
        ghi = super().weather(latitude, longitude, start=start, end=end, now=now).ghi_wm2
        found = self._series("weather", start, HOUR, values.tolist(), "degC")
        return WeatherSeries(temp_out_c=found, ghi_wm2=_same_length(ghi, n))


def _same_length(feed: FeedSeries, n: int) -> FeedSeries:
    series = feed.series
    return replace(feed, series=Series(series.start, series.step, series.values[:n].copy()))


def nothing() -> Expected:
    return Expected(energy_kwh=None, cost_dkk=None, co2_kg=None, comfort_kh=None)


def a_lodge_plan(plan_id: str = "p1", at: datetime = NOW, **changes: object) -> Plan:
    """18 degC until four hours after ``at``, then 20.5 degC, for 36 hours."""
    start = at.replace(minute=0)
    end, change = start + 36 * HOUR, start + 4 * HOUR
    schedule = Schedule(
        site="lodge",
        start=start,
        step_s=900,
        status=PlanStatus.OPTIMAL,
        reasons=(Fact("no_weather", {"error": "<at 8>"}),),
        expected=Expected(energy_kwh=100.0, cost_dkk=80.0, co2_kg=9.5, comfort_kh=0.0),
        own_control=Expected(energy_kwh=130.0, cost_dkk=110.0, co2_kg=None, comfort_kh=0.2),
        setpoints=(
            SetpointPlan(
                point=SETPOINT,
                unit=Unit.DEG_C,
                steps=(
                    Step(start=start, end=change, value=18.0),
                    Step(start=change, end=end, value=20.5),
                ),
            ),
        ),
        forecast=(ZoneForecast(zone="hall", temp_c=(19.0,) * 144),),
    )
    made = Plan(
        id=plan_id,
        site="lodge",
        created_at=at,
        problem=a_problem(site="lodge", start=start),
        schedule=schedule,
    )
    return sealed(replace(made, **changes))


class FixedPlanner:
    """``Planner`` and ``Checker``: always the same schedule, never an objection."""

    def identify(self, problem: Problem) -> BuildingModel | NoModel:
        return NoModel(site=problem.site, reasons=())

    def plan(self, problem: Problem) -> Schedule:
        return a_lodge_plan(at=problem.start).schedule

    def check(self, problem: Problem, schedule: Schedule) -> tuple[Fact, ...]:
        return ()


@dataclass
class World:
    """A city with the things that tests turn."""

    city: City
    store: AnyStore
    clock: VirtualClock
    drivers: FakeDrivers
    feed: YearFeed
    catalogues: Path = FOLDER

    def key(self, scope: str, expires: datetime | None = None) -> dict[str, str]:
        """The header of a new key."""
        text = create_key(
            self.store,
            name=f"{scope} of a test",
            scope=scope,
            now=NOW,
            actor="a test",
            expires=expires,
        )
        return {"authorization": f"Bearer {text}"}

    def rewired(self, **ports: object) -> World:
        """The same world with other implementations of some ports."""
        return replace(self, city=replace(self.city, **ports))

    @cached_property
    def app(self) -> FastAPI:
        """The web application over the city; made when it is first asked for."""
        return create_app(self.city.api, self.catalogues)

    @asynccontextmanager
    async def browser(self, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=headers
        ) as client:
            yield client


def a_world(
    home: Path,
    *,
    store: AnyStore | None = None,
    sites: tuple[Site, ...] | None = None,
    rooms: Rooms | None = None,
    approved: bool = True,
    **settings: object,
) -> World:
    """A city without any reading, plan or receipt. ``approved``: every site was in ``auto`` before
    anything else."""
    kept, clock, drivers, feed = (
        store or MemoryStore(),
        VirtualClock(NOW),
        FakeDrivers(),
        YearFeed(),
    )
    chosen = (replace(lodge(), mode=Mode.AUTO),) if sites is None else sites
    planner = FixedPlanner()
    city = City(
        sites={site.id: site for site in chosen},
        settings=Settings(home=home, **settings),
        clock=clock,
        stores=replace(Stores.of(kept), decisions=all_approved(kept) if approved else kept),
        commissioned=AllCommissioned(),
        drivers=drivers,
        planner=planner,
        checker=planner,
        feed=feed,
        tariffs=FlatTariffs(),
        journal=FileJournal(home / "release.journal"),
        hands_off=FileHandsOff.beside(home / "release.journal"),
        keeper=NoGuardNeeded(),
        rooms=SeenRooms() if rooms is None else rooms,
        reporter=FileReporter(),
    )
    return World(city, kept, clock, drivers, feed)


def live_in(world: World) -> None:
    """A year of meters, two days of rooms, a plan and what was written."""
    world.store.add_readings(meters())
    world.store.add_readings(_rooms())
    world.store.add_plan(a_lodge_plan())
    first = a_command("c1", CONTROL, 18.0)
    world.store.add_receipts([Accepted(first, 18.0)], CONTROL)
    later = a_command("c2", NOW - 2 * HOUR, 18.5)
    world.store.add_receipts([Accepted(later, 18.5)], NOW - 2 * HOUR)
    last = a_command("c3", NOW - HOUR, 18.5)
    world.store.add_receipts([Overridden(last, 8, 22.0, fact(Holder.OPERATOR))], NOW - HOUR)


def a_command(command_id: str, at: datetime, value: float) -> Command:
    return Command(
        id=command_id,
        point=SETPOINT,
        value=value,
        issued_at=at,
        lease_end=at + timedelta(minutes=30),
        reason="plan p1 (optimal)",
        actor="plan",
        plan="p1",
    )


@cache
def meters() -> tuple[Reading, ...]:
    """Cumulative registers, hourly, from a year before our control; noise without a seed."""
    start = CONTROL - timedelta(days=366)
    out: list[Reading] = []
    totals = {"heat": 0.0, "el": 0.0}
    for i in range(int((NOW - start) / HOUR) + 1):
        at = start + HOUR * i
        out += [Reading(f"lodge/{name}.energy", at, round(v, 3)) for name, v in totals.items()]
        share = SHARE if at >= CONTROL else 1.0
        wobble = 1.0 + 0.05 * np.sin(i * 0.7) * np.cos(i * 0.113)
        totals["heat"] += share * wobble * (1.0 + 0.5 * max(0.0, 17.0 - temperature_c(at)))
        totals["el"] += share * wobble * 2.0
    return tuple(out)


def _rooms() -> list[Reading]:
    """Two days of quarter-hours; the sensor was away for one of them."""
    out: list[Reading] = []
    start = NOW.replace(minute=0) - 48 * HOUR
    for i in range(48 * 4 + 1):
        at = start + QUARTER * i
        gone = i == 10
        temp = Reading("lodge/hall.temp", at, None, Quality.NO_REPLY, at, "no reply")
        out.append(temp if gone else Reading("lodge/hall.temp", at, 20.0 + np.sin(i / 15)))
        out.append(Reading(SETPOINT, at, 17.5 if i % 96 < 24 else 20.5))
        out.append(Reading("lodge/outdoor.temp", at, 2.5))
    return out
