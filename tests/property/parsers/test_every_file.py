"""Every file in YAML that people write: an answer, or an error that names the file, in bounded time
and memory, whatever stands in it and whatever it is. ``make fuzz`` tries as many as wanted."""

from __future__ import annotations

import os
import re
import time
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bms.errors import BmsError
from bms.feeds.calendars.halls import read_calendar_file
from bms.feeds.plants.column_map import read_map
from bms.feeds.sign_in.settings import access_rules
from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.tariffs import book, factors
from bms.feeds.tariffs.book import TariffBook
from bms.feeds.tariffs.factors import load_factors
from bms.notices.file import read_notice_file
from bms.runtime.reporting.file import reports_file
from drivers.templates import DEVICES, load_templates
from sites.loader import load_sites
from tests.rigs.examples import examples
from tests.rigs.paths import ROOT

TRIES = int(os.environ.get("BMS_EXAMPLES", examples(40)))
LONGEST_S = 5.0
MOST_BYTES = 10_000_000
NOTICES = """base_url: https://bms.example.dk
webhook_hosts: [hooks.example.dk]
recipients:
  - {name: north, role: caretaker, email: a@example.dk, sites: [school], digest: "07:00"}
smtp: {host: mail.example.dk, port: 587, security: starttls, sender: bms@example.dk}
subscriptions:
  - {name: drift, token_sha256: "0123", sites: [school]}
"""
REPORTS = """mail: {host: mail.example.dk, port: 25, sender: a@example.dk}
reports:
  - {name: uses, kind: consumption, every: month, after_days: 3, email: [a@example.dk]}
"""
ACCESS = """groups:
  north: [school]
sign_in:
  - {group: energy, role: energy_team, groups: [north]}
"""
CALENDARS = """calendars:
  - {site: school, zone: gym, file: halls.ics}
"""
MAP = """columns: {SAT: supply_temp, RAT: return_air_temp}
time: Datetime
timezone: Europe/Copenhagen
"""
MAPPING = """separator: ";"
interval_s: 3600
timezone: Europe/Copenhagen
columns:
  number: meter
  time: [date, hour]
  values:
    - {column: kWh, quantity: energy, unit: kWh}
"""


class Reader(NamedTuple):
    """What reads a file, and one that it accepts or nearly does."""

    read: Callable[[Path], object]
    seed: str


def _shipped(path: Path) -> str:
    return path.read_text("utf-8")


READERS: Mapping[str, Reader] = {
    "site file": Reader(
        lambda path: load_sites(path.parent),
        _shipped(ROOT / "sites" / "examples" / "townhall.yaml"),
    ),
    "template": Reader(
        lambda path: load_templates(path.parent), _shipped(min(DEVICES.glob("*.yaml")))
    ),
    "notices": Reader(lambda path: read_notice_file(path, "UTC", frozenset({"school"})), NOTICES),
    "reports": Reader(reports_file, REPORTS),
    "access": Reader(access_rules, ACCESS),
    "calendars": Reader(lambda path: read_calendar_file(path, {}), CALENDARS),
    "tariffs": Reader(TariffBook.load, _shipped(book.DATA)),
    "factors": Reader(load_factors, _shipped(factors.DATA)),
    "column map": Reader(read_map, MAP),
    "mapping": Reader(CsvMapping.from_file, MAPPING),
}
VALUES = (
    *("9" * 5000, "-" + "9" * 300, ".nan", ".inf", "-.inf", "1e999", "1e-320", "0x" + "f" * 3000),
    *(
        "2026-02-30",
        "0000-00-00",
        "9999-12-31",
        "12:30",
        "no",
        "null",
        "''",
        "[]",
        "{}",
        "[[[[]]]]",
    ),
    *("!!python/object/apply:os.system [x]", "!x y", "*a", "&a x", "{<<: {a: 1}}", "<<"),
    *('"\\0"', '"\\ud800"', '"\\u202e"', '"\\e[2J"', "\u2028", "|\n  x", "../../etc/passwd"),
    *("/dev/zero", "{a: 1, a: 2}", "- x", "@", "%", "[" * 50, "{" * 50, "'", '"', "? x", "x: y: z"),
)
LINE = re.compile(r"(?<=[:\-,\[{] )[^\s{\[][^,\n}\]]*")


@st.composite
def spoilt(draw: st.DrawFn, seed: str) -> bytes:
    """A file of which a value or two are others, or a stretch of which is any bytes."""
    text = seed
    for _ in range(draw(st.integers(1, 2))):
        places = [found.span() for found in LINE.finditer(text)]
        first, last = draw(st.sampled_from(places))
        text = text[:first] + draw(st.sampled_from(VALUES)) + text[last:]
    data = text.encode()
    if draw(st.booleans()):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.binary(max_size=8)) + data[at + draw(st.integers(0, 9)) :]
    return data


def refusal(reader: Reader, path: Path) -> str | None:
    """What the reader says against a file; None where it takes it. Bounded in time."""
    started = time.process_time()
    told = None
    try:
        reader.read(path)
    except BmsError as error:
        told = str(error)
    assert time.process_time() - started < LONGEST_S
    return told


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(READERS))
def test_a_file_that_is_spoilt_is_read_or_refused_by_its_name(name: str, tmp_path: Path) -> None:
    reader, path = READERS[name], tmp_path / "theirs.yaml"

    @settings(
        max_examples=TRIES,
        deadline=None,
        derandomize="BMS_EXAMPLES" not in os.environ,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(spoilt(reader.seed))
    def holds(data: bytes) -> None:
        path.write_bytes(data)
        told = refusal(reader, path)
        assert told is None or path.name in told

    holds()


TEXTS: Mapping[str, bytes] = {
    "a value of 10 MB": b"a: " + b"x" * 10_000_000,
    "nested flow": b"{" * 500_000,
    "nested lists": b"[" * 500_000,
    "nested blocks": b"- " * 400_000,
    "nested keys": b"? " * 400_000,
    "many keys": b"".join(b"k%d: 1\n" % i for i in range(10_000)),
    "one key again and again": b"a: 1\n" * 20_000,
    "many documents": b"--- 1\n" * 100_000,
    "aliases that expand": b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "an alias of itself": b"a: &a [*a]\n",
    "tags": b"a: !!python/object/apply:os.system [echo]\n",
    "a merge key": b"<<: {a: 1}\n",
    "a number of 100 000 digits": b"a: " + b"9" * 100_000,
    "U+0000": b"a: \0\n",
    "not UTF-8": b"a: 1\nb: \xff\xfe\n",
    "UTF-16": "a: 1\n".encode("utf-16"),
    "turned text": "a: \u202eb\n".encode(),
    "nothing": b"",
    "no mapping": b"- a\n- b\n",
    "a word": b"word",
}


@pytest.mark.slow
@pytest.mark.parametrize("what", sorted(TEXTS))
def test_a_hostile_file_is_refused_in_bounded_time(what: str, tmp_path: Path) -> None:
    """Some readers take an empty file for one without rows."""
    path = tmp_path / "theirs.yaml"
    path.write_bytes(TEXTS[what])
    told = {name: refusal(reader, path) for name, reader in sorted(READERS.items())}
    if what != "nothing":
        assert [name for name, text in told.items() if text is None or path.name not in text] == []
    assert max(len(text or "") for text in told.values()) < 500_000


def test_a_file_without_an_end_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "theirs.yaml"
    path.write_bytes(b"a: ")
    os.truncate(path, 10_000_000_000)
    for reader in READERS.values():
        tracemalloc.start()
        try:
            assert path.name in str(refusal(reader, path))
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert most < MOST_BYTES


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "circle", "nowhere"])
def test_what_is_no_file_is_refused_and_not_waited_for(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "theirs.yaml"
    {
        "pipe": lambda: os.mkfifo(path),
        "device": lambda: path.symlink_to("/dev/zero"),
        "folder": lambda: path.mkdir(),
        "circle": lambda: path.symlink_to(path),
        "nowhere": lambda: path.symlink_to(tmp_path / "nowhere"),
    }[kind]()
    for name, reader in READERS.items():
        told = refusal(reader, path)
        assert told is not None, name
        assert path.name in told
