"""Switchback trials."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from bms.model.savings.trial import KeptTrial, Trial, TrialEnd
from bms.model.savings.trial_result import SealedResult


class TrialStore(Protocol):
    """Trials, their ends and results, which are never changed or removed. Synchronous: call it off
    the event loop.

    Raises ``bms.errors.StoreUnavailable`` when the database is away.
    """

    def add_trial(self, trial: Trial) -> None:
        """Keep a trial; the same one again changes nothing. Raises ``StoreError`` for another one
        of that id."""
        ...

    def end_trial(self, end: TrialEnd) -> None:
        """Keep that a trial was stopped; the first end stands. Raises ``NotFound``."""
        ...

    def seal_trial(self, result: SealedResult) -> None:
        """Keep the result of a trial; the first one stands. Raises ``NotFound``."""
        ...

    def trials(self, site: str) -> list[KeptTrial]:
        """Every trial of a site, in the order in which they were started."""
        ...

    def trials_of(self, sites: Collection[str]) -> dict[str, list[KeptTrial]]:
        """``trials`` of each of these sites."""
        ...

    def trial_sites(self) -> list[str]:
        """Every site that ever had a trial, in the order of their ids."""
        ...
