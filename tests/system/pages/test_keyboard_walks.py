"""Every action of the pages by keyboard alone and without script, from the overview to what the
building answers: nothing that axe-core finds on the whole page after each step, nothing that
scrolls sideways on a phone, and what is wrong said where the focus is. The actions of every week
also on a desk with script."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import cos, sin
from pathlib import Path
from typing import Any

import pytest

from bms.model.control.command import Accepted
from bms.model.readings.measurement import Reading
from bms.model.savings.event import Decision
from tests.rigs.fakes.api import NOW, World, a_command, a_world, live_in
from tests.rigs.fakes.city import HOUR, utc
from tests.rigs.web.browser import chromium, served, signed_in

pytestmark = pytest.mark.slow
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
MOST_TABS = 120
ARROWS = {"↑": "ArrowUp", "↓": "ArrowDown", "→": "ArrowRight"}
FOCUS = "document.activeElement.id"
WIDTH = "document.documentElement.scrollWidth"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@dataclass(frozen=True, slots=True)
class Step:
    """An action: where its link is, what is typed into its form, what is typed wrong at first, and
    the word that it asks for."""

    code: str
    fields: Mapping[str, str]
    wrong: Mapping[str, str]
    word: str = ""


def why(code: str, word: str = "", **fields: str) -> Step:
    """An action that asks for a reason, which is too short at first."""
    return Step(code, {**fields, "reason": "prøve i dag"}, {"reason": "x"}, word)


class Walker:
    """Somebody without mouse."""

    def __init__(self, page: Any) -> None:
        from axe_playwright_python.sync_playwright import Axe

        self.page, self._axe = page, Axe()

    def look(self) -> None:
        """What stands here can be read by everybody."""
        found = self._axe.run(self.page, options=RULES).response["violations"]
        told = [(v["id"], [node["target"] for node in v["nodes"]][:3]) for v in found]
        assert told == [], self.page.url
        assert self.page.evaluate(WIDTH) <= self.page.viewport_size["width"], self.page.url
        assert self.page.evaluate("document.documentElement.lang") == "da"

    def to(self, wanted: str) -> None:
        """Tab on until the focus is at what ``wanted`` selects."""
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("w => document.activeElement.matches(w)", wanted):
                return
        raise AssertionError(f"the focus never comes to {wanted} at {self.page.url}")

    def press(self, wanted: str) -> None:
        """Go to a link or button, and use it."""
        self.go(wanted)
        self.look()

    def go(self, wanted: str) -> None:
        """The same without a look at what comes."""
        self.to(wanted)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def fill(self, fields: Mapping[str, str]) -> None:
        """Write into the fields in their order; arrows are their keys."""
        for name, text in fields.items():
            self.to(f"#f-{name}")
            if set(text) <= set(ARROWS):
                for sign in text:
                    self.page.keyboard.press(ARROWS[sign])
            else:
                self.page.keyboard.press("Control+A")
                self.page.keyboard.type(text)

    def do(self, step: Step) -> None:
        """The form, what is wrong with it, what will happen, and what came of it."""
        self.fill({**step.fields, **step.wrong})
        self.look()
        self.press("button.strong")
        if step.wrong:
            self.mend(step)
            self.look()
            self.press("button.strong")
        assert self.page.locator(".will li").count() >= 1
        if step.word:
            self.fill({"word": step.word})
        self.press("button.strong")
        assert f"/did/{step.code}" in self.page.url
        assert self.page.locator("[role=status]").count() == 1

    def mend(self, step: Step) -> None:
        """What is wrong has the focus, and leads to its fields."""
        assert self.page.evaluate(FOCUS) == "problems"
        assert self.page.title().startswith("Fejl: ")
        for name in step.wrong:
            self.to(f"#problems a[href='#f-{name}']")
            self.page.keyboard.press("Enter")
            assert self.page.evaluate(FOCUS) == f"f-{name}"
            assert self.page.get_attribute(f"#f-{name}", "aria-invalid") == "true"
            self.page.keyboard.press("Control+A")
            self.page.keyboard.type(step.fields[name])


@dataclass(frozen=True, slots=True)
class Walk:
    """Actions one after the other: the first from its tab of the building, each other one from the
    outcome of the one before. ``done`` says whether they changed what they were to."""

    tab: str
    steps: Sequence[Step]
    done: Callable[[World], object]
    world: Callable[[Path], World]


def lived(home: Path) -> World:
    made = a_world(home, open_dashboard=True)
    live_in(made)
    return made


def bare(home: Path) -> World:
    """Nothing was read: what a trial would show is not reckoned."""
    return a_world(home, open_dashboard=True)


def stepped(home: Path) -> World:
    """Controlled for a year, in the middle of which electricity goes up by half."""
    made = a_world(home, open_dashboard=True)
    begun = utc(2018, 1, 1)
    made.store.add_receipts([Accepted(a_command("c1", begun, 18.0), 18.0)], begun)
    start, total, rows = utc(2016, 12, 31), 0.0, []
    for i in range(int((NOW - start) / HOUR)):
        at = start + i * HOUR
        rows.append(Reading("lodge/el.energy", at, round(total, 3)))
        wobble = 1.0 + 0.05 * sin(i * 0.7) * cos(i * 0.113)
        total += 2.0 * wobble * (1.5 if at >= utc(2018, 7, 1) else 1.0)
    made.store.add_readings(rows)
    return made


def decided(world: World) -> object:
    rows = world.store.events("lodge")
    return len(rows) == 1 and rows[0].decision is Decision.DISMISSED


def ended(world: World) -> object:
    (kept,) = world.store.measures("lodge")
    return kept.ended


def stopped(world: World) -> object:
    (kept,) = world.store.trials("lodge")
    return kept.ended


WALKS = {
    "override": Walk(
        "",
        (why("override"), Step("end-override", {}, {})),
        lambda world: not world.store.overrides("lodge", NOW),
        lived,
    ),
    "release": Walk(
        "",
        (why("release", "Hytten"), why("take-back")),
        lambda world: world.store.mode("lodge") == "auto",
        lived,
    ),
    "mode": Walk(
        "",
        (why("mode", mode="↑↑"), why("mode", "Hytten", mode="↓↓")),
        lambda world: world.store.mode("lodge"),
        lived,
    ),
    "booking": Walk(
        "/work",
        (why("booking"), Step("unbook", {}, {})),
        lambda world: not world.store.bookings("lodge", NOW),
        lived,
    ),
    "event": Walk("/work", (why("event", decision="↓"),), decided, stepped),
    "baseline": Walk("/savings", (why("baseline"),), lambda world: True, lived),
    "measure": Walk(
        "/savings",
        (
            Step("measure", {"what": "nye lamper", "start": "→→↓"}, {"what": "x"}),
            why("end-measure"),
        ),
        ended,
        lived,
    ),
    "goal": Walk(
        "/use",
        (
            Step(
                "goal",
                {"budget": "50.000", "target": "45.000", "reason": "vedtaget"},
                {"budget": "-1"},
            ),
        ),
        lambda world: world.store.goals(["lodge"])[0].goal.budget == 50_000.0,
        lived,
    ),
    "trial": Walk("/work", (why("trial", "Hytten"), why("stop-trial", "Hytten")), stopped, bare),
}


Looked = set[tuple[object, ...]]


@pytest.fixture(scope="module")
def looked() -> Looked:
    """The pages on the ways to the actions that were looked at: many walks pass them."""
    return set()


@pytest.mark.parametrize("name", WALKS)
def test_by_keyboard_alone_and_without_script(
    browser: Any, looked: Looked, tmp_path: Path, name: str
) -> None:
    walked(browser, looked, tmp_path, WALKS[name], PHONE, script=False)


@pytest.mark.parametrize("name", ["baseline", "booking", "measure"])
def test_by_keyboard_alone_on_a_desk(
    browser: Any, looked: Looked, tmp_path: Path, name: str
) -> None:
    walked(browser, looked, tmp_path, WALKS[name], DESK, script=True)


def walked(
    browser: Any, looked: Looked, home: Path, walk: Walk, screen: dict[str, int], *, script: bool
) -> None:
    """Go the whole walk; what it was to change is changed."""
    world = walk.world(home)
    with served(world) as address:
        kept = signed_in(world, address, browser)
        context = browser.new_context(**kept, viewport=screen, locale="da-DK")
        if not script:  # axe-core itself is one
            context.route("**/*.js", lambda route: route.abort())
        try:
            walker = Walker(context.new_page())
            walker.page.goto("/")
            way = [".city-table a[href='/sites/lodge']"]
            way += [f".tabs a[href='/sites/lodge{walk.tab}']"] if walk.tab else []
            for link in way:
                walker.go(link)
                if (walk.world, script, link) not in looked:
                    walker.look()
                    looked.add((walk.world, script, link))
            for step in walk.steps:
                walker.press(f"main a[href^='/sites/lodge/do/{step.code}']")
                walker.do(step)
        finally:
            context.close()
    assert walk.done(world)
