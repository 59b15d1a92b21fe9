"""Whoever writes obeys a trial: on days of own control nothing, and everything given back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bms.messages import translator
from bms.model.assets.site import Mode, Site
from bms.model.control.command import Accepted, Override, Refused, Released
from bms.model.control.reasons import CommandReason
from bms.model.fact import Fact
from bms.model.savings.trial import TrialEnd
from bms.services.control.dispatch import dispatch_site
from bms.services.control.trial_block import trial_block_at
from bms.services.operator import change_mode, release
from bms.store.memory.store import MemoryStore
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.api import HTML, NOW, a_lodge_plan, a_world
from tests.rigs.fakes.ports import control_ports
from tests.rigs.fakes.safety import LEASE, LEVERS, NULL, TICK, WANTED, hut, plan_of
from tests.rigs.fakes.trial import OURS, a_trial
from tests.rigs.fakes.trial import OWN as OWN_CONTROL

ARMS = (OURS, OWN_CONTROL, OURS, OWN_CONTROL, OURS, OWN_CONTROL)
TRIAL = a_trial(arms=ARMS)
MIDNIGHT = TRIAL.block_start(1)
"""When the building's own control takes over."""


class Bench(ControlBench):
    """A hut whose plan asks for something else than the hut itself, and a trial."""

    def __init__(self, now: datetime, site: Site | None = None) -> None:
        super().__init__(site, now)
        self.store.add_trial(TRIAL)
        self.store.add_plan(plan_of(WANTED, start=now - TICK, hours=72))

    async def tick(self, after: timedelta = timedelta(0), **more: timedelta):
        self.now += after
        return await dispatch_site(
            self.site,
            now=self.now,
            lease=LEASE,
            plan_max_age=timedelta(days=3),
            ports=self.ports,
        )


class TestDispatch:
    async def test_a_block_of_own_control_begins_with_everything_given_back(self) -> None:
        bench = Bench(MIDNIGHT - TICK)
        outcomes = await bench.tick()
        assert {o.command.point for o in outcomes if isinstance(o, Accepted)} == set(LEVERS)
        outcomes = await bench.tick(TICK)
        assert bench.now == MIDNIGHT
        assert bench.held() == {}
        assert bench.journal.leases() == {}
        assert {o.point for o in outcomes if isinstance(o, Released)} == set(LEVERS)

    async def test_the_receipts_say_why(self) -> None:
        bench = Bench(MIDNIGHT - TICK)
        (accepted, *_) = [o for o in await bench.tick() if isinstance(o, Accepted)]
        why = accepted.command.reason
        assert isinstance(why, Fact)
        assert why.code == CommandReason.PLAN_IN_TRIAL
        assert [why.parameters[name] for name in ("trial", "block", "blocks")] == [
            "hut-trial",
            1,
            6,
        ]
        await bench.tick(TICK)
        kept = [r for _, r in bench.store.receipts("hut", MIDNIGHT)]
        refusals = [r.reason for r in kept if isinstance(r, Refused)]
        said = "Switchback trial hut-trial, block 2/6: the building's own control until 2019-01-18"
        told = [translator("en", "Europe/Copenhagen").describe(reason) for reason in refusals]
        assert told == [f"{said} 00:00"] * len(LEVERS)

    async def test_for_the_whole_block_nothing_is_written(self) -> None:
        bench = Bench(MIDNIGHT)
        while bench.now < TRIAL.block_end(1) - timedelta(hours=5):
            assert await bench.tick(timedelta(hours=5)) == []
        assert bench.held() == {}
        assert not any(device.writes for device in bench.drivers.devices.values())

    async def test_our_days_are_written_as_ever(self) -> None:
        bench = Bench(TRIAL.block_end(1) - TICK)
        assert await bench.tick() == []
        await bench.tick(TICK)
        assert bench.held() == WANTED

    async def test_people_still_win_on_our_days(self) -> None:
        bench = Bench(TRIAL.start)
        bench.store.add_override(
            Override(
                id="o1",
                site="hut",
                point=NULL,
                since=TRIAL.start,
                until=None,
                reason="cold",
                actor="janitor",
            )
        )
        await bench.tick()
        assert NULL not in bench.held()
        assert len(bench.held()) == len(LEVERS) - 1

    async def test_a_person_may_write_on_days_of_own_control(self) -> None:
        bench = Bench(MIDNIGHT + TICK)
        receipt = await bench.write(NULL, 20.0)
        assert isinstance(receipt, Accepted)
        await bench.tick(TICK / 3)
        assert bench.held() == {NULL: 20.0}

    async def test_a_trial_that_was_stopped_holds_nobody_back(self) -> None:
        bench = Bench(MIDNIGHT + TICK)
        end = TrialEnd(trial=TRIAL.id, site="hut", at=bench.now, by="Bo", reason="leak")
        bench.store.end_trial(end)
        await bench.tick()
        assert bench.held() == WANTED

    async def test_a_trial_of_another_site_is_nothing_to_us(self) -> None:
        bench = Bench(MIDNIGHT + TICK)
        bench.store = MemoryStore()
        bench.store.add_trial(replace(TRIAL, site="school"))
        bench.store.add_plan(plan_of(WANTED, start=bench.now))
        await bench.tick()
        assert bench.held() == WANTED

    async def test_in_a_lower_mode_the_trial_allows_nothing(self) -> None:
        bench = Bench(TRIAL.start, hut(Mode.ADVISE))
        assert await bench.tick() == []
        assert bench.held() == {}


class TestItsEnd:
    async def test_an_emergency_stop_ends_the_trial(self) -> None:
        bench = Bench(TRIAL.start)
        await bench.tick()
        await release(
            bench.site,
            now=bench.now,
            actor="janitor",
            reason="alarm",
            ports=control_ports(bench.store, drivers=bench.drivers, journal=bench.journal),
        )
        assert bench.held() == {}
        (kept,) = bench.store.trials("hut")
        assert kept.ended == TrialEnd(
            trial=TRIAL.id, site="hut", at=bench.now, by="janitor", reason="alarm"
        )
        assert trial_block_at([kept], bench.now) is None

    async def test_a_mode_below_auto_ends_it_and_auto_does_not(self, tmp_path) -> None:
        world = a_world(tmp_path)
        site = world.city.site("lodge")
        world.store.add_trial(a_trial("lodge", first=NOW.date()))
        await change_mode(
            site, Mode.AUTO, now=NOW, ports=world.city.control, reason="approved", actor="bo"
        )
        assert world.store.trials("lodge")[0].ended is None
        await change_mode(
            site, Mode.ADVISE, now=NOW, ports=world.city.control, reason="complaints", actor="bo"
        )
        ended = world.store.trials("lodge")[0].ended
        assert ended is not None
        assert (ended.by, ended.reason) == ("bo", "complaints")


class TestWhatPeopleAndControllersSee:
    @pytest.fixture
    def world(self, tmp_path):
        world = a_world(tmp_path)
        world.store.add_plan(a_lodge_plan())
        return world

    async def test_a_controller_that_fetches_gets_nothing_on_days_of_own_control(self, world):
        own = a_trial("lodge", first=NOW.date(), arms=(OWN_CONTROL, OURS) * 3)
        world.store.add_trial(own)
        async with world.browser(**world.key("controller:lodge/rooms")) as browser:
            answer = (await browser.get("/v1/controllers/lodge/rooms/schedule")).json()
        assert answer["setpoints"] == []
        assert [reason["code"] for reason in answer["reasons"]] == ["trial_own_control"]

    async def test_what_it_fetches_on_our_days_ends_with_them(self, world):
        trial = a_trial("lodge", first=NOW.date(), arms=(OURS, OWN_CONTROL) * 3, block_days=2)
        world.store.add_trial(trial)
        world.clock.move_to(trial.block_end(0) - timedelta(minutes=5))
        world.store.add_plan(a_lodge_plan("p2", at=world.clock.now()))
        async with world.browser(**world.key("controller:lodge/rooms")) as browser:
            answer = (await browser.get("/v1/controllers/lodge/rooms/schedule")).json()
        assert answer["setpoints"]
        assert datetime.fromisoformat(answer["lease_end"]) == trial.block_end(0)

    async def test_the_site_and_its_page_say_whose_day_it_is(self, world):
        own = a_trial("lodge", first=NOW.date(), arms=(OWN_CONTROL, OURS) * 3)
        async with world.browser(**world.key("read")) as browser:
            assert (await browser.get("/v1/sites/lodge")).json()["trial"] is None
            world.store.add_trial(own)
            told = (await browser.get("/v1/sites/lodge")).json()["trial"]
            page = (await browser.get("/sites/lodge?lang=en", headers=HTML)).text
        assert (told["id"], told["arm"]) == ("lodge-trial", "own_control")
        assert datetime.fromisoformat(told["until"]) == own.block_end(0)
        assert "own control until 2019-01-30 00:00" in page

    async def test_a_trial_that_is_to_come_is_told_too(self, world):
        world.store.add_trial(a_trial("lodge", first=NOW.date() + timedelta(days=2)))
        async with world.browser(**world.key("read")) as browser:
            told = (await browser.get("/v1/sites/lodge")).json()["trial"]
            page = (await browser.get("/sites/lodge?lang=da", headers=HTML)).text
        assert (told["arm"], told["until"]) == (None, None)
        assert "Skifteforsøg lodge-trial begynder" in page
