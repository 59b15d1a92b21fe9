"""What the owner of a site knows goes with the order of a plan to whoever makes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bms.journal import MemoryJournal
from bms.runtime.anywhere.owner_knowledge import knowledge_of, with_knowledge
from bms.runtime.jobs import job_table
from bms.services.collect.device_times import DeviceTimes, LeastTimes
from bms.services.control.person_write import PersonWrite, write_once
from bms.services.planning.held_levers import holds_of
from tests.rigs.fakes.api import NOW, a_world
from tests.rigs.fakes.city import HOUR

SETPOINT = "lodge/hall.setpoint"


async def test_a_process_with_a_journal_of_its_own_plans_around_what_is_held(
    tmp_path: Path,
) -> None:
    world = a_world(tmp_path)
    site = world.city.site("lodge")
    jobs = {job.name: job for job in job_table(world.city)}
    for name in ("poll", "plan", "dispatch"):
        await jobs[name].run(NOW)
    wanted = PersonWrite(
        point=SETPOINT, value=20.0, lease=HOUR, actor="operator:anna", reason="visit"
    )
    await write_once(site, wanted, now=NOW, ports=world.city.control)
    told = replace(
        world.city, device_times=DeviceTimes.told({SETPOINT: LeastTimes(on=5.0, off=3.0)})
    )
    elsewhere = replace(told.planning, journal=MemoryJournal(), device_times=DeviceTimes())
    then = NOW + timedelta(minutes=1)
    assert holds_of(site, then, elsewhere).points == {}
    knowing = with_knowledge(elsewhere, knowledge_of(told, site))
    assert holds_of(site, then, knowing) == holds_of(site, then, world.city.planning)
    assert knowing.device_times.of(SETPOINT) == LeastTimes(on=5.0, off=3.0)


def test_without_anything_sent_along_our_own_journal_counts(tmp_path: Path) -> None:
    ports = a_world(tmp_path).city.planning
    assert with_knowledge(ports, "") is ports
