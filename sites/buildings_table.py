"""Site files of buildings of which only meters are known, from a table of a municipality or BBR.

One row for each building, or one for each of its meters. Columns are known by their headings, in
Danish, in English or as BBR (Bygnings- og Boligregistret) names them; others are left alone.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from types import MappingProxyType

from bms.errors import Mistake, SiteFileError
from bms.model.outside_text import shown
from sites.loader import load_site_text

_HEADINGS = {
    "id": "id site siteid bygningsid bygningid ejendomsid idlokalid",
    "name": "name navn bygningsnavn bygning building ejendom",
    "address": "address adresse vejnavn adressebetegnelse",
    "area": (
        "area aream2 areal arealm2 samletareal bygningsareal samletbygningsareal opvarmetareal"
        " byg038samletbygningsareal"
    ),
    "use": (
        "use anvendelse anvendelseskode bygningensanvendelse bbranvendelse"
        " byg021bygningensanvendelse"
    ),
    "latitude": "latitude lat breddegrad",
    "longitude": "longitude lon lng laengdegrad",
    "heat": "heat heatmeter varme varmemaaler fjernvarme fjernvarmemaaler varmemaalernummer",
    "electricity": (
        "electricity electricitymeter el elmaaler elmaalepunkt maalepunktsid aftagenummer"
    ),
    "water": "water watermeter vand vandmaaler vandmaalernummer",
    "gas": "gas gasmeter gasmaaler naturgas",
    "meter": "meter meternumber maaler maalernummer maalernr",
    "commodity": "commodity forsyning forsyningsart art maalertype",
}
HEADINGS: Mapping[str, str] = MappingProxyType(
    {heading: meaning for meaning, words in _HEADINGS.items() for heading in words.split()}
)
COMMODITIES = ("heat", "electricity", "water", "gas")
_USES = {
    "office": "office kontor administration raadhus",
    "school": "school skole folkeskole undervisning",
    "kindergarten": "kindergarten daycare daginstitution boernehave vuggestue sfo",
    "sports_hall": "sportshall hal idraetshal svoemmehal idraet",
    "culture": "culture kultur bibliotek museum kulturhus",
    "health": "health plejehjem plejecenter sundhed sygehus",
    "other": "other andet",
}
_USE_WORDS = {word: use for use, words in _USES.items() for word in words.split()}
_USE_CODES = (
    (range(320, 330), "office"),
    (range(420, 430), "school"),
    (range(440, 442), "kindergarten"),
    (range(530, 536), "sports_hall"),
    (range(410, 420), "culture"),
    (range(430, 440), "health"),
    (range(160, 170), "health"),
)
"""Codes of BBR's list of uses (byg021); any other three digits are ``other``."""
_LETTERS = str.maketrans({"æ": "ae", "ø": "oe", "å": "aa", "ö": "oe", "ä": "ae", "é": "e"})
_MARK = re.compile(r"# From a table of buildings, ([0-9a-f]{16})\.[^\n]*\n")


@dataclass(slots=True)
class _Building:
    """A building while its rows are read: the text of its cells, and its meters by number."""

    line: int
    id: str
    cells: dict[str, str]
    meters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BuildingFile:
    """A site file that a row of the table makes: its ``id``, its text, and the line of the row."""

    id: str
    text: str
    line: int


def read_buildings(text: str, file: str) -> tuple[list[BuildingFile], list[Mistake]]:
    """Returns the site files of a table, by its rows, and what is wrong with each other row."""
    mistakes: list[Mistake] = []
    buildings = _buildings(text, file, mistakes)
    _drop_taken_numbers(buildings, file, mistakes)
    found = []
    for building in buildings:
        try:
            content = _text(building)
            load_site_text(content, f"{building.id}.yaml")
        except SiteFileError as error:
            says = "; ".join(mistake.message for mistake in error.mistakes)
            mistakes.append(Mistake(file, building.line, says))
        except ValueError as error:
            mistakes.append(Mistake(file, building.line, str(error)))
        else:
            found.append(BuildingFile(building.id, content, building.line))
    return found, sorted(mistakes, key=lambda mistake: mistake.line)


def is_untouched(text: str) -> bool:
    """Whether a site file is as a table has made it, so that it may be made anew."""
    mark = _MARK.match(text)
    return mark is not None and mark[1] == _digest(text[mark.end() :])


def _buildings(text: str, file: str, mistakes: list[Mistake]) -> list[_Building]:
    """The buildings of the rows that can be used; rows of the same id are one building."""
    known: dict[str, _Building] = {}
    rows = _rows(text, file, mistakes)
    _, header = next(rows, (1, []))
    meanings = [HEADINGS.get(_plain(name), "") for name in header]
    lacking = [name for name in ("name", "area") if name not in meanings]
    if lacking:
        says = f"no column for {' and '.join(lacking)}; the header names {shown(', '.join(header))}"
        mistakes.append(Mistake(file, 1, says))
        return []
    for line, row in rows:
        cells = {
            meaning: cell.strip()
            for meaning, cell in zip(meanings, row, strict=False)
            if meaning and cell.strip()
        }
        name = _slug(cells.get("id") or cells.get("name", ""))
        if not name:
            mistakes.append(Mistake(file, line, "neither id nor name; a building needs one"))
            continue
        building = known.setdefault(name, _Building(line, name, cells))
        try:
            _same_building(building, cells)
            building.meters |= _meters(cells)
        except ValueError as error:
            mistakes.append(Mistake(file, line, str(error)))
            if building.line == line:
                del known[name]
    return list(known.values())


def _rows(text: str, file: str, mistakes: list[Mistake]) -> Iterator[tuple[int, list[str]]]:
    """Line and cells of each row that is not empty, the header first, as far as they are rows."""
    first = text.partition("\n")[0]
    separator = max(";,\t", key=first.count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, row
    except csv.Error as error:
        mistakes.append(Mistake(file, reader.line_num, f"is no row of a table: {error}"))


def _same_building(building: _Building, cells: Mapping[str, str]) -> None:
    """Raises ValueError where a later row of an id says something else of its building."""
    for name in ("name", "address", "area", "use"):
        if name in cells and cells[name] != building.cells.get(name):
            raise ValueError(
                f"{building.id} is the building of line {building.line} already,"
                f" with another {name}: {building.cells.get(name, 'none')}"
            )


def _meters(cells: Mapping[str, str]) -> dict[str, str]:
    """Commodity by number of the meters that a row names. Raises ValueError."""
    found = {
        number: commodity
        for commodity in COMMODITIES
        for number in re.split(r"[\s,;/+]+", cells.get(commodity, ""))
        if number
    }
    if "meter" in cells:
        word = _plain(cells.get("commodity", ""))
        commodity = word if word in COMMODITIES else HEADINGS.get(word, "")
        if commodity not in COMMODITIES:
            raise ValueError(
                f"meter {cells['meter']} needs its commodity: one of {', '.join(COMMODITIES)}"
            )
        found[cells["meter"]] = commodity
    return found


def _drop_taken_numbers(buildings: list[_Building], file: str, mistakes: list[Mistake]) -> None:
    """Leaves a building out that has a meter of an earlier one."""
    owners: dict[str, _Building] = {}
    for building in list(buildings):
        taken = [number for number in building.meters if number in owners]
        if taken:
            owner = owners[taken[0]]
            says = f"meter {taken[0]} is in line {owner.line} already, of {owner.id}"
            mistakes.append(Mistake(file, building.line, says))
            buildings.remove(building)
            continue
        owners |= dict.fromkeys(building.meters, building)


def _text(building: _Building) -> str:
    """The site file of a building. Raises ValueError with what is wrong with its row."""
    cells = building.cells
    if not building.meters:
        raise ValueError("no meter; a building of which nothing is measured needs no site file")
    lines = [
        f"site: {_quoted(building.id)}",
        f"name: {_quoted(cells.get('name', building.id))}",
        *([f"address: {_quoted(cells['address'])}"] if "address" in cells else ()),
        f"area_m2: {_number(cells.get('area', ''), 'area'):.10g}",
        f"use: {_use(cells.get('use', ''))}",
        *_position(cells),
        "meters:",
        *_meter_lines(building.meters),
    ]
    body = "\n".join(lines) + "\n"
    return f"# From a table of buildings, {_digest(body)}. Once edited it is left alone.\n{body}"


def _meter_lines(meters: Mapping[str, str]) -> Iterator[str]:
    """A line for each meter. Electricity comes as amounts, the others as registers."""
    count: dict[str, int] = {}
    for number, commodity in meters.items():
        count[commodity] = count.get(commodity, 0) + 1
        name = commodity if count[commodity] == 1 else f"{commodity}{count[commodity]}"
        interval = ", interval: true" if commodity == "electricity" else ""
        yield (
            f"  - {{id: {name}, commodity: {commodity},"
            f" supplier: {{number: {_quoted(number)}{interval}}}}}"
        )


def _position(cells: Mapping[str, str]) -> Sequence[str]:
    if "latitude" not in cells or "longitude" not in cells:
        return ()
    degrees = [_number(cells[name], name) for name in ("latitude", "longitude")]
    return (f"position: {{latitude: {degrees[0]:.10g}, longitude: {degrees[1]:.10g}}}",)


def _use(text: str) -> str:
    """The use of a word or a code of BBR. Raises ValueError for an unknown word."""
    if not text:
        return "other"
    code = re.match(r"\d{3}\b", text)
    if code:
        return next((use for codes, use in _USE_CODES if int(code[0]) in codes), "other")
    use = _USE_WORDS.get(_plain(text))
    if use is None:
        raise ValueError(
            f"use {text!r} is not known; write one of {', '.join(_USES)}, or BBR's code"
        )
    return use


def _number(text: str, name: str) -> float:
    """A number as Danes or others write it. Raises ValueError."""
    plain = re.sub(r"(?:\s|m2|m²)", "", text)
    if "," in plain:
        plain = plain.replace(".", "").replace(",", ".")
    elif name == "area" and re.fullmatch(r"\d{1,3}(?:\.\d{3})+", plain):
        plain = plain.replace(".", "")
    try:
        return float(plain)
    except ValueError:
        raise ValueError(f"{name} {text!r} is no number") from None


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower().translate(_LETTERS))


def _slug(text: str) -> str:
    """The id of a site for a name or number of a building."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower().translate(_LETTERS)).strip("-")[:63]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
