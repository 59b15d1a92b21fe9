"""What a call of the command line imports, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import NamedTuple

import pytest

from bms.cli.console.lazy_commands import COMMANDS

LOADED = (
    "import sys, bms.cli.main; from bms.cli.console.lazy_commands import commands_of;"
    "commands_of(sys.argv[1]);"
    "print(*sys.modules)"
)
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
        ("site.plans", "optimizer", {"scipy", "sqlalchemy", "bacpypes3", "fastapi"}),
        ("system.operations", "sqlalchemy", {"bms.bench", "optimizer", "fastapi"}),
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


def test_suggests_a_name_for_another_without_importing_one() -> None:
    done = in_a_process("raed", exit_code=2)
    assert "Did you mean 'read'" in done.stderr
    assert set(done.loaded) & (HEAVY - {"pydantic"}) == set(), "typer's own checks use pydantic"
