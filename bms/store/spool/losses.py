"""What a spool has lost, counted in a small file that outlives the process."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from bms.model.readings.spool import Importance, Loss

log = logging.getLogger(__name__)

Kind = tuple[Importance, Loss]
NAME = "losses.json"


class Losses:
    """Counts by importance and reason. Where the disk refuses they stay in memory until it takes
    them: the next count tries again."""

    def __init__(self, folder: Path, sync: Callable[[int], None] = os.fsync) -> None:
        self._path = folder / NAME
        self._sync = sync
        self.readings, self.torn = _read(self._path)

    def count_lost(self, importance: Importance, loss: Loss, readings: int) -> None:
        """Count readings [1] that are gone."""
        self.readings[importance, loss] += readings
        self._save()

    def count_torn(self) -> None:
        """Count a write that was cut off before anybody was told that it was kept."""
        self.torn += 1
        self._save()

    def _save(self) -> None:
        fresh = self._path.with_suffix(".new")
        try:
            with fresh.open("w") as file:
                json.dump(_as_text(self.readings, self.torn), file)
                file.flush()
                self._sync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            log.error("%s cannot be kept up to date: %s", self._path, error.strerror)


def _as_text(readings: Mapping[Kind, int], torn: int) -> dict[str, object]:
    rows: dict[str, dict[str, int]] = {}
    for (importance, loss), count in sorted(readings.items()):
        rows.setdefault(importance.name.lower(), {})[loss.value] = count
    return {"readings": rows, "torn": torn}


def _read(path: Path) -> tuple[Counter[Kind], int]:
    """The counts of a file; none where there is no file yet."""
    try:
        kept = json.loads(path.read_text())
        rows = {
            (Importance[name.upper()], Loss(loss)): int(count)
            for name, losses in kept["readings"].items()
            for loss, count in losses.items()
        }
        return Counter(rows), int(kept["torn"])
    except FileNotFoundError:
        return Counter(), 0
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.error("%s cannot be read, its losses are counted from 0 again: %s", path, error)
        return Counter(), 0
