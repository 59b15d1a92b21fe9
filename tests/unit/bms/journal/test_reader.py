"""W13: what was known of the journal goes on being served, whatever becomes of its file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bms.errors import GuardError
from bms.journal import FileJournal
from bms.model.control.local_override import GivingBack, ReadBack
from tests.rigs.fakes.safety import ENABLE, NULL, TIMETABLE, command, hut, lease_on

SITE = hut()


def lease(point: str, command_id: str, value: float = 20.0):
    return lease_on(SITE, command(point, value, command_id=command_id))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def gone(path: Path) -> None:
    path.unlink()


def unreadable(path: Path) -> None:
    path.unlink()
    path.mkdir()


def cut_shorter(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]))


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def older_copy(path: Path) -> None:
    shutil.copy(path.with_name("copy"), path)


def of_another(path: Path) -> None:
    other = path.with_name("other")
    FileJournal(other).intend([lease(TIMETABLE, "foreign")])
    other.replace(path)


def garbled_head(path: Path) -> None:
    path.write_bytes(b"\x00" * 40 + b"\n" + path.read_bytes())


FAULTS = [gone, unreadable, cut_shorter, emptied, older_copy, of_another, garbled_head]


def with_three_leases(path: Path) -> tuple[FileJournal, FileJournal]:
    """A writer and a reader that have seen: a held, b held and given back, c held."""
    writer, reader = FileJournal(path), FileJournal(path)
    writer.intend([lease(NULL, "a")])
    writer.intend([lease(ENABLE, "b")])
    shutil.copy(path, path.with_name("copy"))
    writer.settle({ENABLE: "b"})
    writer.intend([lease(NULL, "c", 21.0)])
    assert {k: v.command_id for k, v in reader.leases().items()} == {NULL: "c"}
    return writer, reader


def held(journal: FileJournal) -> dict[str, str]:
    return {point: each.command_id for point, each in journal.leases().items()}


@pytest.mark.parametrize("fault", FAULTS)
def test_w13_a_reader_goes_on_serving_what_it_knew(
    path: Path, fault: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    _, reader = with_three_leases(path)
    fault(path)
    for _ in range(3):
        served = held(reader)
        assert served[NULL] == "c"
        assert ENABLE not in served, "what was given back is not revived by an old copy"
    assert reader.fault or fault in (garbled_head,)
    assert caplog.text.count("goes on being served") <= 1


@pytest.mark.parametrize("fault", [f for f in FAULTS if f is not unreadable])
def test_w13_the_next_batch_puts_the_file_back_and_readers_see_it(
    path: Path, fault: Callable[[Path], None]
) -> None:
    writer, reader = with_three_leases(path)
    fault(path)
    writer.intend([lease(TIMETABLE, "d")])
    assert held(reader) == {NULL: "c", TIMETABLE: "d"}
    assert held(FileJournal(path)) == {NULL: "c", TIMETABLE: "d"}
    writer.settle({NULL: "c", TIMETABLE: "d"})
    assert held(reader) == {} == held(FileJournal(path))
    assert reader.fault is None


def test_w13_a_reader_that_knows_more_than_the_writer_keeps_it(path: Path) -> None:
    reader, other = FileJournal(path), FileJournal(path)
    other.intend([lease(NULL, "a")])
    assert held(reader) == {NULL: "a"}
    path.unlink()
    FileJournal(path).intend([lease(ENABLE, "b")])  # a writer that has just started
    assert held(reader) == {NULL: "a", ENABLE: "b"}


def test_w13_what_a_full_disk_refuses_is_closed_here_and_noted_later(path: Path) -> None:
    refuses = False

    def sync(_: int) -> None:
        if refuses:
            raise OSError(28, "No space left on device")

    journal = FileJournal(path, sync=sync)
    journal.intend([lease(NULL, "a"), lease(ENABLE, "b")])
    refuses = True
    with pytest.raises(GuardError, match="No space left"):
        journal.settle({NULL: "a"})
    assert held(journal) == {ENABLE: "b"}, "not given back again every second"
    refuses = False
    journal.settle({ENABLE: "b"})
    assert held(FileJournal(path)) == {}


@pytest.mark.parametrize("fault", [gone, cut_shorter, older_copy])
def test_w13_a_file_that_was_put_back_says_what_is_over(
    path: Path, fault: Callable[[Path], None]
) -> None:
    """W9: who has not seen a give-back before the file was lost must not look for it at the
    building, where the empty place would pass for a person's word."""
    writer, reader = with_three_leases(path)
    writer.note([GivingBack(NULL, "c")])
    fault(path)
    writer.settle({NULL: "c"})
    assert held(reader) == {}
    assert reader.fault is None


@pytest.mark.parametrize("fault", [gone, cut_shorter, older_copy])
def test_w13_a_file_that_was_put_back_ends_what_was_renewed_unseen(
    path: Path, fault: Callable[[Path], None]
) -> None:
    """A reader that has missed the last renewal of a point holds no earlier one for open."""
    writer, reader = with_three_leases(path)
    writer.intend([lease(NULL, "d", 22.0)])
    writer.note([GivingBack(NULL, "d")])
    fault(path)
    writer.settle({NULL: "d"})
    for journal in (reader, writer, reader):
        journal.keep()
        assert held(journal) == {}


def test_w13_what_has_become_of_a_lease_is_learned_from_a_file_that_was_put_back(
    path: Path,
) -> None:
    writer, reader = with_three_leases(path)
    older_copy(path)
    writer.note([GivingBack(NULL, "c"), ReadBack(NULL, "c", 20.9)])
    known = reader.leases()[NULL]
    assert known.returning
    assert known.read_back == 20.9
    older_copy(path)
    assert reader.leases()[NULL] == known, "an old copy takes nothing of it away"


def test_w13_what_is_owed_is_written_as_soon_as_the_disk_takes_it(path: Path) -> None:
    writer, reader = with_three_leases(path)
    aside = path.rename(path.with_name("aside"))
    path.mkdir()
    with pytest.raises(GuardError):
        writer.settle({NULL: "c"})
    with pytest.raises(GuardError):
        writer.keep()
    path.rmdir()
    aside.rename(path)
    assert held(reader) == {NULL: "c"}
    writer.keep()
    assert held(reader) == {}
    size = path.stat().st_size
    writer.keep()
    assert path.stat().st_size == size


@pytest.mark.parametrize("fault", [gone, cut_shorter, older_copy])
def test_w13_whoever_looks_puts_the_file_back(path: Path, fault: Callable[[Path], None]) -> None:
    _, reader = with_three_leases(path)
    fault(path)
    reader.keep()
    assert held(FileJournal(path)) == {NULL: "c"}


def test_w13_an_unreadable_journal_that_was_never_read_is_an_error(path: Path) -> None:
    path.mkdir()
    with pytest.raises(GuardError, match="cannot be used"):
        FileJournal(path).leases()


def test_w11_nothing_is_announced_while_the_file_cannot_be_written(path: Path) -> None:
    writer, reader = with_three_leases(path)
    unreadable(path)
    with pytest.raises(GuardError, match="Nothing is written"):
        writer.intend([lease(TIMETABLE, "d")])
    assert held(writer) == {NULL: "c"} == held(reader)


def test_w14_a_later_intent_is_the_later_one_whatever_the_clock_says(path: Path) -> None:
    from datetime import timedelta

    from tests.rigs.fakes.safety import NOW

    journal = FileJournal(path)
    journal.intend([lease(NULL, "a")])
    earlier = command(NULL, 22.0, at=NOW - timedelta(hours=1), command_id="after-the-step-back")
    journal.intend([lease_on(SITE, earlier)])
    assert held(journal) == {NULL: "after-the-step-back"} == held(FileJournal(path))
