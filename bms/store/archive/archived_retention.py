"""Erasures reach the archive: what is deleted from the database is deleted from its files."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from bms.errors import ConfigError, StoreError
from bms.model.control.retention import Erased, Erasure, KeptClass
from bms.ports.storage.retention import RetentionStore
from bms.store.archive.parquet_months import ParquetArchive

log = logging.getLogger(__name__)

LEDGER = "erasures.jsonl"
MOVED = "moved to the archive"
"""The reason of an erasure that leaves the archive as it is."""


class ArchivedRetention:
    """Implements ``RetentionStore`` over another one and the archive below ``folder``.

    The database comes first: what a fault leaves in a file goes with the next round, which asks
    for no less. ``erasures.jsonl`` beside the files has a line for each erasure that took something
    out of them, without any value or name of a point.
    """

    def __init__(self, store: RetentionStore, folder: Path) -> None:
        self._store, self._folder = store, folder
        self._archive = ParquetArchive(folder)

    def forget(self, erasure: Erasure) -> Erased:
        """See ``RetentionStore``. Raises ``StoreError`` where a file cannot be changed, too."""
        erased = self._store.forget(erasure)
        if erasure.reason != MOVED:
            try:
                gone = self._archive.forget(erasure.site, erasure.points, erased.until)
            except ConfigError as error:  # no pyarrow: there are files all the same
                raise StoreError(f"the archive keeps what is too old: {error}") from error
            if gone:
                self._note(erasure, erased.until, gone)
        return erased

    def _note(self, erasure: Erasure, until: datetime, readings: int) -> None:
        log.info("%s: %d readings are deleted from the archive", erasure.site, readings)
        line = {
            "site": erasure.site,
            "privacy": erasure.privacy.value,
            "readings": readings,
            "until": until.isoformat(),
            "at": erasure.at.isoformat(),
            "actor": erasure.actor,
            "reason": erasure.reason,
        }
        with (self._folder / LEDGER).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def keep_classes(self, classes: Mapping[str, KeptClass]) -> None:
        """See ``RetentionStore``."""
        self._store.keep_classes(classes)

    def kept_classes(self) -> dict[str, KeptClass | None]:
        """See ``RetentionStore``."""
        return self._store.kept_classes()

    def scrub(self, *, whole: bool = False) -> None:
        """See ``RetentionStore``."""
        self._store.scrub(whole=whole)

    def erasures(self, since: datetime) -> list[Erased]:
        """See ``RetentionStore``."""
        return self._store.erasures(since)
