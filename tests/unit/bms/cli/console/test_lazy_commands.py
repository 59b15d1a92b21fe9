"""Commands that are imported when they are called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer

import bms.cli
from bms.cli.console.lazy_commands import MODULE_OF, commands_of
from bms.cli.main import app

FOLDER = Path(bms.cli.__file__).parent
REGISTERING = sorted(
    ".".join(f.relative_to(FOLDER).with_suffix("").parts)
    for f in FOLDER.rglob("*.py")
    if "def register(" in f.read_text()
)
GROUP = typer.main.get_command(app)
CONTEXT = typer.Context(GROUP)
LOADED = (
    "import sys, bms.cli.main; from bms.cli.console.lazy_commands import commands_of;"
    "commands_of(sys.argv[1]);"
    "print(*sys.modules)"
)


class TestTheTable:
    @pytest.mark.parametrize("module", REGISTERING)
    def test_names_every_command_with_the_module_that_registers_it(self, module: str) -> None:
        named = [command for command, of in MODULE_OF.items() if of == module]
        assert sorted(commands_of(module)) == sorted(named)

    def test_names_no_other_module(self) -> None:
        assert sorted(set(MODULE_OF.values())) == REGISTERING


class TestTheGroup:
    def test_knows_every_name_before_it_imports_one(self) -> None:
        assert GROUP.list_commands(CONTEXT) == list(MODULE_OF)

    def test_finds_a_command_by_its_name(self) -> None:
        assert GROUP.get_command(CONTEXT, "write").name == "write"

    def test_has_none_for_another_name(self) -> None:
        assert GROUP.get_command(CONTEXT, "raed") is None


@pytest.mark.parametrize(
    ("module", "needed", "not_needed"),
    [
        ("points", "bacpypes3", {"scipy.optimize", "optimizer", "fastapi"}),
        ("discovery", "bacpypes3", {"scipy", "sqlalchemy", "fastapi"}),
    ],
)
def test_a_call_waits_for_what_it_needs_alone(
    module: str, needed: str, not_needed: set[str]
) -> None:
    command = [sys.executable, "-c", LOADED, module]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stdout.split())
    assert needed in loaded
    assert loaded & not_needed == set()
