"""Commands whose modules are imported when they are called: `bms read` waits for no web server."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.main import get_group

from bms.cli.console.errors import SayingGroup

MODULE_OF = {
    "demo": "system.demo",
    "run": "system.run",
    "serve": "system.run",
    "work": "system.run",
    "guard": "system.run",
    "discover": "site.discovery",
    "read": "site.points",
    "write": "site.points",
    "release": "site.points",
    "ingest": "energy.ingest",
    "identify": "site.identify",
    "plan": "site.plans",
    "replay": "site.plans",
    "assess": "energy.assess",
    "report": "energy.report",
    "trial": "energy.trial",
    "schema": "system.operations",
    "bench": "system.operations",
    "keys": "system.operations",
    "db": "system.operations",
    "ranking": "energy.portfolio",
    "cooling": "energy.portfolio",
    "events": "energy.events",
    "occupancy": "site.occupancy",
    "simulate": "site.what_if",
    "sites": "site.site_files",
    "devices": "site.devices",
}
"""Each command and the module of ``bms.cli`` that registers it."""


def commands_of(module: str) -> dict[str, Any]:
    """The commands that a module of ``bms.cli`` registers, by name."""
    part = typer.Typer()
    import_module(f"bms.cli.{module}").register(part)
    return dict(get_group(part).commands)


class LazyGroup(SayingGroup):
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
