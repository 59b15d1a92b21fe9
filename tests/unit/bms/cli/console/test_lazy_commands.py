"""Commands that are imported when they are called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

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
LOADED = (
    "import sys, bms.cli.main; from bms.cli.console.lazy_commands import commands_of;"
    "commands_of(sys.argv[1]);"
    "print(*sys.modules)"
)


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

    def test_suggests_a_name_for_another_without_importing_one(self) -> None:
        done = in_a_process("raed", exit_code=2)
        assert "Did you mean 'read'" in done.stderr
        assert set(done.loaded) & (HEAVY - {"pydantic"}) == set(), "typer's own checks use pydantic"


HEAVY = {
    *("alembic", "apscheduler", "babel", "bacpypes3", "fastapi", "highspy", "holidays", "httpx"),
    *("jinja2", "numpy", "prometheus_client", "pydantic", "pymodbus", "ruamel", "scipy"),
    *("sqlalchemy", "sqlmodel", "starlette", "uvicorn"),
    *("api", "drivers", "optimizer", "sites", "bms.services", "bms.store", "bms.runtime"),
}
CALLED = (
    "import sys, bms.cli\n"
    "try: bms.cli.main()\n"
    "finally: print('modules:', *sys.modules, file=sys.stderr)"
)


class Done(NamedTuple):
    stdout: str
    stderr: str
    loaded: list[str]


def in_a_process(*words: str, exit_code: int = 0) -> Done:
    """The command line in a process of its own, and the modules that it imported."""
    call = [sys.executable, "-c", CALLED, *words]
    done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == exit_code, done.stderr
    errors, _, loaded = done.stderr.rpartition("modules:")
    return Done(done.stdout, " ".join(errors.split()), loaded.split())


@pytest.mark.parametrize("words", [("--help",), ()], ids=["--help", "no words"])
def test_help_imports_none_of_the_heavy_modules(words: tuple[str, ...]) -> None:
    done = in_a_process(*words, exit_code=0 if words else 2)
    for name, (_, text) in COMMANDS.items():
        assert name in done.stdout
        assert text.split()[0] in done.stdout
    assert "typer" in done.loaded
    assert set(done.loaded) & HEAVY == set()


@pytest.mark.parametrize(
    ("module", "needed", "not_needed"),
    [
        ("site.points", "bacpypes3", {"scipy.optimize", "optimizer", "fastapi"}),
        ("site.discovery", "bacpypes3", {"scipy", "sqlalchemy", "fastapi"}),
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
