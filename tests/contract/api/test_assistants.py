"""``/mcp``, asked by the client of the makers of the protocol."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from api.protocol.assistants import MOST_CHARACTERS
from tests.rigs.fakes.api import World, a_world, live_in


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = a_world(tmp_path_factory.mktemp("home"))
    live_in(made)
    return made


@asynccontextmanager
async def assistant(world: World, scope: str) -> AsyncIterator[Client]:
    transport = httpx2.ASGITransport(world.app)
    async with httpx2.AsyncClient(transport=transport, headers=world.key(scope)) as browser:
        wire = streamable_http_client("http://localhost/mcp", http_client=browser)
        async with Client(wire) as client:
            yield client


async def test_its_tools_only_read_and_have_schemas(world: World) -> None:
    async with assistant(world, "read") as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert {"sites", "sites_site_id_savings", "portfolio_ranking", "work", "faults"} <= set(tools)
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.values())
    assert not [name for name in tools if "events" in name and "sites" not in name]
    assert not [name for name in tools if "controllers" in name or "exports" in name]
    assert tools["sites_site_id_savings"].input_schema["required"] == ["site_id"]


async def test_a_call_answers_what_the_api_does(world: World) -> None:
    async with assistant(world, "read") as client:
        told = await client.call_tool("sites_site_id", {"site_id": "lodge"})
    async with world.browser(**world.key("read")) as browser:
        said = (await browser.get("/v1/sites/lodge")).json()
    assert not told.is_error
    assert json.loads(told.content[0].text) == said


@pytest.mark.parametrize(
    ("scope", "tool", "given", "says"),
    [
        ("viewer@barn", "sites_site_id", {"site_id": "lodge"}, "may not view at lodge"),
        ("read", "audit", {}, "may not audit"),
        ("read", "points_point_id_trace", {"point_id": "lodge/hall.temp"}, "may not trace"),
        ("read", "sites_site_id", {"site_id": "nowhere"}, "nowhere"),
        ("read", "sites_site_id", {"site_id": "lodge/points"}, "slashes"),
        ("read", "sites_site_id", {"site_id": "../events"}, "slashes"),
        ("read", "sites_site_id", {}, "site_id is needed"),
        ("read", "sites", {"limit": -1}, "greater than or equal to 1"),
        ("read", "sites", {"colour": "red"}, "no such parameter"),
        ("read", "release", {"site": "lodge", "reason": "x"}, "no such parameter"),
        ("read", "add_override", {"site_id": "lodge"}, "no tool"),
    ],
)
async def test_a_call_has_the_role_of_whoever_asks(
    world: World, scope: str, tool: str, given: dict[str, object], says: str
) -> None:
    async with assistant(world, scope) as client:
        told = await client.call_tool(tool, given)
    assert told.is_error
    assert says in told.content[0].text


async def test_an_answer_is_cut_and_says_so(world: World) -> None:
    point = {"point_id": "lodge/heat.energy", "start": "2018-03-01T00:00:00Z"}
    asked = {**point, "end": "2019-01-01T00:00:00Z", "limit": 10_000}
    async with assistant(world, "read") as client:
        told = await client.call_tool("points_point_id_readings", asked)
    text = told.content[0].text
    assert MOST_CHARACTERS < len(text) < MOST_CHARACTERS + 300
    assert "ask for less" in text


async def test_the_documentation_is_there_and_no_other_file(world: World) -> None:
    async with assistant(world, "read") as client:
        found = {str(each.uri) for each in (await client.list_resources()).resources}
        assert {"bms://openapi.json", "bms://docs/contract.md"} <= found
        read = await client.read_resource("bms://docs/contract.md")
        assert read.contents[0].text.startswith("#")
        for uri in ("bms://docs/../README.md", "bms://docs//etc/passwd", "file:///etc/passwd"):
            with pytest.raises(MCPError):
                await client.read_resource(uri)


async def test_nobody_without_a_key_is_answered(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    async with world.browser() as browser:
        assert (await browser.post("/mcp", json=body)).status_code == 401
        pusher = await browser.post("/mcp", json=body, headers=world.key("ingest"))
        assert pusher.status_code == 403
        assert (await browser.get("/mcp", headers=world.key("read"))).status_code == 405
