"""What people do on the pages: form, preview, outcome; every step without script."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from api.pages.actions.routes import ACTIONS
from bms.model.assets.site import Mode
from bms.model.control.booking import BookingKind
from bms.model.control.command import Accepted
from bms.model.savings.measure import MeasureKind
from tests.rigs.fakes.api import (
    HTML,
    NOW,
    SETPOINT,
    World,
    a_command,
    a_lodge_plan,
    a_world,
    live_in,
)
from tests.rigs.fakes.city import HOUR
from tests.rigs.web.forms import send_form

UNTIL = "2019-01-28T17:00"
"""Local; 16:00 UTC."""
TYPED = re.compile(r"Skriv “([^”]+)” for at bekræfte")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[tuple[World, httpx.AsyncClient]]:
    """A city with a plan, and the browser of a person who may operate."""
    world = a_world(tmp_path, open_dashboard=True)
    world.store.add_plan(a_lodge_plan())
    written = Accepted(a_command("c1", NOW - 2 * HOUR, 18.5), 18.5)
    world.store.add_receipts([written], NOW - 2 * HOUR)
    async with world.browser(**world.key("operate"), **HTML) as browser:
        yield world, browser


async def preview(browser: httpx.AsyncClient, code: str, fields: Mapping[str, str]) -> str:
    """The page that says what will happen."""
    page = f"/sites/lodge/do/{code}"
    answer = await send_form(browser, page, {"step": "preview", **fields}, page)
    assert answer.status_code == 200, answer.text
    assert "Det her vil ske" in answer.text
    return answer.text


async def do(browser: httpx.AsyncClient, code: str, fields: Mapping[str, str]) -> str:
    """Preview, confirm, and the page of the outcome."""
    typed = TYPED.search(await preview(browser, code, fields))
    word = {} if typed is None else {"word": typed[1]}
    page = f"/sites/lodge/do/{code}"
    answer = await send_form(browser, page, {"step": "do", **fields, **word}, page)
    assert answer.status_code == 303, answer.text
    outcome = await browser.get(answer.headers["location"])
    assert outcome.status_code == 200
    return outcome.text


async def test_an_override_says_its_cost_and_has_a_way_back(
    desk: tuple[World, httpx.AsyncClient],
) -> None:
    world, browser = desk
    fields = {"point": SETPOINT, "until": UNTIL, "reason": "koncert i aften"}
    said = await preview(browser, "override", fields)
    assert "Det koster ca. 20 kWh og 20 kr. i døgnet" in said
    assert "Setpunkt, Hall: vi skriver intet til man. 28. jan. 17:00" in said
    assert world.store.overrides("lodge", NOW) == [], "looking changes nothing"
    outcome = await do(browser, "override", fields)
    assert "Overstyret manuelt" in outcome
    (kept,) = world.store.overrides("lodge", NOW)
    assert (kept.point, kept.until) == (SETPOINT, NOW.replace(hour=16, minute=0))
    assert kept.reason == "koncert i aften"
    assert kept.actor == "operate of a test"
    assert f"/sites/lodge/do/end-override?override={kept.id}" in outcome
    outcome = await do(browser, "end-override", {"override": kept.id})
    assert "Overstyringen er afsluttet" in outcome
    assert world.store.overrides("lodge", NOW) == []


async def test_the_overview_tells_an_override_at_once(
    desk: tuple[World, httpx.AsyncClient],
) -> None:
    _, browser = desk
    await browser.get("/")
    await do(browser, "override", {"point": "all", "until": "", "reason": "håndværkere"})
    page = (await browser.get("/")).text
    assert "Overstyret manuelt af operate of a test uden slutning: håndværkere" in page
    assert "20 kr./døgn" in page


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"point": "all", "until": UNTIL, "reason": ""}, "Feltet skal udfyldes."),
        (
            {"point": "lodge/heat.energy", "until": UNTIL, "reason": "why"},
            "Vælg en af mulighederne.",
        ),
        ({"point": "all", "until": "2019-01-01T00:00", "reason": "why"}, "Det er allerede forbi"),
        ({"point": "all", "until": "0001-01-01T00:00", "reason": "why"}, "Skriv dag og tid"),
        ({"point": "all", "until": "i morgen", "reason": "why"}, "Skriv dag og tid"),
        ({"point": "all", "until": UNTIL, "reason": "a\u202eb and c"}, "ingen styretegn"),
        ({}, "Vælg en af mulighederne."),
    ],
)
async def test_what_cannot_be_taken_is_said_beside_its_field(
    desk: tuple[World, httpx.AsyncClient], fields: Mapping[str, str], problem: str
) -> None:
    world, browser = desk
    page = "/sites/lodge/do/override"
    for step in ("preview", "do"):
        answer = await send_form(browser, page, {"step": step, **fields}, page)
        assert answer.status_code == 422
        assert problem in answer.text
        assert 'aria-invalid="true"' in answer.text
    assert world.store.overrides("lodge", NOW) == []


async def test_giving_a_building_back_asks_for_its_name(
    desk: tuple[World, httpx.AsyncClient],
) -> None:
    world, browser = desk
    fields = {"point": "all", "reason": "noget lugter"}
    page = "/sites/lodge/do/release"
    for word in ("", "hytte"):
        answer = await send_form(browser, page, {"step": "do", "word": word, **fields}, page)
        assert answer.status_code == 422
        assert "Skriv “Hytten” for at bekræfte." in answer.text
    assert world.city.hands_off.marks() == {}
    await do(browser, "release", fields)
    assert world.store.mode("lodge") is Mode.OBSERVE
    await do(browser, "take-back", fields)
    assert world.store.mode("lodge") is Mode.AUTO


async def test_a_mode_goes_through_its_gate(desk: tuple[World, httpx.AsyncClient]) -> None:
    world, browser = desk
    await do(browser, "mode", {"mode": "observe", "reason": "we look first"})
    assert world.store.mode("lodge") is Mode.OBSERVE
    page = "/sites/lodge/do/mode"
    again = {"step": "preview", "mode": "observe", "reason": "we look first"}
    assert "Bygningen står sådan allerede." in (await send_form(browser, page, again, page)).text
    said = await preview(browser, "mode", {"mode": "auto", "reason": "it went well"})
    assert "Godkendt af operate of a test" in said
    await do(browser, "mode", {"mode": "auto", "reason": "it went well"})
    assert world.store.mode("lodge") is not Mode.OBSERVE


async def test_a_gate_that_is_not_met_says_what_is_missing(tmp_path: Path) -> None:
    world = a_world(tmp_path, approved=False)
    async with world.browser(**world.key("operate"), **HTML) as browser:
        page = "/sites/lodge/do/mode"
        fields = {"step": "do", "mode": "auto", "reason": "at once", "word": "Hytten"}
        answer = await send_form(browser, page, fields, page)
    assert answer.status_code == 422
    assert "Det kan ikke gøres endnu" in answer.text
    assert world.store.mode("lodge") is None


async def test_a_booking_and_its_way_back(desk: tuple[World, httpx.AsyncClient]) -> None:
    world, browser = desk
    fields = {
        "kind": "in_use",
        "zone": "hall",
        "start": "2019-01-29T18:00",
        "end": "2019-01-29T21:30",
        "people": "1.200",
        "reason": "forældremøde",
    }
    outcome = await do(browser, "booking", fields)
    (kept,) = world.store.bookings("lodge", NOW)
    assert (kept.zone, kept.kind, kept.people) == ("hall", BookingKind.IN_USE, 1200.0)
    assert kept.end - kept.start == timedelta(hours=3.5)
    assert f"/do/unbook?booking={kept.id}" in outcome
    await do(browser, "unbook", {"booking": kept.id})
    assert world.store.bookings("lodge", NOW) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"end": "2019-01-29T17:00"}, "Slutningen ligger før begyndelsen."),
        ({"end": "2021-01-29T17:00"}, "Højst et år ad gangen."),
        ({"kind": "closed", "people": "3"}, "Der kommer ingen"),
        ({"people": "mange"}, "Skriv et tal"),
        ({"people": "inf"}, "Skriv et tal"),
    ],
)
async def test_a_booking_that_cannot_be(
    desk: tuple[World, httpx.AsyncClient], changes: Mapping[str, str], problem: str
) -> None:
    _, browser = desk
    fields = {
        "kind": "in_use",
        "zone": "hall",
        "start": "2019-01-29T18:00",
        "end": "2019-01-29T21:30",
        "reason": "forældremøde",
    }
    page = "/sites/lodge/do/booking"
    answer = await send_form(browser, page, {"step": "do", **fields, **changes}, page)
    assert answer.status_code == 422
    assert problem in answer.text


async def test_a_measure_is_entered_and_ended(desk: tuple[World, httpx.AsyncClient]) -> None:
    world, browser = desk
    fields = {
        "kind": "windows",
        "what": "nye vinduer mod nord",
        "start": "2019-01-20",
        "blackout": "",
        "meter": "heat",
        "cost": "125.000,50",
        "expected": "8",
    }
    outcome = await do(browser, "measure", fields)
    (kept,) = world.store.measures("lodge")
    made = kept.measure
    assert (made.kind, made.meters, made.cost_dkk) == (MeasureKind.WINDOWS, ("heat",), 125000.5)
    assert made.expected_share == pytest.approx(0.08)
    assert f"/do/end-measure?measure={made.id}" in outcome
    await do(browser, "end-measure", {"measure": made.id, "end": "2019-01-27", "reason": "sold"})
    (kept,) = world.store.measures("lodge")
    assert kept.ended is not None


@pytest.mark.parametrize("code", sorted(ACTIONS))
async def test_a_browser_takes_the_form_as_it_is_proposed(
    desk: tuple[World, httpx.AsyncClient], code: str
) -> None:
    """A choice with an empty value counts as none where one is needed."""
    _, browser = desk
    shown = (await browser.get(f"/sites/lodge/do/{code}")).text
    for needed in re.findall(r"<select[^>]* required[^>]*>(.*?)</select>", shown, re.DOTALL):
        assert 'value=""' not in needed


async def test_a_trial_is_started_and_stopped(desk: tuple[World, httpx.AsyncClient]) -> None:
    world, browser = desk
    said = await preview(browser, "trial", {"weeks": "8", "reason": "bevis til byrådet"})
    assert "I 8 uger skifter bygningen ved lod" in said
    await do(browser, "trial", {"weeks": "8", "reason": "bevis til byrådet"})
    (kept,) = world.store.trials("lodge")
    assert kept.trial.by == "operate of a test"
    await do(browser, "stop-trial", {"reason": "frost på vej"})
    (kept,) = world.store.trials("lodge")
    assert kept.ended is not None


async def test_a_budget_is_set_beside_what_stood_and_how_the_year_goes(
    desk: tuple[World, httpx.AsyncClient],
) -> None:
    world, browser = desk
    live_in(world)
    page = "/sites/lodge/do/goal?commodity=heat&year=2019"
    assert 'name="budget"' in (await browser.get(page)).text
    fields = {
        "commodity": "heat",
        "year": "2019",
        "budget": "50.000",
        "target": "",
        "reason": "vedtaget af byrådet",
    }
    said = await preview(browser, "goal", fields)
    assert "Budget for Varme i 2019: 50.000 kWh (hidtil –)." in said
    assert "mod budgettet:" in said
    assert world.store.goals(["lodge"]) == [], "looking changes nothing"
    outcome = await do(browser, "goal", fields)
    assert "Budget og mål er sat" in outcome
    assert "Bygningen har endnu intet svaret" not in outcome
    assert "/sites/lodge/use" in outcome
    (kept,) = world.store.goals(["lodge"])
    assert (kept.goal.budget, kept.goal.target) == (50_000.0, None)
    assert (kept.author, kept.reason) == ("operate of a test", "vedtaget af byrådet")
    assert 'value="50000"' in (await browser.get(page)).text
    shown = (await browser.get("/sites/lodge/use")).text
    assert "Varme 2019: budget 50.000 kWh, mål – kWh. Sat af operate of a test" in shown


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"commodity": "water"}, "Vælg en af mulighederne."),
        ({"year": "1999"}, "Vælg en af mulighederne."),
        ({"budget": "-1"}, "Skriv et tal på mindst 0."),
        ({"target": "1e11"}, "Skriv et tal på højst 10.000.000.000."),
        ({"reason": ""}, "Feltet skal udfyldes."),
    ],
)
async def test_a_budget_that_cannot_be(
    desk: tuple[World, httpx.AsyncClient], changes: Mapping[str, str], problem: str
) -> None:
    world, browser = desk
    page = "/sites/lodge/do/goal"
    fields = {"commodity": "heat", "year": "2019", "budget": "1", "reason": "prøve"}
    answer = await send_form(browser, page, {"step": "do", **fields, **changes}, page)
    assert answer.status_code == 422
    assert problem in answer.text
    assert world.store.goals(["lodge"]) == []


async def test_what_is_wrong_is_a_link_to_its_field_and_has_the_focus(
    desk: tuple[World, httpx.AsyncClient],
) -> None:
    _, browser = desk
    page = "/sites/lodge/do/booking"
    answer = await send_form(browser, page, {"step": "preview", "zone": "hall"}, page)
    assert '<a href="#f-reason">Feltet skal udfyldes.</a>' in answer.text
    assert 'id="problems" tabindex="-1" autofocus' in answer.text
    assert "<title>Fejl: " in answer.text


async def test_what_a_service_says_in_english_is_marked_as_such(
    desk: tuple[World, httpx.AsyncClient],
) -> None:
    _, browser = desk
    page = "/sites/lodge/do/end-measure"
    await do(
        browser,
        "measure",
        {"kind": "led", "what": "nye lamper", "start": "2019-01-20"} | {"meter": "all"},
    )
    fields = {"measure": "", "end": "2019-01-10", "reason": "solgt"}
    shown = (await browser.get(page)).text
    fields["measure"] = re.findall(r'<option value="(\w+)"', shown)[0]
    answer = await send_form(browser, page, {"step": "do", **fields}, page)
    assert answer.status_code == 422
    assert '<span lang="en">the measure takes effect at' in answer.text


async def test_baselines_are_accepted(desk: tuple[World, httpx.AsyncClient]) -> None:
    _, browser = desk
    outcome = await do(browser, "baseline", {"reason": "måleren var skiftet"})
    assert "0 målere er ændret." in outcome


@pytest.mark.parametrize("code", ["end-override", "unbook", "event", "end-measure", "stop-trial"])
async def test_where_there_is_nothing_to_do_the_page_says_so(
    desk: tuple[World, httpx.AsyncClient], code: str
) -> None:
    _, browser = desk
    answer = await browser.get(f"/sites/lodge/do/{code}")
    assert answer.status_code == 200
    assert "Det kan ikke gøres endnu" in answer.text
    assert "<form" not in answer.text.partition("<main")[2].partition("</main>")[0]


@pytest.mark.parametrize("code", sorted(ACTIONS))
async def test_nobody_does_anything_without_a_key_or_a_token(tmp_path: Path, code: str) -> None:
    world = a_world(tmp_path, open_dashboard=True)
    page = f"/sites/lodge/do/{code}"
    async with world.browser(**HTML) as browser:
        shown = await browser.get(page)
        assert shown.status_code == 303
        assert shown.headers["location"].startswith("/login?next=")
        assert (await browser.post(page, data={"step": "do"})).status_code == 401
    async with world.browser(**world.key("read"), **HTML) as browser:
        assert (await browser.get(page)).status_code == 403
        assert (await browser.post(page, data={"step": "do"})).status_code == 403
    async with world.browser(**world.key("operate"), **HTML) as browser:
        assert (await browser.post(page, data={"step": "do"})).status_code == 403, "no token"


async def test_another_site_or_action_is_not_found(desk: tuple[World, httpx.AsyncClient]) -> None:
    _, browser = desk
    for path in ("lodge/do/nothing", "castle/do/override", "lodge/did/nothing"):
        assert (await browser.get(f"/sites/{path}")).status_code == 404


@pytest.mark.parametrize(
    "query",
    ["", "?at=x", "?at=0001-01-01T00:00:00%2B00:00", "?back=//evil", "?back=/do/nothing", "?n=x"],
)
async def test_the_outcome_page_takes_no_orders_from_its_address(
    desk: tuple[World, httpx.AsyncClient], query: str
) -> None:
    _, browser = desk
    answer = await browser.get(f"/sites/lodge/did/override{query}")
    assert answer.status_code == 200
    assert "evil" not in answer.text.partition("<main")[2]


async def test_the_outcome_shows_what_the_building_did(
    desk: tuple[World, httpx.AsyncClient],
) -> None:
    _, browser = desk
    at = (NOW - 2 * HOUR - timedelta(minutes=1)).isoformat().replace("+", "%2B")
    answer = await browser.get(f"/sites/lodge/did/override?at={at}")
    assert "Setpunkt, Hall: Skrevet · 18,5 °C" in answer.text
    assert 'data-site="lodge"' in answer.text
