"""What the documents say to strangers is true: the loop runs and saves, the commands answer."""

from __future__ import annotations

import copy
import re
import shlex
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from bms.cli.main import app
from bms.model.planning.plan import PlanStatus
from optimizer import check, mistakes, plan, read
from tests.rigs.buildings.foreign_building import ForeignBuilding
from tests.rigs.paths import ROOT

LOOP = "def question(building, days):"
MONDAY = datetime(2026, 1, 12, tzinfo=UTC)


def loop() -> str:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "optimizer.md").read_text(), re.S)
    return next(block for block in blocks if LOOP in block)


def test_the_loop_is_as_short_as_it_says() -> None:
    lines = [line for line in loop().splitlines() if line.strip()]

    assert len(lines) <= 30


@pytest.fixture(scope="module")
def lived_in() -> ForeignBuilding:
    """Four weeks under its own control, up to a Monday at midnight UTC."""
    building = ForeignBuilding(now=MONDAY - timedelta(days=28)).own(28)
    building.heat_kwh = building.discomfort_kh = 0.0
    return building


@pytest.mark.system
def test_the_loop_saves_heat_in_a_foreign_building_without_more_discomfort(
    lived_in: ForeignBuilding,
) -> None:
    """Three workdays of physics that the optimiser does not know, in K and half-hours."""
    own, ours = copy.deepcopy(lived_in).own(3), copy.deepcopy(lived_in)
    names = {"building": ours, "end": MONDAY + timedelta(days=3)}
    exec(compile(loop(), "docs/optimizer.md", "exec"), names)

    assert ours.now == own.now
    assert names["schedule"].status is PlanStatus.OPTIMAL
    assert ours.heat_kwh < 0.9 * own.heat_kwh
    assert ours.discomfort_kh <= own.discomfort_kh + 0.1


def test_the_least_problem_lacks_only_days_to_learn_from() -> None:
    text = (ROOT / "docs" / "problem.md").read_text()
    least = re.findall(r"```json\n(.*?)```", text, re.S)[0]

    assert [(m.path, "10 days" in m.message) for m in mistakes(least)] == [
        ("history.heat_kw", True)
    ]
    assert check(read(least), plan(read(least))) == ()


def commands() -> list[str]:
    block = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "problem.md").read_text(), re.S)[0]
    return [line for line in block.splitlines() if line.strip()]


@pytest.mark.slow
@pytest.mark.parametrize("line", commands())
def test_the_commands_for_strangers_answer(line: str) -> None:
    program, *words = shlex.split(line, comments=True)
    arguments = [str(ROOT / word) if word.startswith("docs/") else word for word in words]
    done = CliRunner().invoke(app, arguments)

    assert program == "bms"
    assert done.exit_code == 0
    assert done.stdout
