"""``bms occupancy``: what people know about the coming use of a building."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from bms.cli.console.language import CommandTranslator, translator_of_locale
from bms.cli.console.person import user_name
from bms.cli.console.screen import say, screen, slim_table
from bms.config import Settings
from bms.model.assets.site import Site
from bms.model.codec import to_dict
from bms.model.control.booking import Booking, BookingKind
from bms.runtime.wire import opened
from bms.services.collect.calendar_bookings import AHEAD, BACK, IMPORTED, reconcile
from bms.services.occupancy import BookingRequest, book, zone_of

app = typer.Typer(no_args_is_help=True, help="Bookings and closures of a site.")
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
Author = Annotated[str | None, typer.Option(help="who says so; your user name when left out")]
SiteId = Annotated[str, typer.Argument(metavar="SITE")]


def register(to: typer.Typer) -> None:
    to.add_typer(app, name="occupancy")


@app.command()
def add(
    site: SiteId,
    start: Annotated[str, typer.Option("--from", help="local time, 2026-12-03T18:00, or a day")],
    end: Annotated[str, typer.Option("--to", help="local time, or the last day, included")],
    reason: Annotated[str, typer.Option(help="what for; without names of people")],
    zone: Annotated[str | None, typer.Option(help="one zone; all of them when left out")] = None,
    closed: Annotated[bool, typer.Option("--closed", help="nobody comes, whatever the week")] = (
        False
    ),
    people: Annotated[
        float | None, typer.Option(min=0, help="how many come, where that is known")
    ] = None,
    author: Author = None,
    as_json: AsJson = False,
) -> None:
    """Book a site or a zone, or close it; the next tick plans with it.

    Example: bms occupancy add school --zone gym --from 2026-12-03T18:00 --to 2026-12-03T21:30
    --reason "parents' evening" --people 120
    """
    with opened(Settings()) as city:
        chosen = city.site(site)
        request = BookingRequest(
            zone=zone,
            start=_moment(start, chosen, "--from", last=False),
            end=_moment(end, chosen, "--to", last=True),
            kind=BookingKind.CLOSED if closed else BookingKind.IN_USE,
            reason=reason,
            author=author or user_name("--author"),
            people=people,
        )
        made = book(chosen, city.stores.decisions, request, now=city.clock.now())
    if as_json:
        typer.echo(json.dumps(to_dict(made)))
        return
    span = f"{_local(made.start, chosen)} – {_local(made.end, chosen)}"
    t = translator_of_locale(chosen.timezone)
    kind, zone = t(f"booking_{made.kind.value}"), made.zone or t("all_zones")
    say(f"{kind} {made.id}: {zone}, {span}")


@app.command("list")
def list_bookings(site: SiteId, as_json: AsJson = False) -> None:
    """List the bookings and closures that are not over.

    Example: bms occupancy list school
    """
    with opened(Settings()) as city:
        chosen = city.site(site)
        rows = city.stores.decisions.bookings(chosen.id, city.clock.now())
    if as_json:
        typer.echo(json.dumps([to_dict(row) for row in rows]))
        return
    t = translator_of_locale(chosen.timezone)
    if not rows:
        say(t("bookings_none"))
        return
    _show(rows, chosen, t)


@app.command()
def remove(
    site: SiteId,
    booking: Annotated[str, typer.Argument(metavar="BOOKING", help="its id in the list")],
    author: Author = None,
) -> None:
    """Take a booking or closure back; the next tick plans without it.

    Example: bms occupancy remove school 3f0c5d
    """
    with opened(Settings()) as city:
        chosen = city.site(site)
        city.stores.decisions.remove_booking(
            chosen.id, booking, actor=author or user_name("--author"), at=city.clock.now()
        )
    t = translator_of_locale(chosen.timezone)
    say(t("booking_removed", id=booking))


@app.command("import")
def import_calendar(
    site: SiteId,
    file: Annotated[Path, typer.Argument(metavar="FILE.ics", help="an iCalendar file")],
    zone: Annotated[str | None, typer.Option(help="its hall; all zones when left out")] = None,
    closed: Annotated[bool, typer.Option("--closed", help="what is in it is closed")] = False,
    as_json: AsJson = False,
) -> None:
    """Book the coming four weeks of a calendar.

    What an earlier import of the file had and it has no longer is withdrawn. Times alone are taken,
    no titles and no names. A calendar that changes belongs into the file of BMS_CALENDARS, which is
    read at every tick.

    Example: bms occupancy import school gym.ics --zone gym
    """
    from bms.feeds.calendars.halls import CalendarRow, IcsFile

    kind = BookingKind.CLOSED if closed else BookingKind.IN_USE
    with opened(Settings()) as city:
        chosen = city.site(site)
        if zone is not None:
            zone_of(chosen, zone)
        row = CalendarRow(site=site, zone=zone, kind=kind, file=file)
        calendar, now = IcsFile(row, chosen.timezone), city.clock.now()
        spans = calendar.spans(now - BACK, now + AHEAD)
        made = reconcile(calendar, spans, now, city.stores.decisions, IMPORTED)
    if as_json:
        typer.echo(json.dumps({"added": made.added, "withdrawn": made.withdrawn}))
        return
    t = translator_of_locale(chosen.timezone)
    say(t("calendar_imported", added=made.added, withdrawn=made.withdrawn))


def _show(rows: list[Booking], site: Site, t: CommandTranslator) -> None:
    table = slim_table(
        t("reason"), "id", t("kind"), t("zone"), t("from"), t("to"), t("people"), t("by")
    )
    for row in rows:
        table.add_row(
            row.reason,
            row.id,
            t(f"booking_{row.kind.value}"),
            row.zone or t("all"),
            _local(row.start, site),
            _local(row.end, site),
            "" if row.people is None else t.number(row.people),
            row.author,
        )
    screen().print(table)


def _moment(text: str, site: Site, option: str, *, last: bool) -> datetime:
    """A local moment, or the start of a day (of the next one where it is the ``last``)."""
    zone = ZoneInfo(site.timezone)
    try:
        if "T" not in text and " " not in text:
            day = date.fromisoformat(text) + timedelta(days=1 if last else 0)
            return datetime.combine(day, time(), zone)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no time; write 2026-12-03T18:00 or 2026-12-03", param_hint=option
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _local(moment: datetime, site: Site) -> str:
    return f"{moment.astimezone(ZoneInfo(site.timezone)):%Y-%m-%d %H:%M}"
