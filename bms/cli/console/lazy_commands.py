"""Commands whose modules are imported when they are called: `bms read` waits for no web server.

The help of `bms` imports none of them: it is made of the table below.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from bms.cli.console.errors import CommandGroup

COMMANDS: Mapping[str, tuple[str, str]] = {
    "demo": (
        "system.demo",
        "A simulated municipality behind real Modbus TCP and BACnet/IP servers on loopback.",
    ),
    "run": (
        "system.run",
        "Everything in one process: poll, plan, dispatch, API and dashboard; starts its guard.",
    ),
    "serve": (
        "system.run",
        "API and dashboard only.",
    ),
    "work": (
        "system.work_list",
        "Poll, plan and dispatch only; or see and answer the items of the work list.",
    ),
    "status": ("system.status", "Show which worker owns which site, and until when."),
    "guard": (
        "system.run",
        "Give back every point whose lease has ended. Started by `bms run`; may run as a service.",
    ),
    "archive": ("system.archive", "Old months as Parquet files that DuckDB reads."),
    "reload": ("site.reload", "Take added, changed and removed site files in without a restart."),
    "discover": ("site.discovery", "Find devices and what they offer."),
    "read": ("site.points", "Read a site or a point once, straight from the device."),
    "write": (
        "site.points",
        "Write one value for a limited time; the guard gives the point back afterwards.",
    ),
    "release": (
        "site.points",
        "Give a point, a site or the city back to the buildings' own control.",
    ),
    "commission": (
        "site.commission",
        "Try writable points of a site one by one, sign the protocol and keep it.",
    ),
    "mode": (
        "site.mode",
        "Show or set the mode of a site. Below auto everything is given back at once.",
    ),
    "ingest": ("energy.ingest", "Store a supplier's meter files; the same file twice is once."),
    "identify": (
        "site.identify",
        "Learn the thermal model of a site or of a room in a file, or say why there is none.",
    ),
    "plan": ("site.plans", "Plan the coming setpoints of a site, or answer a Problem file."),
    "replay": (
        "site.plans",
        "Answer a stored plan's problem again; exit 1 when the schedule is not the same.",
    ),
    "assess": ("energy.assess", "Savings with interval, method, coverage and verdict, per meter."),
    "report": (
        "energy.report",
        (
            "Savings, consumption, ranking, missing data, quality, meters or the year of the "
            "council, as PDF, workbook, CSV, JSON or Parquet: the same numbers as in the API."
        ),
    ),
    "trial": (
        "energy.trial",
        "Prove the effect of our control on a building: it alternates by lot with its own control.",
    ),
    "schema": (
        "system.operations",
        "Print the JSON Schema of a noun that programs exchange with us.",
    ),
    "bench": (
        "system.benchmarks",
        "Run a benchmark and print what was measured beside what is asked for.",
    ),
    "keys": ("system.keys", "Keys of the API."),
    "users": ("system.users", "People who sign in, and their sessions."),
    "privacy": ("system.privacy", "What is kept about people."),
    "audit": ("system.audit", "Who did what, when and why."),
    "db": ("system.operations", "The database."),
    "ranking": (
        "energy.portfolio",
        "Buildings beside peers of the same use and about the same size, the worst first.",
    ),
    "cooling": (
        "energy.portfolio",
        (
            "How far each district heating meter cools the water in a year, and what poor cooling "
            "costs."
        ),
    ),
    "feeds": (
        "system.feeds",
        "Weather, prices and tariffs: what each provider says now, and how well it has foreseen.",
    ),
    "detect": (
        "energy.detect",
        "What is wrong in a building, priced and ranked; and where no rule could look, why.",
    ),
    "events": (
        "energy.events",
        (
            "Changes of use that have nothing to do with energy work: list, confirm, dismiss, add "
            "them."
        ),
    ),
    "measures": ("energy.measures", "What was done to a building, and what it has saved."),
    "goals": ("energy.goals", "Budgets and targets of years, by commodity."),
    "notify": ("system.notices", "Notices of the work list."),
    "occupancy": ("site.occupancy", "Bookings and closures of a site."),
    "simulate": (
        "site.what_if",
        "Simulate a change beside the plan in force: energy, cost and comfort. Nothing is written.",
    ),
    "sites": ("site.files", "Validate, list and draft site files."),
    "devices": ("site.devices", "The devices of a site."),
}
"""For each command the module of ``bms.cli`` that registers it, and its help's first paragraph."""


class Unloaded(TyperCommand):
    """Name and help of a command whose module is not imported yet."""


def commands_of(module: str) -> dict[str, Any]:
    """The commands that a module of ``bms.cli`` registers, by name."""
    part = typer.Typer()
    import_module(f"bms.cli.{module}").register(part)
    return dict(get_group(part).commands)


class LazyGroup(CommandGroup):
    """Has every command of the table, and imports the module of one when it is asked for."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, (_, text) in COMMANDS.items():
            self.commands[name] = Unloaded(name, help=text)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        """The command of this name with its options, or None."""
        if isinstance(self.commands.get(cmd_name), Unloaded):
            module, _ = COMMANDS[cmd_name]
            self.commands.update(commands_of(module))
        return self.commands.get(cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Help from the names and texts that are there, without importing any module."""
        listed = TyperGroup(
            name=self.name, help=self.help, params=self.params, commands=dict(self.commands)
        )
        listed.format_help(ctx, formatter)
