"""Before ``auto``: two weeks of predictions that held, and a name."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from bms.model.assets.site import Mode
from bms.model.planning.prediction import PredictionDay
from bms.services.planning.shadow_period import days_that_met
from tests.rigs.fakes.api import NOW, World, a_world
from tests.rigs.fakes.city import lodge
from tests.rigs.fakes.store import a_model

FIRST = date(2019, 1, 10)
"""Of 18 days up to the day before ``NOW``."""
DAY = timedelta(days=1)
AUTO = {"mode": "auto", "reason": "two weeks went well"}


def a_day(i: int, **changes: object) -> PredictionDay:
    made = PredictionDay(
        site="lodge",
        zone="hall",
        lead_h=24,
        day=FIRST + i * DAY,
        n=24,
        rmse_k=0.5,
        bias_k=0.0,
        expected_k=0.4,
        model_at=NOW - 30 * DAY,
    )
    return replace(made, **changes)


def world_of(home: Path, mode: Mode, days: int) -> World:
    world = a_world(home, sites=(replace(lodge(), mode=mode),), approved=False)
    model = a_model("lodge")
    world.store.save_model(replace(model, zones=(replace(model.zones[0], zone="hall"),)))
    world.store.keep_predictions([a_day(i) for i in range(days)])
    return world


async def asked(world: World) -> tuple[int, str]:
    async with world.browser(**world.key("operate")) as browser:
        answer = await browser.post("/v1/sites/lodge/mode", json=AUTO)
    return answer.status_code, answer.text


async def test_two_weeks_that_held_open_the_way(tmp_path: Path) -> None:
    world = world_of(tmp_path, Mode.AUTO, 14)
    assert (await asked(world))[0] == 200
    assert world.store.mode("lodge") is Mode.AUTO


async def test_a_day_less_does_not(tmp_path: Path) -> None:
    world = world_of(tmp_path, Mode.AUTO, 13)
    status, said = await asked(world)
    assert status == 422
    assert "lodge has 13 of 14 days on which its predictions held" in said
    assert world.store.mode("lodge") is None


async def test_a_model_that_has_drifted_does_not(tmp_path: Path) -> None:
    world = world_of(tmp_path, Mode.AUTO, 17)
    world.store.keep_predictions([a_day(17, drifting=True)])
    status, said = await asked(world)
    assert status == 422
    assert "the model no longer holds" in said


async def test_a_site_file_that_says_less_does_not(tmp_path: Path) -> None:
    status, said = await asked(world_of(tmp_path, Mode.ADVISE, 14))
    assert status == 422
    assert "lodge may be in mode advise at most" in said


@pytest.mark.parametrize(
    ("changes", "held"),
    [
        ({"rmse_k": 0.6}, True),
        ({"rmse_k": 0.61}, False),
        ({"rmse_k": 0.37, "expected_k": 0.1}, True),
        ({"rmse_k": 0.38, "expected_k": 0.1}, False),
        ({"rmse_k": None, "n": 0}, False),
        ({"drifting": True}, False),
    ],
)
def test_a_day_held_where_every_zone_did(changes: dict[str, object], held: bool) -> None:
    gym = a_day(0, zone="gym", **changes)
    assert days_that_met([a_day(0), gym]) == ([FIRST] if held else [])
    other_lead = a_day(0, lead_h=1, rmse_k=9.0, expected_k=None)
    assert days_that_met([a_day(0), other_lead]) == [FIRST]
