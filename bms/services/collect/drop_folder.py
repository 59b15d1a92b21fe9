"""The drop folder: suppliers put files there, a tick takes each that has stopped growing.

A folder below it per format (``csv``, or ``csv-waterworks`` where there are several). A file that
was taken is moved to ``done``, one that is no such file to ``failed`` with the reason beside it;
when the store is away it stays where it is. Between storing and moving a crash does no harm: the
file is taken again, and twice is once.
"""

from __future__ import annotations

import errno
import json
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bms.errors import BmsError, FeedError, StoreError
from bms.ports.storage.readings import ReadingStore
from bms.services.collect.file_ingest import IngestReport, Read, as_dict, ingest_file
from bms.services.collect.supplier_points import SupplierBook

log = logging.getLogger(__name__)

STILL_TICKS = 2
"""Ticks [1] in a row at which a file has to be as it was before it is taken."""
MOST_BYTES = 200_000_000
"""Larger files [B] are refused: no supplier sends a city's day in more."""
MAPPING = "mapping.yaml"
MOST_MAPPING = 100_000
"""Characters [1] of a mapping that are read."""
UNFINISHED = (".part", ".partial", ".filepart", ".tmp", ".temp", ".swp")
"""Endings of the names that programs give to files while they write them."""
DONE, FAILED = "done", "failed"

ReaderOf = Callable[[str, str | None], Read]
"""Format and text of the mapping, if there is one → how its files are read. Raises
``ConfigError``."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What a file looked like: inode, size [B], time of change [ns]."""

    inode: int
    size: int
    changed: int

    @classmethod
    def of(cls, stat: os.stat_result) -> _Look:
        return cls(stat.st_ino, stat.st_size, stat.st_mtime_ns)


@dataclass(slots=True)
class _Seen:
    look: _Look
    ticks: int = 0


class _Changed(Exception):
    """The file is not any more what was seen: somebody still writes."""


@dataclass(slots=True)
class DropFolder:
    """Watches a folder. ``tick`` does the work and raises nothing for what lies in it."""

    root: Path
    reader_of: ReaderOf
    book: SupplierBook
    readings: ReadingStore
    _seen: dict[Path, _Seen] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)
    _trouble: set[str] = field(default_factory=set)

    def tick(self, now: datetime) -> list[IngestReport]:
        """Take the files that have stopped growing, the oldest first; what became of them."""
        self._trouble = set()
        reports = []
        present: dict[Path, _Seen] = {}
        for folder in self._folders():
            files = self._files(folder)
            present.update(files)
            ready = [path for path, seen in files.items() if seen.ticks >= STILL_TICKS]
            reports += list(self._take_all(folder, ready, now)) if ready else []
        self._seen = present
        self._told = self._trouble
        return reports

    def _folders(self) -> list[Path]:
        """The folders of formats, by name."""
        folders = []
        for entry in self._entries(self.root):
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
            else:
                self._tell(f"{entry.path} lies outside the folders of the formats; left alone")
        return sorted(folders)

    def _files(self, folder: Path) -> dict[Path, _Seen]:
        """Every file that may be taken, the oldest first, with how long it stood still."""
        found = []
        for entry in self._entries(folder):
            unfinished = entry.name.lower().endswith(UNFINISHED)
            if entry.name.startswith(".") or unfinished or entry.name == MAPPING:
                continue
            if entry.is_file(follow_symlinks=False):
                path = Path(entry.path)
                try:
                    found.append((path, self._still(path, entry.stat(follow_symlinks=False))))
                except OSError as error:
                    self._tell(f"{path}: {error.strerror}")
        found.sort(key=lambda row: (row[1].look.changed, row[0]))
        return dict(found)

    def _still(self, path: Path, stat: os.stat_result) -> _Seen:
        look, before = _Look.of(stat), self._seen.get(path)
        if before is None or before.look != look:
            return _Seen(look)
        return _Seen(look, before.ticks + 1)

    def _take_all(self, folder: Path, ready: list[Path], now: datetime) -> Iterator[IngestReport]:
        try:
            read = self.reader_of(folder.name.partition("-")[0], _mapping(folder))
        except (BmsError, OSError, ValueError) as error:
            self._tell(f"{folder}: its files wait: {error}")
            return
        for path in ready:
            report = self._spared(path, read, now)
            if report is not None:
                yield report

    def _spared(self, path: Path, read: Read, now: datetime) -> IngestReport | None:
        """Take a file; whatever is wrong with it spares the others."""
        try:
            return self._take(path, read, now)
        except _Changed:
            return None
        except StoreError as error:
            self._tell(f"{path} waits: {error}")
        except OSError as error:
            where = error.filename or path
            self._tell(f"{path} waits: {where}: {error.strerror or error}")
        except FeedError as error:
            self._fail(path, str(error))
        except Exception as error:
            log.debug("%s", path, exc_info=True)
            self._fail(path, f"an error that we did not expect: {error!r}")
        return None

    def _take(self, path: Path, read: Read, now: datetime) -> IngestReport:
        look = self._seen[path].look
        if look.size > MOST_BYTES:
            raise FeedError(f"{path.name} has {look.size} bytes, more than {MOST_BYTES}; split it")
        done = _own_folder(path.parent / DONE)
        report = ingest_file(
            _content(path, look), path.name, read, book=self.book, readings=self.readings, now=now
        )
        if _Look.of(path.lstat()) != look:
            raise _Changed
        moved = _move(path, done)
        if report.refused or report.unasked:
            beside = moved.with_name(f"{moved.name}.report.json")
            beside.write_text(json.dumps(as_dict(report), indent=1), encoding="utf-8")
        log.info("%s: %s", path, report.stored)
        return report

    def _fail(self, path: Path, reason: str) -> None:
        try:
            moved = _move(path, _own_folder(path.parent / FAILED))
            moved.with_name(f"{moved.name}.reason.txt").write_text(f"{reason}\n", encoding="utf-8")
            log.warning("%s was moved to %s: %s", path, moved, reason)
        except OSError as error:
            self._tell(f"{path} cannot be used ({reason}) nor moved: {error.strerror}")

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return list(entries)
        except OSError as error:
            self._tell(f"{folder} cannot be read: {error.strerror}")
            return []

    def _tell(self, text: str) -> None:
        """Log a trouble once, and again only when it had gone in between."""
        if text not in self._told | self._trouble:
            log.warning("%s", text)
        self._trouble.add(text)


def _mapping(folder: Path) -> str | None:
    path = folder / MAPPING
    if path.is_symlink() or not path.is_file():
        return None
    with path.open(encoding="utf-8") as file:
        return file.read(MOST_MAPPING)


def _own_folder(folder: Path) -> Path:
    """The folder, made where it is missing. Raises OSError where nothing can be moved to it; a
    link in its place may have been put there by whoever sends the files."""
    folder.mkdir(exist_ok=True)
    if folder.is_symlink():
        raise NotADirectoryError(errno.ENOTDIR, "is a link; a folder is needed", str(folder))
    if not (os.access(folder, os.W_OK | os.X_OK) and os.access(folder.parent, os.W_OK)):
        raise PermissionError(errno.EACCES, "files cannot be moved to it", str(folder))
    return folder


def _content(path: Path, look: _Look) -> bytes:
    """The bytes of the very file that was seen. Raises ``_Changed`` where another stands there."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        if _Look.of(os.fstat(handle)) != look:
            raise _Changed
        return file.read(look.size)


def _move(path: Path, folder: Path) -> Path:
    """Move a file under its own name, with a number behind it where that name is taken."""
    number = 1
    while True:
        target = folder / (path.name if number == 1 else f"{path.name}.{number}")
        try:
            # The name is made ours first, so that nothing can be overwritten.
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640))
        except FileExistsError:
            number += 1
            continue
        try:
            path.replace(target)
        except OSError:
            target.unlink()
            raise
        return target
