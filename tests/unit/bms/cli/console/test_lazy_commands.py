"""Commands that are imported when they are called."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

import bms.cli
from bms.cli.console.lazy_commands import COMMANDS, Unloaded, commands_of
from bms.cli.main import app

FOLDER = Path(bms.cli.__file__).parent
REGISTERING = sorted(
    ".".join(f.relative_to(FOLDER).with_suffix("").parts)
    for f in FOLDER.rglob("*.py")
    if "def register(" in f.read_text()
)
GROUP = typer.main.get_command(app)
CONTEXT = typer.Context(GROUP)


class TestTheTable:
    @pytest.mark.parametrize("module", REGISTERING)
    def test_names_every_command_with_the_module_that_registers_it(self, module: str) -> None:
        named = [command for command, (of, _) in COMMANDS.items() if of == module]
        assert sorted(commands_of(module)) == sorted(named)

    def test_names_no_other_module(self) -> None:
        assert sorted({module for module, _ in COMMANDS.values()}) == REGISTERING

    @pytest.mark.parametrize("name", COMMANDS)
    def test_has_the_first_paragraph_of_the_help_of_each_command(self, name: str) -> None:
        module, text = COMMANDS[name]
        first = commands_of(module)[name].help.split("\n\n")[0]
        assert text == " ".join(first.split())


class TestTheGroup:
    def test_knows_every_name_before_it_imports_one(self) -> None:
        group = typer.main.get_command(app)
        assert group.list_commands(CONTEXT) == list(COMMANDS)
        assert {type(command) for command in group.commands.values()} == {Unloaded}

    def test_finds_a_command_by_its_name(self) -> None:
        assert GROUP.get_command(CONTEXT, "write").name == "write"

    def test_has_none_for_another_name(self) -> None:
        assert GROUP.get_command(CONTEXT, "raed") is None
