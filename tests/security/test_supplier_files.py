"""A supplier, or a key that may push, whose files are made to cost us memory (SECURITY.md)."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from bms.errors import MOST_MISTAKES, ConfigError, FeedError
from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.suppliers.decoding import MAX_LINES, decoded_text
from bms.feeds.suppliers.formats import reader

HEADER = b"meter_id,timestamp_utc,kwh\n"
MOST_MB = 700
"""Memory [MB] that a reading process may take in all, interpreter and libraries included."""

PEAK = """
import re, sys
from bms.errors import FeedError
from bms.feeds.suppliers.formats import reader
content = open(sys.argv[2], "rb").read()
try:
    file = reader(sys.argv[1])(content, "attack")
    print("rows", len(file.rows), "mistakes", len(file.mistakes) + file.unnamed)
except FeedError as error:
    print("refused", error)
print(int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024)
"""


def peak_mb(form: str, file: Path) -> tuple[str, int]:
    """What became of a file, and the most memory [MB] of a process that read it."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, form, str(file)], capture_output=True, text=True, check=True
    )
    told, peak = done.stdout.strip().splitlines()
    return told, int(peak)


def packed(path: Path, piece: bytes, times: int, start: bytes = b"") -> Path:
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(start)
        for _ in range(times // 1000):
            file.write(piece * 1000)
    return path


@pytest.mark.parametrize("junk", [b"\n", b"x\n", b"\r", b",,\n"])
def test_h5_ninety_nine_million_lines_in_a_small_gzip(tmp_path: Path, junk: bytes) -> None:
    told, peak = peak_mb("csv", packed(tmp_path / "a.csv.gz", junk, 60_000_000, HEADER))
    assert told.startswith("refused")
    assert peak < MOST_MB


@pytest.mark.parametrize("junk", [b"[],", b"{},", b"0,", b'"",'])
def test_h5_a_json_of_small_values_in_a_small_gzip(tmp_path: Path, junk: bytes) -> None:
    told, peak = peak_mb("eloverblik", packed(tmp_path / "a.json.gz", junk, 60_000_000, b"["))
    assert told.startswith("refused")
    assert peak < MOST_MB


def test_h5_a_push_of_junk_names_the_first_and_counts_the_others(tmp_path: Path) -> None:
    lines = 1_000_000
    file = tmp_path / "a.csv"
    file.write_bytes(HEADER + b"a,\n" * lines)
    told, peak = peak_mb("csv", file)
    assert told == f"rows 0 mistakes {lines}"
    assert peak < MOST_MB
    found = reader("csv")(HEADER + b"a,\n" * 3000, "push")
    assert (len(found.mistakes), found.unnamed) == (MOST_MISTAKES, 3000 - MOST_MISTAKES)


def test_h5_the_limit_of_lines_at_its_edge() -> None:
    assert decoded_text(b"x" + b"\n" * MAX_LINES, "a", wanted="CSV").count("\n") == MAX_LINES
    for content in (b"x" + b"\n" * (MAX_LINES + 1), b"x" + b"\r" * (MAX_LINES + 1)):
        with pytest.raises(FeedError, match="lines; split it"):
            decoded_text(content, "a", wanted="CSV")


BOMB = "a: &a ['x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x']\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, after in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    "mapping",
    [
        "time_format: '%Y%Y'\n",
        "time_format: '%Y-%m-%d %'\n",
        f"time_format: '%Y-%m-%d{'%B' * 5000}'\n",
        BOMB,
        f"{BOMB}separator: *h\n",
        f"stamp: '{'x' * 19_000}'\n",
        f"'{'x' * 19_000}': 1\n",
        f"stamp: &x ['{'y' * 900}']\nambiguous: *x\n",
        "timezone: ../../etc/passwd\n",
        "? [a, b]\n: c\n",
        "separator: !!python/object/apply:os.system ['true']\n",
    ],
)
def test_h4_a_mapping_is_refused_in_a_short_message(mapping: str) -> None:
    with pytest.raises(ConfigError) as refused:
        CsvMapping.from_yaml(mapping)
    assert len(str(refused.value)) < 5000
    assert all(line.isprintable() for line in str(refused.value).splitlines())


MOST_CPU_S = 10.0
"""Computing time [s] of a file that takes a second: each of these took minutes, or days."""


def took(form: str, content: bytes) -> tuple[str, float]:
    """What became of a file, and the computing time [s]."""
    started = time.process_time()
    try:
        file = reader(form)(content, "attack")
    except FeedError as error:
        return str(error), time.process_time() - started
    return str(file.mistakes[-1:]), time.process_time() - started


def test_h5_a_gzip_of_a_million_empty_parts() -> None:
    """Each part cost a copy of all that follows it."""
    told, seconds = took("csv", gzip.compress(b"") * 1_000_000)
    assert "parts of a gzip" in told
    assert seconds < MOST_CPU_S


def test_a_gzip_in_several_parts_with_padding_is_one_text() -> None:
    parts = (gzip.compress(b"a" * 3_000_000), b"\0" * 70_000, gzip.compress(b"b"), b"\0")
    text = decoded_text(b"".join(parts), "x", wanted="CSV")
    assert text == "a" * 3_000_000 + "b"
    with pytest.raises(FeedError, match="something else follows"):
        decoded_text(b"".join((*parts, b"x")), "x", wanted="CSV")


@pytest.mark.parametrize("packed", [False, True])
def test_h5_a_file_of_nothing_is_refused_by_its_beginning(packed: bool) -> None:
    content = bytes(60_000_000)
    if packed:
        content = gzip.compress(content)
    tracemalloc.start()
    try:
        with pytest.raises(FeedError, match="holds no text"):
            decoded_text(content, "a", wanted="CSV")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10_000_000


def test_h5_what_follows_a_gzip_is_refused_and_its_members_are_all_read() -> None:
    whole = gzip.compress(b"a;1\n") + gzip.compress(b"b;2\n")
    assert decoded_text(whole, "a", wanted="CSV") == "a;1\nb;2\n"
    with pytest.raises(FeedError, match="something else follows"):
        decoded_text(whole + b"c;3\n", "a", wanted="CSV")


def test_h5_each_period_a_calendar_of_its_own() -> None:
    """A hundred bytes of a period were ten years of days."""
    between = {"end": "2011-01-01T00:00:00Z"}
    point = [{"position": "1", "out_Quantity.quantity": "1", "out_Quantity.quality": "A04"}]
    periods = [
        {
            "timeInterval": {**between, "start": f"2001-01-01T00:00:00.{i:06d}Z"},
            "resolution": "P1D",
            "Point": point,
        }
        for i in range(20_000)
    ]
    series = {"mRID": "1", "businessType": "A04", "measurement_Unit.name": "KWH"}
    document = {"TimeSeries": [{**series, "Period": periods}]}
    body = {"result": [{"MyEnergyData_MarketDocument": document}]}
    told, seconds = took("eloverblik", json.dumps(body).encode())
    assert "too many different periods" in told
    assert seconds < MOST_CPU_S


def test_h5_a_reading_of_many_fields() -> None:
    """Each field was looked for among all of them."""
    fields = {f"k{i}": "1" for i in range(20_000)}
    body = [{"MeterID": "1", "Tidspunkt": "2026-01-01T00:00:00", **fields}]
    _, seconds = took("aalborg", json.dumps(body).encode())
    assert seconds < MOST_CPU_S
    assert len(reader("aalborg")(json.dumps(body).encode(), "x").ignored) == 1000


def test_h5_a_meter_in_each_row() -> None:
    """Each meter was looked for among all rows."""
    rows = "".join(f"m{i},2026-01-01T00:00:00Z,1\n" for i in range(60_000))
    told, seconds = took("csv", HEADER + rows.encode())
    assert "how long the interval is does not show" in told
    assert seconds < MOST_CPU_S


@pytest.mark.parametrize("form", ["csv", "kredsloeb"])
@pytest.mark.parametrize("content", [b"a;," * 30_000, HEADER + b"," * 1_000_001, b"9" * 10**7])
def test_h5_a_line_that_is_no_row(form: str, content: bytes) -> None:
    told, seconds = took(form, content)
    assert "no such table" in told
    assert seconds < MOST_CPU_S


def test_h5_more_values_than_a_file_may_have() -> None:
    mapping = "columns:\n  time: t\n  meters: {quantity: energy, unit: kWh}\n"
    read = reader("csv", CsvMapping.from_yaml(mapping))
    names = ",".join(f"m{i}" for i in range(20_000))
    with pytest.raises(FeedError, match="values; split it"):
        read(f"t,{names}\n".encode() + b"\n" * 500, "attack")


def test_h5_one_wide_sign_makes_no_text_wide(tmp_path: Path) -> None:
    """Four bytes a character instead of one, in each copy of the text."""
    start = '["\U0001f600'.encode()
    told, peak = peak_mb("aalborg", packed(tmp_path / "a.json.gz", b"x", 199_000_000, start))
    assert told.startswith("refused")
    assert peak < MOST_MB
