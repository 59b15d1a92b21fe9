"""The last answers of meters on a battery, kept as they came: a restart asks nobody again.

``FileTelegrams`` has a file per meter, in JSON: what the meter is called, when it was asked [UTC],
and its telegrams in hexadecimal, each as address, CI field and data. A file is replaced as a whole.
One that is lost or cannot be read costs a reading: it is not synced, and errors are logged.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from drivers.mbus.frames import UserData

_LOG = logging.getLogger(__name__)
FOLDER = "meter-answers"
MOST_BYTES = 64_000
"""Sixteen of the longest telegrams are 8 000 [B]."""


@dataclass(frozen=True, slots=True)
class KeptTelegrams:
    """The telegrams of an answer of ``meter``, and the building time at which it was asked."""

    meter: str
    at: datetime
    telegrams: tuple[UserData, ...]

    def text(self) -> str:
        """As it stands in a file."""
        telegrams = [(bytes((t.address, t.ci)) + t.data).hex() for t in self.telegrams]
        fields = {"meter": self.meter, "at": self.at.isoformat(), "telegrams": telegrams}
        return json.dumps(fields, ensure_ascii=False)


def kept_telegrams_in(text: str) -> KeptTelegrams:
    """The answer in a file. Raises ValueError for any other text."""
    try:
        fields = json.loads(text)
        at = datetime.fromisoformat(fields["at"]).astimezone(UTC)
        telegrams = tuple(_user_data(bytes.fromhex(each)) for each in fields["telegrams"])
        if telegrams:
            return KeptTelegrams(str(fields["meter"]), at, telegrams)
        raise ValueError("no telegram")
    except (KeyError, TypeError, IndexError, OverflowError, RecursionError) as error:
        raise ValueError(f"no answer of a meter: {error!r}") from error


def _user_data(octets: Sequence[int]) -> UserData:
    return UserData(octets[0], octets[1], bytes(octets[2:]))


class TelegramKeeper(Protocol):
    """Keeps the last answer of each device. It may block on a disk: call it in a thread."""

    def last(self, device: str) -> KeptTelegrams | None:
        """The last answer of a device; None where there is none. Raises nothing."""
        ...

    def keep(self, device: str, answer: KeptTelegrams) -> None:
        """Keep an answer in place of the last one. Raises nothing."""
        ...


class MemoryTelegrams:
    """Keeps answers until the process ends (``TelegramKeeper``)."""

    def __init__(self) -> None:
        self._answers: dict[str, KeptTelegrams] = {}

    def last(self, device: str) -> KeptTelegrams | None:
        return self._answers.get(device)

    def keep(self, device: str, answer: KeptTelegrams) -> None:
        self._answers[device] = answer


class FileTelegrams:
    """Keeps answers in the files of a folder (``TelegramKeeper``). Making one opens nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def beside(cls, journal: Path) -> FileTelegrams:
        """The answers beside a release journal, shared by all processes there."""
        return cls(journal.with_name(FOLDER))

    def last(self, device: str) -> KeptTelegrams | None:
        path = self._path(device)
        try:
            with path.open("rb") as file:
                return kept_telegrams_in(file.read(MOST_BYTES).decode("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            _LOG.warning("the last answer of %s in %s cannot be read: %s", device, path, error)
            return None

    def keep(self, device: str, answer: KeptTelegrams) -> None:
        path = self._path(device)
        fresh = path.with_name(f"{path.name}.{uuid.uuid4().hex}")  # others may write it, too
        try:
            self._folder.mkdir(0o700, parents=True, exist_ok=True)
            fresh.touch(0o600)
            fresh.write_text(answer.text(), "utf-8")
            fresh.replace(path)
        except OSError as error:
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
            _LOG.warning("the answer of %s cannot be kept in %s: %s", device, path, error)

    def _path(self, device: str) -> Path:
        return self._folder / f"{quote(device, safe='')}.json"
