"""What the book keeps beside the leases: read-backs, local overrides, what a device let go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bms.errors import GuardError
from bms.journal import FileJournal, MemoryJournal
from bms.journal.entries import Book, intent_line, note_line, settle_line
from bms.model.control.local_override import (
    GivingBack,
    LetGo,
    LocalOverride,
    LocalOverrideEnd,
    Note,
    OfferedLease,
    ReadBack,
)
from bms.model.control.reasons import Holder
from bms.model.fact import fact
from bms.ports.safety import Journal
from tests.rigs.examples import examples
from tests.rigs.fakes.safety import CONSTANT, ENABLE, NOW, NULL, command, hut, lease_on

HAND = LocalOverride(
    id="o1",
    site="hut",
    point=CONSTANT,
    since=NOW,
    found=4.0,
    ours=-2.0,
    by=fact(Holder.LOCAL),
)


def wrote(point: str = NULL, value: float = 21.0, command_id: str = "c1"):
    return lease_on(hut(), command(point, value, command_id=command_id))


@pytest.fixture(params=["file", "memory"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Journal:
    return MemoryJournal() if request.param == "memory" else FileJournal(tmp_path / "journal")


def test_w07_a_read_back_stands_with_its_command(journal: Journal) -> None:
    journal.intend([replace(wrote(), earlier=(19.5,))])
    assert journal.leases()[NULL].values == (21.0, 19.5)
    journal.note([ReadBack(NULL, "c1", 20.9), ReadBack(NULL, "older", 3.0)])
    assert journal.leases()[NULL].values == (21.0, 20.9)


@pytest.mark.parametrize(("later", "explained"), [(10, True), (59, True), (-10, True), (90, False)])
def test_w09_an_empty_place_where_another_home_may_have_given_back_is_explained(
    journal: Journal, later: int, explained: bool
) -> None:
    journal.note([OfferedLease(CONSTANT, NOW)])
    found = replace(HAND, found=None, visible=False, since=NOW + timedelta(minutes=later))
    journal.note([found])
    assert journal.local_overrides()[CONSTANT].visible is explained


def test_w09_what_was_offered_stands_in_a_file_that_was_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    FileJournal(path).note([OfferedLease(CONSTANT, NOW)])
    FileJournal(path).tidy()
    again = FileJournal(path)
    again.note([replace(HAND, found=None, visible=False)])
    assert again.local_overrides()[CONSTANT].visible


def test_w08_a_local_override_stands_until_it_is_said_to_be_over(journal: Journal) -> None:
    journal.note([HAND])
    journal.note([replace(HAND, until=NOW + timedelta(hours=2))])
    journal.note([LocalOverrideEnd(CONSTANT, "another")])
    assert journal.local_overrides() == {CONSTANT: replace(HAND, until=NOW + timedelta(hours=2))}
    journal.note([LocalOverrideEnd(CONSTANT, "o1")])
    assert journal.local_overrides() == {}


@pytest.mark.parametrize("ours_first", [True, False])
def test_w09_a_place_that_one_of_us_has_emptied_is_no_hand(
    journal: Journal, ours_first: bool
) -> None:
    """Two of us that could not tell each other: one gave back, the other found the place empty."""
    emptied = replace(HAND, found=None, visible=False, command="c1")
    journal.intend([wrote(CONSTANT, -2.0)])
    said: list[Note] = [GivingBack(CONSTANT, "c1"), emptied]
    journal.note(said if ours_first else said[::-1])
    assert journal.local_overrides()[CONSTANT].visible, "the next look that finds it free ends it"
    journal.note([replace(emptied, until=NOW + timedelta(hours=2))])
    assert journal.local_overrides()[CONSTANT].visible


def test_w09_a_place_of_an_earlier_command_is_emptied_with_its_renewal(journal: Journal) -> None:
    """Whoever found it empty had not heard of the renewal that was given back."""
    for n in (1, 2, 3):
        journal.intend([replace(wrote(CONSTANT, -2.0, f"c{n}"), writer=None)])
    journal.note([GivingBack(CONSTANT, "c3")])
    journal.settle({CONSTANT: "c3"})
    journal.note([replace(HAND, found=None, visible=False, command="c1")])
    assert journal.local_overrides()[CONSTANT].visible


def test_w09_who_has_missed_a_renewal_gives_the_renewed_place_back(journal: Journal) -> None:
    for n in (1, 2):
        journal.intend([replace(wrote(CONSTANT, -2.0, f"c{n}"), writer=None)])
    assert not journal.leases()[CONSTANT].returning
    journal.note([GivingBack(CONSTANT, "c1")])
    assert journal.leases()[CONSTANT].returning, "an empty place is no hand from now on"
    journal.note([replace(HAND, found=None, visible=False, command="c2")])
    assert journal.local_overrides()[CONSTANT].visible


@pytest.mark.parametrize("command", ["c1", None])
@pytest.mark.parametrize("found", [20.0, 20.04])
def test_w09_the_value_of_a_renewal_that_another_has_missed_is_no_hand(
    tmp_path: Path, command: str | None, found: float
) -> None:
    """A guard that could not read the journal looks when the lease that it knows has ended, and
    finds what the backend has written since."""
    path = tmp_path / "journal"
    backend, guard = FileJournal(path), FileJournal(path)
    backend.intend([wrote(CONSTANT, 20.5, "c1")])
    guard.leases()
    backend.intend([wrote(CONSTANT, 20.0, "c2")])
    path.rename(tmp_path / "aside")
    path.mkdir()
    with pytest.raises(GuardError):
        guard.note([replace(HAND, found=found, ours=20.5, command=command)])
    with pytest.raises(GuardError):
        guard.settle({CONSTANT: "c1"})
    path.rmdir()
    (tmp_path / "aside").rename(path)
    guard.keep()
    for known in (backend, guard, FileJournal(path)):
        assert known.local_overrides() == {}
        assert known.leases()[CONSTANT].command_id == "c2"


@pytest.mark.parametrize("guard_first", [True, False])
def test_w09_a_renewal_that_the_guard_has_missed_and_given_back_is_no_hand(
    tmp_path: Path, guard_first: bool
) -> None:
    """The backend has found the place empty and closed the renewal before it hears of that."""
    path = tmp_path / "journal"
    backend, guard = FileJournal(path), FileJournal(path)
    backend.intend([replace(wrote(CONSTANT, 20.0, "c1"), writer=None)])
    guard.leases()
    backend.intend([replace(wrote(CONSTANT, 20.0, "c2"), writer=None)])
    path.rename(tmp_path / "aside")
    path.mkdir()
    emptied = replace(HAND, found=None, visible=False, ours=20.0, command="c2")
    for journal, note, ended in (
        (guard, GivingBack(CONSTANT, "c1"), "c1"),
        (backend, emptied, "c2"),
    ):
        with pytest.raises(GuardError):
            journal.note([note])
        with pytest.raises(GuardError):
            journal.settle({CONSTANT: ended})
    path.rmdir()
    (tmp_path / "aside").rename(path)
    for journal in (guard, backend) if guard_first else (backend, guard):
        journal.keep()
    for known in (backend, guard, FileJournal(path)):
        assert known.local_overrides()[CONSTANT].visible, "the next look ends it"


def test_w07_another_value_than_that_of_a_missed_renewal_is_a_hand(journal: Journal) -> None:
    for n in (1, 2):
        journal.intend([wrote(CONSTANT, 20.0 + n, f"c{n}")])
    for hand in (
        replace(HAND, found=19.0, command="c1"),
        replace(HAND, id="o2", found=22.0, command="c2"),
        replace(HAND, id="o3", found=22.0, command="c1", priority=8, above=True),
    ):
        journal.note([hand])
        assert journal.local_overrides() == {CONSTANT: hand}


def test_w07_a_place_that_was_emptied_before_anybody_gave_it_back_is_a_hand(
    journal: Journal,
) -> None:
    emptied = replace(HAND, found=None, visible=False, command="c1")
    journal.note([GivingBack(CONSTANT, "c0"), GivingBack(NULL, "c2"), emptied])
    assert journal.local_overrides() == {CONSTANT: emptied}
    taken = replace(HAND, id="o2", command="c0")
    journal.note([taken])
    assert journal.local_overrides() == {CONSTANT: taken}, "a value is no empty place"


def test_what_a_device_let_go_is_kept_by_its_last_time(journal: Journal) -> None:
    journal.note([LetGo(NULL, NOW), LetGo(NULL, NOW - timedelta(hours=1)), LetGo(ENABLE, NOW)])
    assert journal.let_go() == {NULL: NOW, ENABLE: NOW}


class TestInAFile:
    def test_another_process_reads_it(self, tmp_path: Path) -> None:
        path = tmp_path / "journal"
        mine, other = FileJournal(path), FileJournal(path)
        mine.intend([wrote()])
        mine.note([HAND, ReadBack(NULL, "c1", 20.9), LetGo(ENABLE, NOW)])
        assert other.local_overrides() == {CONSTANT: HAND}
        assert other.leases()[NULL].read_back == 20.9
        assert other.let_go() == {ENABLE: NOW}

    def test_compaction_keeps_it(self, tmp_path: Path) -> None:
        path = tmp_path / "journal"
        journal = FileJournal(path, compact_bytes=4_000)
        journal.note([HAND, LetGo(ENABLE, NOW)])
        for n in range(20):
            journal.intend([wrote(command_id=f"c{n}")])
        for known in (journal, FileJournal(path)):
            assert known.local_overrides() == {CONSTANT: HAND}
            assert known.let_go() == {ENABLE: NOW}

    def test_w07_a_disk_that_refuses_does_not_make_us_forget(self, tmp_path: Path) -> None:
        path = tmp_path / "journal"
        full = False

        def sync(_: int) -> None:
            if full:
                raise OSError(28, "No space left on device")

        journal = FileJournal(path, sync=sync)
        journal.intend([wrote()])
        full = True
        with pytest.raises(GuardError):
            journal.note([HAND])
        assert journal.local_overrides() == {CONSTANT: HAND}
        full = False
        journal.intend([wrote(command_id="c2")])
        assert FileJournal(path).local_overrides() == {CONSTANT: HAND}

    def test_an_older_copy_of_the_file_revives_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "journal"
        journal = FileJournal(path)
        journal.note([HAND])
        copy = path.read_bytes()
        journal.note([replace(HAND, taken_back=True)])
        path.write_bytes(copy)
        assert journal.local_overrides()[CONSTANT].taken_back
        journal.note([LocalOverrideEnd(CONSTANT, "o1")])
        path.write_bytes(copy)
        assert journal.local_overrides() == {}

    def test_an_older_copy_of_the_file_revives_nothing_that_was_replaced(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "journal"
        journal = FileJournal(path)
        journal.note([HAND])
        copy = path.read_bytes()
        journal.note([replace(HAND, id="o2"), LocalOverrideEnd(CONSTANT, "o2")])
        path.write_bytes(copy)
        assert journal.local_overrides() == {}


points = st.sampled_from([NULL, CONSTANT])
commands = st.builds("c{}".format, st.integers(1, 12))
overrides = st.sampled_from(["o1", "o2"])
values = st.floats(-5.0, 25.0)
notes: st.SearchStrategy[Note] = st.one_of(
    st.builds(ReadBack, points, commands, values),
    st.builds(GivingBack, points, commands),
    st.builds(LocalOverrideEnd, points, overrides),
    st.builds(LetGo, points, st.integers(0, 9).map(lambda h: NOW + timedelta(hours=h))),
    st.builds(
        lambda point, id_, value, back: replace(
            HAND, point=point, id=id_, found=value, taken_back=back
        ),
        points,
        overrides,
        values,
        st.booleans(),
    ),
)
Telling = Callable[[int], bytes]
tellings: st.SearchStrategy[Telling] = st.one_of(
    notes.map(lambda note: lambda number: note_line(note, number)),
    points.map(lambda point: lambda number: intent_line(wrote(point, 20.0, f"c{number}"), number)),
    st.tuples(points, commands).map(lambda each: lambda _: settle_line(*each)),
)


def numbered(tellings: Sequence[Telling]) -> list[bytes]:
    """The lines of a file: their numbers rise, and a command is announced once."""
    return [line(number) for number, line in enumerate(tellings, start=1)]


files = st.lists(tellings, max_size=12).map(numbered)


@given(files)
@settings(max_examples=examples(60), deadline=None)
def test_lines_of_the_book_say_the_same_in_a_new_file(told: list[bytes]) -> None:
    book, again = Book(), Book()
    for line in told:
        book.take(line)
    for line in book.lines():
        again.take(line)
    assert again.leases() == book.leases()
    assert again.local_overrides() == book.local_overrides()
    assert again.let_go() == book.let_go()


@given(files)
@settings(max_examples=examples(60), deadline=None)
def test_lines_that_are_read_twice_change_nothing(told: list[bytes]) -> None:
    book = Book()
    for line in told:
        book.take(line)
    before = book.open_ids(), book.local_overrides()
    for line in told:
        book.take(line)
    assert (book.open_ids(), book.local_overrides()) == before


@given(st.binary(max_size=60))
@settings(max_examples=examples(60), deadline=None)
def test_bytes_that_are_no_entry_are_refused(junk: bytes) -> None:
    line = b'{"op":"override","n":1,"note":' + junk + b"}"
    with pytest.raises((ValueError, KeyError, TypeError)):
        Book().take(line)
