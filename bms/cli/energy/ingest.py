"""``bms ingest``: a supplier's meter files, and what became of every row."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bms.cli.console.errors import FAILED, errors
from bms.cli.console.language import CommandTranslator, translator_of_locale
from bms.cli.console.progress import progress_bars
from bms.cli.console.screen import print_folded, screen
from bms.config import Settings
from bms.errors import FeedError, NotFound
from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.suppliers.decoding import MAX_BYTES
from bms.feeds.suppliers.formats import formats, reader
from bms.metering.quality import MeterQuality, MeterState
from bms.model.codec import to_dict
from bms.model.outside_file import read_outside
from bms.model.readings.metering import FlawKind
from bms.runtime.city import City
from bms.runtime.wire import opened
from bms.services.accounts.meter_quality import meter_quality
from bms.services.collect.file_ingest import IngestReport, Progress, Read, as_dict, ingest_file
from bms.services.collect.supplier_points import SupplierBook
from bms.services.consumption import counted_until

AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
KNOWN = {known.name: known for known in formats()}
SHOWN = 20
"""Refused rows, and meters, that are shown one by one; the others are counted."""
HOUR = timedelta(hours=1)


def register(app: typer.Typer) -> None:
    app.command()(ingest)


@dataclass(frozen=True, slots=True)
class UnusableFile:
    """A file that as a whole could not be used."""

    name: str
    reason: str


Outcome = IngestReport | UnusableFile


def ingest(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="meter files, also .gz")],
    format_: Annotated[str, typer.Option("--format", help=", ".join(KNOWN))] = "csv",
    mapping: Annotated[Path | None, typer.Option(help="csv: which column is what (YAML)")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="read and sort, store nothing")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="exit code 1 for refused rows")] = False,
    as_json: AsJson = False,
) -> None:
    """Store a supplier's meter files; the same file twice is once.

    A row that cannot be used is named with its line and spares the others, and so does a file.
    Exit code 1 when a file as a whole could not be used.

    Example: bms ingest meters.csv --format csv --mapping waterworks.yaml
    """
    read = _reader(format_, mapping)
    with opened(Settings()) as city, progress_bars(quiet=as_json) as report:
        outcomes = _ingest_all(city, files, read, dry_run, lambda s: report("ingesting", s))
        done = [each for each in outcomes if isinstance(each, IngestReport)]
        quality = {} if dry_run else _quality(city, done, lambda s: report("checking", s))
    if as_json:
        typer.echo(json.dumps(_as_json(outcomes, quality, dry_run=dry_run)))
    else:
        t = translator_of_locale(Settings().timezone)
        _show(screen(), outcomes, quality, t, dry_run=dry_run)
    refused = any(each.refused_rows for each in done)
    if len(done) < len(outcomes) or (strict and refused):
        raise typer.Exit(FAILED)


def _reader(format_: str, mapping: Path | None) -> Read:
    known = KNOWN.get(format_)
    if known is None:
        raise typer.BadParameter(
            f"{format_!r} is no format; there are: {', '.join(KNOWN)}", param_hint="--format"
        )
    if not known.verified:
        t = translator_of_locale()
        errors.print(t("format_unverified", note=t.describe(known.fact)))
    if mapping is None:
        return reader(format_)
    if not known.takes_mapping:
        raise typer.BadParameter(f"{format_} files take no mapping", param_hint="--mapping")
    return reader(format_, CsvMapping.from_file(mapping))


def _ingest_all(
    city: City, files: Sequence[Path], read: Read, dry_run: bool, progress: Progress
) -> list[Outcome]:
    book = SupplierBook.of(city.sites.values())
    outcomes: list[Outcome] = []
    for index, path in enumerate(files):
        before = index
        progress(before / len(files))

        def within(share: float, before: int = before) -> None:
            progress((before + share) / len(files))

        try:
            outcomes.append(
                ingest_file(
                    read_outside(path, MAX_BYTES),
                    str(path),
                    read,
                    book=book,
                    readings=None if dry_run else city.stores.readings,
                    now=city.clock.now(),
                    progress=within,
                )
            )
        except FeedError as error:
            outcomes.append(UnusableFile(str(path), str(error)))
        except OSError as error:
            outcomes.append(UnusableFile(str(path), f"{path}: {error.strerror or error}"))
    progress(1.0)
    return outcomes


def _quality(
    city: City, reports: Sequence[IngestReport], progress: Progress
) -> dict[str, MeterQuality]:
    """How the meters do whose values came, over the time that these cover; at most ``SHOWN``."""
    spans: dict[str, tuple[datetime, datetime]] = {}
    for report in reports:
        if report.start is None or report.end is None:
            continue
        for meter in report.meters:
            first, last = spans.get(meter, (report.start, report.end))
            spans[meter] = min(first, report.start), max(last, report.end)
    chosen = sorted(spans)[:SHOWN]
    found: dict[str, MeterQuality] = {}
    for index, name in enumerate(chosen):
        with contextlib.suppress(NotFound):  # a meter of temperatures alone has no use
            found[name] = _quality_of(city, name, *spans[name])
        progress((index + 1) / len(chosen))
    return found


def _quality_of(city: City, name: str, first: datetime, last: datetime) -> MeterQuality:
    site_id, meter = name.split("/", 1)
    site, start = city.site(site_id), _hour(first)
    end = max(_hour(counted_until(site, meter, last)), start + HOUR)
    return meter_quality(site, meter, city.stores.readings, start, end)[1]


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _as_json(
    outcomes: Sequence[Outcome], quality: dict[str, MeterQuality], *, dry_run: bool
) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "files": [
            {"file": each.name, "error": each.reason}
            if isinstance(each, UnusableFile)
            else as_dict(each)
            for each in outcomes
        ],
        "quality": {name: to_dict(each) for name, each in quality.items()},
    }


def _show(
    console: Console,
    outcomes: Sequence[Outcome],
    quality: dict[str, MeterQuality],
    t: CommandTranslator,
    *,
    dry_run: bool,
) -> None:
    done = [each for each in outcomes if isinstance(each, IngestReport)]
    console.print(_file_table(done, t, dry_run=dry_run))
    for each in done:
        for quantity, count in each.unasked.items():
            print_folded(console, t("file_unasked", file=each.name, quantity=quantity, count=count))
        if each.ignored:
            print_folded(
                console, t("file_ignored", file=each.name, columns=", ".join(each.ignored))
            )
    if quality:
        meters = {meter for each in done for meter in each.meters}
        console.print(_quality_table(quality, len(meters) - len(quality), t))
        for name, found in quality.items():
            if found.state is not MeterState.GOOD:
                print_folded(console, f"{name}: {t.describe(found.verdict)}")
    _name_refused(outcomes, t)


def _file_table(reports: Sequence[IngestReport], t: CommandTranslator, *, dry_run: bool) -> Table:
    table = Table(
        t("file"),
        t("rows"),
        t("rows_taken"),
        t("rows_known"),
        t("rows_corrected"),
        t("rows_refused"),
        t("rows_without_value"),
    )
    for report in reports:
        stored = report.stored
        taken = f"({report.accepted})" if dry_run else str(stored.new + stored.waiting)
        table.add_row(
            report.name,
            str(report.rows),
            taken,
            str(stored.known),
            str(stored.corrected),
            str(report.refused_rows + stored.expired),
            str(report.missing),
        )
    return table


FLAWS = (
    FlawKind.GAP,
    FlawKind.RESET,
    FlawKind.ROLLOVER,
    FlawKind.EXCHANGE,
    FlawKind.SPIKE,
    FlawKind.UNIT_SLIP,
)
"""Flaws that have a column of their own."""


def _quality_table(quality: dict[str, MeterQuality], more: int, t: CommandTranslator) -> Table:
    names = [t(f"flaw_{flaw.value}") for flaw in FLAWS]
    caption = t("more_meters", count=more) if more else None
    heads = (t("meter"), t("known_share"), t("hours_without"), *names, t("other"), t("verdict"))
    table = Table(*heads, caption=caption)
    for name, each in quality.items():
        other = sum(count for flaw, count in each.counts.items() if flaw not in FLAWS)
        table.add_row(
            name,
            t.number(100 * each.coverage, 1),
            str(each.missing),
            *(str(each.counts.get(flaw, 0)) for flaw in FLAWS),
            str(other),
            t(f"meter_{each.state.value}"),
        )
    return table


def _name_refused(outcomes: Sequence[Outcome], t: CommandTranslator) -> None:
    """Say on standard error what could not be used."""
    for each in outcomes:
        if isinstance(each, UnusableFile):
            errors.print(t("error", text=each.reason))
            continue
        for warning in each.warnings:
            errors.print(f"{each.name}: {warning}")
        for mistake in each.refused[:SHOWN]:
            errors.print(t("refused", text=str(mistake)))
        more = len(each.refused) - SHOWN
        if more > 0:
            errors.print(t("refused_more", file=each.name, count=more))
        if each.stored.waiting:
            waiting = t("values_wait", file=each.name, count=each.stored.waiting)
            errors.print(waiting)
