"""``bms status``: who owns which site."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Annotated

import typer

from bms.cli.console.language import CommandTranslator, translator_of_locale
from bms.cli.console.screen import screen, slim_table
from bms.config import Settings
from bms.model.control.ownership import CITY_WIDE, PRESENCE, Ownership
from bms.runtime.wire import opened


class OwnedState(StrEnum):
    """How a site is owned."""

    OWNED = "owned"
    WAITS = "waits"
    HANDING_OVER = "handing_over"
    FREE = "free"


def register(app: typer.Typer) -> None:
    app.command()(status)


def status(as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False) -> None:
    """Show which worker owns which site, and until when.

    Exit code 1 where a site has no owner. With --json: objects of site, state (owned, waits,
    handing_over, free), owner, place, token and left_s; the whole city's jobs are the site @city.

    Example: bms status
    """
    with opened(Settings()) as city:
        rows = rows_of(city.sites, city.stores.owners.owners())
    if as_json:
        typer.echo(json.dumps(rows))
    else:
        t = translator_of_locale()
        table = slim_table(t("status_site"), t("status_state"), t("status_left"), t("status_place"))
        for row in rows:
            table.add_row(*_cells(row, t))
        screen().print(table)
    if any(row["state"] is OwnedState.FREE for row in rows):
        raise typer.Exit(1)


def rows_of(sites: Collection[str], owners: Sequence[Ownership]) -> list[dict[str, object]]:
    """A row for the city and each site, of the site files or of the table."""
    known = {row.site: row for row in owners if not row.site.startswith(PRESENCE)}
    names = sorted({CITY_WIDE, *sites, *(site for site, row in known.items() if row.runs)})
    return [_row(name, known.get(name)) for name in names]


def _row(site: str, row: Ownership | None) -> dict[str, object]:
    if row is None or row.released or not row.runs:
        return {
            "site": site,
            "state": OwnedState.FREE,
            "owner": None,
            "place": None,
            "token": None if row is None else row.token,
            "left_s": None,
        }
    state = OwnedState.WAITS if row.waits else OwnedState.OWNED
    if row.heir is not None:
        state = OwnedState.HANDING_OVER
    return {
        "site": site,
        "state": state,
        "owner": row.owner,
        "place": row.place,
        "token": row.token,
        "left_s": round(row.left_s, 1),
    }


def _cells(row: dict[str, object], t: CommandTranslator) -> list[str]:
    left = "" if row["left_s"] is None else f"{row['left_s']:.0f} s"
    name = t("status_city") if row["site"] == CITY_WIDE else str(row["site"])
    return [name, t(f"owned_state_{row['state']}"), left, str(row["place"] or "")]
