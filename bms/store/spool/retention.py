"""Deleting for good while readings may wait on disk."""

from __future__ import annotations

from datetime import datetime

from bms.errors import StoreUnavailable
from bms.model.control.retention import Erased, Erasure
from bms.ports.storage.readings import Forwarding
from bms.ports.storage.retention import RetentionStore


class SpooledRetention:
    """Implements ``RetentionStore``: what waits on disk is stored before anything is deleted."""

    def __init__(self, retention: RetentionStore, forwarding: Forwarding) -> None:
        self._retention = retention
        self._forwarding = forwarding

    def forget(self, erasure: Erasure) -> Erased:
        """See ``RetentionStore``. What waits goes first: else it would come back, or stay on disk.

        Raises ``StoreUnavailable`` while something still waits.
        """
        self._forwarding.forward()
        if self._forwarding.state().size_bytes:
            raise StoreUnavailable(
                "nothing can be deleted for good while readings wait on disk; try again when "
                "the database has taken them"
            )
        return self._retention.forget(erasure)

    def scrub(self) -> None:
        """See ``RetentionStore``."""
        self._retention.scrub()

    def erasures(self, since: datetime) -> list[Erased]:
        """See ``RetentionStore``."""
        return self._retention.erasures(since)
