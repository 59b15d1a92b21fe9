"""Options of the commands at points."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from bms.cli.main import app


@pytest.mark.parametrize("command", [["write"], ["occupancy", "add"], ["measures", "end"]])
def test_a_reason_that_is_needed_is_marked(command: list[str]) -> None:
    told = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "100"})
    (line,) = [each for each in told.output.splitlines() if "--reason" in each and "<str>" in each]
    assert "[required]" in line


def test_without_a_reason_the_option_is_named() -> None:
    told = CliRunner().invoke(app, ["write", "school/room.setpoint", "21"])
    assert told.exit_code == 2
    assert "Missing option '--reason'" in told.output
