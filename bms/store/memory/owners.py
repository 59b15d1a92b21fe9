"""Who owns which site, in memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from bms.errors import NotOwner
from bms.model.control.ownership import (
    PRESENCE,
    Ownership,
    OwningWorker,
    SiteClaim,
    older_overlaps,
)


@dataclass(slots=True)
class _OwnerRow:
    owner: str
    place: str
    selection: str
    token: int
    until: float
    stands_s: float
    waits_s: float = 0.0
    released: bool = False
    heir: str | None = None
    accepted: bool = False
    bequest: str | None = None
    places: frozenset[str] = frozenset()


class MemoryOwners:
    """Implements ``SiteOwners``."""

    def __init__(self) -> None:
        super().__init__()
        self._server: Callable[[], float] = time.monotonic
        """The clock of the database [s]."""
        self._rows: dict[str, _OwnerRow] = {}
        self._owners_turn = threading.RLock()
        self._tokens: Callable[[], Mapping[str, int]] = dict

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
        """See ``SiteOwners``."""
        now, taken = self._server(), {}
        with self._owners_turn:
            for site in sites:
                row = self._rows.get(site)
                if row is not None and not _is_free(row, worker.id, now - grace_s):
                    continue
                made = _OwnerRow(
                    owner=worker.id,
                    place=worker.place,
                    selection=worker.selection,
                    token=_next_token(row, now),
                    until=now + lasts_s,
                    stands_s=stands_s,
                    waits_s=_waits_s(row, worker.id),
                    places=frozenset((places or {}).get(site, ())),
                )
                self._rows[site] = made
                taken[site] = SiteClaim(site=site, token=made.token, waits_s=made.waits_s)
        return taken

    def overlaps(self, worker: str) -> dict[str, str]:
        """See ``SiteOwners``."""
        with self._owners_turn:
            now = self._server()
            return older_overlaps(
                worker,
                [
                    (site, row.owner, row.token, row.places)
                    for site, row in self._rows.items()
                    if not row.released and row.until + row.stands_s > now
                ],
            )

    def beat(self, worker: OwningWorker, lasts_s: float) -> dict[str, int]:
        """See ``SiteOwners``."""
        with self._owners_turn:
            mine = dict(self._mine(worker.id, self._rows))
            for row in mine.values():
                row.until = self._server() + lasts_s
            return {site: row.token for site, row in mine.items()}

    def reserve(self, worker: str, sites: Collection[str], stands_s: float) -> frozenset[str]:
        """See ``SiteOwners``."""
        with self._changing(worker, sites) as mine:
            for row in mine.values():
                row.stands_s = max(row.stands_s, stands_s)
        return frozenset(mine)

    def settle(self, worker: str, sites: Collection[str]) -> None:
        """See ``SiteOwners``."""
        with self._changing(worker, sites) as mine:
            for row in mine.values():
                row.waits_s = 0.0

    def owners(self) -> list[Ownership]:
        """See ``SiteOwners``."""
        with self._owners_turn:
            return [
                Ownership(
                    site=site,
                    owner=row.owner,
                    place=row.place,
                    token=row.token,
                    left_s=row.until - self._server(),
                    stands_s=row.stands_s,
                    selection=row.selection,
                    waits=row.waits_s > 0,
                    released=row.released,
                    heir=row.heir,
                    accepted=row.accepted,
                )
                for site, row in sorted(self._rows.items())
            ]

    def give_up(self, worker: str, sites: Collection[str]) -> None:
        """See ``SiteOwners``."""
        with self._owners_turn:
            for site in sites:
                row = self._rows.get(site)
                if row is not None and row.owner == worker:
                    row.released, row.heir, row.accepted, row.bequest = True, None, False, None

    def offer(self, worker: str, heir: str, bequests: Mapping[str, str]) -> frozenset[str]:
        """See ``SiteOwners``."""
        with self._changing(worker, bequests) as mine:
            for site, row in mine.items():
                row.heir, row.accepted, row.bequest = heir, False, bequests[site]
        return frozenset(mine)

    def offers(self, heir: str) -> dict[str, str]:
        """See ``SiteOwners``."""
        with self._owners_turn:
            return {
                site: row.bequest
                for site, row in self._rows.items()
                if self._is_offered(row, heir) and not row.accepted and row.bequest is not None
            }

    def accept(self, heir: str, bequests: Mapping[str, str]) -> frozenset[str]:
        """See ``SiteOwners``."""
        with self._owners_turn:
            known = {site: self._rows[site] for site in bequests if site in self._rows}
            offered = {
                site: row
                for site, row in known.items()
                if self._is_offered(row, heir) and row.bequest == bequests[site]
            }
            for row in offered.values():
                row.accepted = True
            return frozenset(offered)

    def withdraw(self, worker: str, sites: Collection[str]) -> frozenset[str]:
        """See ``SiteOwners``."""
        with self._changing(worker, sites) as mine:
            taken = {site: row for site, row in mine.items() if not row.accepted}
            for row in taken.values():
                row.heir, row.bequest = None, None
        return frozenset(taken)

    def hand_over(self, worker: str, sites: Collection[str], lasts_s: float) -> frozenset[str]:
        """See ``SiteOwners``."""
        with self._changing(worker, sites) as mine:
            accepted = {site: row for site, row in mine.items() if row.accepted}
            for row in accepted.values():
                assert row.heir is not None
                presence = self._rows.get(PRESENCE + row.heir)
                row.place = row.place if presence is None else presence.place
                row.owner, row.token = row.heir, _next_token(row, self._server())
                row.until = self._server() + lasts_s
                row.heir, row.accepted, row.bequest = None, False, None
        return frozenset(accepted)

    def fence(self, tokens: Callable[[], Mapping[str, int]]) -> None:
        """See ``SiteOwners``."""
        self._tokens = tokens

    def _hold_fence(self, sites: Iterable[str]) -> None:
        """Raises ``NotOwner`` where another worker has taken one of these sites over."""
        tokens = self._tokens()
        with self._owners_turn:
            lost = {
                site
                for site in sites
                if site in tokens
                and (site not in self._rows or self._rows[site].token != tokens[site])
            }
        if lost:
            raise NotOwner(frozenset(lost))

    @contextmanager
    def _changing(self, worker: str, sites: Collection[str]) -> Iterator[dict[str, _OwnerRow]]:
        with self._owners_turn:
            yield dict(self._mine(worker, sites))

    def _mine(self, worker: str, sites: Collection[str]) -> Iterator[tuple[str, _OwnerRow]]:
        now = self._server()
        for site in sites:
            row = self._rows.get(site)
            if row is not None and row.owner == worker and not row.released and row.until > now:
                yield site, row

    def _is_offered(self, row: _OwnerRow, heir: str) -> bool:
        return row.heir == heir and not row.released and row.until > self._server()


def _is_free(row: _OwnerRow, worker: str, over_since: float) -> bool:
    return row.released or row.owner == worker or row.until <= over_since


def _next_token(row: _OwnerRow | None, now: float) -> int:
    return max(0 if row is None else row.token + 1, round(now * 1e6))


def _waits_s(row: _OwnerRow | None, worker: str) -> float:
    """How long values of an earlier owner may still stand, once ``worker`` has taken the site."""
    if row is None or row.released:
        return 0.0
    return row.waits_s if row.owner == worker else max(row.stands_s, row.waits_s)
