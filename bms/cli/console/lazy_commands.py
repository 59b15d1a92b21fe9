"""Commands whose modules are imported when they are called: `bms read` waits for no web server."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.main import get_group

from bms.cli.console.errors import SayingGroup

MODULE_OF = {
    "demo": "demo",
    "run": "run",
    "serve": "run",
    "work": "run",
    "guard": "run",
    "discover": "discovery",
    "read": "points",
    "write": "points",
    "release": "points",
    "ingest": "ingest",
    "identify": "identify",
    "plan": "plans",
    "replay": "plans",
    "assess": "assess",
    "report": "savings",
    "trial": "trial",
    "schema": "operations",
    "bench": "operations",
    "keys": "operations",
    "db": "operations",
    "ranking": "portfolio",
    "cooling": "portfolio",
    "events": "events",
    "occupancy": "occupancy",
    "simulate": "simulate",
    "sites": "site_files",
    "devices": "devices",
}
"""Each command and the module of ``bms.cli`` that registers it."""


def commands_of(module: str) -> dict[str, Any]:
    """The commands that a module of ``bms.cli`` registers, by name."""
    part = typer.Typer()
    import_module(f"bms.cli.{module}").register(part)
    return dict(get_group(part).commands)


class LateGroup(SayingGroup):
    """Knows every command by name, and those that were asked for in full."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Every name, whether its module is imported or not."""
        return list(MODULE_OF)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        """The command of this name, or None. What it might have been needs all of them."""
        known = cmd_name in MODULE_OF
        for name in [cmd_name] if known else MODULE_OF:
            if name not in self.commands:
                self.commands.update(commands_of(MODULE_OF[name]))
        return self.commands.get(cmd_name)
