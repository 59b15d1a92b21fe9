"""Folders that are held open while we work in them, so that nobody can put others in their place.

A supplier may write files to a folder next to ours. Whatever is done to a name there between a look
and a move (a link, another folder, another file) must not lead outside: names are only used
relative to the descriptors of open folders, links are never followed, and nothing is overwritten
(openat(2), renameat(2); CWE-59, CWE-367).
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import islice
from pathlib import Path

LONGEST_NAME = 255
"""Bytes [1] of a file name on the file systems in use."""
ROOM_FOR_ENDINGS = 24
"""Bytes [1] of a name that are kept free for a number and an ending of ours."""
ENDINGS = (".reason.txt", ".report.json")
"""Endings of what we write beside a file."""
_NUMBER = re.compile("[0-9]{1,6}")
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class HeldFolder:
    """A folder by its descriptor. ``path`` is for messages only."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self.path = path

    @classmethod
    @contextmanager
    def opened(cls, path: Path, within: HeldFolder | None = None) -> Iterator[HeldFolder]:
        """The folder while the block runs: ``path`` itself, or its last part in ``within``.

        Raises OSError for a link, for what is no folder, and where there is none.
        """
        if within is None:
            descriptor = os.open(path, FOLDER)
        else:
            descriptor = os.open(path.name, FOLDER, dir_fd=within._descriptor)
        try:
            yield cls(descriptor, path)
        finally:
            os.close(descriptor)

    def owned(self) -> HeldFolder:
        """This folder. Raises ``PermissionError`` where somebody else owns it or may write in it:
        what we put there might not be what lies there later."""
        seen = os.fstat(self._descriptor)
        if seen.st_uid != os.geteuid():
            why = f"belongs to user {seen.st_uid}; it has to belong to the user of the backend"
        elif seen.st_mode & OTHERS_WRITE:
            why = "may be written by others; suppliers write to in/ only (chmod go-w)"
        else:
            return self
        raise PermissionError(errno.EACCES, why, str(self.path))

    def make(self, name: str, mode: int = 0o700) -> None:
        """Make a folder in this one, where it is missing. Raises OSError."""
        try:
            os.mkdir(name, mode, dir_fd=self._descriptor)
        except FileExistsError:
            return

    def entries(self, most: int | None = None) -> list[os.DirEntry[str]]:
        """What is in it, of which ``most`` [1] at most. Raises OSError."""
        with os.scandir(self._descriptor) as entries:
            return list(islice(entries, most))

    def look(self, name: str) -> os.stat_result:
        """What bears the name, a link itself. Raises OSError."""
        return os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)

    def has(self, name: str) -> bool:
        """Whether anything bears the name. Raises OSError."""
        try:
            self.look(name)
        except FileNotFoundError:
            return False
        return True

    def open(self, name: str) -> int:
        """A descriptor to read the file of that name, which is no link. Raises OSError."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(name, flags, dir_fd=self._descriptor)

    def read(self, name: str, most: int) -> bytes | None:
        """The first ``most`` bytes of a regular file, None where there is none. Raises OSError."""
        try:
            handle = self.open(name)
        except FileNotFoundError:
            return None
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return None
            return file.read(most)

    def write_new(self, name: str, content: bytes) -> None:
        """A new file. Raises OSError, ``FileExistsError`` where the name is taken."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(name, flags, 0o600, dir_fd=self._descriptor), "wb") as file:
            file.write(content)

    def stamp(self, name: str, at: datetime) -> None:
        """Give what bears the name the time ``at``, where it is ours. Raises OSError."""
        times = (at.timestamp(),) * 2
        with suppress(PermissionError):  # its owner alone may
            os.utime(name, times, dir_fd=self._descriptor, follow_symlinks=False)

    def drop_files(self, before: datetime) -> int:
        """Delete the files that are older than that; how many there were. Raises OSError."""
        old = [
            entry.name
            for entry in self.entries()
            if entry.is_file(follow_symlinks=False)
            and _came(entry.stat(follow_symlinks=False)) < before.timestamp()
        ]
        for name in old:
            os.unlink(name, dir_fd=self._descriptor)
        return len(old)

    def take(self, name: str, source: HeldFolder) -> str:
        """Move a file here from ``source``; the name that it got. Nothing is overwritten, and what
        we write beside it, with one of ``ENDINGS``, finds its place free.

        A name that is taken gets a number, one that leaves no room for our endings is cut and gets
        a digest. Raises OSError; the file is then where it was.
        """
        target = self._claimed(fitting(name))
        try:
            os.rename(name, target, src_dir_fd=source._descriptor, dst_dir_fd=self._descriptor)
        except OSError:
            os.unlink(target, dir_fd=self._descriptor)
            raise
        return target

    def _claimed(self, stem: str) -> str:
        """A name that was free and is ours now: ``stem``, or with the next number behind it."""
        if not any(self.has(f"{stem}{ending}") for ending in ENDINGS):
            with suppress(FileExistsError):
                self.write_new(stem, b"")
                return stem
        start = f"{stem}."
        names = (entry.name for entry in self.entries())
        ends = (name[len(start) :].partition(".")[0] for name in names if name.startswith(start))
        taken = [int(end) for end in ends if _NUMBER.fullmatch(end)]
        numbered = f"{start}{max(taken, default=1) + 1}"
        self.write_new(numbered, b"")
        return numbered


def _came(seen: os.stat_result) -> float:
    """When a file came here [s]: as we have stamped it, else when it was moved, which its owner
    cannot set as he likes."""
    return seen.st_mtime if seen.st_uid == os.geteuid() else seen.st_ctime


def fitting(name: str) -> str:
    """A name that leaves room for our endings: itself, or its start with a digest of the whole."""
    raw = os.fsencode(name)
    most = LONGEST_NAME - ROOM_FOR_ENDINGS
    if len(raw) <= most:
        return name
    digest = hashlib.sha256(raw).hexdigest()[:12]
    start = raw[: most - len(digest) - 1].decode("utf-8", "ignore")
    return f"{start}~{digest}"
