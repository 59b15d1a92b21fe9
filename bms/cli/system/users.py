"""``bms users``: people who sign in, and their sessions."""

from __future__ import annotations

import getpass
import json
import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from bms.cli.console.person import user_name
from bms.cli.console.screen import say, screen
from bms.cli.system.keys import AsJson, By, Groups, Sites, known_places, limited, opened
from bms.config import Settings
from bms.errors import ConfigError
from bms.model.access.grant import PersonRole
from bms.model.access.people import KeptPerson, KeptSession
from bms.model.outside_file import MOST_SECRET, read_secret_file

ROLES = "viewer, facility_manager, energy_team, administrator or auditor; several by +"
PASSWORD_FILE = "file with the password in its first line; - is standard input"  # noqa: S105
PasswordFile = Annotated[Path | None, typer.Option(help=PASSWORD_FILE)]
Name = Annotated[str, typer.Argument(help="the name that they sign in with")]
Reason = Annotated[str, typer.Option(help="why, for the audit")]
LONGEST_NAME = 100
users = typer.Typer(no_args_is_help=True, help="People who sign in, and their sessions.")


def register(app: typer.Typer) -> None:
    app.add_typer(users, name="users")


@users.command()
def create(
    name: Name,
    role: Annotated[str, typer.Option(help=ROLES)] = "viewer",
    sites: Sites = None,
    groups: Groups = None,
    password_file: PasswordFile = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Make somebody known who signs in with a name and a password.

    The password is asked for, or read from standard input or a file; it is never an argument.

    Example: bms users create kari --role facility-manager --sites school,gym
    """
    from bms.services.access.passwords import hashed

    name = proper_name(name)
    grants = ";".join(limited(role_of_people(each), sites, groups) for each in role.split("+"))
    password = hashed(name, new_password(password_file))
    with opened(Settings()) as city:
        for each in grants.split(";"):
            known_places(city, each)
        person = KeptPerson(
            id=secrets.token_hex(4),
            name=name,
            grants=grants,
            created=city.clock.now(),
            password=password,
        )
        city.stores.people.add_person(person, actor=by or user_name("--by"))
    typer.echo(json.dumps(_shown(person), default=str)) if as_json else say(f"created {name}")


def role_of_people(text: str) -> str:
    """A role that people have. Raises ``ConfigError``; scopes of keys are none."""
    name = text.strip().lower().replace("-", "_").replace(" ", "_")
    if name.partition("@")[0] not in list(PersonRole):
        raise ConfigError(f"{text!r} is no role; there are: {', '.join(PersonRole)}")
    return name


def proper_name(name: str) -> str:
    """A name without what nobody sees. Raises ``ConfigError`` for one that is none."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ConfigError(f"a name has 1 to {LONGEST_NAME} printable characters")
    return name


def new_password(file: Path | None) -> str:
    """A password from a file, from standard input, or asked for twice. Raises ``ConfigError``."""
    if file is not None and str(file) != "-":
        return _first_line(read_secret_file(file))
    if file is not None or not sys.stdin.isatty():
        return _first_line(sys.stdin.read(MOST_SECRET))
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Once more: "):
        raise ConfigError("the two passwords differ; nothing was changed")
    return first


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else ""


@users.command("list")
def list_users(as_json: AsJson = False) -> None:
    """List the people who sign in, with their roles.

    Example: bms users list
    """
    with opened(Settings()) as city:
        rows = [_shown(person) for person in city.stores.people.people()]
    _print(rows, as_json)


def _shown(person: KeptPerson) -> dict[str, object]:
    """What is shown of somebody: not even the hash of a password."""
    return {
        "name": person.name,
        "roles": person.grants.split(";") if person.grants else [],
        "way": "password" if person.subject is None else "provider",
        "created": person.created,
        "revoked": person.revoked,
    }


def _print(rows: list[dict[str, object]], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, default=str))
        return
    from rich.table import Table

    table = Table(*(rows[0] if rows else ("name",)))
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    screen().print(table)


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


@users.command()
def revoke(name: Name, reason: Reason = "", by: By = None) -> None:
    """Let somebody sign in no more; every session of theirs ends at once.

    Example: bms users revoke kari --reason "left the municipality"
    """
    with opened(Settings()) as city:
        ended = city.stores.people.revoke_person(
            name, city.clock.now(), actor=by or user_name("--by"), reason=reason
        )
    say(f"revoked {name}; {ended} sessions ended")


@users.command()
def password(name: Name, password_file: PasswordFile = None, by: By = None) -> None:
    """Give somebody a new password; every session of theirs ends.

    Example: bms users password kari
    """
    from bms.services.access.passwords import hashed

    kept = hashed(name, new_password(password_file))
    with opened(Settings()) as city:
        said = by or user_name("--by")
        city.stores.people.set_password(name, kept, city.clock.now(), actor=said)
    say(f"{name} has a new password")


@users.command()
def sessions(
    end: Annotated[str | None, typer.Option("--end", metavar="ID", help="end this one")] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """List who is signed in, how and since when, or end a session.

    Example: bms users sessions --end 5f2c91d0
    """
    from bms.services.access.sessions import good_at

    with opened(Settings()) as city:
        people = city.stores.people
        if end is not None:
            people.end_session(end, city.clock.now(), actor=by or user_name("--by"))
            say(f"ended {end}")
            return
        now = city.api.people_clock.now()
        rows = [_session(each) for each in people.sessions() if good_at(each, now)]
    _print(rows, as_json)


def _session(session: KeptSession) -> dict[str, object]:
    """What is shown of a session: not even the digest of its token."""
    return {
        "id": session.id,
        "name": session.name,
        "way": session.way.value,
        "roles": session.grants.split(";"),
        "begun": session.begun,
        "seen": session.seen,
        "until": session.until,
    }
