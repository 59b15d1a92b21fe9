"""The release journal: what we are about to hold, on disk before the write leaves (law 1).

A file of JSON lines that the writing processes and the guard share:

- ``head``: the first line, with the generation of the file. Compaction makes a new generation, by
  which a reader knows that it has to start again.
- ``intend``: a command with its point and device, whole. A renewed lease is a new intent.
- ``settle``: the point is back at its own control. It closes the point only while the command that
  it names is the newest one of that point.

Appending and compacting take turns through ``flock`` on a file beside the journal; reading needs no
lock. A batch is one ``write()`` and one ``fsync()``. What a power cut tore is skipped and named in
``FileJournal.damage``: its write never left, because the sync before it had not returned.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from bms.errors import GuardError
from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.codec import from_json, json_schema, to_dict
from bms.model.control.command import Command, Lease

log = logging.getLogger(__name__)

VERSION = 1
COMPACT_BYTES = 1_000_000
LOCK_SECONDS = 5.0


@cache
def dialect() -> str:
    """A fingerprint of the leases that this version of the code can read.

    Another version may skip a lease as unreadable, one of a role that it does not know, say.
    """

    def shape(node: Any) -> Any:
        if isinstance(node, dict):
            return {k: shape(v) for k, v in node.items() if k not in ("title", "description")}
        return [shape(item) for item in node] if isinstance(node, list) else node

    text = json.dumps(shape(json_schema(Lease)), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class Book:
    """The open leases that a sequence of journal entries leaves: pure."""

    def __init__(self) -> None:
        self._open: dict[str, Lease] = {}

    def intend(self, lease: Lease) -> None:
        self._open[lease.point.id] = lease

    def settle(self, point: str, command_id: str) -> None:
        held = self._open.get(point)
        if held is not None and held.command_id == command_id:
            del self._open[point]

    def leases(self) -> dict[str, Lease]:
        return dict(self._open)

    def take(self, line: bytes) -> None:
        """Take one line. Raises ValueError or KeyError when it is not an entry."""
        entry = json.loads(line)
        if not isinstance(entry, dict):
            raise ValueError("not an object")
        match entry.get("op"):
            case "intend":
                self.intend(from_json(Lease, json.dumps(entry["lease"])))
            case "settle":
                self.settle(str(entry["point"]), str(entry["command"]))
            case "head":
                if entry["version"] > VERSION:
                    raise ValueError(f"version {entry['version']} is newer than {VERSION}")
            case other:
                raise ValueError(f"unknown entry {other!r}")


class MemoryJournal:
    """A journal without a disk, for simulated buildings in this process: no guard reads it."""

    def __init__(self) -> None:
        self._book = Book()

    def intend(self, leases: Sequence[tuple[Command, Point, Device]]) -> None:
        for command, point, device in leases:
            self._book.intend(Lease(command, point, device))

    def settle(self, commands: Mapping[str, str]) -> None:
        for point, command_id in commands.items():
            self._book.settle(point, command_id)

    def leases(self) -> dict[str, Lease]:
        return self._book.leases()


class FileJournal:
    """The journal in a file. Constructing it does no input or output.

    ``sync`` is called with the file descriptor before a batch counts as written. Every method
    raises ``GuardError`` with the way out when the disk refuses.
    """

    def __init__(
        self,
        path: Path,
        *,
        sync: Callable[[int], None] = os.fsync,
        compact_bytes: int = COMPACT_BYTES,
    ) -> None:
        self.path = path
        self._sync = sync
        self._compact_above = self._compact_bytes = compact_bytes
        self._reader = _Reader(path)

    def intend(self, leases: Sequence[tuple[Command, Point, Device]]) -> None:
        """Append the leases as one batch and sync it."""
        self._append(
            {"op": "intend", "lease": to_dict(Lease(command, point, device))}
            for command, point, device in leases
        )

    def settle(self, commands: Mapping[str, str]) -> None:
        """Close points: point id → id of the command that was given back."""
        self._append(
            {"op": "settle", "point": point, "command": command_id}
            for point, command_id in commands.items()
        )

    def leases(self) -> dict[str, Lease]:
        """The open leases by point id. No file yet means none."""
        with _explained(self.path):
            return self._reader.leases()

    @property
    def damage(self) -> tuple[str, ...]:
        """Lines of the present file that could not be read, as far as it was read."""
        return tuple(self._reader.damage)

    @contextmanager
    def standstill(self) -> Iterator[None]:
        """Nobody appends while this is held. For decisions that must not race with an intent."""
        with _explained(self.path), locked(self.path):
            yield

    def _append(self, entries: Iterable[Mapping[str, Any]]) -> None:
        payload = b"".join(_line(entry) for entry in entries)
        if not payload:
            return
        with _explained(self.path), locked(self.path):
            if not self.path.exists():
                _replace(self.path, [_head()], self._sync)
            size = self._write(payload)
            if size > self._compact_above:
                self._compact(size)

    def _write(self, payload: bytes) -> int:
        """Append in one write and sync; the size of the file [bytes].

        What a full disk let through is never taken back: it announces writes that do not happen,
        and giving such a point back does no harm, while a reader may be past it already.
        """
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                log.warning("%s: the last line is torn (power cut?) and is skipped", self.path)
                payload = b"\n" + payload
            if os.write(descriptor, payload) != len(payload):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._sync(descriptor)
            return size + len(payload)
        finally:
            os.close(descriptor)

    def _compact(self, size: int) -> None:
        """Keep the open leases only, when that makes the file much smaller."""
        kept = [
            _line({"op": "intend", "lease": to_dict(lease)})
            for lease in self._reader.leases().values()
        ]
        small = sum(map(len, kept))
        self._compact_above = max(self._compact_bytes, 4 * small)
        if size > self._compact_above:
            _replace(self.path, [_head(), *kept], self._sync)


def open_leases(path: Path) -> list[Lease]:
    """What a journal says is still held, by lease end. Raises ``GuardError`` if unreadable."""
    return sorted(FileJournal(path).leases().values(), key=lambda lease: lease.lease_end)


class _Reader:
    """Follows the file: reads what is new, or all of it when the generation has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = threading.Lock()
        self._forget(b"")

    def _forget(self, head: bytes) -> None:
        self._head = head
        self._offset = 0
        self._book = Book()
        self.damage: list[str] = []

    def leases(self) -> dict[str, Lease]:
        with self._turn:
            try:
                self._catch_up()
            except FileNotFoundError:
                self._forget(b"")
            return self._book.leases()

    def _catch_up(self) -> None:
        with self._path.open("rb") as file:
            head = file.readline()
            if head != self._head or not head.endswith(b"\n"):
                self._forget(head)
            file.seek(self._offset)
            self._take(file.read())

    def _take(self, new: bytes) -> None:
        """Take whole lines; an unfinished one stays for the next time."""
        end = new.rfind(b"\n") + 1
        for line in new[:end].split(b"\n"):
            if line:
                self._take_line(line)
        self._offset += end

    def _take_line(self, line: bytes) -> None:
        try:
            self._book.take(line)
        except (ValueError, KeyError, TypeError) as error:
            text = f"{self._path}: unreadable line {line[:80]!r}: {error}".splitlines()[0]
            self.damage.append(text)
            log.error("%s", text)


def _line(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _head() -> bytes:
    return _line({"op": "head", "version": VERSION, "generation": uuid.uuid4().hex})


def _replace(path: Path, lines: Sequence[bytes], sync: Callable[[int], None]) -> None:
    """Put a whole new file in place, durable together with its name."""
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("wb") as file:
        file.write(b"".join(lines))
        file.flush()
        sync(file.fileno())
    fresh.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        sync(directory)
    finally:
        os.close(directory)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Our turn at a file that processes share. Raises OSError when another keeps it too long."""
    with path.with_name(f"{path.name}.lock").open("ab") as lock:
        deadline = time.monotonic() + LOCK_SECONDS
        while not _try_lock(lock.fileno()):
            if time.monotonic() > deadline:
                raise OSError(f"another process has held {lock.name} for {LOCK_SECONDS:.0f} s")
            time.sleep(0.002)
        yield


def _try_lock(descriptor: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what the disk says into what a person can do about it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise GuardError(
            f"the release journal {path} cannot be used: {reason}. Nothing is written to the "
            "buildings until its folder exists, is writable by this user and has space "
            "(BMS_HOME names the folder)"
        ) from error
