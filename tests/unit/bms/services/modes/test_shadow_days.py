"""What is kept of a day at which nothing was written: expected, happened, and what people did."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bms.model.assets.site import Mode
from bms.model.readings.measurement import Reading
from bms.model.trust.modes import Application
from bms.services.modes.shadow_days import application_of, record_shadow_day
from bms.services.periods import local_date, midnight
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.city import lodge, utc
from tests.rigs.fakes.store import a_plan

SITE = replace(lodge(), mode=Mode.ADVISE)
NOW = utc(2019, 1, 28, 9, 0)
DAY, QUARTER = timedelta(days=1), timedelta(minutes=15)
START = midnight(local_date(NOW, SITE.timezone) - DAY, SITE.timezone)
SETPOINT = "lodge/hall.setpoint"
ADVISED = 18.5


def advised(site=SITE) -> ControlBench:
    """A plan of a day that asks for ``ADVISED``."""
    bench = ControlBench(site, NOW, own={})
    plan = a_plan("p1", "lodge", START, setpoint_c=ADVISED, steps=96)
    row = plan.schedule.setpoints[0]
    step = replace(row.steps[0], start=START, end=START + DAY, value=ADVISED)
    row = replace(row, point=SETPOINT, steps=(step,))
    bench.store.add_plan(replace(plan, schedule=replace(plan.schedule, setpoints=(row,))))
    return bench


@pytest.mark.parametrize(
    ("hours", "application"),
    [(24, Application.APPLIED), (12, Application.PARTLY), (0, Application.NOT)],
)
async def test_what_a_person_did_with_the_advice(hours: int, application: Application) -> None:
    bench = advised()
    times = [START + n * QUARTER for n in range(96)]
    bench.store.add_readings(
        Reading(SETPOINT, at, ADVISED if at < START + timedelta(hours=hours) else 21.0)
        for at in times
    )
    row = await record_shadow_day(SITE, NOW, bench.ports)
    assert row is not None
    assert row.application is application
    assert (row.plan_kwh, row.plan_kh) == (120.0, 0.0)
    assert bench.store.shadow_days("lodge", row.day) == [row]


async def test_without_readings_nobody_knows() -> None:
    row = await record_shadow_day(SITE, NOW, advised().ports)
    assert row is not None
    assert (row.followed, row.application) == (None, Application.UNKNOWN)
    assert row.happened_kh is None


async def test_nothing_is_kept_of_a_day_that_was_written_or_not_planned() -> None:
    auto = replace(SITE, mode=Mode.AUTO)
    assert await record_shadow_day(auto, NOW, advised(auto).ports) is None
    assert await record_shadow_day(SITE, NOW, ControlBench(SITE, NOW, own={}).ports) is None


def test_shares() -> None:
    shares = (None, 0.0, 0.2, 0.79, 0.8, 1.0)
    assert [application_of(share).name for share in shares] == [
        *("UNKNOWN", "NOT", "PARTLY", "PARTLY", "APPLIED", "APPLIED")
    ]
