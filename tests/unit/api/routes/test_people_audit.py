"""The audit over HTTP: newest first, filtered, page by page, for those who may operate."""

from __future__ import annotations

import pytest

from bms.model.assets.site import Mode
from tests.rigs.fakes.api import NOW, a_world
from tests.rigs.fakes.city import HOUR


@pytest.fixture
async def desk(tmp_path):
    world = a_world(tmp_path)
    headers = world.key("operate")
    for i in range(3):
        at = NOW - (3 - i) * HOUR
        world.store.set_mode("lodge", Mode.ADVISE, actor=f"p{i}", at=at, reason="noise")
    async with world.browser(**headers) as browser:
        yield world, browser


async def test_w16_what_people_did_is_read_newest_first(desk):
    _, browser = desk
    answer = (await browser.get("/v1/audit")).json()
    rows = answer["entries"]
    assert [row["actor"] for row in rows] == ["p2", "p1", "p0", "a test"]
    assert answer["next"] is None
    assert rows[0] == {
        "number": 4,
        "at": (NOW - HOUR).isoformat().replace("+00:00", "Z"),
        "actor": "p2",
        "action": "set_mode",
        "site": "lodge",
        "subject": "advise",
        "reason": "noise",
    }
    assert (rows[3]["action"], rows[3]["site"]) == ("create_key", None)
    assert rows[3]["reason"] == "operate: operate of a test"


@pytest.mark.parametrize(
    ("query", "actors"),
    [
        ({"site": "lodge"}, ["p2", "p1", "p0"]),
        ({"site": "barn"}, []),
        ({"actor": "p1"}, ["p1"]),
        ({"action": "create_key"}, ["a test"]),
        ({"since": (NOW - 2 * HOUR).isoformat(), "site": "lodge"}, ["p2", "p1"]),
        ({"until": (NOW - 2 * HOUR).isoformat()}, ["p0"]),
    ],
)
async def test_it_is_filtered(desk, query: dict[str, str], actors: list[str]):
    _, browser = desk
    rows = (await browser.get("/v1/audit", params=query)).json()["entries"]
    assert [row["actor"] for row in rows] == actors


async def test_it_is_paged(desk):
    _, browser = desk
    pages, query = [], {"limit": "2", "site": "lodge"}
    while True:
        answer = (await browser.get("/v1/audit", params=query)).json()
        pages.append([row["actor"] for row in answer["entries"]])
        if answer["next"] is None:
            break
        query["cursor"] = answer["next"]
    assert pages == [["p2", "p1"], ["p0"]]


@pytest.mark.parametrize(
    "query", [{"action": "dance"}, {"cursor": "-1"}, {"since": "yesterday"}, {"site": "A B"}]
)
async def test_a_wrong_question_is_refused(desk, query: dict[str, str]):
    _, browser = desk
    assert (await browser.get("/v1/audit", params=query)).status_code == 422


async def test_a_key_that_may_only_read_may_not_see_it(desk):
    world, browser = desk
    answer = await browser.get("/v1/audit", headers=world.key("read"))
    assert answer.status_code == 403
