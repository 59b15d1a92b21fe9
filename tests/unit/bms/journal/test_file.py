"""The release journal: synced before the write, self-contained, and patient with bad disks."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from bms.errors import GuardError
from bms.journal import FileJournal, MemoryJournal, open_leases
from bms.model.clock_reading import ClockReading
from bms.model.control.lease import Lease
from bms.ports.safety import Journal
from tests.rigs.fakes.safety import CONSTANT, ENABLE, NOW, NULL, TIMETABLE, command, hut, lease_on

SITE = hut()


@pytest.fixture(params=["file", "memory"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Journal:
    return FileJournal(tmp_path / "journal") if request.param == "file" else MemoryJournal()


def lease(point: str, command_id: str, value: float = 20.0):
    return lease_on(SITE, command(point, value, command_id=command_id))


def test_no_journal_means_nothing_held(journal: Journal) -> None:
    assert journal.leases() == {}


@pytest.mark.parametrize("point", [NULL, ENABLE, TIMETABLE, CONSTANT])
def test_a_lease_carries_everything_to_give_the_point_back(journal: Journal, point: str) -> None:
    made = lease(point, "a")
    journal.intend([made])
    assert journal.leases()[point] == made


def test_settling_closes_a_point(journal: Journal) -> None:
    journal.intend([lease(NULL, "a"), lease(ENABLE, "b")])
    journal.settle({NULL: "a"})
    assert list(journal.leases()) == [ENABLE]


def test_a_later_intent_stays_open_when_an_earlier_one_is_settled(journal: Journal) -> None:
    journal.intend([lease(NULL, "a")])
    journal.intend([lease(NULL, "b", 21.0)])
    journal.settle({NULL: "a"})
    assert journal.leases()[NULL].command.value == 21.0
    journal.settle({NULL: "b"})
    assert journal.leases() == {}


def test_w02_an_older_token_announces_nothing(journal: Journal) -> None:
    journal.intend([replace(lease(NULL, "a"), token=7)])
    journal.intend([replace(lease(NULL, "b", 21.0), token=8)])
    with pytest.raises(GuardError, match="another process owns"):
        journal.intend([lease(ENABLE, "c"), replace(lease(NULL, "d", 22.0), token=7)])
    assert journal.leases()[NULL].command.value == 21.0
    assert ENABLE not in journal.leases()
    journal.settle({NULL: "b"})
    journal.intend([replace(lease(NULL, "e", 22.0), token=7)])  # a database that was set back
    assert journal.leases()[NULL].token == 7


def test_settling_what_nobody_holds_is_nothing(journal: Journal) -> None:
    journal.settle({NULL: "a"})
    assert journal.leases() == {}


def test_two_processes_see_each_others_entries(tmp_path: Path) -> None:
    mine, theirs = (FileJournal(tmp_path / "journal") for _ in range(2))
    mine.intend([lease(NULL, "a")])
    assert list(theirs.leases()) == [NULL]
    theirs.settle({NULL: "a"})
    theirs.intend([lease(ENABLE, "b")])
    assert list(mine.leases()) == [ENABLE]


def test_one_batch_is_synced_once_and_before_intend_returns(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    FileJournal(path).settle({NULL: "none"})
    on_disk: list[bytes] = []
    journal = FileJournal(path, sync=lambda _: on_disk.append(path.read_bytes()))
    journal.intend([lease(NULL, "a"), lease(ENABLE, "b")])
    assert len(on_disk) == 1
    assert on_disk[0].count(b'"op":"intend"') == 2


def test_a_new_file_and_its_folder_are_synced(tmp_path: Path) -> None:
    synced: list[int] = []
    journal = FileJournal(tmp_path / "journal", sync=lambda fd: synced.append(os.fstat(fd).st_ino))
    journal.intend([lease(NULL, "a")])
    assert tmp_path.stat().st_ino in synced
    assert synced[-1] == (tmp_path / "journal").stat().st_ino


def test_a_torn_last_line_is_skipped_named_and_does_not_swallow_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "journal"
    FileJournal(path).intend([lease(NULL, "a")])
    FileJournal(path).intend([lease(ENABLE, "b")])
    path.write_bytes(path.read_bytes()[:-40])
    journal = FileJournal(path)
    assert list(journal.leases()) == [NULL]
    journal.intend([lease(TIMETABLE, "c")])
    assert set(journal.leases()) == {NULL, TIMETABLE}
    assert len(journal.damage) == 1
    assert "torn" in caplog.text


def test_a_garbled_line_spares_the_others(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    FileJournal(path).intend([lease(NULL, "a"), lease(ENABLE, "b")])
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1:1] = [b"\x00\xff garbage\n", b'{"op":"intend","lease":{}}\n', b"[]\n", b'{"op":"?"}\n']
    lines.insert(1, b'{"op":' + 100_000 * b"[" + b"\n")
    path.write_bytes(b"".join(lines))
    journal = FileJournal(path)
    assert set(journal.leases()) == {NULL, ENABLE}
    assert len(journal.damage) == 5


def test_w11_a_lease_of_version_2_is_read_and_has_ended(tmp_path: Path) -> None:
    """It does not say when it was issued by running time."""
    path = tmp_path / "journal"
    FileJournal(path).intend([lease(NULL, "a")])
    head, entry = (json.loads(line) for line in path.read_bytes().splitlines())
    del entry["lease"]["issued"]
    path.write_text("".join(json.dumps(each) + "\n" for each in ({**head, "version": 2}, entry)))
    [held] = open_leases(path)
    assert held.command == lease(NULL, "a").command
    assert held.ended(ClockReading(NOW, lease(NULL, "a").issued))


def test_a_reader_in_the_middle_of_a_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    FileJournal(path).intend([lease(NULL, "a")])
    whole = path.read_bytes()
    FileJournal(path).intend([lease(ENABLE, "b")])
    more = path.read_bytes()
    path.write_bytes(more[: len(whole) + 30])
    reader = FileJournal(path)
    assert list(reader.leases()) == [NULL]
    path.write_bytes(more)
    assert set(reader.leases()) == {NULL, ENABLE}
    assert reader.damage == ()


def test_compaction_keeps_what_is_held_and_readers_follow(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    writer = FileJournal(path, compact_bytes=20_000)
    reader = FileJournal(path)
    writer.intend([lease(ENABLE, "kept", 18.5)])
    sizes = []
    for i in range(60):
        writer.intend([lease(NULL, f"n{i}")])
        assert reader.leases()[NULL].command_id == f"n{i}"
        sizes.append(path.stat().st_size)
    assert max(sizes) < 25_000
    assert any(later < sooner for sooner, later in pairwise(sizes))
    assert reader.leases()[ENABLE].command.value == 18.5
    writer.settle({NULL: "n59", ENABLE: "kept"})
    assert reader.leases() == {}


def test_many_open_leases_do_not_make_it_compact_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    writer = FileJournal(path, compact_bytes=1)
    heads = set()
    for i in range(30):
        writer.intend([lease(point, f"{point}{i}") for point in (NULL, ENABLE, TIMETABLE)])
        heads.add(path.read_bytes().splitlines()[0])
    assert len(heads) <= 10


def test_a_folder_that_is_not_there_names_the_way_out(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "nowhere" / "journal")
    with pytest.raises(GuardError, match=r"nowhere.*BMS_HOME"):
        journal.intend([lease(NULL, "a")])


def test_an_unreadable_journal_is_an_error_and_not_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    with pytest.raises(GuardError, match="cannot be used"):
        FileJournal(tmp_path / "journal").leases()


def test_a_disk_that_refuses_to_sync_refuses_the_write(tmp_path: Path) -> None:
    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    with pytest.raises(GuardError, match="Input/output error"):
        FileJournal(tmp_path / "journal", sync=broken).intend([lease(NULL, "a")])


def test_open_leases_come_by_their_end(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    early = command(ENABLE, 18.0, lease=timedelta(minutes=5), command_id="b")
    FileJournal(path).intend([lease(NULL, "a"), lease_on(SITE, early)])
    assert [held.command_id for held in open_leases(path)] == ["b", "a"]


class TestWritesOnTheWay:
    """W11: what may still be sent is listed until it has arrived and was given back after that."""

    def on_the_way(self, command_id: str, value: float = 20.0) -> Lease:
        return replace(lease(NULL, command_id, value), writer="other")

    def test_w11_it_is_withdrawn_and_listed_on(self, journal: Journal) -> None:
        journal.intend([self.on_the_way("a")])
        journal.settle({NULL: "a"})
        held = journal.leases()[NULL]
        assert held.withdrawn
        assert held.ended(ClockReading(NOW, held.issued))
        journal.settle({NULL: "a"})
        assert NULL in journal.leases()
        journal.arrived({NULL: "a"})
        assert journal.leases()[NULL].writer is None
        journal.settle({NULL: "a"})
        assert journal.leases() == {}

    def test_w11_one_that_has_arrived_is_closed_at_once(self, journal: Journal) -> None:
        journal.intend([self.on_the_way("a")])
        journal.arrived({NULL: "a"})
        journal.settle({NULL: "a"})
        assert journal.leases() == {}

    def test_w11_one_that_was_replaced_comes_back_when_the_newer_one_is_closed(
        self, journal: Journal
    ) -> None:
        journal.intend([self.on_the_way("a")])
        journal.intend([lease(NULL, "b", 21.0)])
        journal.settle({NULL: "b"})
        assert journal.leases()[NULL].command_id == "a"
        assert journal.leases()[NULL].withdrawn
        journal.arrived({NULL: "a"})
        journal.settle({NULL: "a"})
        assert journal.leases() == {}

    def test_w11_one_that_was_replaced_and_has_arrived_needs_nothing_more(
        self, journal: Journal
    ) -> None:
        journal.intend([self.on_the_way("a")])
        journal.intend([lease(NULL, "b", 21.0)])
        journal.arrived({NULL: "a"})
        journal.settle({NULL: "b"})
        assert journal.leases() == {}

    def test_w11_a_compacted_file_says_the_same_to_readers_old_and_new(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "journal"
        journal, follower = FileJournal(path, compact_bytes=10_000), FileJournal(path)
        journal.intend([self.on_the_way("a"), replace(lease(ENABLE, "e"), writer="other")])
        journal.settle({NULL: "a"})
        journal.intend([lease(ENABLE, "f", 18.0)])
        before = follower.leases()
        for i in range(60):
            journal.intend([lease(TIMETABLE, f"t{i}")])
            journal.settle({TIMETABLE: f"t{i}"})
        assert path.stat().st_size < 40_000
        for each in (journal, follower, FileJournal(path)):
            assert each.leases() == before
        journal.settle({ENABLE: "f"})
        for each in (journal, follower, FileJournal(path)):
            assert each.leases()[ENABLE].command_id == "e"
        journal.arrived({NULL: "a", ENABLE: "e"})
        journal.settle({NULL: "a", ENABLE: "e"})
        for each in (journal, follower, FileJournal(path)):
            assert each.leases() == {}
