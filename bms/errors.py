"""Every exception that this product raises on purpose.

::

    BmsError
    ├── ConfigError            a setting or file is wrong; a person has to change it
    │   └── SiteFileError      one or more mistakes in site files, all listed with file and line
    ├── DeviceError            something between us and a controller
    │   ├── RetryableError     may go away by itself (time-out, refused connection, busy)
    │   └── PermanentError     will not (illegal address, write not allowed, wrong type)
    ├── StoreError             the database refused or is away
    │   ├── NotOwner           the site has another owner by now: nothing of ours is kept
    │   ├── StoreUnavailable   away: keep the data on disk and try again
    │   └── StoreTimeout       there, but what was asked takes longer than it may
    ├── FeedError              weather, prices or emissions could not be had
    ├── JobFailed              a job of the city's list failed each time it was tried
    ├── NotMadeYet             an answer that a job makes is not there yet: ask again soon
    ├── InsufficientData       too little or too poor data for the answer that was asked for
    ├── NoticeError            a notice of the work list did not arrive
    ├── GuardError             the guard process cannot be relied on, so nothing may be written
    ├── NotFound               no such site, point, plan or key
    ├── NotSignedIn            nobody is known: no key, no session
    └── NotPermitted           whoever asks may not do that, or not there

Outcomes that belong to normal operation (a refused write, a hand on the thermostat, an
infeasible comfort band) are values, not exceptions: see ``bms.model.control.command`` and
``bms.model.planning.plan``.
"""

from __future__ import annotations

from dataclasses import dataclass


class BmsError(Exception):
    """Root of the tree. Its text says what, where and the way out."""


class ConfigError(BmsError):
    """A setting or file is wrong; a person has to change it."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a file: where it stands, what is wrong and what is allowed."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


MOST_MISTAKES = 1000
"""Mistakes of a file [1] that are kept; the others are counted."""


class MistakeList:
    """The mistakes of a file, however many it has: the first are kept, the others are counted."""

    def __init__(self, file: str) -> None:
        self._file = file
        self.kept: list[Mistake] = []
        self.unnamed = 0

    def add(self, line: int, message: str) -> None:
        """Take a mistake; ``message`` is not kept where there are enough."""
        if len(self.kept) < MOST_MISTAKES:
            self.kept.append(Mistake(self._file, line, message))
        else:
            self.unnamed += 1

    def by_line(self) -> tuple[Mistake, ...]:
        """The kept mistakes in the order of their lines, each once."""
        return tuple(sorted(dict.fromkeys(self.kept), key=lambda mistake: mistake.line))


class SiteFileError(ConfigError):
    """All mistakes found in the site files of a directory."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        self.mistakes = mistakes
        super().__init__("\n".join(str(mistake) for mistake in mistakes))


class DeviceError(BmsError):
    """Something between us and a controller."""


class RetryableError(DeviceError):
    """May go away by itself: a time-out, a refused connection, a busy device."""


class PermanentError(DeviceError):
    """Will not go away by itself: an illegal address, a write that is not allowed."""


class StoreError(BmsError):
    """The database refused."""


class StoreUnavailable(StoreError):
    """The database is away: keep the data on disk and try again."""


class StoreTimeout(StoreError):
    """The database is there; what was asked takes longer than it may."""


class NotOwner(StoreError):
    """Some sites have another owner by now, so that nothing of ours is kept for them (W2)."""

    def __init__(self, sites: frozenset[str]) -> None:
        self.sites = sites
        names = ", ".join(sorted(sites))
        super().__init__(
            f"{names}: another worker has taken over since; what this one has made of it is dropped"
        )


class FeedError(BmsError):
    """Weather, prices or emissions could not be had."""


class JobFailed(BmsError):
    """A job failed each time it was tried; the process that did it has logged why."""


class NotMadeYet(BmsError):
    """An answer that a job makes is not there yet, and others are being made."""

    def __init__(self, kind: str, site: str) -> None:
        super().__init__(f"{kind} of {site}: this answer is being made; ask again in a moment")


class InsufficientData(BmsError):
    """Too little or too poor data for the answer that was asked for."""


class GuardError(BmsError):
    """The guard process cannot be relied on, so nothing may be written."""


class NoticeError(BmsError):
    """A notice of the work list did not arrive: the mail server or webhook says why."""


class NotFound(BmsError):
    """No such site, point, plan or key."""


class NotSignedIn(BmsError):
    """Nobody is known: no key and no session, or one that is not (or no longer) good."""


class NotPermitted(BmsError):
    """Whoever asks is known and may not do that, or not at this building."""
