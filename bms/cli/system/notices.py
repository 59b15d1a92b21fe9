"""``bms notify``: whether notices arrive, what was sent, and tokens for feeds."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from bms.cli.console.language import translator_of_locale
from bms.cli.console.screen import say, screen, slim_table
from bms.config import Settings
from bms.errors import ConfigError
from bms.model.codec import to_dict
from bms.model.work.notice import NoticeRecord
from bms.model.work.recipient import Recipient
from bms.runtime.city import City
from bms.runtime.wire import opened
from bms.services.work.notify import a_test, deliver

app = typer.Typer(no_args_is_help=True, help="Notices of the work list.")
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


def register(to: typer.Typer) -> None:
    to.add_typer(app, name="notify")


@app.callback()
def every_command() -> None:
    """Holds the commands together."""


@app.command("test")
def send_test(
    to: Annotated[str | None, typer.Option(help="only this recipient; all when left out")] = None,
    as_json: AsJson = False,
) -> None:
    """Send a test to every recipient of the file of notices (BMS_NOTICES), and keep the record.

    The exit code is 1 where one did not arrive. Example: bms notify test --to caretakers
    """
    with opened(Settings()) as city:
        chosen = [each for each in city.recipients if to in (None, each.name)]
        if city.sender is None or not chosen:
            raise ConfigError(_nobody(city, to))
        rows = asyncio.run(_sent(chosen, city))
    _tell(rows, Settings().timezone, as_json)
    if any(row.error is not None for row in rows):
        raise typer.Exit(1)


def _nobody(city: City, to: str | None) -> str:
    if city.sender is None:
        return "nobody is told of the work list; name a file of recipients by BMS_NOTICES"
    known = ", ".join(each.name for each in city.recipients) or "none"
    return f"no recipient {to!r} in the file of notices; there are: {known}"


async def _sent(recipients: Sequence[Recipient], city: City) -> list[NoticeRecord]:
    assert city.sender is not None
    now = city.clock.now()
    return [await deliver(a_test(r, now), city.stores.work, city.sender) for r in recipients]


@app.command("list")
def list_notices(
    days: Annotated[int, typer.Option(min=1, max=400, help="of the last so many days")] = 7,
    as_json: AsJson = False,
) -> None:
    """List what was sent to whom, and what did not arrive, oldest first.

    Example: bms notify list --days 30
    """
    with opened(Settings()) as city:
        rows = city.stores.work.notices(city.clock.now() - timedelta(days=days))
    _tell(rows, Settings().timezone, as_json)


@app.command()
def token() -> None:
    """Make a token for a feed: the token for its reader, its digest for the file of notices.

    Example: bms notify token
    """
    made = secrets.token_urlsafe(32)
    t = translator_of_locale()
    say(t("notify_token", token=made))
    say(f'token_sha256: "{hashlib.sha256(made.encode()).hexdigest()}"')


def _tell(rows: Sequence[NoticeRecord], timezone: str, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([to_dict(row) for row in rows]))
        return
    t, zone = translator_of_locale(timezone), ZoneInfo(timezone)
    if not rows:
        say(t("notify_none"))
        return
    table = slim_table(
        t("notify_to"), t("notify_at"), t("notify_by"), t("notify_occasion"), t("notify_outcome")
    )
    for row in rows:
        table.add_row(
            row.recipient,
            f"{row.at.astimezone(zone):%Y-%m-%d %H:%M}",
            row.channel.value,
            t(f"notify_{row.occasion.value}"),
            t("notify_arrived" if row.error is None else "notify_failed"),
        )
    screen().print(table)
    for row in rows:
        if row.error is not None:
            say(f"{row.recipient}: {row.error}")
