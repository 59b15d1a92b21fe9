"""Whatever stands in a supplier's file: rows and mistakes, or a FeedError; never anything else."""

from __future__ import annotations

import gzip
import json
import math
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bms.errors import ConfigError, FeedError
from bms.feeds.suppliers.csv_mapping import CsvMapping, ValueColumn
from bms.feeds.suppliers.formats import formats, reader
from bms.model.readings.metering import MeterRow, Quantity, SupplierFile
from tests.rigs.examples import examples
from tests.rigs.paths import ROOT

FEEDS = ROOT / "tests" / "data" / "feeds"
START = datetime(2026, 10, 24, 20, tzinfo=UTC)
HOURLY = CsvMapping(interval_s=3600)
FIRST = datetime.fromisoformat("2026-10-20")
"""The first row of a round trip, on the wall."""
QUICK = settings(max_examples=examples(150), deadline=None, derandomize=True)


def csv_lines() -> list[bytes]:
    lines = [b"meter_id,timestamp_utc,kwh,note"]
    for hour in range(8):
        stamp = f"{START + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ}"
        lines += [f"{meter},{stamp},{hour}.25,ok".encode() for meter in ("571", "572", "573")]
    return lines


def drop_lines() -> list[bytes]:
    lines = ["Målernr;Tidspunkt;Energi [MWh];Retur [°C];Adresse".encode()]
    for hour in range(8):
        stamp = f"{START - timedelta(days=30) + timedelta(hours=hour):%d-%m-%Y %H:%M}"
        lines += [f"{meter};{stamp};{hour},25;40,5;Vej 1".encode() for meter in ("68", "69")]
    return lines


def readings() -> bytes:
    rows = [
        {"MeterID": 1, "Aflæsningstidspunkt": f"2026-01-05T{hour:02}:00:00", "Volumen": hour}
        for hour in range(6)
    ]
    return json.dumps(rows, ensure_ascii=False).encode()


@cache
def samples() -> dict[str, bytes]:
    return {
        "csv": b"\n".join(csv_lines()),
        "kredsloeb": b"\n".join(drop_lines()),
        "eloverblik": (FEEDS / "eloverblik_timeseries.json").read_bytes(),
        "aalborg": readings(),
    }


NAMES = [found.name for found in formats()]
PIECES = (
    *(b"", b"\n", b"\r", b"\x00", b'"', b",", b";", b"\xff\xfe", b"\x1f\x8b\x08", b"\xe5", b"-"),
    *(b"nan", b"1e999", b"9" * 50, b"null", b"{", b"]", b"24:00", b"\\ud800", b"true", b"A01"),
    *("\u2028,é".encode(), b"2026-03-29T02:30", b"2026-10-25T02:30", b"0001-01-01", b"P1M", b"'"),
)


@st.composite
def spoilt(draw: st.DrawFn, content: bytes) -> bytes:
    """The content with stretches flipped, cut, doubled or filled in."""
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        to = at + draw(st.sampled_from((0, 1, 5, 40)))
        middle = draw(
            st.sampled_from(PIECES)
            | st.just(content[at:to] * 2)
            | st.binary(max_size=6)
            | st.just(bytes(byte ^ 0x20 for byte in content[at:to]))
        )
        content = content[:at] + middle + content[to:]
    return content


def outcome(name: str, content: bytes) -> SupplierFile | FeedError:
    try:
        return reader(name)(content, "file")
    except FeedError as error:
        return error


def check(found: SupplierFile | FeedError) -> None:
    """What holds for every answer."""
    if isinstance(found, FeedError):
        assert str(found).startswith("file")
        assert str(found).isprintable()
        return
    for row in found.rows:
        assert isinstance(row, MeterRow)
        assert row.number.isprintable()
        assert row.number
        assert (row.value is None) != row.quality.has_value
        assert row.value is None or math.isfinite(row.value)
        assert row.interval_s >= 0
        assert row.line >= 1
        assert 1989 <= datetime.fromtimestamp(row.time, UTC).year <= 2100
    for mistake in found.mistakes:
        assert mistake.line >= 1
        assert mistake.message.isprintable()


@QUICK
@given(st.sampled_from(NAMES), st.binary(max_size=60), st.sampled_from(PIECES))
def test_any_bytes(name: str, content: bytes, piece: bytes) -> None:
    check(outcome(name, piece + content))
    check(outcome(name, gzip.compress(content)))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_spoilt_file(name: str) -> None:
    @QUICK
    @given(spoilt(samples()[name]), st.sampled_from((bytes, gzip.compress)))
    def spoil(content: bytes, pack: object) -> None:
        check(outcome(name, pack(content) if callable(pack) else content))

    spoil()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_file_cut_anywhere(name: str) -> None:
    content = samples()[name]
    for end in range(0, len(content), max(1, len(content) // 60)):
        check(outcome(name, content[:end]))
        check(outcome(name, gzip.compress(content)[:end]))


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@pytest.mark.slow
@QUICK
@given(st.data())
def test_any_value_in_any_place_of_the_json(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["eloverblik", "aalborg"]))
    document = json.loads(samples()[name])
    node, path = document, 0
    while isinstance(node, dict | list) and node:
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else [0, -1]))
        child = node[key]
        path += 1
        if not isinstance(child, dict | list) or data.draw(st.integers(0, 9)) < path - 3:
            node[key] = data.draw(JUNK)
            break
        node = child
    check(outcome(name, json.dumps(document).encode()))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "lines"), [("csv", csv_lines()), ("kredsloeb", drop_lines())], ids=["csv", "drop"]
)
def test_a_damaged_line_never_costs_another_one(name: str, lines: list[bytes]) -> None:
    whole = {row._replace(line=0) for row in reader(name)(b"\n".join(lines), "file").rows}
    read = reader(name, HOURLY) if name == "csv" else reader(name)

    @QUICK
    @given(st.integers(1, len(lines) - 1), st.data())
    def damage(at: int, data: st.DataObject) -> None:
        broken = data.draw(spoilt(lines[at]))
        damaged = b"\n".join([*lines[:at], broken, *lines[at + 1 :]])
        alone = b"\n".join([lines[0], lines[at]])
        own = {row._replace(line=0) for row in read(alone, "file").rows}
        kept = {row._replace(line=0) for row in read(damaged, "file").rows}
        assert whole - own <= kept

    damage()


@st.composite
def mappings(draw: st.DrawFn) -> CsvMapping:
    decimal = draw(st.sampled_from(".,"))
    return CsvMapping(
        number="nr",
        time=("tid",),
        values=(ValueColumn(column="v", quantity=Quantity.ENERGY, unit="kWh"),),
        separator=draw(st.sampled_from(";,\t|")),
        decimal=decimal,
        thousands=draw(st.sampled_from(("", "," if decimal == "." else "."))),
        timezone=draw(st.sampled_from(("UTC", "Europe/Copenhagen"))),
        stamp=draw(st.sampled_from(("start", "end"))),
        interval_s=draw(st.sampled_from((900, 3600, 86400))),
        encoding=draw(st.sampled_from(("utf-8", "latin-1", "utf-16"))),
        time_format=draw(st.sampled_from((None, "%d/%m/%Y %H.%M"))),
    )


def written(rows: list[tuple[str, int, float | None]], mapping: CsvMapping) -> bytes:
    """The rows as a supplier with that mapping would write them."""
    zone = ZoneInfo(mapping.timezone)
    lines = [mapping.separator.join((mapping.number, *mapping.time, mapping.values[0].column))]
    for number, step, value in rows:
        length = mapping.interval_s or 0
        start = FIRST + timedelta(seconds=step * length)
        moment = start.replace(tzinfo=zone).astimezone(UTC)
        if mapping.stamp == "end" and length == 86400:
            moment = (start + timedelta(days=1)).replace(tzinfo=zone).astimezone(UTC)
        elif mapping.stamp == "end":
            moment += timedelta(seconds=length)
        wall = moment.astimezone(zone)
        stamp = wall.strftime(mapping.time_format) if mapping.time_format else wall.isoformat()
        text = "" if value is None else f"{value:.3f}"
        if mapping.thousands and value is not None:
            text = f"{value:,.3f}"
        if mapping.decimal == ",":
            text = text.translate(str.maketrans(",.", ".,"))
        lines.append(mapping.separator.join(f'"{part}"' for part in (number, stamp, text)))
    return ("\r\n".join(lines) + "\r\n").encode(mapping.encoding)


@pytest.mark.slow
@QUICK
@given(
    mappings(),
    st.lists(
        st.tuples(
            st.sampled_from(("5713", "å;,1", "x y")),
            st.integers(0, 3),
            st.none() | st.integers(-(10**9), 10**9).map(lambda n: n / 1000),
        ),
        max_size=20,
    ),
)
def test_what_is_written_with_a_mapping_is_read_back(
    mapping: CsvMapping, rows: list[tuple[str, int, float | None]]
) -> None:
    found = reader("csv", mapping)(written(rows, mapping), "file")
    assert found.mistakes == ()
    assert [(row.number, row.value) for row in found.rows] == [
        (number, value) for number, _, value in rows
    ]
    zone = ZoneInfo(mapping.timezone)
    for row, (_, step, _) in zip(found.rows, rows, strict=True):
        start = datetime.fromtimestamp(row.time, zone).replace(tzinfo=None)
        assert start == FIRST + timedelta(seconds=step * (mapping.interval_s or 0))
        assert row.interval_s == mapping.interval_s


@QUICK
@given(st.text(alphabet='abc:-{}[]"\n ,.;#&*!|>%@ 13nul', max_size=60))
def test_any_mapping_file_is_a_mapping_or_its_mistakes(text: str) -> None:
    try:
        found: object = CsvMapping.from_yaml(text)
    except ConfigError as error:
        found = str(error)
    assert isinstance(found, CsvMapping) or str(found).startswith("mapping.yaml:")
