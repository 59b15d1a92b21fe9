"""A supplier who may write files (SECURITY.md): what he can put into the folder harms nothing."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.suppliers.formats import reader
from bms.model.readings.metering import SupplierFile
from bms.services.collect.drop_folder import STILL_TICKS, TURN_S, DropFolder
from bms.services.collect.file_ingest import Read
from bms.services.collect.supplier_points import SupplierBook
from bms.store.memory.store import MemoryStore
from sites.loader import load_sites
from tests.rigs.paths import ROOT

NOW = datetime(2026, 4, 1, 6, tzinfo=UTC)
SITES = load_sites(ROOT / "tests" / "cases" / "sites" / "valid_meters")
NOBODY = 65534
"""User and group [1] that own nothing."""
CSV = "meter_id,timestamp_utc,kwh\n6841234,2026-03-01T10:00:00Z,12.5\n"


class Supplied:
    """A drop folder, what must not be touched beside it, and ticks."""

    def __init__(self, home: Path) -> None:
        self.home, self.root, self.store = home, home / "drop", MemoryStore()
        self.inbox = self.root / "csv" / "in"
        self.inbox.mkdir(parents=True)
        self.journal = home / "release.journal"
        self.journal.write_text("open leases\n")
        self.during: Callable[[], None] = lambda: None
        self.watch = DropFolder(
            self.root, self._reader, SupplierBook.of(SITES), self.store, lambda _: True
        )

    def _reader(self, name: str, mapping: str | None) -> Read:
        read = reader(name, None if mapping is None else CsvMapping.from_yaml(mapping))

        def interrupted(content: bytes, file: str) -> SupplierFile:
            self.during()
            return read(content, file)

        return interrupted

    def settle(self) -> int:
        """Files that were taken within as many ticks as one has to stand still."""
        return sum(len(self.watch.tick(NOW)) for _ in range(STILL_TICKS + 1))

    def files(self) -> set[str]:
        found = self.root.rglob("*")
        return {str(p.relative_to(self.root)) for p in found if p.is_symlink() or p.is_file()}

    def journal_is_whole(self) -> bool:
        return self.journal.read_text() == "open leases\n" and not self.journal.is_symlink()


@pytest.fixture
def supplied(tmp_path: Path) -> Supplied:
    return Supplied(tmp_path)


@pytest.mark.parametrize("name", ["failed", "done"])
def test_h1_a_folder_of_ours_that_the_supplier_made_takes_nothing(
    supplied: Supplied, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The layout of old: the supplier may write beside ``in``."""
    theirs = supplied.root / "csv" / name
    theirs.mkdir()
    theirs.chmod(0o777)
    (theirs / "bad.csv.reason.txt").symlink_to(supplied.journal)
    (supplied.inbox / "bad.csv").write_text("no table\n")
    with caplog.at_level(logging.WARNING):
        assert supplied.settle() == 0
    assert supplied.journal_is_whole()
    assert "may be written by others" in caplog.text


def test_h1_a_link_under_the_name_of_a_reason_is_not_followed(supplied: Supplied) -> None:
    failed = supplied.root / "csv" / "failed"
    failed.mkdir()
    (failed / "bad.csv.reason.txt").symlink_to(supplied.journal)
    (supplied.inbox / "bad.csv").write_text("no table\n")
    supplied.settle()
    assert supplied.journal_is_whole()


def test_h1_a_format_folder_that_others_may_write_is_not_used(
    supplied: Supplied, caplog: pytest.LogCaptureFixture
) -> None:
    (supplied.inbox / "day.csv").write_text(CSV)
    supplied.inbox.parent.chmod(0o730)
    with caplog.at_level(logging.WARNING):
        assert supplied.settle() == 0
    assert "suppliers write to in/ only" in caplog.text
    supplied.inbox.parent.chmod(0o710)
    assert supplied.settle() == 1


@pytest.mark.parametrize("name", ["in", "done", "failed"])
def test_h2_a_link_in_place_of_a_folder_leads_nowhere(supplied: Supplied, name: str) -> None:
    sites = supplied.home / "sites"
    sites.mkdir()
    folder = supplied.root / "csv" / name
    if name == "in":
        supplied.inbox.rmdir()
        (sites / "evil.csv").write_text(CSV)
    else:
        (supplied.inbox / "evil.yaml").write_text(CSV)
    folder.symlink_to(sites)
    before = sorted(sites.iterdir())
    assert supplied.settle() == 0
    assert sorted(sites.iterdir()) == before


def test_h2_a_folder_that_is_swapped_while_a_file_is_read_receives_nothing(
    supplied: Supplied,
) -> None:
    sites = supplied.home / "sites"
    sites.mkdir()
    done = supplied.root / "csv" / "done"

    def swap() -> None:
        done.rename(supplied.home / "away")
        done.symlink_to(sites)

    supplied.during = swap
    (supplied.inbox / "day.csv").write_text(CSV)
    supplied.settle()
    assert list(sites.iterdir()) == []
    assert "day.csv" in {p.name for p in (supplied.home / "away").iterdir()}


def test_h2_a_file_that_is_swapped_for_a_link_while_it_is_read_stays(supplied: Supplied) -> None:
    file = supplied.inbox / "day.csv"

    def swap() -> None:
        file.unlink()
        file.symlink_to(supplied.journal)

    supplied.during = swap
    file.write_text(CSV)
    assert supplied.settle() == 0
    assert supplied.files() == {"csv/in/day.csv"}
    assert supplied.journal_is_whole()


def test_h2_a_link_with_the_number_size_and_time_of_the_file_stays(supplied: Supplied) -> None:
    """A file system gives the number of a file that is gone to the next one."""
    file, target = supplied.inbox / "day.csv", str(supplied.journal)
    content = "x" * len(target)

    def swap() -> None:
        seen = file.stat()
        file.unlink()
        for i in range(50):
            link = file.with_name(f".{i}")
            link.symlink_to(target)
            if link.lstat().st_ino == seen.st_ino:
                break
        os.utime(link, ns=(seen.st_atime_ns, seen.st_mtime_ns), follow_symlinks=False)
        link.rename(file)

    supplied.during = swap
    file.write_text(content)
    supplied.settle()
    assert not [each for each in supplied.root.rglob("done/*") if each.is_symlink()]
    assert not [each for each in supplied.root.rglob("failed/*") if each.is_symlink()]
    assert supplied.journal_is_whole()


def test_h2_a_second_name_of_a_file_of_ours_is_not_read(supplied: Supplied) -> None:
    os.link(supplied.journal, supplied.inbox / "day.csv")
    supplied.settle()
    assert "2 names" in (supplied.root / "csv/failed/day.csv.reason.txt").read_text()
    assert supplied.journal_is_whole()


def test_a_name_as_long_as_a_name_may_be_is_taken_twice(supplied: Supplied) -> None:
    name = "x" * 251 + ".csv"
    for content in (CSV, "no table\n", CSV):
        (supplied.inbox / name).write_text(content)
        supplied.settle()
    taken = sorted(p.name for p in (supplied.root / "csv/done").iterdir())
    assert len([each for each in taken if not each.endswith(".report.json")]) == 2
    assert all(len(each) <= 255 for each in taken)
    assert list(supplied.inbox.iterdir()) == []
    failed = sorted(p.name for p in (supplied.root / "csv/failed").iterdir())
    assert len(failed) == 2
    assert failed[1].endswith(".reason.txt")


@pytest.mark.parametrize(
    "name", ["day\nERROR forged line.csv", "day\x1b[2Jgone.csv", "day\udcff.csv", "day\u202e.csv"]
)
def test_m6_a_name_is_one_line_of_the_log(
    supplied: Supplied, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    (supplied.inbox / name).write_text("no table\n")
    with caplog.at_level(logging.DEBUG):
        supplied.settle()
    assert caplog.records
    assert all(record.getMessage().isprintable() for record in caplog.records)


def test_h5_more_names_than_a_tick_looks_at_are_told_once_and_taken_in_turn(
    supplied: Supplied, caplog: pytest.LogCaptureFixture
) -> None:
    supplied.watch.most_listed = 5
    for number in range(12):
        (supplied.inbox / f"day{number}.csv").write_text(CSV)
    with caplog.at_level(logging.WARNING):
        taken = [len(supplied.watch.tick(NOW)) for _ in range(3 * (STILL_TICKS + 1))]
    assert max(taken) == 5
    assert sum(taken) == 12
    told = [r.getMessage() for r in caplog.records if "holds more than 5 names" in r.getMessage()]
    assert len(told) == 1


def test_h5_a_supplier_whose_files_are_slow_leaves_each_tick_to_the_others(
    supplied: Supplied, caplog: pytest.LogCaptureFixture
) -> None:
    other = supplied.root / "csv-z" / "in"
    other.mkdir(parents=True)
    clock = [0.0]
    supplied.watch.monotonic = lambda: clock[0]

    def slow() -> None:
        clock[0] += TURN_S + 1

    supplied.during = slow
    for number in range(3):
        (supplied.inbox / f"day{number}.csv").write_text(CSV)
    (other / "day.csv").write_text(CSV)
    with caplog.at_level(logging.WARNING):
        taken = [len(supplied.watch.tick(NOW)) for _ in range(STILL_TICKS + 3)]
    assert taken == [*([0] * STILL_TICKS), 2, 1, 1]
    told = [r.getMessage() for r in caplog.records if "the others wait" in r.getMessage()]
    assert len(told) == 1


@pytest.mark.parametrize("ending", [".reason.txt", ".report.json"])
def test_h5_a_name_whose_reason_or_report_is_there_gets_its_own(
    supplied: Supplied, ending: str
) -> None:
    """The supplier sends a file of the very name that ours would have."""
    first, second = ("no table\n",) * 2 if ending == ".reason.txt" else (CSV, f"{CSV}x,y,z\n")
    for name, text in ((f"bad.csv{ending}", first), ("bad.csv", second), ("bad.csv", second)):
        (supplied.inbox / name).write_text(text)
        supplied.settle()
    folder = "failed" if ending == ".reason.txt" else "done"
    names = {name.rpartition("/")[2] for name in supplied.files() if f"/{folder}/" in name}
    assert {"bad.csv.2", f"bad.csv.2{ending}", "bad.csv.3", f"bad.csv.3{ending}"} <= names
    assert list(supplied.inbox.iterdir()) == []


def test_h4_a_broken_mapping_stops_its_own_folder_only(
    supplied: Supplied, caplog: pytest.LogCaptureFixture
) -> None:
    broken = supplied.root / "csv-broken"
    (broken / "in").mkdir(parents=True)
    (broken / "mapping.yaml").write_text("time_format: '%Y%Y'\n")
    (broken / "in" / "day.csv").write_text(CSV)
    (supplied.inbox / "day.csv").write_text(CSV)
    with caplog.at_level(logging.WARNING):
        assert supplied.settle() == 1
    assert "csv-broken: its files wait" in caplog.text
    assert all(len(record.getMessage()) < 1000 for record in caplog.records)


ATTACK = """
i=0
while [ $i -lt 40 ]; do
  printf 'no table\\n' > a.csv; ln -s "$1" a.new; mv -f a.new a.csv; rm -f a.csv
  ln -s "$1" b.csv; rm -f b.csv; printf 'no table\\n' > b.csv
  mkdir c.csv; rmdir c.csv; ln -s "$1" c.csv.reason.txt
  ln ../../../release.journal d.csv
  mv ../done .. ; rm -rf ../done ../failed; mkdir ../failed; ln -s / ../done
  rm -f c.csv.reason.txt
  i=$((i+1))
done
printf 'no table\\n' > last.csv
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs two user ids: run as root")
def test_a_supplier_with_a_user_of_his_own_changes_nothing_of_ours(supplied: Supplied) -> None:
    os.chown(supplied.inbox, NOBODY, NOBODY)
    supplied.home.chmod(0o711)  # he may walk through, as in a home that is shared
    attack = subprocess.Popen(
        ["/bin/sh", "-c", ATTACK, "attack", str(supplied.journal)],
        cwd=supplied.inbox,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while attack.poll() is None:
        supplied.watch.tick(NOW)
    supplied.settle()
    assert supplied.journal_is_whole()
    assert (
        supplied.store.readings("school/heat.energy", datetime(2020, 1, 1, tzinfo=UTC), NOW) == []
    )
    ours = [supplied.root / "csv" / name for name in ("done", "failed")]
    assert all(p.stat().st_uid == 0 and not p.is_symlink() for p in ours)
    assert (supplied.root / "csv/failed/last.csv.reason.txt").exists()
    links = [p for folder in ours for p in folder.iterdir() if p.is_symlink()]
    assert links == []
