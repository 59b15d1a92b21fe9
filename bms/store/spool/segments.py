"""Files of frames: begun, filled, read and counted again after a crash."""

from __future__ import annotations

import errno
import logging
import os
import re
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bms.model.readings.measurement import Reading
from bms.model.readings.spool import Importance
from bms.store.spool.frames import content, frame, unpack

log = logging.getLogger(__name__)

NAME = re.compile(r"(\d{12})-([a-z]+)\.spool")

Sync = Callable[[int], None]


@dataclass(slots=True, eq=False)
class Segment:
    """A file of ``readings`` [1] and ``size`` [bytes]; ``taken`` while somebody hands them on.

    ``damaged`` of its readings could not be read.
    """

    path: Path
    importance: Importance
    readings: int = 0
    size: int = 0
    taken: bool = False
    damaged: int = 0

    @property
    def number(self) -> int:
        """Later segments have higher ones."""
        return int(self.path.name[:12])


def segment_path(folder: Path, number: int, importance: Importance) -> Path:
    return folder / f"{number:012d}-{importance.name.lower()}.spool"


def recovered(path: Path) -> tuple[Segment | None, bool]:
    """A segment that an earlier process left, and whether its end was torn and is now cut off.

    None where nothing of it can be used. Raises OSError.
    """
    name = NAME.fullmatch(path.name)
    if name is None or name[2].upper() not in Importance.__members__:
        return None, False
    data = path.read_bytes()
    held = content(data)
    torn = held.end < len(data)
    if torn:
        log.warning("%s ended in a write that a crash cut off; it is left out", path)
        os.truncate(path, held.end)
    if not held.end:
        path.unlink()
        return None, torn
    importance = Importance[name[2].upper()]
    return Segment(path, importance, held.readings + held.lost, held.end), torn


def read(segment: Segment) -> list[Reading]:
    """The readings of a segment; those that cannot be read are counted in ``damaged``."""
    readings: list[Reading] = []
    try:
        for payload in content(segment.path.read_bytes()).payloads:
            with suppress(zlib.error, ValueError, LookupError, TypeError):
                readings += unpack(payload)
    except OSError as error:
        log.error("%s cannot be read: %s", segment.path, error.strerror)
    segment.damaged = segment.readings - len(readings)
    return readings


class OpenSegment:
    """The end of a new segment that is being filled. Raises OSError."""

    def __init__(self, segment: Segment, sync: Sync) -> None:
        self.segment = segment
        self._sync = sync
        self._file = segment.path.open("xb", buffering=0)

    def write(self, payload: bytes, readings: int) -> None:
        """Append a frame and sync it. What went in of a refused one is taken back."""
        whole = frame(payload, readings, self.segment.readings)
        try:
            if self._file.write(whole) != len(whole):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._sync(self._file.fileno())
        except OSError:
            with suppress(OSError):
                self._file.truncate(self.segment.size)
            raise
        self.segment.size += len(whole)
        self.segment.readings += readings

    def close(self) -> None:
        """Nothing more is added."""
        self._file.close()


def sync_folder(folder: Path, sync: Sync) -> None:
    """Make the names in a folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)
