"""W10: what people have said stands on disk, and stays known whatever becomes of the file."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.errors import GuardError
from bms.journal import FileHandsOff
from bms.journal.hands_off import REMEMBERED
from bms.model.assets.site import Mode
from bms.model.clock_reading import ClockReading, Elapsed
from bms.model.control.hands_off import HandsOff, HandsOffKind, SpokenWord, TakenBack
from bms.model.fact import fact
from bms.services.local_overrides.people import LocalOverrideReason

NOW = datetime(2019, 1, 14, 7, 0, tzinfo=UTC)


def mark(id_: str, site: str | None = "hut", point: str | None = None) -> HandsOff:
    return HandsOff(
        id=id_,
        kind=HandsOffKind.RELEASE,
        site=site,
        point=point,
        since=NOW,
        until=None,
        actor="anna",
        reason="smoke",
        mode=Mode.OBSERVE if point is None else None,
        sites={site or "hut": Mode.AUTO},
    )


def at(moment: datetime) -> ClockReading:
    return ClockReading(moment, Elapsed("another", 0.0))


def back(of: HandsOff, site: str | None = None) -> SpokenWord:
    return SpokenWord(of, TakenBack(mark=of.id, site=site, at=NOW, actor="bo", reason="over"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "release.journal.hands_off"


def said(path: Path, *ids: str) -> FileHandsOff:
    made = FileHandsOff(path)
    for id_ in ids:
        made.say([SpokenWord(mark(id_))])
    return made


def test_w10_a_word_is_on_disk_and_known_to_every_process(path: Path) -> None:
    reader, writer = FileHandsOff(path), FileHandsOff(path)
    assert reader.marks() == {}
    writer.say([SpokenWord(mark("a"))])
    assert list(reader.marks().values()) == [mark("a")]
    assert FileHandsOff(path).marks() == reader.marks()


def test_w10_a_word_stands_until_a_person_takes_it_back(path: Path) -> None:
    first = said(path, "a", "b")
    FileHandsOff(path).say([back(mark("a"))])
    for each in (first, FileHandsOff(path)):
        assert list(each.marks()) == ["b"]
        assert list(each.history()) == ["a", "b"]


def test_of_the_city_one_site_may_be_taken_out(path: Path) -> None:
    made = FileHandsOff(path)
    city = replace(mark("c", site=None), sites={"hut": Mode.AUTO, "school": Mode.AUTO})
    made.say([SpokenWord(city)])
    made.say([back(city, "hut")])
    (known,) = FileHandsOff(path).marks().values()
    assert not known.covers_site("hut")
    assert known.covers("school", "school/gym.setpoint")
    assert known.covers_site("a site that came later")


def test_when_a_mark_was_made_does_not_count_but_its_end_does() -> None:
    made = replace(mark("a"), until=NOW + timedelta(hours=2))
    assert made.stands(at(NOW - timedelta(days=1)))  # the clock went back
    assert not made.stands(at(NOW + timedelta(hours=2)))


def test_a_reason_that_was_found_at_the_building_comes_back_whole(path: Path) -> None:
    found = replace(mark("a"), reason=fact(LocalOverrideReason.CHANGED, found=19.0, ours=21.0))
    FileHandsOff(path).say([SpokenWord(found)])
    assert FileHandsOff(path).marks() == {"a": found}


def test_what_the_database_lacks_is_told_in_the_order_in_which_it_was_said(path: Path) -> None:
    made = said(path, "a", "b")
    made.say([back(mark("a"))])
    keys = [word.key for word in made.unrecorded()]
    assert keys == ["mark a", "mark b", "back a"]
    made.record(keys[:2])
    assert [word.key for word in FileHandsOff(path).unrecorded()] == ["back a"]


def gone(path: Path) -> None:
    path.unlink()


def unreadable(path: Path) -> None:
    path.unlink()
    path.mkdir()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def older_copy(path: Path) -> None:
    shutil.copy(path.with_name("copy"), path)


def garbage(path: Path) -> None:
    path.write_bytes(b"\x00\xff not a line of ours\n[1]\n")


@pytest.mark.parametrize("harm", [gone, unreadable, cut, emptied, older_copy, garbage])
def test_w10_what_was_known_goes_on_being_served_and_is_put_back(
    path: Path, harm: Callable[[Path], None]
) -> None:
    made = said(path, "a")
    shutil.copy(path, path.with_name("copy"))
    made.say([SpokenWord(mark("b"))])
    harm(path)
    assert list(made.marks()) == ["a", "b"]
    assert made.fault is not None
    if path.is_dir():
        path.rmdir()
    made.keep()
    assert made.fault is None
    assert list(FileHandsOff(path).marks()) == ["a", "b"]


def test_w10_an_old_copy_revives_nothing_that_was_taken_back(path: Path) -> None:
    made = said(path, "a")
    shutil.copy(path, path.with_name("copy"))
    made.say([back(mark("a"))])
    older_copy(path)
    assert made.marks() == {}
    made.keep()
    assert FileHandsOff(path).marks() == {}


def test_w10_a_disk_that_refuses_does_not_keep_the_word_from_this_process(path: Path) -> None:
    made = said(path, "a")
    unreadable(path)
    with pytest.raises(GuardError, match="hands-off marks"):
        made.say([SpokenWord(mark("b"))])
    assert list(made.marks()) == ["a", "b"]


@contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """No file grows beyond the size of this one."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def test_w10_what_a_full_disk_refused_is_put_on_it_when_it_has_room(path: Path) -> None:
    made = said(path, "a")
    with full_disk(path), pytest.raises(GuardError, match="hands-off marks"):
        made.say([SpokenWord(mark("b"))])
    assert list(made.marks()) == ["a", "b"]
    made.keep()
    assert list(FileHandsOff(path).marks()) == ["a", "b"]


def test_marks_that_were_never_read_are_no_marks_of_nobody(path: Path) -> None:
    path.mkdir()
    with pytest.raises(GuardError, match="Nothing is written"):
        FileHandsOff(path).marks()


def test_a_torn_last_line_spoils_no_other(path: Path) -> None:
    said(path, "a")
    with path.open("ab") as file:
        file.write(b'{"op":"mark","mark":{"id":"torn"')
    later = said(path, "b")
    assert list(later.marks()) == ["a", "b"]
    assert list(FileHandsOff(path).marks()) == ["a", "b"]
    assert any("torn" in text for text in later.damage)


@pytest.mark.slow
def test_the_file_does_not_grow_for_ever(path: Path) -> None:
    made = FileHandsOff(path, compact_words=100)
    made.say([SpokenWord(mark("stays"))])
    for begin in range(0, 3 * REMEMBERED, REMEMBERED):
        ended = [mark(f"m{begin + n}") for n in range(REMEMBERED)]
        made.say([SpokenWord(each) for each in ended])
        made.say([back(each) for each in ended])
        made.record([word.key for word in made.unrecorded()])
    again = FileHandsOff(path)
    assert list(again.marks()) == ["stays"]
    assert len(again.history()) <= 2 * REMEMBERED + 1


def test_w10_what_the_disk_refuses_takes_no_mark_back(path: Path) -> None:
    """Nobody acts against a word that stands on disk, for other processes and after a restart."""
    made = said(path, "a")
    with full_disk(path), pytest.raises(GuardError):
        made.say([SpokenWord(mark("b")), back(mark("a"))])
    assert list(made.marks()) == ["a", "b"]
    assert [word.key for word in made.unrecorded()] == ["mark a", "mark b"]
    made.keep()
    assert list(FileHandsOff(path).marks()) == ["a", "b"]
    made.say([back(mark("a"))])
    assert list(FileHandsOff(path).marks()) == ["b"]
