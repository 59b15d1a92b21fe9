"""A writer process for the tests of the guard: dispatches plans for simulated buildings.

Call: ``guard_city_writer.py JOURNAL CLOCK_FILE PORTS_JSON``. Says one JSON line with the kind of
every receipt of the first tick, then ticks on until it is killed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from bms.clock import FileClock
from bms.journal import FileJournal
from bms.model.assets.point import Role
from bms.model.assets.site import Site
from bms.model.planning.plan import SetpointPlan, Step
from bms.model.planning.plan_digest import sealed
from bms.services.control.dispatch import dispatch_site
from bms.services.guard.launcher import GuardLauncher
from bms.store.memory.store import MemoryStore
from drivers.registry import NetworkDrivers
from drivers.templates import load_templates
from sites.loader import load_sites
from tests.rigs.fakes.ports import control_ports
from tests.rigs.fakes.safety import plan_of
from tests.rigs.paths import ROOT

EXAMPLES = ROOT / "sites" / "examples"
GUARD = (sys.executable, "-m", "bms.guard", "--check-seconds", "0.1")
WANTED = {
    Role.ZONE_SETPOINT: 18.3,
    Role.VENTILATION_RUN: 1.0,
    Role.VENTILATION_FLOW: 40.0,
    Role.SUPPLY_AIR_SETPOINT: 16.0,
    Role.HEATING_CURVE_SHIFT: -2.0,
}


def wired_sites(ports: dict[str, dict[str, int]]) -> list[Site]:
    sites = load_sites(EXAMPLES, load_templates())
    return [
        replace(
            site, devices=tuple(replace(d, port=ports[site.id][d.protocol]) for d in site.devices)
        )
        for site in sites
    ]


def planned(site: Site, now: datetime, store: MemoryStore) -> None:
    """Put a plan into the store that holds one value per lever."""
    end = now + timedelta(hours=4)
    plan = plan_of({}, plan_id=f"plan-{site.id}", start=now)
    rows = tuple(
        SetpointPlan(
            point=point.id,
            unit=point.unit,
            steps=(Step(start=now, end=end, value=WANTED[point.role]),),
        )
        for point in site.points
        if point.write is not None
    )
    schedule = replace(plan.schedule, site=site.id, setpoints=rows)
    store.add_plan(sealed(replace(plan, site=site.id, schedule=schedule)))


async def main(journal: Path, clock_file: Path, ports: dict[str, dict[str, int]]) -> None:
    clock, store = FileClock(clock_file), MemoryStore()
    sites, drivers = wired_sites(ports), NetworkDrivers(clock)
    keeper = GuardLauncher(journal, clock_file, GUARD, deadline_s=20)
    for site in sites:
        planned(site, clock.now(), store)
    said = False
    while True:
        batches = await asyncio.gather(
            *(
                dispatch_site(
                    site,
                    now=clock.now(),
                    lease=timedelta(minutes=30),
                    ports=control_ports(
                        store,
                        drivers=drivers,
                        journal=FileJournal(journal),
                        keeper=keeper,
                        clock=clock,
                    ),
                )
                for site in sites
            )
        )
        if not said:
            kinds = [type(outcome).__name__ for batch in batches for outcome in batch]
            sys.stdout.write(json.dumps(kinds) + "\n")
            sys.stdout.flush()
            said = True
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])))
