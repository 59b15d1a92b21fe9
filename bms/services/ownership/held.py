"""What this worker owns now, by its own running clock: asked before each frame that writes."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from bms.model.assets.site import Site
from bms.model.clock_reading import Elapsed
from bms.model.control.ownership import SiteClaim
from bms.ports.clock import Clock

LOOK_S = 0.02


@dataclass
class HeldSites:
    """Implements ``OwnedSites``. Safe for several threads.

    ``computer`` is the clock of the lease: running time that goes on while the process is stopped
    or the computer sleeps. ``building`` is that of the values which an earlier owner left.
    ``wants`` says which sites are taken while nobody can say who owns them.
    """

    computer: Clock
    building: Clock
    wants: Callable[[str], bool]
    _tokens: dict[str, int] = field(default_factory=dict)
    _last_tokens: dict[str, int] = field(default_factory=dict)
    """By site the newest token that this process ever had: what it keeps is fenced by it."""
    _until: Elapsed | None = None
    _confirmed: frozenset[str] = frozenset()
    _waits: dict[str, tuple[Elapsed, timedelta]] = field(default_factory=dict)
    _elsewhere: frozenset[str] = frozenset()
    _closing: Counter[str] = field(default_factory=Counter)
    _busy: Counter[str] = field(default_factory=Counter)
    _turn: threading.RLock = field(default_factory=threading.RLock)

    def token(self, site: str) -> int | None:
        """See ``OwnedSites``."""
        with self._turn:
            return self._tokens.get(site)

    def owns(self, site: str) -> bool:
        """See ``OwnedSites``."""
        with self._turn:
            return self._runs(site, 0.0)

    def may_send(self, site: str, margin_s: float = 0.0) -> bool:
        """See ``OwnedSites``."""
        with self._turn:
            return self._runs(site, margin_s) and not self._is_waiting(site)

    def may_collect(self, site: str) -> bool:
        """See ``OwnedSites``."""
        with self._turn:
            return site in self._tokens or (self._until is None and self.wants(site))

    def is_elsewhere(self, site: str) -> bool:
        """See ``OwnedSites``."""
        with self._turn:
            return site in self._elsewhere

    def reserve(self, site: Site, lease: timedelta) -> None:
        """See ``OwnedSites``; what this worker owns is reserved."""

    @contextmanager
    def at_work(self, site: str) -> Iterator[bool]:
        """See ``OwnedSites``."""
        with self._turn:
            ours = self._runs(site, 0.0) and not self._closing[site]
            self._busy[site] += ours
        try:
            yield ours
        finally:
            with self._turn:
                self._busy[site] -= ours

    @contextmanager
    def closing(self, sites: Collection[str]) -> Iterator[None]:
        """No new work begins at these sites."""
        with self._turn:
            self._closing.update(sites)
        try:
            yield
        finally:
            with self._turn:
                self._closing.subtract(sites)

    async def drained(self, sites: Collection[str], patience_s: float) -> frozenset[str]:
        """Those of the sites at which no work is under way any more, after ``patience_s`` [s]."""
        with_work = set(sites)
        for _ in range(max(1, round(patience_s / LOOK_S))):
            with self._turn:
                with_work = {site for site in with_work if self._busy[site]}
            if not with_work:
                break
            await asyncio.sleep(LOOK_S)
        return frozenset(sites) - with_work

    def claimed(self, claims: Mapping[str, SiteClaim]) -> None:
        """Sites were taken; they may be written once the next heartbeat has confirmed that."""
        began = self.building.elapsed()
        with self._turn:
            self._keep({site: claim.token for site, claim in claims.items()})
            self._confirmed -= claims.keys()
            for site, claim in claims.items():
                if claim.waits_s > 0:
                    self._waits[site] = (began, timedelta(seconds=claim.waits_s))
                else:
                    self._waits.pop(site, None)

    def renewed(self, tokens: Mapping[str, int], asked: Elapsed, lasts_s: float) -> frozenset[str]:
        """A heartbeat that was sent at ``asked`` has said what is owned for ``lasts_s`` [s] from
        then on. Returns the sites that could not be written before."""
        with self._turn:
            gained = {site for site in tokens if not self._runs(site, 0.0)}
            self._tokens = {}
            self._keep(tokens)
            self._confirmed = frozenset(tokens)
            self._until = asked.after(timedelta(seconds=lasts_s))
            self._waits = {site: each for site, each in self._waits.items() if site in tokens}
            return frozenset(gained)

    def lost(self, sites: Collection[str]) -> None:
        """These sites are owned no longer: given up or handed over."""
        with self._turn:
            for site in sites:
                self._tokens.pop(site, None)
            self._confirmed -= frozenset(sites)

    def seen_elsewhere(self, sites: Collection[str]) -> None:
        """Other workers own these sites."""
        with self._turn:
            self._elsewhere = frozenset(sites)

    def waiting(self) -> frozenset[str]:
        """The sites at which what an earlier owner wrote may still stand."""
        with self._turn:
            return frozenset(site for site in list(self._waits) if self._is_waiting(site))

    def settled(self) -> frozenset[str]:
        """The sites at which what an earlier owner wrote has ended meanwhile."""
        with self._turn:
            over = frozenset(site for site in self._waits if not self._is_waiting(site))
            for site in over:
                del self._waits[site]
            return over

    def sites(self) -> frozenset[str]:
        """What is owned, as far as is known."""
        with self._turn:
            return frozenset(self._tokens)

    def fencing_tokens(self) -> Mapping[str, int]:
        """The newest token of every site that this process ever owned."""
        with self._turn:
            return dict(self._last_tokens)

    def _keep(self, tokens: Mapping[str, int]) -> None:
        self._tokens.update(tokens)
        self._last_tokens.update(tokens)

    def _runs(self, site: str, margin_s: float) -> bool:
        if site not in self._tokens or site not in self._confirmed or self._until is None:
            return False
        over = self.computer.elapsed().since(self._until)
        return over is not None and over.total_seconds() + margin_s < 0

    def _is_waiting(self, site: str) -> bool:
        if site not in self._waits:
            return False
        began, length = self._waits[site]
        gone = self.building.elapsed().since(began)
        if gone is None:  # the count began anew: wait the whole length again
            self._waits[site] = (self.building.elapsed(), length)
            return True
        return gone < length
