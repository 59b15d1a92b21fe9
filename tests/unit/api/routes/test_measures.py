"""Measures over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rigs.fakes.api import World, a_world, live_in

WINDOWS = {
    "site": "lodge",
    "kind": "windows",
    "what": "new windows",
    "start": "2019-01-14T00:00:00+01:00",
    "cost_dkk": 450000,
    "expected_share": 0.08,
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = a_world(tmp_path)
    live_in(made)
    return made


@pytest.mark.slow
async def test_control_is_among_the_measures_with_the_saving_of_the_site(world: World) -> None:
    async with world.browser(**world.key("read")) as browser:
        (control,) = (await browser.get("/v1/measures")).json()["measures"]
        savings = (await browser.get("/v1/sites/lodge/savings")).json()
    assert (control["id"], control["kind"], control["site"]) == ("control", "control", "lodge")
    assert control["savings"] == savings["savings"]
    assert control["reporting"] == savings["reporting"]
    async with world.browser(**world.key("read")) as browser:
        one = await browser.get("/v1/measures/control?site=lodge")
        assert one.json() == control
        assert (await browser.get("/v1/measures/control")).status_code == 404


@pytest.mark.slow
async def test_a_measure_is_entered_shown_and_ended(world: World) -> None:
    async with world.browser(**world.key("operate")) as browser:
        made = await browser.post("/v1/measures", json=WINDOWS)
        assert made.status_code == 201, made.text
        name = made.json()["id"]
        shown = (await browser.get(f"/v1/measures/{name}")).json()
        assert shown == made.json()
        assert shown["author"] == "operate of a test"
        assert {reason["code"] for reason in shown["savings"]["reasons"]} >= {
            "measures_not_told_apart"
        }
        rows = (await browser.get("/v1/measures?site=lodge")).json()["measures"]
        assert {row["id"] for row in rows} == {"control", name}
        ended = await browser.post(
            f"/v1/measures/{name}/end",
            json={"end": "2019-01-25T00:00:00+01:00", "reason": "taken out again"},
        )
        assert ended.status_code == 200, ended.text
        assert ended.json()["end"] == "2019-01-24T23:00:00Z"
        actions = [row["action"] for row in (await browser.get("/v1/audit")).json()["entries"]]
        assert {"add_measure", "end_measure"} <= set(actions)


@pytest.mark.slow
async def test_pages_follow_each_other(world: World) -> None:
    async with world.browser(**world.key("operate")) as browser:
        for what in ("new windows", "new lamps"):
            assert (
                await browser.post("/v1/measures", json={**WINDOWS, "what": what})
            ).status_code == 201
        seen: list[str] = []
        after: str | None = ""
        while after is not None:
            asked = f"/v1/measures?limit=1{f'&cursor={after}' if after else ''}"
            body = (await browser.get(asked)).json()
            seen += [row["id"] for row in body["measures"]]
            after = body["next"]
    assert len(seen) == len(set(seen)) == 3


async def test_whoever_only_reads_enters_nothing(world: World) -> None:
    async with world.browser(**world.key("read")) as browser:
        assert (await browser.post("/v1/measures", json=WINDOWS)).status_code == 403
        ended = await browser.post(
            "/v1/measures/m1/end?site=lodge",
            json={"end": "2019-01-25T00:00:00+01:00", "reason": "taken out"},
        )
        assert ended.status_code == 403


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"site": "barn"}, 404),
        ({"meters": ["gas"]}, 404),
        ({"kind": "control"}, 422),
        ({"expected_share": 8}, 422),
        ({"expected_yearly_kwh": 10}, 422),
        ({"start": "2019-01-14T00:00:00"}, 422),
        ({"blackout_until": "2018-01-01T00:00:00Z"}, 422),
    ],
)
async def test_what_is_no_measure_is_refused(
    world: World, changes: dict[str, object], status: int
) -> None:
    async with world.browser(**world.key("operate")) as browser:
        answer = await browser.post("/v1/measures", json={**WINDOWS, **changes})
    assert answer.status_code == status, answer.text
    assert world.store.measures("lodge") == []
