"""Keys that are over, and what can be learned by trying them (SECURITY.md)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from api.failed_keys import MOST_A_MINUTE
from bms.cli.main import app
from bms.cli.system.keys import expiry
from tests.rigs.fakes.api import NOW, World, a_world
from tests.rigs.paths import ROOT
from tests.rigs.web.forms import send_form

HOUR = timedelta(hours=1)
UNKNOWN = {"authorization": "Bearer bms_00000000_unknown"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return a_world(tmp_path)


async def test_a_key_that_is_over_is_answered_like_one_that_nobody_knows(world: World) -> None:
    key = world.key("read", expires=NOW + HOUR)
    async with world.browser() as browser:
        assert (await browser.get("/v1/sites", headers=key)).status_code == 200
        world.clock.advance(HOUR)
        over = await browser.get("/v1/sites", headers=key)
        unknown = await browser.get("/v1/sites", headers=UNKNOWN)
    assert over.status_code == unknown.status_code == 401
    told = [{**answer.json(), "instance": None} for answer in (over, unknown)]
    assert told[0] == told[1]
    assert over.headers["www-authenticate"] == unknown.headers["www-authenticate"]


async def test_a_key_that_is_over_counts_as_a_wrong_one(world: World) -> None:
    key = world.key("operate", expires=NOW + HOUR)
    world.clock.advance(HOUR)
    async with world.browser() as browser:
        answers = [await browser.post("/v1/release", headers=key) for _ in range(MOST_A_MINUTE + 1)]
    assert [a.status_code for a in answers] == [401] * MOST_A_MINUTE + [429]


async def test_a_key_that_is_over_opens_no_page(world: World) -> None:
    text = world.key("read", expires=NOW + HOUR)["authorization"].removeprefix("Bearer ")
    async with world.browser() as browser:
        assert (await send_form(browser, "/login", {"key": text})).status_code == 303
        assert (await browser.get("/v1/sites")).status_code == 200
        world.clock.advance(HOUR)
        assert (await browser.get("/v1/sites")).status_code == 401
        assert (await send_form(browser, "/login", {"key": text})).status_code == 403


def keys(home: Path, *arguments: str, code: int = 0) -> str:
    env = {"BMS_HOME": str(home), "BMS_SITES": str(ROOT / "sites" / "examples")}
    done = CliRunner().invoke(app, ["keys", *arguments], env=env)
    assert done.exit_code == code, done.output
    return done.stdout


def test_the_end_of_a_key_is_chosen_told_and_listed(tmp_path: Path) -> None:
    made = [
        json.loads(keys(tmp_path, "create", name, *more, "--by", "kari", "--json"))
        for name, more in (
            ("energy team", ()),
            ("supplier", ("--scope", "ingest")),
            ("waterworks", ("--scope", "ingest:school", "--expires", "never")),
            ("guest", ("--expires", "2h")),
        )
    ]
    now = datetime.now(UTC)
    ends = [key["expires"] and datetime.fromisoformat(key["expires"]) for key in made]
    days = [end and (end - now) / timedelta(days=1) for end in ends]
    assert (days[0], days[2]) == (None, None)
    assert days[1] == pytest.approx(365, abs=0.1)
    assert days[3] == pytest.approx(2 / 24, abs=0.01)
    listed = json.loads(keys(tmp_path, "list", "--json"))
    assert [row["expires"] and datetime.fromisoformat(row["expires"]) for row in listed] == ends
    assert "expires" in keys(tmp_path, "list")


@pytest.mark.parametrize("end", ["soon", "0d", "-3d", "2001-01-01", "99999w", "2026-13-01", ""])
def test_an_end_that_is_none_is_refused_and_no_key_is_made(tmp_path: Path, end: str) -> None:
    env = {"BMS_HOME": str(tmp_path), "BMS_SITES": str(ROOT / "sites" / "examples")}
    done = CliRunner().invoke(app, ["keys", "create", "x", "--expires", end], env=env)
    assert done.exit_code in (1, 2)
    assert json.loads(keys(tmp_path, "list", "--json")) == []


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("never", None),
        ("90d", datetime(2026, 4, 5, 12, tzinfo=UTC)),
        ("36h", datetime(2026, 1, 7, 0, tzinfo=UTC)),
        ("2 w", datetime(2026, 1, 19, 12, tzinfo=UTC)),
        ("2026-03-29", datetime(2026, 3, 29, 22, tzinfo=UTC)),  # the day is 23 hours long
    ],
)
def test_an_end_as_people_write_it(text: str, end: datetime | None) -> None:
    assert expiry(text, datetime(2026, 1, 5, 12, tzinfo=UTC), "Europe/Copenhagen") == end


def test_no_end_is_guessed() -> None:
    with pytest.raises(typer.BadParameter, match="90d, 12h, 2027-06-30 or never"):
        expiry("1y", NOW, "Europe/Copenhagen")
