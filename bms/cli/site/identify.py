"""``bms identify``: the thermal model of a site or of a room in a file, or why there is none."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from bms.cli.console.language import translator_of_locale
from bms.cli.console.progress import progress_bars
from bms.cli.console.screen import say
from bms.cli.site.model_table import as_dict, print_building, print_study
from bms.config import Settings
from bms.feeds.suppliers.decoding import MAX_BYTES
from bms.messages.spelled_out import spelled_out
from bms.model.outside_file import lines_of_outside
from bms.model.planning.problem import NoModel
from bms.runtime.wire import opened
from bms.services.planning.plan import identify_site
from optimizer.identification.zone_study import TRAINING_PART, study_zone
from optimizer.problem.room_table import COLUMNS, ColumnSource, RoomLocation, read_room

AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
PLACE = RoomLocation()


def register(app: typer.Typer) -> None:
    app.command()(identify)


def identify(
    site: Annotated[str | None, typer.Argument(metavar="SITE")] = None,
    csv: Annotated[
        Path | None, typer.Option(help="a room: timestamp_utc and one column per point")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help=f"role=name or role=name*factor, for {', '.join(COLUMNS)}"),
    ] = None,
    latitude: Annotated[float, typer.Option(help="[deg north]")] = PLACE.latitude,
    longitude: Annotated[float, typer.Option(help="[deg east]")] = PLACE.longitude,
    timezone: Annotated[str, typer.Option(help="of the people in the room")] = PLACE.timezone,
    flow: Annotated[float, typer.Option(help="full air flow of the ventilation [m3/h]")] = 0.0,
    learn: Annotated[
        float, typer.Option(min=0.3, max=0.9, help="part of the days to learn from")
    ] = TRAINING_PART,
    as_json: AsJson = False,
) -> None:
    """Learn the thermal model of a site or of a room in a file, or say why there is none.

    Example: bms identify townhall
    """
    if (site is None) == (csv is None):
        raise typer.BadParameter("name a SITE, or give --csv FILE")
    if csv is None:
        _site(str(site), as_json)
        return
    place = RoomLocation(latitude=latitude, longitude=longitude, timezone=timezone, flow_m3_h=flow)
    _room(csv, _sources(column or []), place, learn, as_json)


def _sources(texts: list[str]) -> dict[str, ColumnSource]:
    sources = {}
    for text in texts:
        role, equals, source = text.partition("=")
        if role not in COLUMNS or not equals:
            raise typer.BadParameter(f"--column {text}: write role=name; roles: {COLUMNS}")
        sources[role] = ColumnSource.of(source)
    return sources


def _room(
    file: Path, sources: dict[str, ColumnSource], place: RoomLocation, learn: float, as_json: bool
) -> None:
    with progress_bars(quiet=as_json) as report:
        report("reading", 0.0)
        with lines_of_outside(file, MAX_BYTES) as lines:
            record = read_room(lines, sources, place)
        report("reading", 1.0)
        report("models", 0.0)
        answer = study_zone(record, file.stem, training_part=learn)
        report("models", 1.0)
    if as_json:
        typer.echo(json.dumps(as_dict(answer, file.stem)))
    else:
        print_study(answer, record, learn, translator_of_locale(place.timezone))
    if answer.refused:
        raise typer.Exit(1)


def _site(site: str, as_json: bool) -> None:
    t = translator_of_locale(Settings().timezone)
    with opened(Settings()) as city:
        answer: Any = asyncio.run(
            identify_site(
                city.site(site),
                now=city.clock.now(),
                ports=city.planning,
            )
        )
    if as_json:
        typer.echo(json.dumps(spelled_out(answer)))
    elif isinstance(answer, NoModel):
        for reason in answer.reasons:
            say(t.describe(reason))
    else:
        print_building(answer, t)
    if isinstance(answer, NoModel):
        raise typer.Exit(1)
