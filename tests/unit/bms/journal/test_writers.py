"""Who may still send what was announced: whoever lives."""

from __future__ import annotations

import gc
from pathlib import Path

from bms.journal import FileJournal
from bms.journal.writers import WriterLocks


def test_w11_a_writer_is_alive_until_its_process_lets_go_of_its_lock(tmp_path: Path) -> None:
    writer, guard = WriterLocks(tmp_path / "journal"), WriterLocks(tmp_path / "journal")
    name = writer.own()
    assert writer.own() == name
    assert guard.is_alive(name)
    assert writer.is_alive(name)
    del writer
    gc.collect()
    assert not guard.is_alive(name)
    assert not guard.is_alive("nobody")


def test_w11_a_journal_that_was_closed_has_no_writer_any_more(tmp_path: Path) -> None:
    journal, other = FileJournal(tmp_path / "journal"), FileJournal(tmp_path / "journal")
    name = journal.writer()
    assert other.is_alive(name)
    journal.close()
    assert not other.is_alive(name)


def test_w11_locks_of_the_dead_are_cleared_away_and_those_of_the_living_are_not(
    tmp_path: Path,
) -> None:
    one, two = WriterLocks(tmp_path / "journal"), WriterLocks(tmp_path / "journal")
    names = [one.own(), two.own()]
    del two
    gc.collect()
    three = WriterLocks(tmp_path / "journal")
    left = {path.name.rpartition(".")[2] for path in tmp_path.iterdir()} | {three.own()}
    assert left == {*names, three.own()}
    assert {path.name.rpartition(".")[2] for path in tmp_path.iterdir()} == {names[0], three.own()}


def test_w11_two_journals_of_one_file_are_two_writers(tmp_path: Path) -> None:
    one, two = FileJournal(tmp_path / "journal"), FileJournal(tmp_path / "journal")
    assert one.writer() != two.writer()
    assert one.is_alive(two.writer())
