"""What providers said last, on disk: an answer beside what is known about it.

Two files per name: ``NAME.body`` is the answer as it came, ``NAME.json`` when and from where it
came, and when the provider may be asked again. Files are replaced as a whole; what cannot be read
counts as not there. Processes and threads that share the folder take turns through ``flock``.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from bms.errors import FeedError
from bms.model.codec import from_json, to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is known about an answer, and how asking for it has gone. Moments are aware (UTC).

    ``fetched_at`` is when the body came, ``checked_at`` when the provider last said that it still
    holds; ``fresh_until`` is what the provider allows (Expires). ``failures`` in a row, the last
    of which is told in ``trouble``; before ``not_before`` nobody asks again.
    """

    url: str = ""
    digest: str = ""
    fetched_at: datetime | None = None
    checked_at: datetime | None = None
    fresh_until: datetime | None = None
    etag: str | None = None
    last_modified: str | None = None
    asked_at: datetime | None = None
    not_before: datetime | None = None
    failures: int = 0
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Shelf:
    """The folder of the answers; made when something is put there."""

    folder: Path

    @contextmanager
    def turn(self, name: str, *, wait: bool = True) -> Iterator[bool]:
        """One at a time per name; whether it is our turn, which it is after a ``wait``.

        Raises ``FeedError`` when the folder cannot be used.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        except OSError as error:
            raise FeedError(
                f"the folder {self.folder} of the feeds cannot be used: {error.strerror}"
            ) from error
        try:
            yield _locked(lock, wait=wait)
        finally:
            os.close(lock)

    def entry(self, name: str) -> Entry:
        """What is known; nothing where it cannot be read."""
        with suppress(OSError, ValueError):
            entry = from_json(Entry, (self.folder / f"{name}.json").read_bytes())
            if all(at is None or at.tzinfo is not None for at in _moments(entry)):
                return entry
        return Entry()

    def body(self, name: str, entry: Entry) -> bytes | None:
        """The answer that the entry is about; None when it is not whole."""
        with suppress(OSError):
            body = (self.folder / f"{name}.body").read_bytes()
            if entry.digest and _digest(body) == entry.digest:
                return body
        return None

    def put(self, name: str, entry: Entry, body: bytes | None = None) -> Entry:
        """Keep an entry, with another body where there is one. Raises ``FeedError``."""
        try:
            if body is not None:
                write_whole(self.folder / f"{name}.body", body)
                entry = replace(entry, digest=_digest(body))
            write_whole(self.folder / f"{name}.json", to_json(entry).encode())
        except OSError as error:
            raise FeedError(
                f"the answer of {name} cannot be kept in {self.folder}: {error.strerror}"
            ) from error
        return entry


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file: a reader sees the old or the new one. Raises OSError."""
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _locked(lock: int, *, wait: bool) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _moments(entry: Entry) -> tuple[datetime | None, ...]:
    return (
        entry.fetched_at,
        entry.checked_at,
        entry.fresh_until,
        entry.asked_at,
        entry.not_before,
    )
