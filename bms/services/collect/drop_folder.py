"""The drop folder: suppliers put files there, a tick takes each that has stopped growing.

A folder below it per format (``csv``, or ``csv-waterworks`` where there are several), which is ours
alone, as are ``done``, ``failed`` and ``mapping.yaml`` in it; suppliers write to ``in`` only. A
file that was taken is moved to ``done``, one that is no such file to ``failed`` with the reason
beside it, both for ``KEPT``; when the store is away it stays where it is. Between storing and
moving a crash does no harm: the file is taken again, and twice is once. Links are never followed
(``bms.services.collect.held_folder``). A tick looks at so many names of each folder and works for
so long in it, so that none holds up the others.
"""

from __future__ import annotations

import json
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from bms.errors import BmsError, FeedError, StoreError
from bms.model.outside_text import printable
from bms.ports.storage.readings import ReadingStore
from bms.services.collect.file_ingest import IngestReport, Read, as_dict, ingest_file
from bms.services.collect.held_folder import HeldFolder
from bms.services.collect.supplier_points import SupplierBook

log = logging.getLogger(__name__)

KEPT = timedelta(days=90)
"""How long files are kept that were taken or refused: suppliers write more into them than we ask
for, names and addresses among it."""
STILL_TICKS = 2
"""Ticks [1] in a row at which a file has to be as it was before it is taken."""
MOST_BYTES = 200_000_000
"""Larger files [B] are refused: no supplier sends a city's day in more."""
MOST_WATCHED = 10_000
"""Files [1] of a format that are looked at in a tick; the others wait for their turn."""
MOST_LISTED = 50_000
"""Names [1] in the folder of a format that a tick looks at; a supplier may leave millions there."""
TURN_S = 20.0
"""How long a tick takes files of a format [s]: the one that is begun then is the last of this tick,
and the others wait for the next."""
MAPPING = "mapping.yaml"
MOST_MAPPING = 100_000
"""Bytes [1] of a mapping that are read."""
UNFINISHED = (".part", ".partial", ".filepart", ".tmp", ".temp", ".swp")
"""Endings of the names that programs give to files while they write them."""
IN, DONE, FAILED = "in", "done", "failed"

ReaderOf = Callable[[str, str | None], Read]
"""Format and text of the mapping, if there is one → how its files are read. Raises
``ConfigError``."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What a file looked like: inode, size [B], when its content changed [ns], and what it is and
    when anything of it changed [ns], which nobody can set as he likes: the number of a file that is
    gone may be that of a link."""

    inode: int
    size: int
    changed: int
    kind: int
    touched: int

    @classmethod
    def of(cls, seen: os.stat_result) -> _Look:
        kind = stat.S_IFMT(seen.st_mode)
        return cls(seen.st_ino, seen.st_size, seen.st_mtime_ns, kind, seen.st_ctime_ns)


@dataclass(slots=True)
class _Seen:
    look: _Look
    ticks: int = 0


class _Changed(Exception):
    """The file is not any more what was seen: somebody still writes."""


@dataclass(frozen=True, slots=True)
class _Format:
    """The open folders of a format."""

    name: str
    folder: HeldFolder
    inbox: HeldFolder
    done: HeldFolder
    failed: HeldFolder

    def path(self, name: str) -> Path:
        return self.inbox.path / name


@dataclass(slots=True)
class DropFolder:
    """Watches a folder. ``tick`` does the work and raises nothing for what lies in it.

    ``believed``: whether the calendar is believed enough to delete what it calls old;
    ``monotonic`` is the clock [s] by which each format has its turn.
    """

    root: Path
    reader_of: ReaderOf
    book: SupplierBook
    readings: ReadingStore
    believed: Callable[[datetime], bool]
    monotonic: Callable[[], float] = time.monotonic
    most_listed: int = MOST_LISTED
    _seen: dict[Path, _Seen] = field(default_factory=dict)
    _tidied: dict[Path, date] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)
    _trouble: set[str] = field(default_factory=set)

    def tick(self, now: datetime) -> list[IngestReport]:
        """Take the files that have stopped growing, the oldest first; what became of them."""
        self._trouble = set()
        reports: list[IngestReport] = []
        present: dict[Path, _Seen] = {}
        try:
            with HeldFolder.opened(self.root) as root:
                for name in self._formats(root.owned()):
                    reports += self._format(root, name, present, now)
        except OSError as error:
            self._tell(f"{self.root} cannot be used: {error.strerror}")
        self._seen = present
        self._told = self._trouble
        return reports

    def _formats(self, root: HeldFolder) -> list[str]:
        """The names of the folders of formats, in their order."""
        names = []
        for entry in root.entries():
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                names.append(entry.name)
            else:
                self._tell(f"{root.path / entry.name} lies outside the folders of the formats")
        return sorted(names)

    def _format(
        self, root: HeldFolder, name: str, present: dict[Path, _Seen], now: datetime
    ) -> list[IngestReport]:
        """Take what is ready in the folder of a format; its failure never reaches the next."""
        path = root.path / name
        with ExitStack() as held:
            try:
                kind = self._opened(held.enter_context(HeldFolder.opened(path, root)), held)
                self._tidy(kind, now)
                files = self._files(kind)
            except OSError as error:
                self._tell(f"{error.filename or path}: its files wait: {error.strerror}")
                return []
            present.update({kind.path(file): seen for file, seen in files.items()})
            ready = [file for file, seen in files.items() if seen.ticks >= STILL_TICKS]
            return list(self._take_all(kind, ready, now)) if ready else []

    def _opened(self, folder: HeldFolder, held: ExitStack) -> _Format:
        """The folders of a format, made where they are missing. Raises OSError where one that has
        to be ours alone is not."""
        folder.owned()
        opened = {}
        for name in (IN, DONE, FAILED):
            folder.make(name)
            opened[name] = held.enter_context(HeldFolder.opened(folder.path / name, folder))
        for entry in folder.entries():
            if entry.is_file(follow_symlinks=False) and entry.name != MAPPING:
                self._tell(f"{folder.path / entry.name} lies outside {IN}/; left alone")
        return _Format(
            folder.path.name, folder, opened[IN], opened[DONE].owned(), opened[FAILED].owned()
        )

    def _tidy(self, kind: _Format, now: datetime) -> None:
        """Once a day: let the files go that were kept long enough. Raises OSError."""
        if self._tidied.get(kind.folder.path) != now.date() and self.believed(now):
            self._tidied[kind.folder.path] = now.date()
            gone = sum(each.drop_files(now - KEPT) for each in (kind.done, kind.failed))
            if gone:
                log.info("%s: %d files of before are deleted", kind.folder.path, gone)

    def _files(self, kind: _Format) -> dict[str, _Seen]:
        """Every file that may be taken, the oldest first, with how long it stood still."""
        found: list[tuple[str, _Seen]] = []
        most = self.most_listed
        entries = kind.inbox.entries(most + 1)
        if len(entries) > most:
            self._tell(f"{kind.inbox.path} holds more than {most} names; so many are looked at")
        for entry in entries[:most]:
            if entry.name.startswith(".") or entry.name.lower().endswith(UNFINISHED):
                continue
            try:
                seen = kind.inbox.look(entry.name)
            except OSError as error:
                self._tell(f"{kind.path(entry.name)}: {error.strerror}")
                continue
            if stat.S_ISREG(seen.st_mode):
                found.append((entry.name, self._still(kind.path(entry.name), seen)))
        if len(found) > MOST_WATCHED:
            self._tell(f"{kind.inbox.path} has {len(found)} files; {MOST_WATCHED} are looked at")
        found.sort(key=lambda row: (row[1].look.changed, row[0]))
        return dict(found[:MOST_WATCHED])

    def _still(self, path: Path, seen: os.stat_result) -> _Seen:
        look, before = _Look.of(seen), self._seen.get(path)
        if before is None or before.look != look:
            return _Seen(look)
        return _Seen(look, before.ticks + 1)

    def _take_all(self, kind: _Format, ready: list[str], now: datetime) -> Iterator[IngestReport]:
        try:
            read = self.reader_of(kind.name.partition("-")[0], _mapping(kind.folder))
        except Exception as error:  # a mapping that nobody foresaw must not stop the others
            if not isinstance(error, (BmsError, OSError, ValueError)):
                log.debug("%s", kind.folder.path, exc_info=True)
            self._tell(f"{kind.folder.path}: its files wait: {error}")
            return
        end = self.monotonic() + TURN_S
        for name in ready:
            if self.monotonic() > end:
                self._tell(f"{kind.inbox.path} has more than a tick can take; the others wait")
                return
            report = self._spared(kind, name, read, now)
            if report is not None:
                yield report

    def _spared(self, kind: _Format, name: str, read: Read, now: datetime) -> IngestReport | None:
        """Take a file; whatever is wrong with it spares the others."""
        path = kind.path(name)
        try:
            return self._take(kind, name, read, now)
        except _Changed:
            return None
        except StoreError as error:
            self._tell(f"{path} waits: {error}")
        except OSError as error:
            self._tell(f"{path} waits: {error.filename or path}: {error.strerror or error}")
        except FeedError as error:
            self._fail(kind, name, str(error), now)
        except Exception as error:
            log.debug("%s", path, exc_info=True)
            told = f"an error that we did not expect: {type(error).__name__}"
            self._fail(kind, name, told, now)
        return None

    def _take(self, kind: _Format, name: str, read: Read, now: datetime) -> IngestReport:
        look = self._seen[kind.path(name)].look
        if look.size > MOST_BYTES:
            raise FeedError(f"{name} has {look.size} bytes, more than {MOST_BYTES}; split it")
        content = _content(kind.inbox, name, look)
        report = ingest_file(
            content, printable(name), read, book=self.book, readings=self.readings, now=now
        )
        moved = _moved(kind.inbox, name, kind.done, look)
        kind.done.stamp(moved, now)
        if report.refused or report.unasked or report.warnings:
            text = json.dumps(as_dict(report), indent=1)
            kind.done.write_new(f"{moved}.report.json", text.encode())
            kind.done.stamp(f"{moved}.report.json", now)
        log.info("%s: %s", kind.path(printable(name)), report.stored)
        return report

    def _fail(self, kind: _Format, name: str, reason: str, now: datetime) -> None:
        path = kind.path(name)
        try:
            moved = _moved(kind.inbox, name, kind.failed, self._seen[path].look)
            kind.failed.stamp(moved, now)
            kind.failed.write_new(f"{moved}.reason.txt", f"{printable(reason)}\n".encode())
            kind.failed.stamp(f"{moved}.reason.txt", now)
            self._warn(f"{path} was moved to {kind.failed.path / moved}: {reason}")
        except _Changed:
            return
        except OSError as error:
            self._tell(f"{path} cannot be used ({reason}) nor moved: {error.strerror}")

    def _tell(self, text: str) -> None:
        """Log a trouble once, and again only when it had gone in between."""
        if text not in self._told | self._trouble:
            self._warn(text)
        self._trouble.add(text)

    def _warn(self, text: str) -> None:
        """Names come from outside: one line, whatever they hold."""
        log.warning("%s", printable(text))


def _mapping(folder: HeldFolder) -> str | None:
    """The mapping of a format; it lies where only we can write. Raises OSError, ValueError."""
    content = folder.read(MAPPING, MOST_MAPPING)
    return None if content is None else content.decode("utf-8")


def _content(inbox: HeldFolder, name: str, look: _Look) -> bytes:
    """The bytes of the very file that was seen. Raises ``_Changed`` where another stands there."""
    handle = inbox.open(name)
    with os.fdopen(handle, "rb") as file:
        seen = os.fstat(handle)
        if _Look.of(seen) != look:
            raise _Changed
        if seen.st_nlink != 1:
            raise FeedError(f"{name} has {seen.st_nlink} names; send a copy")
        return file.read(look.size)


def _moved(inbox: HeldFolder, name: str, target: HeldFolder, look: _Look) -> str:
    """Move the file that was read; the name that it got. Raises ``_Changed`` where another has
    taken its place; one that nobody has read goes back."""
    if _Look.of(inbox.look(name)) != look:
        raise _Changed
    moved = target.take(name, inbox)
    arrived = target.look(moved)
    if (arrived.st_ino, stat.S_IFMT(arrived.st_mode)) != (look.inode, look.kind):
        inbox.take(moved, target)
        raise _Changed
    return moved
