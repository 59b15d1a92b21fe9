"""Site files → sites, or every mistake in them at once."""

from __future__ import annotations

from pathlib import Path

from bms.errors import SiteFileError
from bms.model.assets.site import Site
from bms.model.planning.heat_charges import TariffNames
from sites.build import build_site
from sites.parts import NO_TEMPLATES, Draft, Templates
from sites.points_file import parse_points
from sites.rules.meters import check_meters, check_numbers
from sites.rules.points import check_points
from sites.rules.references import check_site, check_tariffs
from sites.schema.shapes import Record
from sites.schema.table import POINT, SITE
from sites.schema.value_kinds import Wrong, found
from sites.schema.yaml_tree import Node, Report, Where, parse, shown

MAX_BYTES = 1_000_000
SUFFIXES = (".yaml", ".yml")


def load_sites(
    directory: Path, templates: Templates = NO_TEMPLATES, tariffs: TariffNames | None = None
) -> tuple[Site, ...]:
    """All sites of a folder (``*.yaml`` and ``*.yml``, hidden files left out), by file name.

    ``templates``: device model → register name → where it lies. ``tariffs``: those that there are;
    None: any will do. Raises ``bms.errors.SiteFileError`` with all mistakes of all files.
    """
    report = Report()
    drafts = [_read_site(path, templates, report) for path in _files(directory, report)]
    known = [draft for draft in drafts if draft is not None]
    _sites_once(known, report)
    check_numbers(known, report)
    if tariffs is not None:
        check_tariffs(known, tariffs, report)
    return _built(known, report)


def load_site_text(
    text: str | bytes,
    filename: str = "site.yaml",
    templates: Templates = NO_TEMPLATES,
    folder: Path | None = None,
) -> Site:
    """One site from the text of its file; ``folder`` is where a points file is looked for.

    Raises ``bms.errors.SiteFileError`` with all mistakes.
    """
    report = Report()
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    decoded = _decoded(raw, filename, report)
    draft = _draft(decoded, filename, folder, templates, report) if decoded is not None else None
    drafts = [draft] if draft else []
    check_numbers(drafts, report)
    return _built(drafts, report)[0]


def _built(drafts: list[Draft], report: Report) -> tuple[Site, ...]:
    if report.mistakes:
        raise SiteFileError(report.in_order())
    return tuple(build_site(draft) for draft in drafts)


def _files(directory: Path, report: Report) -> list[Path]:
    where = Where(str(directory), 0)
    try:
        entries = sorted(directory.iterdir())
    except OSError as error:
        report.add(where, f"the folder cannot be read: {error.strerror}")
        return []
    files = [p for p in entries if p.suffix in SUFFIXES and not p.name.startswith(".")]
    if not files:
        report.add(where, f"no site files here; they end in {' or '.join(SUFFIXES)}")
    return files


def _read_site(path: Path, templates: Templates, report: Report) -> Draft | None:
    text = _read_text(path, report)
    return None if text is None else _draft(text, str(path), path.parent, templates, report)


def _read_text(path: Path, report: Report) -> str | None:
    where = Where(str(path), 0)
    try:
        if not path.is_file():
            report.add(where, "is not a file" if path.exists() else "there is no such file")
            return None
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        report.add(where, f"cannot be read: {error.strerror}")
        return None
    return _decoded(raw, str(path), report)


def _decoded(raw: bytes, file: str, report: Report) -> str | None:
    if len(raw) > MAX_BYTES:
        report.add(
            Where(file, 0), f"is larger than {MAX_BYTES} bytes; long lists go to points_file"
        )
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        report.add(Where(file, line), "is not UTF-8 text")
        return None


def _draft(
    text: str, file: str, folder: Path | None, templates: Templates, report: Report
) -> Draft | None:
    root = parse(text, file, report)
    if root is None:
        return None
    try:
        site = SITE.read(root, report)
    except Wrong:
        report.add(root.where, f"expects {SITE.allowed()}, not {found(root)}")
        return None
    points = (*(site.get("points") or ()), *_points_beside(site, folder, report))
    draft = Draft(site, points, templates)
    check_site(draft, report)
    check_points(draft, report)
    check_meters(draft, report)
    return draft


def _points_beside(site: Record, folder: Path | None, report: Report) -> list[Record]:
    name = site.get("points_file")
    if name is None:
        return []
    if folder is None:
        report.add(site.at("points_file"), "points_file: a text alone has no files beside it")
        return []
    path = folder / name
    if not path.exists():
        report.add(site.at("points_file"), f"points_file: there is no file {shown(name)} beside it")
        return []
    text = _read_text(path, report)
    rows: list[Node] = [*parse_points(text, str(path), report)] if text is not None else []
    return [POINT.read(row, report) for row in rows]


def _sites_once(drafts: list[Draft], report: Report) -> None:
    first: dict[str, Where] = {}
    for draft in drafts:
        name = draft.site.get("site")
        where = draft.site.at("site")
        if name is not None and name in first:
            report.add(where, f"site {shown(name)} stands in {first[name].file} already")
        elif name is not None:
            first[name] = where
