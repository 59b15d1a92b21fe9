"""``bms keys``: who may ask the API for what."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from bms.cli.console.person import user_name
from bms.cli.console.screen import say, screen
from bms.config import Settings
from bms.errors import ConfigError
from bms.model.access.grant import KNOWN, Grant
from bms.model.control.kept_key import KeptKey
from bms.store.sql.access.key_list import keys_of_file

if TYPE_CHECKING:
    from bms.runtime.city import City

AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
By = Annotated[str | None, typer.Option("--by", help="who does it; your user name when left out")]
Sites = Annotated[
    str | None, typer.Option("--sites", "--site", help="only these buildings, by commas; else all")
]
Groups = Annotated[
    str | None,
    typer.Option("--groups", "--group", help="only those of these groups or uses"),
]
EXPIRES = "how long it is good (90d, 12h), its last day (2027-06-30), or never; 365d for ingest"
LASTS = re.compile(r"(\d{1,4})\s*(h|d|w)")
HOURS = {"h": 1, "d": 24, "w": 168}
SHOWN = ("id", "scope", "name", "created", "expires", "revoked")
keys = typer.Typer(no_args_is_help=True, help="Keys of the API.")


def register(app: typer.Typer) -> None:
    app.add_typer(keys, name="keys")


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[City]:
    """A wired city; whoever only lists keys does without what that imports."""
    from bms.runtime import wire

    with wire.opened(settings) as city:
        yield city


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="whose key it is")],
    scope: Annotated[str, typer.Option(help=KNOWN)] = "read",
    sites: Sites = None,
    groups: Groups = None,
    expires: Annotated[str | None, typer.Option(help=EXPIRES)] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. Its secret is shown once and kept nowhere; who made it stands in the audit.

    Example: bms keys create heat-supplier --scope ingest --expires 180d
    """
    from bms.services.api_keys import create_key, default_expiry

    settings = Settings()
    scope = limited(scope, sites, groups)
    with opened(settings) as city:
        known_places(city, scope)
        now = city.clock.now()
        end = (
            default_expiry(scope, now)
            if expires is None
            else expiry(expires, now, settings.timezone)
        )
        secret = create_key(
            city.stores.keys,
            name=name,
            scope=scope,
            now=now,
            actor=by or user_name("--by"),
            expires=end,
        )
    made = {"name": name, "scope": scope, "expires": end and end.isoformat(), "key": secret}
    typer.echo(json.dumps(made) if as_json else secret)


def limited(scope: str, sites: str | None, groups: str | None) -> str:
    """A scope or role, of these buildings and groups alone; everywhere where neither is given.

    Raises ``ConfigError``, also for one that is given and names nothing: a variable that was empty
    would let somebody in everywhere.
    """
    name = scope.strip().replace("-", "_") if ":" not in scope else scope.strip()
    named = _names("--sites", sites), _names("--groups", groups)
    places = [*named[0], *(f"group:{group}" for group in named[1])]
    if places and ("@" in name or ":" in name):
        raise ConfigError(f"{scope!r} names its buildings already; leave out --sites and --groups")
    return Grant.of(f"{name}@{','.join(places)}" if places else name).text


def _names(option: str, text: str | None) -> list[str]:
    found = [name.strip() for name in (text or "").split(",") if name.strip()]
    if text is not None and not found:
        raise ConfigError(f"{option} names nothing; leave it out for all buildings")
    return found


def known_places(city: City, scope: str) -> None:
    """Raises ``ConfigError`` where a scope or role names a building or group that is not there."""
    if "@" not in scope:  # keys of suppliers and controllers may be made before the building
        return
    grant, groups = Grant.of(scope), city.access.members(city.sites.values())
    for what, named, there in (
        ("building", grant.sites, frozenset(city.sites)),
        ("group", grant.groups, frozenset(groups)),
    ):
        if missing := sorted(named - there):
            known = ", ".join(sorted(there)[:20]) or "none"
            raise ConfigError(f"there is no {what} {', '.join(missing)}; there are: {known}")


def expiry(text: str, now: datetime, timezone: str) -> datetime | None:
    """``90d``, ``12h``, a local day (its end), or ``never``. Raises ``typer.BadParameter``."""
    if text == "never":
        return None
    from bms.cli.console.periods import local_day

    with contextlib.suppress(ValueError):
        if match := LASTS.fullmatch(text):
            return now + timedelta(hours=int(match[1]) * HOURS[match[2]])
        day_after = date.fromisoformat(text) + timedelta(days=1)
        return local_day(day_after.isoformat(), timezone)
    raise typer.BadParameter(f"{text!r} is no end of a key; write 90d, 12h, 2027-06-30 or never")


@keys.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List the keys, without their secrets.

    Example: bms keys list
    """
    rows = keys_of_file(Settings().database)
    if rows is None:
        with opened(Settings()) as city:
            rows = city.stores.keys.keys()
    if as_json:
        typer.echo(json.dumps([_shown(row) for row in rows], default=str))
        return
    from rich.table import Table

    table = Table(*SHOWN)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in _shown(row).values()))
    screen().print(table)


def _shown(key: KeptKey) -> dict[str, object]:
    """What is shown of a key: not even its digest."""
    return {name: getattr(key, name) for name in SHOWN}


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID")],
    by: By = None,
    reason: Annotated[str, typer.Option(help="why, for the audit")] = "",
) -> None:
    """Take a key out of use; who did it and why stands in the audit.

    Example: bms keys revoke 5f2c91d0 --reason "the tablet was lost"
    """
    with opened(Settings()) as city:
        city.stores.keys.revoke_key(
            key_id, city.clock.now(), actor=by or user_name("--by"), reason=reason
        )
    say(f"revoked {key_id}")
