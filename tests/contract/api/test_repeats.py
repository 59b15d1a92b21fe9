"""``Idempotency-Key``: a request that is sent twice is done once, and answered alike."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from api.app import create_app
from tests.rigs.fakes.api import NOW, SETPOINT, World, a_world

TIMES = {
    "start": (NOW + timedelta(hours=1)).isoformat(),
    "end": (NOW + timedelta(hours=3)).isoformat(),
}
OVERRIDE = ("/v1/sites/lodge/overrides", {"point": SETPOINT, "reason": "a test"})
BOOKING = ("/v1/sites/lodge/occupancy", {**TIMES, "kind": "in_use", "reason": "a test"})
MEASURE = (
    "/v1/measures",
    {"site": "lodge", "what": "lamps", "start": (NOW - timedelta(days=9)).isoformat()},
)
AGAIN = {"Idempotency-Key": "of-a-test-1"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return a_world(tmp_path)


async def post(
    browser: httpx.AsyncClient, asked: tuple[str, object], **headers: str
) -> httpx.Response:
    path, body = asked
    return await browser.post(path, json=body, headers={**AGAIN, **headers})


@pytest.mark.parametrize("asked", [OVERRIDE, BOOKING, MEASURE], ids=lambda asked: asked[0])
async def test_what_is_sent_twice_is_made_once(world: World, asked: tuple[str, object]) -> None:
    async with world.browser(**world.key("operate")) as browser:
        first, second = await post(browser, asked), await post(browser, asked)
        other = await browser.post(asked[0], json=asked[1], headers={"Idempotency-Key": "another"})
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert first.headers.get("location") == second.headers.get("location")
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert other.status_code == 201
    assert other.content != first.content


async def test_another_body_or_path_with_the_same_key_is_refused(world: World) -> None:
    async with world.browser(**world.key("operate")) as browser:
        assert (await post(browser, OVERRIDE)).status_code == 201
        other = await post(browser, (OVERRIDE[0], {**OVERRIDE[1], "reason": "another"}))  # type: ignore[dict-item]
        elsewhere = await post(browser, BOOKING)
    assert (other.status_code, elsewhere.status_code) == (422, 422)
    assert "another request" in other.json()["detail"]


async def test_a_key_is_of_whoever_sends_it(world: World) -> None:
    async with world.browser() as browser:
        mine = await post(browser, OVERRIDE, **world.key("operate"))
        theirs = await post(browser, BOOKING, **world.key("operate"))
        nobody = await post(browser, OVERRIDE)
        viewer = await post(browser, OVERRIDE, **world.key("read"))
    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert (nobody.status_code, viewer.status_code) == (401, 403)


async def test_what_was_refused_may_be_sent_again(world: World) -> None:
    async with world.browser(**world.key("operate")) as browser:
        wrong = await post(browser, (OVERRIDE[0], {"point": SETPOINT}))
        right = await post(browser, OVERRIDE)
    assert (wrong.status_code, right.status_code) == (422, 201)


async def test_many_at_once_do_it_once(world: World) -> None:
    async with world.browser(**world.key("operate")) as browser:
        answers = await asyncio.gather(*(post(browser, BOOKING) for _ in range(20)))
        statuses = {answer.status_code for answer in answers}
        bookings = (await browser.get("/v1/sites/lodge/occupancy")).json()["bookings"]
    assert statuses <= {201, 409}
    assert len(bookings) == 1


async def test_another_process_knows_it_and_a_day_later_nobody(world: World) -> None:
    key = world.key("operate")
    async with world.browser(**key) as browser:
        first = await post(browser, OVERRIDE)
    transport = httpx.ASGITransport(create_app(world.city.api))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost", headers=key
    ) as browser:
        assert (await post(browser, OVERRIDE)).content == first.content
        world.clock.move_to(NOW + timedelta(days=1, minutes=1))
        assert (await post(browser, OVERRIDE)).json() != first.json()


async def test_one_whose_end_nobody_knows_is_not_done_again(world: World) -> None:
    """The process died while it worked."""
    async with world.browser(**world.key("operate")) as browser:
        await post(browser, OVERRIDE)
        (kept,) = world.city.settings.repeats.iterdir()
        assert kept.stat().st_mode & 0o777 == 0o600
        begun = {
            name: value
            for name, value in json.loads(kept.read_text()).items()
            if name in ("asked", "at")
        }
        for left in (json.dumps(begun), "", "{"):
            kept.write_text(left)
            answer = await post(browser, OVERRIDE)
            assert answer.status_code == 409
            assert "look what became of it" in answer.json()["detail"]


@pytest.mark.parametrize("key", ["", "x" * 129, "a b", "æ"])
async def test_a_key_that_is_none_is_refused(world: World, key: str) -> None:
    async with world.browser(**world.key("operate")) as browser:
        path, body = OVERRIDE
        answer = await browser.post(path, json=body, headers=[(b"idempotency-key", key.encode())])
    assert answer.status_code == 422


async def test_every_post_that_makes_something_takes_a_key(world: World) -> None:
    for path, rows in world.app.openapi()["paths"].items():
        if "post" in rows and path != "/v1/ingest" and "applied" not in path:
            names = [each["name"] for each in rows["post"].get("parameters", ())]
            assert "Idempotency-Key" in names, path
