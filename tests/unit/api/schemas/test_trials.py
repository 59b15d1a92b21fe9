"""Every trial of a site over HTTP and on its page: sealed, with who ended it and why."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bms.services.trials.report import seal_results
from bms.services.trials.start import stop_trial
from tests.rigs.fakes.api import HTML, World, a_world
from tests.rigs.fakes.city import HOUR
from tests.rigs.fakes.trial import a_trial
from tests.rigs.fakes.trial_site import START, begun, in_time, lived


@pytest.fixture
def world(tmp_path) -> World:
    return in_time(a_world(tmp_path), START - 9 * HOUR)


@pytest.mark.slow
async def test_the_stopped_one_stands_beside_the_one_that_ran_to_its_end(world: World) -> None:
    site = world.city.site("lodge")
    first = begun(world)
    stop_trial(world.city.trials, site, by="Ann", reason="burst pipe")
    trial = begun(world)
    lived(world, trial, 0.10)
    async with world.browser(**world.key("read")) as browser:
        world.clock.move_to(trial.start + timedelta(days=9))
        (stopped, running) = (await browser.get("/v1/sites/lodge/trials")).json()["trials"]
        page = (await browser.get("/sites/lodge/work", headers=HTML)).text
        world.clock.move_to(trial.end)
        seal_results(world.city.trials, site)
        (_, done) = (await browser.get("/v1/sites/lodge/trials")).json()["trials"]
        last = (await browser.get("/sites/lodge/work", headers=HTML)).text
    assert (stopped["id"], stopped["state"]) == (first.id, "stopped")
    assert (stopped["ended"]["by"], stopped["ended"]["reason"]) == ("Ann", "burst pipe")
    assert (running["state"], running["effects"], running["findings"]) == ("running", [], [])
    assert {row["arm"]: row["share"] for row in running["dose"]}["own_control"] == 0.0
    assert {day["share"] for day in running["dose_days"] if day["arm"] == "own_control"} == {0.0}
    assert len(running["dose_days"]) == sum(row["days"] for row in running["dose"])
    assert running["design"]["sealed"]["primary"] == "heat"
    assert "by" not in running["design"]
    assert done["findings"][0] == {"subject": "heat", "outcome": "less"}
    assert len(done["result_digest"]) == len(done["design_digest"]) == 64
    for text in (first.id, trial.id, "burst pipe", running["design_digest"][:12]):
        assert text in page
    assert done["result_digest"][:12] in last
    assert f"{trial.start.year}" in page
    assert ("/do/stop-trial" in page, "/do/stop-trial" in last) == (True, False)


async def test_the_list_of_all_has_a_site_that_is_no_longer_in_the_files(world: World) -> None:
    begun(world)
    world.store.add_trial(a_trial("hut"))
    async with world.browser(**world.key("read")) as browser:
        answer = (await browser.get("/v1/trials")).json()
    trials = {each["site"]: each["trials"] for each in answer["sites"]}
    assert set(trials) == {"lodge", "hut"}
    ((lodge,), (hut,)) = trials["lodge"], trials["hut"]
    assert [each["code"] for each in lodge["changes"]] == []
    assert [each["code"] for each in hut["changes"]] == ["trial_site_gone"]
    assert hut["changes"][0]["en"].startswith("hut is no longer in the files")


async def test_a_site_that_is_no_longer_in_the_files_has_its_list(world: World) -> None:
    world.store.add_trial(a_trial("hut"))
    async with world.browser(**world.key("read")) as browser:
        (hut,) = (await browser.get("/v1/sites/hut/trials")).json()["trials"]
        none = await browser.get("/v1/sites/barn/trials")
    async with world.browser(**world.key("read@lodge")) as browser:
        hidden = await browser.get("/v1/sites/hut/trials")
    assert [each["code"] for each in hut["changes"]] == ["trial_site_gone"]
    assert none.status_code == 404
    assert hidden.status_code in (403, 404)


async def test_who_sees_one_building_sees_no_other_name_of_it(world: World) -> None:
    begun(world)
    world.store.add_trial(a_trial("hut"))
    async with world.browser(**world.key("read@lodge")) as browser:
        answer = (await browser.get("/v1/trials")).json()
    assert [each["site"] for each in answer["sites"]] == ["lodge"]
