"""Loads site files: the sites, or every mistake in them with file and line."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from bms.errors import Mistake, SiteFileError
from bms.model.assets.site import Site
from bms.model.outside_file import opened_outside
from bms.model.planning.heat_charges import TariffNames
from sites.build import build_site
from sites.host_names import NO_ADDRESSES, Addresses
from sites.parsed_site import NO_TEMPLATES, ParsedSite, Templates
from sites.points_file import parse_points
from sites.rules.encoding import check_encoding, fill_in_resolutions
from sites.rules.meters import check_meters, check_numbers
from sites.rules.points import check_points, check_writers
from sites.rules.references import check_site, check_tariffs
from sites.rules.safety import TICK_S, check_devices_of_all, check_safety, check_watchdogs
from sites.schema.sections import Section
from sites.schema.site_file import POINT, SITE
from sites.schema.value_types import InvalidValue, describe
from sites.schema.yaml_tree import Location, MistakeReport, Node, parse, quote

MAX_BYTES = 1_000_000
SUFFIXES = (".yaml", ".yml")


def load_sites(
    directory: Path,
    templates: Templates = NO_TEMPLATES,
    tariffs: TariffNames | None = None,
    tick_s: float = TICK_S,
    addresses: Addresses = NO_ADDRESSES,
) -> tuple[Site, ...]:
    """All sites of a folder (``*.yaml`` and ``*.yml``, hidden files left out), by file name.

    ``templates`` maps device model and register name to a register. ``tariffs`` are the names that
    exist; None accepts any. ``tick_s`` is how often plans are written [s], ``addresses`` what host
    names stand for, where two names of one device are to be found. Raises
    ``bms.errors.SiteFileError`` with all mistakes of all files.
    """
    report = MistakeReport()
    parsed_sites = [_read_site(path, templates, report) for path in _files(directory, report)]
    known = [parsed for parsed in parsed_sites if parsed is not None]
    _check_together(known, tariffs, tick_s, addresses, report)
    return _built(known, report)


class UsableSites(NamedTuple):
    """The sites whose files are right, and every mistake of the files that are left out."""

    sites: tuple[Site, ...]
    mistakes: tuple[Mistake, ...]


def load_usable_sites(
    directory: Path,
    templates: Templates = NO_TEMPLATES,
    tariffs: TariffNames | None = None,
    tick_s: float = TICK_S,
    running: Collection[Site] = (),
) -> UsableSites:
    """The sites of a folder without the files that have a mistake: one wrong file spares the others
    (law 7). Of two files that cannot stand side by side the one whose site is among ``running``
    stays, otherwise the first by name.

    The other arguments are those of ``load_sites``. Raises ``bms.errors.SiteFileError`` where the
    folder cannot be read and where no file is right.
    """
    report = MistakeReport()
    files = _files(directory, report)
    if report.mistakes:
        raise SiteFileError(report.sorted_mistakes())
    right: list[ParsedSite] = []
    for path in files:
        own = MistakeReport()
        parsed = _read_site(path, templates, own)
        if parsed is not None and not own.mistakes:
            right.append(parsed)
        report.mistakes += own.mistakes
    if running:
        known_sites = frozenset(running)
        right.sort(key=lambda parsed: build_site(parsed) not in known_sites)
    while right:
        together = MistakeReport()
        _check_together(right, tariffs, tick_s, NO_ADDRESSES, together)
        if not together.mistakes:
            break
        report.mistakes += together.mistakes
        wrong = {mistake.file for mistake in together.mistakes}
        kept = [parsed for parsed in right if wrong.isdisjoint(_files_of(parsed))]
        right = kept if len(kept) < len(right) else []
    if not right:
        raise SiteFileError(report.sorted_mistakes())
    right.sort(key=lambda parsed: parsed.site.where.file)
    return UsableSites(tuple(build_site(p) for p in right), report.sorted_mistakes())


def _check_together(
    known: list[ParsedSite],
    tariffs: TariffNames | None,
    tick_s: float,
    addresses: Addresses,
    report: MistakeReport,
) -> None:
    """The rules between files, and those that need what is outside of them."""
    _unique_site_ids(known, report)
    check_numbers(known, report)
    check_devices_of_all(known, addresses, report)
    check_watchdogs(known, tick_s, report)
    check_writers(known, report, addresses, of_others=True)
    if tariffs is not None:
        check_tariffs(known, tariffs, report)


def _files_of(parsed: ParsedSite) -> set[str]:
    """The site file, and the points file beside it."""
    file, points = parsed.site.where.file, parsed.site.get("points_file")
    return {file} if points is None else {file, str(Path(file).parent / points)}


def load_site_text(
    text: str | bytes,
    filename: str = "site.yaml",
    templates: Templates = NO_TEMPLATES,
    folder: Path | None = None,
) -> Site:
    """One site from the text of its file; ``folder`` is the one that its points file is in.

    Raises ``bms.errors.SiteFileError`` with all mistakes.
    """
    report = MistakeReport()
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    decoded = _decoded(raw, filename, report)
    parsed = _parsed(decoded, filename, folder, templates, report) if decoded is not None else None
    parsed_sites = [parsed] if parsed else []
    check_numbers(parsed_sites, report)
    check_devices_of_all(parsed_sites, NO_ADDRESSES, report)
    check_watchdogs(parsed_sites, TICK_S, report)
    return _built(parsed_sites, report)[0]


def _built(parsed_sites: list[ParsedSite], report: MistakeReport) -> tuple[Site, ...]:
    if report.mistakes:
        raise SiteFileError(report.sorted_mistakes())
    return tuple(build_site(parsed) for parsed in parsed_sites)


def _files(directory: Path, report: MistakeReport) -> list[Path]:
    where = Location(str(directory), 0)
    try:
        entries = sorted(directory.iterdir())
    except OSError as error:
        report.add(where, f"the folder cannot be read: {error.strerror}; BMS_SITES names it")
        return []
    files = [p for p in entries if p.suffix in SUFFIXES and not p.name.startswith(".")]
    if not files:
        report.add(where, f"no site files here; they end in {' or '.join(SUFFIXES)}")
    return files


def _read_site(path: Path, templates: Templates, report: MistakeReport) -> ParsedSite | None:
    text = _read_text(path, report)
    return None if text is None else _parsed(text, str(path), path.parent, templates, report)


def _read_text(path: Path, report: MistakeReport) -> str | None:
    where = Location(str(path), 0)
    try:
        if not path.is_file():
            report.add(where, "is not a file" if path.exists() else "there is no such file")
            return None
        with opened_outside(path) as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        report.add(where, f"cannot be read: {error.strerror}")
        return None
    return _decoded(raw, str(path), report)


def _decoded(raw: bytes, file: str, report: MistakeReport) -> str | None:
    if len(raw) > MAX_BYTES:
        report.add(
            Location(file, 0), f"is larger than {MAX_BYTES} bytes; long lists go to points_file"
        )
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        report.add(Location(file, line), "is not UTF-8 text")
        return None


def _parsed(
    text: str, file: str, folder: Path | None, templates: Templates, report: MistakeReport
) -> ParsedSite | None:
    root = parse(text, file, report)
    if root is None:
        return None
    try:
        site = SITE.read(root, report)
    except InvalidValue:
        report.add(root.where, f"expects {SITE.allowed()}, not {describe(root)}")
        return None
    points = (*(site.get("points") or ()), *_points_of_file(site, folder, report))
    parsed = ParsedSite(site, points, templates)
    fill_in_resolutions(parsed)
    check_site(parsed, report)
    check_points(parsed, report)
    check_safety(parsed, report)
    check_encoding(parsed, report)
    check_meters(parsed, report)
    return parsed


def _points_of_file(site: Section, folder: Path | None, report: MistakeReport) -> list[Section]:
    name = site.get("points_file")
    if name is None:
        return []
    if folder is None:
        report.add(site.at("points_file"), "points_file: a text alone has no files beside it")
        return []
    path = folder / name
    if not path.exists():
        report.add(site.at("points_file"), f"points_file: there is no file {quote(name)} beside it")
        return []
    text = _read_text(path, report)
    rows: list[Node] = [*parse_points(text, str(path), report)] if text is not None else []
    return [POINT.read(row, report) for row in rows]


def _unique_site_ids(parsed_sites: list[ParsedSite], report: MistakeReport) -> None:
    first: dict[str, Location] = {}
    for parsed in parsed_sites:
        name = parsed.site.get("site")
        where = parsed.site.at("site")
        if name is not None and name in first:
            report.add(where, f"site {quote(name)} stands in {first[name].file} already")
        elif name is not None:
            first[name] = where
