"""Reads EDE files, lists of BACnet objects from controls contractors.

Engineering Data Exchange of the BACnet Interest Group Europe, layouts 1 and 2.x: a CSV with a few
lines about the project, a line with the names of the columns, and one line per object. The texts
of states stand in a second file. Found in the field: comma or semicolon, UTF-8, UTF-16 or
Windows-1252, decimal commas, missing columns at the end.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bms.errors import ConfigError
from drivers.bacnet.encoding import names
from drivers.discovery.inventory import FoundDevice, FoundObject

_MOST_OCTETS = 50_000_000
_MOST_LINES = 20  # of one cell
_MOST_INSTANCE = 4_194_302
_DEVICE = 8
_PORT = 47808

# Columns of the layout, for files that do not name them.
_LAYOUT = (
    *("keyname", "device", "name", "type", "instance", "description", "default"),
    *("low", "high", "commandable", "cov", "high_limit", "low_limit", "states", "unit"),
    "address",
)
_NAMES = {
    "keyname": "keyname",
    "deviceobjinstance": "device",
    "deviceobjectinstance": "device",
    "objectname": "name",
    "objecttype": "type",
    "objectinstance": "instance",
    "description": "description",
    "presentvaluedefault": "default",
    "minpresentvalue": "low",
    "maxpresentvalue": "high",
    "settable": "commandable",
    "commandable": "commandable",
    "supportscov": "cov",
    "hilimit": "high_limit",
    "highlimit": "high_limit",
    "lowlimit": "low_limit",
    "statetextreference": "states",
    "unitcode": "unit",
    "vendorspecificaddress": "address",
    "vendorspecificaddres": "address",
}


_SHORT_TYPES = {
    "ai": "analog-input",
    "ao": "analog-output",
    "av": "analog-value",
    "bi": "binary-input",
    "bo": "binary-output",
    "bv": "binary-value",
    "di": "binary-input",
    "do": "binary-output",
    "dv": "binary-value",
    "mi": "multi-state-input",
    "mo": "multi-state-output",
    "mv": "multi-state-value",
    "msi": "multi-state-input",
    "mso": "multi-state-output",
    "msv": "multi-state-value",
    "mvi": "multi-state-input",
    "mvo": "multi-state-output",
    "mvv": "multi-state-value",
    "iv": "integer-value",
    "piv": "positive-integer-value",
    "lav": "large-analog-value",
    "acc": "accumulator",
    "pc": "pulse-converter",
    "dev": "device",
    "sch": "schedule",
    "cal": "calendar",
    "tl": "trend-log",
    "nc": "notification-class",
    "lp": "loop",
}
_UNIT_SIGNS = {
    **dict.fromkeys(("°c", "c", "degc", "gradc", "grader", "celsius"), "degrees-celsius"),
    "k": "delta-degrees-kelvin",
    "°k": "degrees-kelvin",
    "°f": "degrees-fahrenheit",
    "%": "percent",
    "%rh": "percent-relative-humidity",
    "%rf": "percent-relative-humidity",
    "kwh": "kilowatt-hours",
    "wh": "watt-hours",
    "mwh": "megawatt-hours",
    "gj": "gigajoules",
    "kw": "kilowatts",
    "w": "watts",
    "mw": "megawatts",
    "ppm": "parts-per-million",
    "m3": "cubic-meters",
    "m3/h": "cubic-meters-per-hour",
    "l": "liters",
    "l/h": "liters-per-hour",
    "l/s": "liters-per-second",
    "lx": "luxes",
    "lux": "luxes",
    "pa": "pascals",
    "kpa": "kilopascals",
    "bar": "bars",
    "v": "volts",
    "a": "amperes",
    "hz": "hertz",
    "s": "seconds",
    "min": "minutes",
    "h": "hours",
    "": "no-units",
}
"""Signs that people write in the place of the number of a unit → its name in the standard."""


@dataclass(frozen=True, slots=True)
class EdeFile:
    """The content of a file; ``mistakes`` are the lines that could not be used, with the reason."""

    devices: tuple[FoundDevice, ...]
    header: Mapping[str, str]
    mistakes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    cells: Mapping[str, str]

    def text(self, name: str) -> str | None:
        return self.cells.get(name) or None

    def whole(self, name: str, most: int) -> int | None:
        """A whole number up to ``most``; None where empty. Raises ValueError for anything else."""
        text = self.text(name)
        if text is None:
            return None
        whole = re.fullmatch(r"([0-9]{1,10})(?:[.,]0{1,6})?", text)  # a spreadsheet writes 1,0
        if whole is None or int(whole[1]) > most:
            raise ValueError(f"{name} {text[:40]!r} is no whole number up to {most}")
        return int(whole[1])

    def number_or_text(self, name: str, most: int) -> int | str | None:
        """A whole number up to ``most``, or else the text; None where empty."""
        try:
            return self.whole(name, most)
        except ValueError:
            return self.text(name)

    def number(self, name: str) -> float | None:
        """A finite number; None for anything else, because the rest of the object is usable."""
        try:
            value = float((self.text(name) or "").replace(",", "."))
        except ValueError:
            return None
        return value if math.isfinite(value) else None


def read_ede(data: bytes, *, states: bytes | None = None, host: str = "") -> EdeFile:
    """The devices of an EDE file; ``states`` is the file with the state texts.

    An EDE file knows no network addresses: ``host`` stands in all its devices. Raises
    ``ConfigError`` when the file is no EDE file at all.
    """
    header, rows = _table(_lines(data))
    texts = _state_texts(_lines(states)) if states is not None else {}
    found: dict[int, dict[tuple[int, int], FoundObject]] = {}
    labels: dict[int, _Row] = {}
    mistakes: list[str] = []
    for row in rows:
        try:
            device, key, each = _object(row, texts)
        except ValueError as error:
            mistakes.append(f"line {row.line}: {error}")
            continue
        objects = found.setdefault(device, {})
        if key[0] == _DEVICE:
            labels.setdefault(device, row)
        elif key in objects:
            mistakes.append(f"line {row.line}: {each.kind} {each.instance} stands there already")
        else:
            objects[key] = each
    if not found:
        what = "; ".join(mistakes[:3]) or "there are no lines with objects"
        raise ConfigError(f"this is no EDE file: {what}")
    devices = (_device(each, host, labels.get(each), found[each]) for each in sorted(found))
    return EdeFile(tuple(devices), header, tuple(mistakes))


def _device(
    instance: int, host: str, label: _Row | None, objects: Mapping[tuple[int, int], FoundObject]
) -> FoundDevice:
    return FoundDevice(
        protocol="bacnet",
        host=host,
        port=_PORT,
        instance=instance,
        name=label.text("name") if label else None,
        objects=tuple(objects.values()),
        notes=("from an EDE file: nothing was read from the device",),
    )


def _object(
    row: _Row, texts: Mapping[int, tuple[str, ...]]
) -> tuple[int, tuple[int, int], FoundObject]:
    device = row.whole("device", _MOST_INSTANCE)
    instance = row.whole("instance", _MOST_INSTANCE)
    if device is None or instance is None or row.text("type") is None:
        raise ValueError("device, object type or object instance is missing")
    kind = _kind(row.text("type") or "")
    reference = row.number_or_text("states", 2**31)
    unit = row.number_or_text("unit", 65535)
    settable = (row.text("commandable") or "").upper()
    return (
        device,
        (kind, instance),
        FoundObject(
            kind=names.object_type(kind),
            instance=instance,
            name=row.text("name"),
            description=row.text("description"),
            unit=names.unit(unit) if isinstance(unit, int) else _unit(unit),
            states=texts.get(reference, ()) if isinstance(reference, int) else (),
            commandable={"Y": True, "N": False}.get(settable[:1]),
            low=row.number("low"),
            high=row.number("high"),
        ),
    )


def _kind(text: str) -> int:
    number = re.fullmatch(r"([0-9]{1,4})(?:[.,]0{1,6})?", text)
    if number is not None and int(number[1]) < 1024:
        return int(number[1])
    # AI, OBJECT_ANALOG_INPUT, analogInput, Analog Input
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", text)
    name = re.sub(r"[ _]+", "-", parted).lower().removeprefix("object-")
    try:
        return names.object_type_number(_SHORT_TYPES.get(name, name))
    except ValueError:
        raise ValueError(f"object type {text[:40]!r} is unknown") from None


def _unit(text: str | None) -> str | None:
    """The name of the engineering unit that a text stands for; the text where it is none."""
    if text is None:
        return None
    plain = re.sub(r"\s", "", text).lower().replace("º", "°").replace("³", "3")
    return _UNIT_SIGNS.get(plain, re.sub(r"[ _]+", "-", text.strip()).lower())


# Reading the table


def _lines(data: bytes) -> list[str]:
    if len(data) > _MOST_OCTETS:
        raise ConfigError(f"an EDE file of {len(data)} octets is too large")
    return _decoded(data).replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _table(lines: Sequence[str]) -> tuple[dict[str, str], list[_Row]]:
    """The header above the table, and the rows of the table by column name."""
    delimiter = _delimiter(lines)
    header: dict[str, str] = {}
    columns: Sequence[str] = _LAYOUT
    rows: list[_Row] = []
    for number, cells in _cells(lines, delimiter):
        named = _columns(cells)
        if named is not None:
            columns = named
        elif cells[0].startswith("#"):
            continue
        elif len(cells) > 1 and not cells[1].isdigit() and not rows and _is_header(cells[0]):
            header[cells[0]] = cells[1]
        elif any(cells):
            named_cells = zip(columns, cells, strict=False)
            rows.append(_Row(number, {name: cell for name, cell in named_cells if name}))
    return header, [row for row in rows if not _is_header(row.cells.get("keyname", ""))]


def _is_header(text: str) -> bool:
    return re.fullmatch(r"[A-Z]+(_[A-Z]+)+", text.upper()) is not None and text.upper() in (
        *("PROJECT_NAME", "VERSION_OF_REFERENCEFILE", "TIMESTAMP_OF_LAST_CHANGE"),
        *("AUTHOR_OF_LAST_CHANGE", "VERSION_OF_LAYOUT"),
    )


def _delimiter(lines: Iterable[str]) -> str:
    text = "\n".join(lines)
    return max(";,\t", key=text.count)


def _cells(lines: Sequence[str], delimiter: str) -> Iterable[tuple[int, list[str]]]:
    """Cells by the number of their first line; a quoted one may go on over the next lines. A stray
    quote spoils its own line only."""
    at = 0
    while at < len(lines):
        taken, parsed = _broken(lines[at : at + _MOST_LINES], delimiter)
        cells = [re.sub(r"\s*\n\s*", " ", cell).strip() for cell in parsed]
        if any(cells):
            yield at + 1, cells
        at += taken


def _broken(lines: Sequence[str], delimiter: str) -> tuple[int, list[str]]:
    """How many of these lines the first record takes, and its cells."""
    alone = _parsed(lines[0], delimiter)
    if lines[0].count('"') % 2 == 0:
        return 1, alone
    for taken in range(2, len(lines) + 1):
        last = lines[taken - 1]
        if last.count('"') % 2 == 0:
            continue
        whole = _parsed("\n".join(lines[:taken]), delimiter, strict=True)
        # a whole row that has a stray quote, too, is no continuation
        goes_on = len(_parsed(last, delimiter)) < len(whole)
        return (taken, whole) if goes_on else (1, alone)
    return 1, alone


def _parsed(text: str, delimiter: str, *, strict: bool = False) -> list[str]:
    """The cells of a record; none where it is not to be had strictly."""
    try:
        return next(
            csv.reader(io.StringIO(text.replace("\0", "")), delimiter=delimiter, strict=strict), []
        )
    except csv.Error:
        return [] if strict else text.split(delimiter)


def _columns(cells: Sequence[str]) -> list[str] | None:
    """The names of the columns, where this line has them."""
    plain = [re.sub(r"[^a-z]", "", cell.lower()) for cell in cells]
    known = [_NAMES.get(name, "") for name in plain]
    return known if {"type", "instance"} <= set(known) else None


def _state_texts(lines: Sequence[str]) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    for _, cells in _cells(lines, _delimiter(lines)):
        if re.fullmatch(r"[0-9]{1,10}", cells[0]):
            texts = list(cells[1:])
            while texts and not texts[-1]:
                texts.pop()
            found.setdefault(int(cells[0]), tuple(texts))
    return found
