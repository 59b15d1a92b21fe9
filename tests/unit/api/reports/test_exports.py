"""Exports: asked for, watched, fetched whole and in parts, and nobody else's."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from bms.model.access.rules import AccessRules
from bms.model.control.audit import Action, AuditSearch
from bms.services.reporting.exports import MOST_KEPT, Exports
from tests.rigs.fakes.api import World, a_world, live_in
from tests.rigs.reports import read_csv

BODY = {"kind": "savings", "scope": "site:lodge", "period": "2019-01", "format": "csv"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = a_world(tmp_path)
    live_in(made)
    return made


@pytest.fixture
async def browser(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.browser(**world.key("read")) as made:
        yield made


def exports(world: World) -> Exports:
    found: Exports = world.app.state.exports
    return found


async def finished(world: World, browser: httpx.AsyncClient, **changes: object) -> dict[str, str]:
    asked = await browser.post("/v1/exports", json={**BODY, **changes})
    assert asked.status_code == 202, asked.text
    exports(world).settle()
    known: dict[str, str] = (await browser.get(asked.headers["location"])).json()
    return known


async def test_it_is_made_beside_the_requests_and_fetched(
    world: World, browser: httpx.AsyncClient
) -> None:
    known = await finished(world, browser)
    assert (known["state"], known["progress"]) == ("done", 1.0)
    assert known["file_name"] == "savings-lodge-2019-01.csv"
    answer = await browser.get(known["file"])
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="savings-lodge-2019-01.csv"' in answer.headers["content-disposition"]
    assert hashlib.sha256(answer.content).hexdigest() == known["sha256"]
    assert len(answer.content) == known["size_bytes"]
    assert read_csv(answer.content)[0]["Bygning"] == "Hytten"
    (noted,) = world.store.audit(AuditSearch(action=Action.EXPORT))
    assert (noted.actor, noted.site) == ("read of a test", "lodge")


async def test_a_download_that_broke_off_goes_on(world: World, browser: httpx.AsyncClient) -> None:
    known = await finished(world, browser)
    whole = await browser.get(known["file"])
    tag = whole.headers["etag"]
    rest = await browser.get(known["file"], headers={"range": "bytes=100-", "if-range": tag})
    assert (rest.status_code, rest.content) == (206, whole.content[100:])
    assert (
        rest.headers["content-range"] == f"bytes 100-{len(whole.content) - 1}/{len(whole.content)}"
    )
    other = await browser.get(known["file"], headers={"range": "bytes=100-", "if-range": '"x"'})
    assert (other.status_code, other.content) == (200, whole.content)
    same = await browser.get(known["file"], headers={"if-none-match": tag})
    assert (same.status_code, same.content) == (304, b"")


@pytest.mark.parametrize("scope", ["site:rådhus", "group:skoler på øen", 'site:x"; filename="y'])
async def test_files_are_named_by_ids_which_every_header_can_bear(
    browser: httpx.AsyncClient, scope: str
) -> None:
    """No name needs the ``filename*`` of RFC 6266."""
    answer = await browser.post("/v1/exports", json={**BODY, "scope": scope})
    assert answer.status_code in (404, 422)


async def test_asked_again_with_the_same_key_it_is_the_same(
    world: World, browser: httpx.AsyncClient
) -> None:
    again = {"Idempotency-Key": "monthly-1"}
    first, second = [
        (await browser.post("/v1/exports", json=BODY, headers=again)).json() for _ in range(2)
    ]
    assert first["id"] == second["id"]
    other = await browser.post("/v1/exports", json={**BODY, "period": "2018"}, headers=again)
    assert other.status_code == 422
    assert "another export" in other.json()["detail"]
    async with world.browser(**world.key("operate")) as colleague:
        theirs = (await colleague.post("/v1/exports", json=BODY, headers=again)).json()
    assert theirs["id"] != first["id"]
    exports(world).settle()


async def test_it_is_nobody_elses_and_expires(world: World, browser: httpx.AsyncClient) -> None:
    known = await finished(world, browser)
    async with world.browser(**world.key("operate")) as colleague:
        assert (await colleague.get(f"/v1/exports/{known['id']}")).status_code == 404
        assert (await colleague.get(known["file"])).status_code == 404
    world.clock.move_to(world.clock.now() + timedelta(days=8))
    assert (await browser.get(known["file"])).status_code == 404
    exports(world).forget_old()
    assert list(world.city.settings.exports.iterdir()) == []


@pytest.mark.parametrize(
    ("wrong", "status", "says"),
    [
        ({"kind": "gossip"}, 422, "kind"),
        ({"scope": "site:nowhere"}, 404, "lodge"),
        ({"scope": "group:castle"}, 404, "there are: other"),
        ({"scope": "everything"}, 422, "scope"),
        ({"period": "1066"}, 422, "1990"),
        ({"lang": "fr"}, 422, "da, en"),
        ({"format": "doc"}, 422, "format"),
        ({"plain": True, "format": "pdf"}, 422, "csv"),
        ({"colour": "red"}, 422, "colour"),
    ],
)
async def test_a_wrong_one_is_refused_at_once(
    browser: httpx.AsyncClient, wrong: dict[str, object], status: int, says: str
) -> None:
    answer = await browser.post("/v1/exports", json={**BODY, **wrong})
    assert answer.status_code == status
    assert says in answer.text


async def test_one_that_cannot_be_made_says_why(world: World, browser: httpx.AsyncClient) -> None:
    known = await finished(world, browser, sheet="nothing")
    assert (known["state"], known["file"]) == ("failed", None)
    assert "savings, measures, months" in known["error"]
    answer = await browser.get(f"/v1/exports/{known['id']}/file")
    assert answer.status_code == 409
    assert "savings, measures, months" in answer.json()["detail"]


async def test_another_process_takes_up_what_one_that_died_has_left(
    world: World, browser: httpx.AsyncClient
) -> None:
    known = await finished(world, browser)
    place = world.city.settings.exports / known["id"] / "export.json"
    place.write_text(place.read_text().replace('"done"', '"running"'))
    assert (await browser.get(f"/v1/exports/{known['id']}")).json()["state"] == "running"
    world.clock.move_to(world.clock.now() + timedelta(minutes=6))
    assert (await browser.get(f"/v1/exports/{known['id']}")).json()["state"] == "waiting"
    exports(world).settle()
    assert (await browser.get(f"/v1/exports/{known['id']}")).json()["state"] == "done"


async def test_parts_are_not_compressed(world: World, browser: httpx.AsyncClient) -> None:
    known = await finished(world, browser, format="json", scope="all", kind="consumption")
    answer = await browser.get(known["file"], headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "identity"
    assert int(answer.headers["content-length"]) == known["size_bytes"]


async def test_whoever_takes_it_in_parts_alone_stands_in_the_audit_all_the_same(
    world: World, browser: httpx.AsyncClient
) -> None:
    known = await finished(world, browser)
    for part in ("bytes=1-", "bytes=0-0", "bytes=1-"):
        assert (await browser.get(known["file"], headers={"range": part})).status_code == 206
    (noted,) = world.store.audit(AuditSearch(action=Action.EXPORT))
    assert noted.reason == f"export {known['id']}"


async def test_whoever_has_lost_buildings_since_gets_no_file_of_them(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    live_in(world)
    groups = {"all": frozenset({"lodge"})}
    world = world.rewired(access=AccessRules(groups=groups, grants={}))
    async with world.browser(**world.key("viewer@group:all")) as browser:
        known = await finished(world, browser)
        assert (await browser.get(known["file"])).status_code == 200
        groups["all"] = frozenset({"barn"})
        assert (await browser.get(known["file"])).status_code == 403


async def test_many_at_once_with_the_same_key_are_one(
    world: World, browser: httpx.AsyncClient
) -> None:
    again = {"Idempotency-Key": "monthly-1"}
    asked = await asyncio.gather(
        *(browser.post("/v1/exports", json=BODY, headers=again) for _ in range(30))
    )
    assert {answer.status_code for answer in asked} == {202}
    assert len({answer.json()["id"] for answer in asked}) == 1
    exports(world).settle()


async def test_one_key_keeps_so_many_files_and_no_more(
    world: World, browser: httpx.AsyncClient
) -> None:
    known = await finished(world, browser)
    place = world.city.settings.exports
    for i in range(MOST_KEPT):
        (place / f"a{i}").mkdir()
        record = (place / known["id"] / "export.json").read_text()
        (place / f"a{i}" / "export.json").write_text(record.replace(known["id"], f"a{i}"))
    answer = await browser.post("/v1/exports", json=BODY)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
