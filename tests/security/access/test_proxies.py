"""Proxies in front of us, and paths below which we are (SECURITY.md)."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from tests.rigs.fakes.api import HTML, World, a_world
from tests.rigs.web.forms import send_form

BELOW = {"x-forwarded-prefix": "/energy"}


@pytest.mark.parametrize("path", ["/energy/login", "/login"])
@pytest.mark.parametrize("by", ["setting", "header"])
async def test_pages_below_a_path_lead_to_pages_below_it(
    tmp_path: Path, path: str, by: str
) -> None:
    world = a_world(tmp_path, root_path="/energy" if by == "setting" else "")
    async with world.browser(**({} if by == "setting" else BELOW)) as browser:
        page = await browser.get(path, headers=HTML)
        assert page.status_code == 200
        for address in re.findall(r'(?:href|src|action)="(/[^"]*)"', page.text):
            assert address.startswith("/energy/"), address
        sent = await browser.get("/energy/sites/lodge", headers=HTML)
        assert sent.headers["location"] == "/energy/login?next=/sites/lodge"
        key = world.key("read")["authorization"].removeprefix("Bearer ")
        done = await send_form(
            browser, "/energy/login", {"key": key, "next": "/sites/lodge"}, "/energy/login"
        )
        assert done.headers["location"] == "/energy/sites/lodge"
        assert (await browser.get("/energy/v1/sites")).status_code == 200


@pytest.mark.parametrize("tls", [{}, {"x-forwarded-proto": "https"}])
async def test_a_slash_too_many_leads_to_the_page_below_the_path(
    tmp_path: Path, tls: dict[str, str]
) -> None:
    world = a_world(tmp_path)
    async with world.browser(**BELOW, **tls) as browser:
        for path in ("/ranking", "/v1/sites"):
            sent = await browser.get(f"/energy{path}/")
            assert sent.status_code == 307
            assert sent.headers["location"] == f"/energy{path}"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return a_world(tmp_path)


async def test_only_a_named_proxy_says_below_which_path_we_are(world: World) -> None:
    for peer, there in (("127.0.0.1", True), ("10.9.9.9", False)):
        transport = httpx.ASGITransport(world.app, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as browser:
            page = await browser.get("/login", headers={**HTML, **BELOW})
            assert ("/energy/static" in page.text) is there


@pytest.mark.parametrize(
    "prefix", ["//evil.example", "/a//b", "energy", "/..", '/"><script>', "/a b", "/" + "a" * 900]
)
async def test_a_prefix_that_is_none_is_not_believed(world: World, prefix: str) -> None:
    async with world.browser(**{"x-forwarded-prefix": prefix}) as browser:
        page = await browser.get("/login", headers=HTML)
        assert 'href="/static/style.css"' in page.text
        sent = await browser.get("/sites/lodge", headers=HTML)
        assert sent.headers["location"] == "/login?next=/sites/lodge"


async def test_a_network_of_proxies_is_believed_about_tls_and_others_are_not(
    tmp_path: Path,
) -> None:
    world = a_world(tmp_path, proxies="10.1.0.0/16")
    for peer, over_tls in (("10.1.2.3", True), ("10.2.2.3", False)):
        transport = httpx.ASGITransport(world.app, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as browser:
            said = {**HTML, **BELOW, "x-forwarded-proto": "https"}
            page = await browser.get("/login", headers=said)
            assert ("__Host-" in page.headers["set-cookie"]) is over_tls
            assert ("/energy/static" in page.text) is over_tls
