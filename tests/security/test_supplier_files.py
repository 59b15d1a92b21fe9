"""A supplier, or a key that may push, whose files are made to cost us memory (SECURITY.md)."""

from __future__ import annotations

import gzip
import subprocess
import sys
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
