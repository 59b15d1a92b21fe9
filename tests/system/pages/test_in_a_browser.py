"""Every page in a real browser: no violation of WCAG 2.1 AA that axe-core finds, nothing that
scrolls sideways on a phone, and an action by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bms.model.control.command import Override
from tests.rigs.fakes.api import NOW, SETPOINT, World, a_world, live_in
from tests.rigs.fakes.city import HOUR
from tests.rigs.web.browser import chromium, served, signed_in

PAGES = (
    "/",
    "/?open=1&sort=name",
    "/sites/lodge",
    "/sites/lodge/savings",
    "/sites/lodge/use",
    "/sites/lodge/work",
    "/sites/lodge/history",
    f"/sites/lodge/trail?point={SETPOINT}",
    "/sites/lodge/do/override",
    "/sites/lodge/do/booking",
    "/sites/lodge/do/mode",
    "/sites/lodge/do/measure",
    "/sites/lodge/do/goal",
    "/sites/lodge/do/event",
    "/sites/lodge/did/override",
    "/ranking",
    "/cooling",
    "/reports",
    "/accessibility",
    "/docs",
    "/login",
    "/sessions",
    "/nothing",
)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
SMALL_DESK = {"width": 1280, "height": 800}
MOST_TABS = 80


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Any, Any]]:
    """A city with a past and an override, who has signed in, and a browser."""
    world = a_world(tmp_path_factory.mktemp("city"), open_dashboard=True)
    live_in(world)
    override = Override(
        id="o1",
        site="lodge",
        point=SETPOINT,
        since=NOW - HOUR,
        until=None,
        reason="prøve",
        actor="Ane Berg",
    )
    world.store.add_override(override)
    with chromium() as browser, served(world) as address:
        yield world, signed_in(world, address, browser), browser


@contextmanager
def tab(city: tuple[World, Any, Any], **how: Any) -> Iterator[Any]:
    """A page of somebody who may operate."""
    _, kept, browser = city
    context = browser.new_context(**kept, **how)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    try:
        yield page
        assert [e for e in errors if "404" not in e] == []
    finally:
        context.close()


@pytest.mark.parametrize(("language", "scheme"), [("da", "light"), ("en", "dark")])
def test_axe_finds_no_violation(city: tuple[World, Any, Any], language: str, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    axe, found = Axe(), {}
    with tab(city, viewport=DESK, color_scheme=scheme) as page:
        page.goto(f"/accessibility?lang={language}")
        for path in PAGES:
            page.goto(path, wait_until="load")
            results = axe.run(page, options=RULES).response["violations"]
            if results:
                found[path] = [
                    (each["id"], [node["target"] for node in each["nodes"]][:3]) for each in results
                ]
    assert found == {}


@pytest.mark.parametrize("width", [390, 320])
def test_nothing_scrolls_sideways_on_a_phone(city: tuple[World, Any, Any], width: int) -> None:
    wide = {}
    with tab(city, viewport={**PHONE, "width": width}, color_scheme="dark") as page:
        for path in PAGES:
            page.goto(path, wait_until="load")
            scrolled = page.evaluate("document.documentElement.scrollWidth")
            if scrolled > width:
                wide[path] = scrolled
    assert wide == {}


def test_no_tab_of_a_building_is_longer_than_three_screens(city: tuple[World, Any, Any]) -> None:
    with tab(city, viewport=SMALL_DESK) as page:
        tall = {}
        for path in PAGES:
            if path.startswith("/sites/lodge") and "/do/" not in path:
                page.goto(path)
                tall[path] = page.evaluate("document.documentElement.scrollHeight")
    most = 3 * SMALL_DESK["height"]
    assert {path: height for path, height in tall.items() if height > most} == {}


def test_charts_on_a_phone_are_drawn_for_it(city: tuple[World, Any, Any]) -> None:
    with tab(city, viewport=PHONE) as page:
        page.goto("/sites/lodge/use")
        seen = page.locator("svg.bms-chart:visible")
        assert seen.count() > 0
        for i in range(seen.count()):
            box = seen.nth(i).bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= PHONE["width"]


def _tab_to(page: Any, wanted: str) -> None:
    """Tab on until the focus is at what ``wanted`` selects."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("w => document.activeElement.matches(w)", wanted):
            return
    raise AssertionError(f"the focus never comes to {wanted}")


def test_an_override_and_its_end_by_keyboard_alone(city: tuple[World, Any, Any]) -> None:
    world = city[0]
    with tab(city, viewport=DESK, locale="da-DK") as page:
        page.goto("/sites/lodge?lang=da")
        _tab_to(page, "a[href='/sites/lodge/do/override']")
        page.keyboard.press("Enter")
        page.wait_for_url("**/do/override")
        _tab_to(page, "#f-reason")
        page.keyboard.type("koncert i aften")
        _tab_to(page, "button.strong")
        page.keyboard.press("Enter")
        page.wait_for_selector(".will")
        assert "Det koster ca." in page.inner_text(".will")
        _tab_to(page, "button.strong")
        page.keyboard.press("Enter")
        page.wait_for_url("**/did/override**")
        made = [o for o in world.store.overrides("lodge", NOW) if o.reason == "koncert i aften"]
        assert len(made) == 1
        _tab_to(page, "a[href*='do/end-override']")
        page.keyboard.press("Enter")
        page.wait_for_url("**/do/end-override**")
        _tab_to(page, "button.strong")
        page.keyboard.press("Enter")
        page.wait_for_selector(".will")
        _tab_to(page, "button.strong")
        page.keyboard.press("Enter")
        page.wait_for_url("**/did/end-override**")
    left = [o for o in world.store.overrides("lodge", NOW) if o.reason == "koncert i aften"]
    assert left == []


def test_the_arrow_keys_read_a_chart(city: tuple[World, Any, Any]) -> None:
    with tab(city, viewport=DESK) as page:
        page.goto("/sites/lodge?lang=da")
        page.locator("figure[data-chart]").first.focus()
        page.keyboard.press("End")
        page.keyboard.press("ArrowLeft")
        told = page.inner_text(".readout >> nth=0")
        assert "Setpunkt [°C]" in told
        page.mouse.move(*_middle(page))
        assert page.inner_text(".readout >> nth=0") != told


def _middle(page: Any) -> tuple[float, float]:
    box = page.locator("figure[data-chart] svg").first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_printed_page_fits_its_paper(city: tuple[World, Any, Any]) -> None:
    import io

    from pypdf import PdfReader

    with tab(city, viewport=DESK) as page:
        for path in ("/", "/sites/lodge", "/sites/lodge/use"):
            page.goto(path)
            pages = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True))).pages
            assert len(pages) <= 4, path
            assert all(len(each.extract_text().split()) > 20 for each in pages[:-1]), path
