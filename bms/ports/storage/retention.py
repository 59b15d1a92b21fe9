"""Deletion of readings that were kept as long as they may be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from bms.model.control.retention import Erased, Erasure, KeptClass


class RetentionStore(Protocol):
    """Deletes readings for good and keeps a ledger of it. Synchronous: call it off the event loop.

    Raises ``bms.errors.StoreUnavailable`` when the database is away.
    """

    def forget(self, erasure: Erasure) -> Erased:
        """Delete readings for good, all or nothing, with a line in the ledger of what went.

        From then on readings of these points from before that day are refused as expired.
        """
        ...

    def keep_classes(self, classes: Mapping[str, KeptClass]) -> None:
        """Keep how long the readings of points are kept, so that this is known when no site file
        names them any more. Of a point without readings nothing is kept."""
        ...

    def kept_classes(self) -> dict[str, KeptClass | None]:
        """Every point that ever had readings, and what was kept of it; None where nothing was."""
        ...

    def scrub(self, *, whole: bool = False) -> None:
        """Remove what was deleted from the files of the database too, as far as that is possible
        while no writer waits for more than a second. It may take minutes.

        Where ``whole``, nothing of it is left, and writers wait for as long as that takes.
        """
        ...

    def erasures(self, since: datetime) -> list[Erased]:
        """The ledger from ``since`` on, oldest first. No line is ever changed or removed."""
        ...
