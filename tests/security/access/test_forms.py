"""Forms that another page sends in the name of somebody who is signed in (CSRF, CWE-352)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.rigs.fakes.api import World, a_world
from tests.rigs.paths import ROOT
from tests.rigs.web.forms import send_form, token_on


@pytest.fixture
def world(tmp_path: Path) -> World:
    return a_world(tmp_path)


def test_every_form_of_a_template_that_changes_something_bears_a_token() -> None:
    found = 0
    for file in (ROOT / "api" / "pages" / "templates").rglob("*.html"):
        for form in re.findall(r"<form\b[^>]*>.*?</form>", file.read_text(), re.DOTALL):
            if 'method="post"' in form.partition(">")[0]:
                found += 1
                assert "{{ csrf() }}" in form, f"{file.name}: {form[:80]}"
    assert found >= 2


@pytest.mark.parametrize("path", ["/login", "/logout"])
@pytest.mark.parametrize("token", [None, "", "x" * 43])
async def test_a_form_without_the_token_of_its_page_is_refused(
    world: World, path: str, token: str | None
) -> None:
    text = world.key("read")["authorization"].removeprefix("Bearer ")
    async with world.browser() as browser:
        await token_on(browser)
        sent = {"key": text} if token is None else {"key": text, "csrf": token}
        answer = await browser.post(path, data=sent)
    assert answer.status_code == 403
    assert "bms_session" not in answer.headers.get("set-cookie", "")


async def test_the_token_of_another_browser_is_refused(world: World) -> None:
    text = world.key("read")["authorization"].removeprefix("Bearer ")
    async with world.browser() as theirs, world.browser() as ours:
        await token_on(ours)
        answer = await ours.post("/login", data={"key": text, "csrf": await token_on(theirs)})
    assert answer.status_code == 403


async def test_a_token_is_over_with_its_session(world: World) -> None:
    text = world.key("read")["authorization"].removeprefix("Bearer ")
    async with world.browser() as browser:
        before = await token_on(browser)
        await send_form(browser, "/login", {"key": text})
        assert (await browser.post("/logout", data={"csrf": before})).status_code == 403
        after = await token_on(browser, "/")
        assert after != before
        assert (await browser.post("/logout", data={"csrf": after})).status_code == 303


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("text/plain", b"csrf=x"),
        ("multipart/form-data; boundary=x", b"--x--"),
    ],
)
async def test_what_is_no_form_is_not_read_as_one(world: World, kind: str, body: bytes) -> None:
    async with world.browser() as browser:
        answer = await browser.post("/login", content=body, headers={"content-type": kind})
    assert answer.status_code == 415


async def test_a_form_has_a_bounded_number_of_fields(world: World) -> None:
    async with world.browser() as browser:
        answer = await browser.post("/login", data={str(i): "" for i in range(500)})
    assert answer.status_code == 413
