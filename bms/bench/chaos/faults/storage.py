"""The database and the release journal, away or damaged."""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from bms.bench.chaos.backend import Switch, Wish
from bms.bench.chaos.faults.kind import Fault
from bms.bench.chaos.town import Town
from bms.errors import BmsError
from bms.store.database.backup import back_up
from bms.store.database.connection import Link


class DatabaseAway(Fault):
    """Nothing can be read or stored."""

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        town.switch(Switch.DATABASE_AWAY)

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        town.switch_back()


class DatabaseLocked(Fault):
    """Somebody else writes for many minutes."""

    longest = 20
    _link: Link | None = None
    _turn: AbstractContextManager[Any] | None = None

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        with suppress(BmsError):
            self._link = Link(town.database, patience_s=2.0)
            self._turn = self._link.writing(durable=True)
            self._turn.__enter__().connection()

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        if self._turn is not None and self._link is not None:
            self._turn.__exit__(None, None, None)
            self._link.close()


class DatabaseRolledBack(Fault):
    """An older copy is put in the place of the database."""

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        back_up(town.database, town.home / "older.db", force=True)

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        town.kill()
        await town.minute()
        _put_back(town.home / "bms.db", town.home / "older.db")
        await town.restart()


def _put_back(file: Path, copy: Path) -> None:
    for end in ("", "-wal", "-shm"):
        file.with_name(file.name + end).unlink(missing_ok=True)
    shutil.copy(copy, file)


class OverrideWhileDatabaseAway(Fault):
    """A person takes a site from us while the database is away."""

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        town.switch(Switch.DATABASE_AWAY)
        await town.wish(Wish.OVERRIDE, self.name)

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        town.switch_back()
        await town.take_back()


class _JournalFault(Fault):
    """The file of the journal is damaged while everybody lives."""

    async def heal(self, town: Town) -> None:
        """Nobody mends it: who knew it puts it back."""


class JournalCut(_JournalFault):
    """Half of the journal is gone."""

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        content = town.journal_file.read_bytes()
        town.journal_file.write_bytes(content[: len(content) // 2])


class JournalDeleted(_JournalFault):
    """Somebody has removed the journal."""

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        town.journal_file.unlink(missing_ok=True)


class JournalOlder(_JournalFault):
    """An older copy is put in the place of the journal."""

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        lines = town.journal_file.read_bytes().splitlines(keepends=True)
        copy = town.journal_file.with_suffix(".older")
        copy.write_bytes(b"".join(lines[:2]))
        copy.replace(town.journal_file)


class JournalFull(Fault):
    """The disk takes nothing more."""

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        town.switch(Switch.JOURNAL_FULL)

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        town.switch_back()


class JournalUnreadable(Fault):
    """A folder stands in the place of the journal."""

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        town.journal_file.rename(town.journal_file.with_suffix(".aside"))
        town.journal_file.mkdir()

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        with suppress(OSError):
            town.journal_file.rmdir()
            town.journal_file.with_suffix(".aside").rename(town.journal_file)
