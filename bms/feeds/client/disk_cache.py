"""The last good response of each dataset on disk, with what is known about it.

Two files per name: ``NAME.body`` is the body as received, ``NAME.json`` its address and time, and
when the provider may be asked again. Files are replaced atomically; an unreadable one counts as
missing. Processes and threads that share the folder exclude each other by ``flock``.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from uuid import uuid4

from bms.errors import FeedError
from bms.model.codec import from_json, to_json


class FailureKind(StrEnum):
    """How a request failed: no answer, an answer that says later (429, 5xx), that the request is
    refused (401, 403), another status without data, or an answer that cannot be read."""

    AWAY = "away"
    BUSY = "busy"
    REFUSED = "refused"
    STATUS = "status"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheEntry:
    """What is known about a cached response and the requests for it. Times are aware (UTC).

    ``fetched_at``: the body was received; ``checked_at``: the provider last confirmed it (200 or
    304); ``fresh_until``: its ``Expires``. ``failures`` counts requests that failed in a row,
    ``trouble`` is the error of the last one and ``failure`` its kind; no request before
    ``not_before``.
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
    failure: FailureKind | None = None


@dataclass(frozen=True, slots=True)
class DiskCache:
    """The folder of the cached responses, created at the first write."""

    folder: Path

    @contextmanager
    def lock(self, name: str, *, wait: bool = True) -> Iterator[bool]:
        """Locks a name against other threads and processes. Yields whether the lock is held;
        without ``wait`` it is not where another one holds it.

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

    def entry(self, name: str) -> CacheEntry:
        """Returns the entry of a name; an empty one where it is missing or unreadable."""
        with suppress(OSError, ValueError):
            entry = from_json(CacheEntry, (self.folder / f"{name}.json").read_bytes())
            if all(at is None or at.tzinfo is not None for at in _moments(entry)):
                return entry
        return CacheEntry()

    def body(self, name: str, entry: CacheEntry) -> bytes | None:
        """Returns the body of an entry; None where it is missing or its digest differs."""
        with suppress(OSError):
            body = (self.folder / f"{name}.body").read_bytes()
            if entry.digest and _digest(body) == entry.digest:
                return body
        return None

    def put(self, name: str, entry: CacheEntry, body: bytes | None = None) -> CacheEntry:
        """Writes an entry, and its body where given. Returns the entry as written.

        Raises ``FeedError`` when the folder cannot be used.
        """
        try:
            if body is not None:
                replace_file(self.folder / f"{name}.body", body)
                entry = replace(entry, digest=_digest(body))
            replace_file(self.folder / f"{name}.json", to_json(entry).encode())
        except OSError as error:
            raise FeedError(
                f"the answer of {name} cannot be kept in {self.folder}: {error.strerror}"
            ) from error
        return entry


def replace_file(path: Path, content: bytes) -> None:
    """Replaces a file atomically: a reader sees the old or the new content. Raises OSError."""
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


def _moments(entry: CacheEntry) -> tuple[datetime | None, ...]:
    return (
        entry.fetched_at,
        entry.checked_at,
        entry.fresh_until,
        entry.asked_at,
        entry.not_before,
    )
