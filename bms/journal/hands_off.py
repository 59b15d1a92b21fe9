"""Hands-off marks of people, on disk before anything else; independent of the database (W10).

JSON lines in a file beside the release journal, which every process of this home reads:

- ``mark``: a ``bms.model.control.hands_off.HandsOff``, whole.
- ``back``: a person has taken that mark back, with the mark.
- ``stored``: what the database has by now.
- ``nameless``: who made an override that was over before that moment, or set a mode before it, and
  why, is written no more.

Every line says something that stays true, and their order does not matter: what was read of the
file once stays known whatever becomes of it (gone, cut, an older copy, not readable), and the next
line, or ``keep``, puts it back. Turns are taken as at the journal (``bms.journal.locks``).
"""

from __future__ import annotations

import errno
import json
import logging
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from bms.errors import GuardError
from bms.journal.entries import line_of, object_of
from bms.journal.locks import locked, replace_file
from bms.model.codec import from_json, to_dict
from bms.model.control.hands_off import HandsOff, SpokenWord, TakenBack

log = logging.getLogger(__name__)

COMPACT_WORDS = 4_000
"""Words [1] above which the file is written anew without marks that are over."""
REMEMBERED = 1_000
"""Marks that were taken back [1] which are remembered, so that an old copy revives none."""


class HandsOffState:
    """What the lines say. Taking one twice changes nothing."""

    def __init__(self) -> None:
        self._words: dict[str, SpokenWord] = {}
        self._stored: set[str] = set()
        self._nameless: datetime | None = None
        self._standing: dict[str, HandsOff] | None = None
        self._history: dict[str, HandsOff] | None = None

    def take(self, line: bytes) -> None:
        """Take one line. Raises ValueError, KeyError or TypeError when it is not an entry."""
        entry = object_of(line)
        match entry.get("op"):
            case "mark":
                self._keep(SpokenWord(from_json(HandsOff, json.dumps(entry["mark"]))))
            case "back":
                mark = from_json(HandsOff, json.dumps(entry["mark"]))
                self._keep(SpokenWord(mark, from_json(TakenBack, json.dumps(entry["back"]))))
            case "stored":
                self._stored.update(str(key) for key in entry["keys"])
            case "nameless":
                self.forget_names(datetime.fromisoformat(str(entry["before"])))
            case other:
                raise ValueError(f"unknown entry {other!r}")

    def _keep(self, word: SpokenWord) -> None:
        self._words.setdefault(word.key, word)
        self._standing = self._history = None

    def forget_names(self, before: datetime) -> bool:
        """Forget who made overrides that were over before that moment or set modes before it, and
        why; whether any was known. Raises TypeError where it has no time zone."""
        self._nameless = max(before, self._nameless or before)
        over = self._over_before(self._nameless)
        nameless = {key: self._words[key].without_names() for key in over}
        known = any(self._words[key] != word for key, word in nameless.items())
        if known:
            self._words |= nameless
            self._standing = self._history = None
        return known

    def _over_before(self, moment: datetime) -> list[str]:
        """Keys of the words about overrides that were taken back, or had their end, before it, and
        about modes that were set before it."""
        marks = (word.mark for word in self._words.values())
        known = {mark.id: mark.since if mark.mode else mark.until for mark in marks}
        ends = {id_: end for id_, end in known.items() if end is not None}
        for word in self._words.values():
            if word.back is not None and word.back.site is None:
                ends[word.mark.id] = min(word.back.at, ends.get(word.mark.id, word.back.at))
        over = {id_ for id_, end in ends.items() if end < moment}
        return [key for key, word in self._words.items() if word.mark.id in over]

    def merge(self, other: HandsOffState) -> None:
        """Take what another state knows, in its order."""
        if other._nameless is not None:
            self.forget_names(other._nameless)
        if not self.knows(other):
            self._words = {**other._words, **self._words}
            self._stored |= other._stored
            self._standing = self._history = None

    def knows(self, other: HandsOffState) -> bool:
        """Whether this state knows all that the other one does."""
        return other._words.keys() <= self._words.keys() and other._stored <= self._stored

    def standing(self) -> Mapping[str, HandsOff]:
        """The marks that nobody has taken back, by id, in the order in which they were made."""
        if self._standing is None:
            backs = [word.back for word in self._words.values() if word.back is not None]
            whole = {back.mark for back in backs if back.site is None}
            self._standing = {
                id_: replace(mark, excepted=_excepted(id_, backs)) if mark.site is None else mark
                for id_, mark in self.history().items()
                if id_ not in whole
            }
        return self._standing

    def history(self) -> dict[str, HandsOff]:
        """Every mark that is known, those that were taken back among them."""
        if self._history is None:
            self._history = {}
            for word in self._words.values():
                self._history.setdefault(word.mark.id, word.mark)
        return self._history

    def unrecorded(self) -> tuple[SpokenWord, ...]:
        """What the database does not have yet, in the order in which it was said."""
        return tuple(word for key, word in self._words.items() if key not in self._stored)

    def __len__(self) -> int:
        """The words that are known [1]."""
        return len(self._words)

    def forget_ended(self) -> None:
        """Forget the oldest marks that were taken back and stored."""
        ended = [
            word.mark.id
            for key, word in self._words.items()
            if word.back is not None and word.back.site is None and key in self._stored
        ]
        old = set(ended[: max(0, len(ended) - REMEMBERED)])
        gone = {key for key, word in self._words.items() if word.mark.id in old}
        self._words = {key: word for key, word in self._words.items() if key not in gone}
        self._stored -= gone
        self._standing = self._history = None

    def lines(self) -> list[bytes]:
        """The lines that say the same in a new file."""
        first = () if self._nameless is None else (nameless_line(self._nameless),)
        if self._nameless is not None:
            self.forget_names(self._nameless)
        words = map(word_line, self._words.values())
        return [*first, *words, stored_line(sorted(self._stored))]


def _excepted(mark: str, backs: Sequence[TakenBack]) -> frozenset[str]:
    return frozenset(back.site for back in backs if back.mark == mark and back.site is not None)


def word_line(word: SpokenWord) -> bytes:
    """A mark whole; or that it was taken back, with the mark, so that one line says it all."""
    if word.back is None:
        return line_of({"op": "mark", "mark": to_dict(word.mark)})
    return line_of({"op": "back", "mark": to_dict(word.mark), "back": to_dict(word.back)})


def stored_line(keys: Sequence[str]) -> bytes:
    return line_of({"op": "stored", "keys": list(keys)})


def nameless_line(before: datetime) -> bytes:
    return line_of({"op": "nameless", "before": before.isoformat()})


class MemoryHandsOff:
    """Marks without a disk: for simulated buildings in this process. Implements
    ``bms.ports.safety.HandsOffMarks``."""

    def __init__(self) -> None:
        self._state = HandsOffState()
        self._turn = threading.RLock()

    def say(self, words: Sequence[SpokenWord]) -> None:
        """See ``HandsOffMarks``."""
        if words:
            marks = [word_line(word) for word in words if word.back is None]
            self._append([word_line(word) for word in words], even_so=marks)

    def record(self, keys: Sequence[str]) -> None:
        """See ``HandsOffMarks``."""
        if keys:
            self._append([stored_line(keys)], even_so=[stored_line(keys)])

    def marks(self) -> Mapping[str, HandsOff]:
        """See ``HandsOffMarks``."""
        with self._turn:
            return self._known().standing()

    def history(self) -> Mapping[str, HandsOff]:
        """See ``HandsOffMarks``."""
        with self._turn:
            return self._known().history()

    def unrecorded(self) -> tuple[SpokenWord, ...]:
        """See ``HandsOffMarks``."""
        with self._turn:
            return self._known().unrecorded()

    def keep(self) -> None:
        """See ``HandsOffMarks``."""

    def forget_names(self, before: datetime) -> None:
        """See ``HandsOffMarks``."""
        with self._turn:
            self._known().forget_names(before)

    def _known(self) -> HandsOffState:
        return self._state

    def _append(self, lines: Sequence[bytes], *, even_so: Sequence[bytes]) -> None:
        """Keep the lines; ``even_so`` are those that are kept here where the disk refuses them."""
        self._take(lines)

    def _take(self, lines: Sequence[bytes]) -> None:
        with self._turn:
            for line in lines:
                self._state.take(line)


class FileHandsOff(MemoryHandsOff):
    """Marks in a file that processes share. Constructing it does no input or output.

    A file that is not there yet says nothing. One that cannot be read and never was raises
    ``GuardError`` at each question, so that nothing is written to a building by a process that
    cannot know what people have said.
    """

    def __init__(self, path: Path, compact_words: int = COMPACT_WORDS) -> None:
        super().__init__()
        self.path = path
        self._seen: tuple[int, ...] | None = None
        self._was_read = False
        self._compact_above = self._compact_words = compact_words
        self.fault: str | None = None
        self.damage: tuple[str, ...] = ()

    @classmethod
    def beside(cls, journal: Path) -> FileHandsOff:
        """The marks of the home of a release journal."""
        return cls(journal.with_name(f"{journal.name}.hands_off"))

    def keep(self) -> None:
        """See ``HandsOffMarks``."""
        with self._turn:
            self._known()
            if self.fault is not None:
                self._append([], even_so=[])

    def forget_names(self, before: datetime) -> None:
        """See ``HandsOffMarks``; the file is written anew where it has such names."""
        with self._turn:
            if self._known().forget_names(before):
                with _explained(self.path), locked(self.path):
                    self._known()
                    self._renew(())
                    self._seen = None

    def _known(self) -> HandsOffState:
        """What is known, with what the file says by now."""
        try:
            stat = self.path.stat()
            seen = (stat.st_ctime_ns, stat.st_size, stat.st_ino)
            if seen != self._seen:
                self._read()
                self._seen = seen
        except FileNotFoundError:
            self._seen = None
            self._report("it is gone" if len(self._state) else None)
        except OSError as error:
            self._seen = None
            if not self._was_read:
                raise GuardError(_complaint(self.path, error)) from error
            self._report(error.strerror or str(error))
        return self._state

    def _read(self) -> None:
        in_file, damage = HandsOffState(), []
        for line in self.path.read_bytes().splitlines():
            try:
                in_file.take(line)
            except (ValueError, KeyError, TypeError) as error:
                damage.append(f"{self.path}: unreadable line {line[:80]!r}: {error}"[:300])
        for text in damage:
            if text not in self.damage:
                log.error("%s", text)
        self.damage = tuple(damage)
        self._was_read = True
        lost = not in_file.knows(self._state)
        self._state.merge(in_file)
        self._report("it was cut, or another file stands in its place" if lost else None)

    def _append(self, lines: Sequence[bytes], *, even_so: Sequence[bytes]) -> None:
        """Say it on disk, synced, and here. Raises ``GuardError`` where the disk refuses: here
        ``even_so`` is known all the same, but not that a mark was taken back, which stands for all
        others and after a restart."""
        with self._turn:
            known = even_so
            try:
                with _explained(self.path), locked(self.path):
                    self._known()
                    if self.fault is None and self.path.exists() and not self._is_long():
                        _append_synced(self.path, b"".join(lines))
                    else:
                        self._renew(lines)
                known = lines
            finally:
                self._take(known)
                self._seen = None  # what the disk refused is missing there, and is put back
            self._known()

    def _is_long(self) -> bool:
        return len(self._state) > self._compact_above

    def _renew(self, lines: Sequence[bytes]) -> None:
        """A new file with what is known and these lines."""
        self._state.forget_ended()
        self._compact_above = self._compact_words + len(self._state)
        replace_file(self.path, [*self._state.lines(), *lines], os.fsync)
        self.fault = None

    def _report(self, fault: str | None) -> None:
        """Say once what is wrong, and once that it is over."""
        if fault is not None and self.fault is None:
            log.error(
                "the hands-off marks %s: %s. What was known of them goes on being served",
                self.path,
                fault,
            )
        elif fault is None and self.fault is not None:
            log.warning("the hands-off marks %s are as they should be again", self.path)
        self.fault = fault


def _append_synced(path: Path, payload: bytes) -> None:
    """Append in one write and sync; a torn last line (power cut) is closed first."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            payload = b"\n" + payload
        if os.write(descriptor, payload) != len(payload):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what the disk says into what a person can do about it."""
    try:
        yield
    except OSError as error:
        raise GuardError(_complaint(path, error)) from error


def _complaint(path: Path, error: OSError) -> str:
    return (
        f"the hands-off marks {path} cannot be used: {error.strerror or error}. Nothing is written "
        "to the buildings until they can be read; make the file readable and its folder writable "
        "by this user (BMS_HOME names the folder)"
    )
