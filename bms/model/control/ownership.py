"""Who may write to a site: one worker at a time, by a lease with a rising token (clause W2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

CITY_WIDE = "@city"
"""The pseudo site whose owner does what is done once for the whole city."""
PRESENCE = "@worker/"
"""Before the name of a worker: the pseudo site that shows that it lives. No site has such a name.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwningWorker:
    """Whoever owns sites: the backend of a home. ``place`` says to people where it runs,
    ``selection`` which sites it wants (``bms.services.ownership.selection``)."""

    id: str
    place: str
    selection: str = "all"

    @property
    def presence(self) -> str:
        """The pseudo site that shows that it lives."""
        return PRESENCE + self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteClaim:
    """A site that a worker has taken. ``token`` is higher than any before. ``waits_s`` [s] is how
    long values of an owner that ended without a hand-over may still stand, counted from now in
    building time; 0 where none can."""

    site: str
    token: int
    waits_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """A row of the table of owners. ``left_s`` [s] until it runs out, by the clock of the database;
    below zero since when it has; ``stands_s`` [s, building time] how long what its owner wrote may
    stand after that. ``waits`` is whether values of an earlier owner may still stand.
    ``heir`` is to whom it is offered, ``accepted`` whether that one has opened its leases."""

    site: str
    owner: str
    place: str
    token: int
    left_s: float
    stands_s: float
    selection: str
    waits: bool = False
    released: bool = False
    heir: str | None = None
    accepted: bool = False

    @property
    def runs(self) -> bool:
        """Whether its owner may write."""
        return self.left_s > 0.0


def older_overlaps(
    worker: str, rows: Iterable[tuple[str, str, int, Collection[str]]]
) -> dict[str, str]:
    """Of rows of site, owner, token and places: the sites of the worker that share a place with a
    site of another owner whose token is lower, and that site."""
    kept = list(rows)
    others = [row for row in kept if row[1] != worker]
    return {
        site: other
        for site, owner, token, places in kept
        for other, before, earlier, theirs in others
        if owner == worker
        and (earlier, before) < (token, owner)
        and not set(places).isdisjoint(theirs)
    }
