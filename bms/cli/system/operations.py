"""``bms schema``, ``bms db``: operations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from bms.cli.console.errors import WRONG_CALL, errors
from bms.cli.console.progress import progress_bars
from bms.cli.console.screen import say
from bms.config import Settings
from bms.errors import ConfigError
from bms.model.codec import json_schema
from bms.model.planning.plan import Schedule
from bms.model.planning.problem import Problem
from bms.runtime.wire import opened
from bms.store.database.backup import back_up, dump_command

AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
COPYING = "Copying the database"
SCHEMAS = {"problem": Problem, "schedule": Schedule}
database = typer.Typer(no_args_is_help=True, help="The database.")


def register(app: typer.Typer) -> None:
    app.command()(schema)
    app.add_typer(database, name="db")


def schema(name: Annotated[str, typer.Argument(help="problem or schedule")]) -> None:
    """Print the JSON Schema of a noun that programs exchange with us.

    Example: bms schema problem
    """
    if name not in SCHEMAS:
        raise typer.BadParameter(f"{name!r} is not known; there are: {', '.join(SCHEMAS)}")
    from optimizer.problem.reader import schema as problem_schema  # keys and db do without it

    found = problem_schema() if name == "problem" else json_schema(SCHEMAS[name])
    typer.echo(json.dumps(found, indent=2))


@database.command()
def upgrade() -> None:
    """Bring the database to the newest form (also done at every start).

    Example: bms db upgrade
    """
    with opened(Settings()) as city:
        city.stores.keys.keys()  # a city may start without its database
    say("the database is up to date")


@database.command()
def scrub() -> None:
    """Write the database anew, so that nothing deleted is left in it; writers wait meanwhile.

    The weekly scrub holds nobody up: it gives free room back, and writes only small files anew.

    Example: bms db scrub
    """
    with opened(Settings()) as city:
        city.stores.retention.scrub(whole=True)
    say("nothing deleted is left in the files of the database")


@database.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    force: Annotated[bool, typer.Option("--force", help="replace FILE if it is there")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy the database of a running backend to a file, and check the copy.

    That is for SQLite. For PostgreSQL the command that does it is printed, and the exit code is 2.

    Example: bms db backup /backup/bms.db
    """
    url = Settings().database
    instead = dump_command(url, file)
    if instead is not None:
        raise _wrong_call(
            "PostgreSQL is backed up with its own tool; it asks for the password, or takes it from"
            f" ~/.pgpass:\n{instead}"
        )
    try:
        with progress_bars(quiet=as_json) as report:
            done = back_up(url, file, force=force, report=lambda share: report(COPYING, share))
    except ConfigError as error:
        raise _wrong_call(str(error)) from error
    if as_json:
        row = {"file": str(done.file), "bytes": done.size, "readings": done.readings}
        typer.echo(json.dumps(row))
    else:
        size = f"{done.size / 1e6:.1f} MB"
        say(f"{done.file}: {done.readings} readings, {size}, checked")


def _wrong_call(sentence: str) -> typer.Exit:
    errors.print(f"error: {sentence}")
    return typer.Exit(WRONG_CALL)
