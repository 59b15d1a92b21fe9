"""Nouns to put into a store, and a store whose database can be taken away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bms.errors import StoreUnavailable
from bms.model.access.people import KeptPerson, KeptSession, SignInWay
from bms.model.assets.equipment import HeatSource, HeatSourceKind
from bms.model.assets.point import Role
from bms.model.control.kept_key import KeptKey
from bms.model.fact import Fact
from bms.model.planning.plan import Expected, Plan, PlanStatus, Schedule, SetpointPlan, Step
from bms.model.planning.problem import (
    BuildingModel,
    History,
    Lever,
    Problem,
    Weather,
    ZoneHistory,
    ZoneModel,
    ZoneTask,
)
from bms.model.readings.measurement import Ingested, Reading
from bms.model.readings.units import Unit
from bms.store.memory.store import MemoryStore
from tests.rigs.buildings.any_problem import a_problem

MONDAY = datetime(2019, 1, 14, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)


class AwayStore(MemoryStore):
    """A store that keeps readings while ``away`` is False and is unavailable while it is True."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False

    def add_readings(self, readings: Iterable[Reading], *, durable: bool = False) -> Ingested:
        if self.away:
            raise StoreUnavailable("the database was taken away")
        return super().add_readings(readings, durable=durable)


def a_kept_key(
    id_: str,
    *,
    scope: str = "read",
    name: str = "energy team",
    created: datetime = MONDAY,
    expires: datetime | None = None,
) -> KeptKey:
    """A key whose digest is that of no secret."""
    return KeptKey(
        id=id_, digest=f"of {id_}", scope=scope, name=name, created=created, expires=expires
    )


def a_person(id_: str, **changes: object) -> KeptPerson:
    """Somebody whose password nobody knows."""
    made = KeptPerson(
        id=id_, name=f"kari {id_}", grants="viewer", created=MONDAY, password=f"hash of {id_}"
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def a_session(id_: str, of: str = "k1", **changes: object) -> KeptSession:
    """An hour of somebody; its token is that of nobody."""
    made = KeptSession(
        digest=f"of {id_}",
        id=id_,
        of=of,
        name="kari",
        way=SignInWay.KEY,
        grants="viewer",
        begun=MONDAY,
        seen=MONDAY,
        until=MONDAY + HOUR,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def a_model(site: str = "school", at: datetime = MONDAY) -> BuildingModel:
    zone = ZoneModel(
        zone="gym",
        order="2R2C",
        parameters={"ua_kw_per_k": 1.25, "c_kwh_per_k": 40.0},
        rmse_24h_k=0.4,
        persistence_k=0.9,
        last_week_k=1.1,
    )
    return BuildingModel(site=site, identified_at=at, days=21.0, zones=(zone,))


def a_gappy_problem(site: str = "school", start: datetime = MONDAY, steps: int = 4) -> Problem:
    lever = Lever(
        point=f"{site}/gym.setpoint",
        role=Role.ZONE_SETPOINT,
        unit=Unit.DEG_C,
        minimum=16.0,
        maximum=22.0,
    )
    zone = ZoneTask(
        id="gym",
        area_m2=600.0,
        occupied=(True,) * steps,
        low_c=(17.0,) * steps,
        high_c=(24.0,) * steps,
        own_setpoint_c=(19.0,) * steps,
        lever=lever,
    )
    gappy = tuple(None if i % 3 == 1 else 0.1 * i for i in range(steps))
    past = ZoneHistory(
        id="gym", temp_c=gappy, setpoint_c=gappy, valve_pct=gappy, occupied=(False,) * steps
    )
    weather = Weather(temp_out_c=gappy, ghi_wm2=gappy)
    return a_problem(
        site=site,
        start=start,
        latitude=52.227,
        longitude=0.465,
        weather=weather,
        electricity_dkk_per_kwh=gappy,
        heat_dkk_per_kwh=gappy,
        electricity_kg_per_kwh=gappy,
        heat_kg_per_kwh=gappy,
        zones=(zone,),
        heat_source=HeatSource(
            kind=HeatSourceKind.HEAT_PUMP, capacity_kw=220.0, cop=((-7.0, 2.4), (7.0, 3.6))
        ),
        history=History(
            start=start - steps * QUARTER,
            step_s=900,
            weather=weather,
            heat_kw=gappy,
            zones=(past,),
        ),
        model=a_model(site),
        notes=(Fact("no_weather", {"error": "away"}),),
    )


def a_plan(
    plan_id: str = "p1",
    site: str = "school",
    at: datetime = MONDAY,
    setpoint_c: float = 18.5,
    steps: int = 4,
) -> Plan:
    expected = Expected(energy_kwh=120.0, cost_dkk=150.5, co2_kg=None, comfort_kh=0.0)
    schedule = Schedule(
        site=site,
        start=at,
        step_s=900,
        status=PlanStatus.RELAXED,
        reasons=(Fact("planned"),),
        expected=expected,
        own_control=expected,
        setpoints=(
            SetpointPlan(
                point=f"{site}/gym.setpoint",
                unit=Unit.DEG_C,
                steps=(Step(start=at, end=at + steps * QUARTER, value=setpoint_c),),
            ),
        ),
    )
    return Plan(
        id=plan_id,
        site=site,
        created_at=at,
        problem=a_gappy_problem(site, at, steps),
        schedule=schedule,
        objections=(Fact("check_limit", {"point": "hall"}),),
    )


def quarters(values: Iterable[float], point: str, start: datetime = MONDAY) -> list[Reading]:
    """Good readings every quarter of an hour from ``start``."""
    return [Reading(point, start + i * QUARTER, value) for i, value in enumerate(values)]
