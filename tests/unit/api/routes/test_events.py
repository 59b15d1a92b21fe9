"""Non-routine events and baselines through the API."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import httpx
import numpy as np
import pytest

from bms.model.readings.measurement import Reading
from bms.services.assessment.savings_cache import SavingsCache
from tests.rigs.fakes.api import HTML, World, a_world, live_in
from tests.rigs.fakes.city import HOUR, utc
from tests.rigs.fakes.ledger import an_event

EVENTS = "/v1/sites/lodge/events"
ENTRY = {
    "meter": "heat",
    "start": "2019-01-20T00:00:00+01:00",
    "end": "2019-01-25T00:00:00+01:00",
    "change_kwh": 100.0,
    "change_se_kwh": 20.0,
    "kind": "outage",
    "reason": "the hall was dried",
}
STEPPED = "?baseline=2017-01-01..2018-01-01&reporting=2018-01-01..2019-01-01"
STEP = utc(2018, 7, 1)


@cache
def a_step() -> tuple[Reading, ...]:
    """Two years of electricity, half as much again from the middle of the second one on."""
    start, total, rows = utc(2016, 12, 31), 0.0, []
    for i in range(2 * 366 * 24):
        at = start + i * HOUR
        rows.append(Reading("lodge/el.energy", at, round(total, 3)))
        wobble = 1.0 + 0.05 * np.sin(i * 0.7) * np.cos(i * 0.113)
        total += 2.0 * wobble * (1.5 if at >= STEP else 1.0)
    return tuple(rows)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = a_world(tmp_path, open_dashboard=True)
    live_in(made)
    return made


async def call(world: World, method: str, path: str, **more: object) -> httpx.Response:
    async with world.browser(**world.key("operate")) as browser:
        return await browser.request(method, path, **more)


async def savings(world: World) -> dict:
    return (await call(world, "GET", "/v1/sites/lodge/savings")).json()["savings"]


class TestEntering:
    @pytest.mark.slow
    async def test_an_entry_has_its_author_and_date_and_adjusts_the_saving(
        self, world: World
    ) -> None:
        before = await savings(world)
        made = await call(world, "POST", EVENTS, json=ENTRY)
        assert made.status_code == 201
        row = made.json()
        assert (row["author"], row["entered_at"]) == (
            "operate of a test",
            "2019-01-28T09:05:00Z",
        )
        assert (row["meter"], row["kind"], row["standing"]) == ("lodge/heat", "outage", True)
        after = await savings(world)
        assert after["saving_kwh"] == pytest.approx(before["saving_kwh"] + 100.0)
        assert after["unadjusted"]["saving_kwh"] == pytest.approx(before["saving_kwh"])
        assert after["unadjusted"]["events"] == [row["id"]]
        listed = (await call(world, "GET", EVENTS)).json()
        assert listed["events"] == [row]

    @pytest.mark.slow
    async def test_a_correction_supersedes_and_both_are_listed(self, world: World) -> None:
        before = await savings(world)
        first = (await call(world, "POST", EVENTS, json=ENTRY)).json()
        nothing = {**ENTRY, "change_kwh": 0, "change_se_kwh": 0, "supersedes": first["id"]}
        second = (await call(world, "POST", EVENTS, json=nothing)).json()
        assert (second["decision"], second["supersedes"]) == ("dismissed", first["id"])
        rows = (await call(world, "GET", f"{EVENTS}?limit=1")).json()
        assert [row["id"] for row in rows["events"]] == [second["id"]]
        rest = (await call(world, "GET", f"{EVENTS}?cursor={rows['next']}")).json()
        assert [(row["id"], row["standing"]) for row in rest["events"]] == [(first["id"], False)]
        assert (await savings(world))["saving_kwh"] == pytest.approx(before["saving_kwh"])
        again = await call(world, "POST", EVENTS, json=nothing)
        assert again.status_code == 422
        assert second["id"] in again.json()["detail"]

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("change", "status"),
        [
            ({"change_se_kwh": None}, 422),
            ({"change_se_kwh": -1}, 422),
            ({"reason": "  "}, 422),
            ({"end": "2019-01-19T00:00:00+01:00"}, 422),
            ({"end": "2019-01-25T00:00:00"}, 422),
            ({"meter": None}, 422),
            ({"decision": "dismissed"}, 422),
            ({"open": "heat-step_change-2019-01-01"}, 422),
            ({"author": "somebody else"}, 422),
            ({"meter": "hp"}, 404),
            ({"supersedes": "e9"}, 404),
        ],
    )
    async def test_half_an_entry_is_refused(
        self, world: World, change: dict[str, object], status: int
    ) -> None:
        answer = await call(world, "POST", EVENTS, json={**ENTRY, **change})
        assert answer.status_code == status, answer.text
        assert world.store.events("lodge") == []

    async def test_numbers_that_are_none_are_refused(self, world: World) -> None:
        body = '{"meter": "heat", "start": "2019-01-20T00:00:00Z", "end": "2019-01-25T00:00:00Z", '
        body += '"change_kwh": NaN, "change_se_kwh": 1, "reason": "a test"}'
        headers = {"content-type": "application/json"}
        answer = await call(world, "POST", EVENTS, content=body, headers=headers)
        assert answer.status_code == 422


class TestDeciding:
    @pytest.fixture
    def stepped(self, tmp_path: Path) -> World:
        made = a_world(tmp_path)
        made.store.add_readings(a_step())
        return made

    @pytest.mark.slow
    async def test_an_open_event_is_confirmed_with_its_proposal(self, stepped: World) -> None:
        listed = (await call(stepped, "GET", EVENTS + STEPPED)).json()
        (first,) = listed["open"]
        assert (first["meter"], first["kind"]) == ("lodge/el", "step_change")
        assert abs(datetime.fromisoformat(first["start"]) - STEP) < timedelta(days=7)
        assert first["change_kwh"] == pytest.approx(184 * 24 * 1.0, rel=0.1)
        body = {"open": first["id"], "reason": "we took over"}
        made = await call(stepped, "POST", EVENTS + STEPPED, json=body)
        assert made.status_code == 201, made.text
        assert made.json()["change_kwh"] == first["change_kwh"]
        after = (await call(stepped, "GET", EVENTS + STEPPED)).json()
        assert after["open"] == []

    @pytest.mark.slow
    async def test_or_dismissed_without_one(self, stepped: World) -> None:
        listed = (await call(stepped, "GET", EVENTS + STEPPED)).json()
        body = {"open": listed["open"][0]["id"], "decision": "dismissed", "reason": "our control"}
        made = await call(stepped, "POST", EVENTS + STEPPED, json=body)
        assert (made.status_code, made.json()["change_kwh"]) == (201, 0.0)

    @pytest.mark.slow
    async def test_what_is_not_open_is_not_found(self, world: World) -> None:
        body = {"open": "heat-drift-2019-01-01", "reason": "a guess"}
        answer = await call(world, "POST", EVENTS, json=body)
        assert answer.status_code == 404
        assert "open are:" in answer.json()["detail"]


def remade(world: World) -> None:
    """What the worker's job does."""
    SavingsCache(world.city.assessment).site(world.city.site("lodge"))


class TestBaselines:
    @pytest.mark.slow
    async def test_a_change_of_data_is_told_and_accepted(self, world: World) -> None:
        await savings(world)
        kept = (await call(world, "GET", "/v1/sites/lodge/baselines")).json()["baselines"]
        assert [row["meter"] for row in kept] == ["lodge/heat", "lodge/el"]
        at = world.clock.now() - timedelta(days=200, minutes=5)
        (old,) = world.store.readings("lodge/el.energy", at, at + timedelta(minutes=1))
        world.store.add_readings([type(old)(old.point, old.time, old.value - 0.5)])
        remade(world)
        told = await savings(world)
        assert "baseline_changed" in [words["code"] for words in told["reasons"]]
        body = {"reason": "the supplier corrected July"}
        made = await call(world, "POST", "/v1/sites/lodge/baselines", json=body)
        assert made.status_code == 201
        (row,) = made.json()["baselines"]
        assert (row["meter"], row["author"]) == ("lodge/el", "operate of a test")
        told = await savings(world)
        assert "baseline_changed" not in [words["code"] for words in told["reasons"]]
        again = await call(world, "POST", "/v1/sites/lodge/baselines", json=body)
        assert again.json() == {"baselines": []}


class TestPage:
    @pytest.mark.slow
    @pytest.mark.parametrize("language", ["da", "en"])
    async def test_the_ledger_stands_on_the_page_of_the_building(
        self, world: World, language: str
    ) -> None:
        world.store.add_event(
            an_event(
                start=world.clock.now() - timedelta(days=9),
                end=world.clock.now(),
                reason="<b>new wing</b>",
            )
        )
        async with world.browser(**HTML) as browser:
            work = (await browser.get(f"/sites/lodge/work?lang={language}")).text
            page = (await browser.get(f"/sites/lodge/savings?lang={language}")).text
        assert "&lt;b&gt;new wing&lt;/b&gt;" in work
        assert {"da": "Uden justering", "en": "Without adjustment"}[language] in work
        assert {"da": "2019 til dato", "en": "2019 to date"}[language] in page
