"""Who owns which site (clause W2), and what this process may send."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Protocol

from bms.model.assets.site import Site
from bms.model.control.ownership import Ownership, OwningWorker, SiteClaim


class SiteOwners(Protocol):
    """The table of owners. Every moment is one of the database's clock. Synchronous.

    Raises ``bms.errors.StoreUnavailable`` when the database is away.
    """

    def claim(
        self,
        worker: OwningWorker,
        sites: Collection[str],
        *,
        lasts_s: float,
        stands_s: float,
        grace_s: float,
        places: Mapping[str, Collection[str]] | None = None,
    ) -> dict[str, SiteClaim]:
        """Take those of the sites that nobody owns, in one conditional statement, for ``lasts_s``
        [s]. A site is free when it was given up, when its lease has been over for ``grace_s`` [s]
        (the longest write), or when it is the worker's own already.

        ``stands_s`` [s, building time] is how long what the worker writes may stand after it has
        lost the site; ``places`` are what each site writes to (``overlaps``).
        """
        ...

    def overlaps(self, worker: str) -> dict[str, str]:
        """The sites of the worker that write to a place to which a site of another owner writes,
        who took that one before: the site of the other, by ours."""
        ...

    def beat(self, worker: OwningWorker, lasts_s: float) -> dict[str, int]:
        """Own for ``lasts_s`` [s] from now on what the worker still owns, in one statement: the
        tokens by site. What has run out is not among them, and not taken again."""
        ...

    def reserve(self, worker: str, sites: Collection[str], stands_s: float) -> frozenset[str]:
        """What the worker writes at these sites may stand for ``stands_s`` [s] at least after it
        has lost them. Returns those that it owns."""
        ...

    def settle(self, worker: str, sites: Collection[str]) -> None:
        """Nothing of an earlier owner stands at these sites of the worker any more."""
        ...

    def owners(self) -> list[Ownership]:
        """Every row, by site."""
        ...

    def give_up(self, worker: str, sites: Collection[str]) -> None:
        """Own these no longer: nothing of the worker stands there, and the next may begin."""
        ...

    def offer(self, worker: str, heir: str, bequests: Mapping[str, str]) -> frozenset[str]:
        """Offer sites of the worker, each with what the heir has to know of it. Returns those that
        the worker owns, and so could offer."""
        ...

    def offers(self, heir: str) -> dict[str, str]:
        """What is offered to a worker and not accepted yet: what it has to know, by site."""
        ...

    def accept(self, heir: str, bequests: Mapping[str, str]) -> frozenset[str]:
        """The heir has opened these bequests, by site. Returns the sites of which these are still
        what is offered: an acceptance that comes late is none of a newer offer."""
        ...

    def withdraw(self, worker: str, sites: Collection[str]) -> frozenset[str]:
        """Take offers back that were not accepted; those that it was possible for."""
        ...

    def hand_over(self, worker: str, sites: Collection[str], lasts_s: float) -> frozenset[str]:
        """Make the heirs of these sites their owners, where they have accepted; those that went
        over. The worker has closed its leases there before."""
        ...

    def fence(self, tokens: Callable[[], Mapping[str, int]]) -> None:
        """From now on this process keeps plans, models and receipts of the sites for which it has
        a token only while that is the newest one: all else raises ``NotOwner`` in the same
        transaction."""
        ...


class OwnedSites(Protocol):
    """What this process owns, as its writes ask it."""

    def token(self, site: str) -> int | None:
        """The token of a site; None where it is not owned, or nobody asks for tokens."""
        ...

    def owns(self, site: str) -> bool:
        """Whether the site is owned now."""
        ...

    def may_send(self, site: str, margin_s: float = 0.0) -> bool:
        """Whether the site is owned for ``margin_s`` [s] more at least, and nothing of an earlier
        owner may still stand there."""
        ...

    def may_collect(self, site: str) -> bool:
        """Whether the site is to be read by this process; reading goes on while nobody can say who
        owns it."""
        ...

    def is_elsewhere(self, site: str) -> bool:
        """Whether another home owns the site: what stands there is not ours to look at."""
        ...

    def reserve(self, site: Site, lease: timedelta) -> None:
        """A person is about to write there for so long: see to it that no other home does
        meanwhile. Raises ``StoreUnavailable``, and ``ConfigError`` where another home writes to the
        same place under another name."""
        ...

    def at_work(self, site: str) -> AbstractContextManager[bool]:
        """Work for a site; False inside where it is not owned. A hand-over waits for its end."""
        ...


class EverySite:
    """Implements ``OwnedSites`` where no other process can be there: fast runs, tests, a person's
    command."""

    def token(self, site: str) -> int | None:
        """See ``OwnedSites``."""
        return None

    def owns(self, site: str) -> bool:
        """See ``OwnedSites``."""
        return True

    def may_send(self, site: str, margin_s: float = 0.0) -> bool:
        """See ``OwnedSites``."""
        return True

    def may_collect(self, site: str) -> bool:
        """See ``OwnedSites``."""
        return True

    def is_elsewhere(self, site: str) -> bool:
        """See ``OwnedSites``."""
        return False

    def reserve(self, site: Site, lease: timedelta) -> None:
        """See ``OwnedSites``."""

    def at_work(self, site: str) -> AbstractContextManager[bool]:
        """See ``OwnedSites``."""
        return nullcontext(True)
