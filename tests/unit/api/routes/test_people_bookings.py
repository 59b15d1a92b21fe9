"""Bookings over HTTP: made, listed and taken back by people who may operate."""

from __future__ import annotations

import pytest

from tests.rigs.fakes.api import NOW, a_world
from tests.rigs.fakes.city import HOUR


@pytest.fixture
async def desk(tmp_path):
    world = a_world(tmp_path)
    async with world.browser(**world.key("operate")) as browser:
        yield world, browser


def body(**changes: object) -> dict[str, object]:
    asked = {
        "zone": "hall",
        "start": (NOW + 8 * HOUR).isoformat(),
        "end": (NOW + 11 * HOUR).isoformat(),
        "reason": "parents' evening",
    }
    return asked | changes


async def test_a_booking_is_made_listed_and_taken_back(desk):
    world, browser = desk
    made = await browser.post("/v1/sites/lodge/occupancy", json=body())
    assert made.status_code == 201
    row = made.json()
    assert (row["kind"], row["zone"], row["author"]) == ("in_use", "hall", "operate of a test")
    assert (await browser.get("/v1/sites/lodge/occupancy")).json() == {"bookings": [row]}
    assert (await browser.delete(made.headers["location"])).status_code == 204
    assert (await browser.get("/v1/sites/lodge/occupancy")).json() == {"bookings": []}
    assert world.store.bookings("lodge", NOW) == []


async def test_how_many_come_is_kept_and_shown(desk):
    world, browser = desk
    made = await browser.post("/v1/sites/lodge/occupancy", json=body(people=120))
    assert made.json()["people"] == 120.0
    (kept,) = world.store.bookings("lodge", NOW)
    assert kept.people == 120.0
    silent = await browser.post("/v1/sites/lodge/occupancy", json=body())
    assert silent.json()["people"] is None


async def test_a_week_is_closed_for_all_zones(desk):
    world, browser = desk
    week = body(kind="closed", end=(NOW + 168 * HOUR).isoformat(), reason="closed week")
    del week["zone"]
    assert (await browser.post("/v1/sites/lodge/occupancy", json=week)).status_code == 201
    (kept,) = world.store.bookings("lodge", NOW)
    assert (kept.zone, kept.kind) == (None, "closed")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"zone": "attic"}, 404),
        ({"end": (NOW + 8 * HOUR).isoformat()}, 422),
        ({"start": (NOW - 9 * HOUR).isoformat(), "end": (NOW - HOUR).isoformat()}, 422),
        ({"start": "2019-02-01T18:00:00"}, 422),
        ({"reason": " "}, 422),
        ({"kind": "perhaps"}, 422),
        ({"people": -3}, 422),
        ({"people": 1e9}, 422),
        ({"people": 12, "kind": "closed"}, 422),
    ],
)
async def test_wrong_bookings_change_nothing(desk, changes, status):
    world, browser = desk
    answer = await browser.post("/v1/sites/lodge/occupancy", json=body(**changes))
    assert answer.status_code == status
    assert world.store.bookings("lodge", NOW) == []


async def test_what_is_not_booked_cannot_be_taken_back(desk):
    _, browser = desk
    assert (await browser.delete("/v1/sites/lodge/occupancy/nobody")).status_code == 404
