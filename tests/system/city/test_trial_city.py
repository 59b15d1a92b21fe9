"""Two weeks of a trial in a simulated town hall: dispatch obeys, and the meters show it.

In process: the simulator's physics behind drivers without sockets, the plan a fixed night setback.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from bms.cli.energy import trial as trial_command
from bms.cli.main import app
from bms.clock import VirtualClock
from bms.config import Settings
from bms.errors import FeedError
from bms.feeds.archive import ArchiveFeed
from bms.journal import MemoryJournal
from bms.model.assets.point import Role
from bms.model.assets.site import Mode, Site
from bms.model.control.command import Accepted, Clamped, Refused
from bms.model.planning.plan import Plan, SetpointPlan, Step
from bms.model.planning.plan_digest import sealed
from bms.model.savings.trial_result import Arm, Subject
from bms.model.trust.modes import AutoScope
from bms.runtime.city import City
from bms.runtime.municipality import START, WEATHER, example_sites
from bms.runtime.wire import wire
from bms.savings.trials.power import BlockDesign
from bms.services.collect.poll import poll_site
from bms.services.control.dispatch import dispatch_site
from bms.services.control.plan_check import PlanCheck
from bms.services.control.trial_block import TrialNotice
from bms.services.trials.report import seal_results
from bms.services.trials.start import TrialRequest, start_trial
from bms.store.memory.store import MemoryStore
from bms.store.sql.store import SqlStore
from drivers.simulator.inprocess import InProcessDrivers
from drivers.simulator.municipality import Municipality, SimSite, WeatherTable
from tests.rigs.commissioned import trust
from tests.rigs.fakes.ports import NoObjections
from tests.rigs.fakes.safety import Keeper, plan_of
from tests.rigs.paths import ROOT

TICK = timedelta(minutes=30)
BEGIN = START.astimezone(UTC)
SETBACK_C = 17.0


@dataclass
class Life:
    """The building while time passes, and which levers were held at the end of each tick."""

    city: City
    site: Site
    clock: VirtualClock
    drivers: InProcessDrivers
    journal: MemoryJournal
    held: dict[datetime, frozenset[str]]

    async def until(self, end: datetime) -> None:
        while self.clock.now() < end:
            now = self.clock.now()
            await poll_site(
                self.site, now=now, drivers=self.drivers, readings=self.city.stores.readings
            )
            await dispatch_site(
                self.site,
                now=now,
                lease=2 * TICK,
                plan_max_age=timedelta(days=30),
                ports=replace(
                    self.city.control,
                    journal=self.journal,
                    keeper=Keeper(),
                    plan_check=PlanCheck(NoObjections()),
                ),
            )
            self.held[now] = frozenset(self.journal.leases())
            self.drivers.advance(int(TICK.total_seconds()))
            self.clock.move_to(now + TICK)
        await poll_site(
            self.site, now=end, drivers=self.drivers, readings=self.city.stores.readings
        )


def setback(site: Site, start: datetime) -> Plan:
    """Every room at 17 degC for a month, whatever the hour: nobody could miss it."""
    made = plan_of({}, start=start, hours=24 * 30)
    end = made.schedule.end if made.schedule.setpoints else start + timedelta(days=30)
    rows = tuple(
        SetpointPlan(point=p.id, unit=p.unit, steps=(Step(start=start, end=end, value=SETBACK_C),))
        for p in site.points_by_role(Role.ZONE_SETPOINT)
    )
    problem = replace(made.problem, site=site.id)
    schedule = replace(made.schedule, site=site.id, setpoints=rows)
    return sealed(replace(made, site=site.id, problem=problem, schedule=schedule))


@pytest.fixture
async def life(tmp_path: Path) -> Life:
    site = replace(example_sites(1)[0], mode=Mode.AUTO)
    clock = VirtualClock(BEGIN - timedelta(hours=9))
    weather = WeatherTable.from_csv_gz(WEATHER)
    world = Municipality([SimSite(site.id, site.id, 7)], weather, clock.now())
    drivers, store = InProcessDrivers(world), MemoryStore()
    city = wire(
        Settings(home=tmp_path),
        sites=[site],
        clock=clock,
        drivers=drivers,
        feed=ArchiveFeed(),
        store=store,
    )
    trust(store, [site], at=clock.now())
    return Life(city, site, clock, drivers, MemoryJournal(), {})


async def test_two_weeks_of_a_trial(life: Life) -> None:
    request = TrialRequest(weeks=2, by="Bo", reason="proof", design=BlockDesign(2, 0))
    trial = start_trial(replace(life.city.trials, lot=lambda: 5), life.site, request)
    assert trial.start == BEGIN
    life.city.stores.plans.add_plan(setback(life.site, life.clock.now()))
    await life.until(trial.end)

    zone = ZoneInfo(life.site.timezone)
    by_day: dict[date, set[frozenset[str]]] = defaultdict(set)
    for at, held in life.held.items():
        by_day[at.astimezone(zone).date()].add(held)
    levers = frozenset(p.id for p in life.site.points_by_role(Role.ZONE_SETPOINT))
    for day in range(trial.days):
        arm = trial.arms[day // trial.block_days]
        wanted = levers if arm is Arm.OPTIMISED else frozenset()
        assert by_day[trial.first + timedelta(days=day)] == {wanted}, (day, arm)

    _the_receipts_agree(life, trial.start, trial.end)
    (sealed,) = seal_results(life.city.trials, life.site)
    result = sealed.result
    assert (result.days_done, result.primary) == (14, Subject.HEAT)
    doses = {each.arm: each.share for each in result.dose}
    written = len(levers) / len(trial.sealed.levers)
    assert doses == {Arm.OPTIMISED: pytest.approx(written, abs=0.05), Arm.OWN_CONTROL: 0.0}
    effects = {effect.subject: effect for effect in result.effects}
    assert effects[Subject.HEAT].saving.value > 0.0
    assert effects[Subject.HEAT].mean_own > effects[Subject.HEAT].mean_optimised
    assert effects[Subject.COMFORT].saving.value < 0.0
    assert effects[Subject.HEAT].missing == 0


def _the_receipts_agree(life: Life, start: datetime, end: datetime) -> None:
    written, refused = set(), set()
    for at, receipt in life.city.stores.ledgers.receipts(life.site.id, start):
        if isinstance(receipt, Accepted | Clamped):
            written.add(at)
        elif isinstance(receipt, Refused):
            refused.add(at)
            assert receipt.reason.code == TrialNotice.OWN_CONTROL
    (known,) = life.city.stores.trials.trials(life.site.id)
    trial = known.trial
    for at in written:
        block = trial.block_at(at)
        assert block is not None
        assert trial.arms[block] is Arm.OPTIMISED
    changes = {
        trial.block_start(i)
        for i, arm in enumerate(trial.arms)
        if arm is Arm.OWN_CONTROL and (i == 0 or trial.arms[i - 1] is Arm.OPTIMISED)
    }
    assert refused <= changes
    assert end == trial.end


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``bms trial`` on a database without a year behind it: every step ends in a sentence."""
    clock = tmp_path / "clock.json"
    clock.write_text(json.dumps({"time": (BEGIN - timedelta(hours=9)).isoformat()}))
    folder = tmp_path / "sites"
    folder.mkdir()
    example = ROOT / "sites" / "examples" / "townhall.yaml"
    text = example.read_text()
    (folder / "townhall.yaml").write_text(
        "\n".join("mode: auto" if line.startswith("mode:") else line for line in text.splitlines())
    )
    env = {
        "BMS_HOME": str(tmp_path / "home"),
        "BMS_SITES": str(folder),
        "BMS_CLOCK_FILE": str(clock),
        "LC_ALL": "en",
    }

    (tmp_path / "home").mkdir()
    store = SqlStore(f"sqlite:///{tmp_path / 'home' / 'bms.db'}")
    said = {"actor": "Bo", "at": BEGIN - timedelta(hours=9), "reason": "a rig"}
    store.approve("townhall", AutoScope.FULL, **said)
    store.close()

    def bms(*words: str):
        return CliRunner().invoke(app, ["trial", *words], env=env)

    assert bms("townhall", "result").exit_code != 0
    who = ("--by", "Bo", "--reason", "proof")
    missing = bms("townhall", "start", *who)
    assert missing.exit_code == 2
    assert "--weeks" in missing.output
    assert bms("townhall", "start", "--weeks", "4", "--seed", "3", *who).exit_code == 2
    for wrong in (
        ("0",),
        ("27",),
        ("4", "--comfort-margin", "nan"),
        ("4", "--comfort-margin", "0"),
    ):
        assert bms("townhall", "start", "--weeks", *wrong, *who).exit_code == 2
    assert bms("townhall", "plan", "--block-days", "1", "--washout-days", "1").exit_code != 0
    started = bms("townhall", "start", "--weeks", "4", "--json", *who)
    assert started.exit_code == 0, started.output
    made = json.loads(started.stdout)
    assert made["first"] == "2019-01-14"
    assert len(made["arms"]) == 9
    told = bms("townhall", "result", "--json")
    answer = json.loads(told.stdout)
    assert (answer["days_done"], answer["state"], answer["effects"]) == (0, "coming", [])
    assert [row["trial"] for row in answer["trials"]] == [made["id"]]
    assert answer["design"]["sealed"]["primary"] == "heat"
    assert len(answer["design_digest"]) == 64
    together = json.loads(bms("all", "result", "--json").stdout)
    assert [site["site"] for site in together["sites"]] == ["townhall"]
    plan = bms("townhall", "plan")
    assert plan.exit_code == 0, plan.output
    assert "weeks" in plan.output
    for effect in ("nan", "0", "-5", "101"):
        assert bms("townhall", "plan", "--effect", effect).exit_code == 2
    stopped = bms("townhall", "stop", "--by", "Ann", "--reason", "leak")
    assert stopped.output.strip() == f"stopped {made['id']}"
    assert bms("townhall", "stop", *who).exit_code != 0
    again = json.loads(bms("townhall", "start", "--weeks", "4", "--json", *who).stdout)
    assert (again["seed"], again["arms"]) == (made["seed"], made["arms"])
    every = json.loads(bms("townhall", "result", "--json").stdout)["trials"]
    assert [(row["state"], row["ended"] and row["ended"]["by"]) for row in every] == [
        ("stopped", "Ann"),
        ("coming", None),
    ]
    shown = bms("townhall", "result")
    assert shown.exit_code == 0, shown.output
    assert "leak" in shown.output

    file = folder / "townhall.yaml"
    file.write_text(file.read_text().replace("site: townhall", "site: hall", 1))
    gone = json.loads(bms("all", "result", "--json").stdout)["sites"]
    assert [(row["site"], row["state"]) for row in gone] == [
        ("townhall", "stopped"),
        ("townhall", "coming"),
    ]
    assert "no longer in the files" in bms("all", "result").output
    alone = json.loads(bms("townhall", "result", "--json").stdout)["trials"]
    assert [row["trial"] for row in alone] == [row["trial"] for row in gone]
    assert bms("townhall", "plan").exit_code != 0
    ended = bms("townhall", "stop", *who)
    assert ended.exit_code == 0, ended.output
    file.write_text(file.read_text().replace("site: hall", "site: townhall", 1))

    def without_weather(*_: object) -> None:
        raise FeedError("no weather at hand")

    monkeypatch.setattr(trial_command, "seal_and_compare", without_weather)
    shown = bms("townhall", "result")
    assert shown.exit_code == 0, shown.output
    assert "no weather at hand" in shown.output
    assert "leak" in shown.output
