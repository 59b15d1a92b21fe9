"""Who owns which site, in SQL: each step is one conditional statement on the database's clock."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from bms.errors import NotOwner
from bms.model.control.ownership import (
    PRESENCE,
    Ownership,
    OwningWorker,
    SiteClaim,
    older_overlaps,
)
from bms.store.database.connection import Linked, Transactions

#: Microseconds since 1970 by the clock of the database.
_NOW = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400e6 AS INTEGER)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)",
}
#: The sites of a JSON array, as rows of ``each``.
_EACH = {
    "sqlite": "json_each(:sites) AS each",
    "postgresql": "json_array_elements_text(CAST(:sites AS json)) AS each(value)",
}
#: The members of a JSON object, as rows of ``each``.
_PAIRS = {
    "sqlite": "json_each(:pairs) AS each",
    "postgresql": "json_each_text(CAST(:pairs AS json)) AS each(key, value)",
}
_MOST = {"sqlite": "max", "postgresql": "greatest"}
_SHARED = {"sqlite": "", "postgresql": " FOR SHARE"}

#: Tokens rise, also where an earlier state of the database came back: they are moments.
_CLAIM = """
INSERT INTO site_owner (site, owner, place, selection, places, token, until, released, stands_s,
 waits_s, accepted)
SELECT each.key, :worker, :place, :selection, each.value, {now}, {now} + :lasts, false, :stands,
 0.0, false
FROM {pairs} WHERE true ORDER BY each.key
ON CONFLICT (site) DO UPDATE SET owner = excluded.owner, place = excluded.place,
 selection = excluded.selection, places = excluded.places,
 token = {most}(site_owner.token + 1, excluded.token),
 until = excluded.until, released = false, stands_s = excluded.stands_s,
 waits_s = CASE WHEN site_owner.released THEN 0.0
  WHEN site_owner.owner = excluded.owner THEN site_owner.waits_s
  ELSE {most}(site_owner.stands_s, site_owner.waits_s) END,
 heir = NULL, accepted = false, bequest = NULL
WHERE site_owner.released OR site_owner.owner = excluded.owner OR site_owner.until + :grace <= {now}
RETURNING site, token, waits_s
"""
_BEAT = """
UPDATE site_owner SET until = {now} + :lasts
WHERE owner = :worker AND until > {now} AND NOT released RETURNING site, token
"""
#: Rows of the worker that run, of the sites that are asked for.
_MINE = "owner = :worker AND NOT released AND until > {now} AND site IN (SELECT value FROM {each})"
_RESERVE = """
UPDATE site_owner SET stands_s = {most}(stands_s, :stands) WHERE {mine} RETURNING site
"""
_SETTLE = "UPDATE site_owner SET waits_s = 0.0 WHERE {mine} RETURNING site"
_GIVE_UP = """
UPDATE site_owner SET released = true, heir = NULL, accepted = false, bequest = NULL
WHERE owner = :worker AND site IN (SELECT value FROM {each}) RETURNING site
"""
_OFFER = """
UPDATE site_owner SET heir = :heir, accepted = false, bequest = :bequest WHERE {mine}
RETURNING site
"""
_ACCEPT = """
UPDATE site_owner SET accepted = true
WHERE heir = :worker AND NOT released AND until > {now} AND bequest = :bequest
 AND site IN (SELECT value FROM {each})
RETURNING site
"""
_WITHDRAW = """
UPDATE site_owner SET heir = NULL, bequest = NULL WHERE {mine} AND NOT accepted RETURNING site
"""
_HAND_OVER = """
UPDATE site_owner SET owner = heir, token = {most}(token + 1, {now}), until = {now} + :lasts,
 place = coalesce((SELECT w.place FROM site_owner AS w
  WHERE w.site = :presence || site_owner.heir), place),
 heir = NULL, accepted = false, bequest = NULL
WHERE {mine} AND accepted RETURNING site
"""
_OWNERS = """
SELECT site, owner, place, token, (until - {now}) / 1000000.0 AS left_s, stands_s, selection,
 waits_s > 0 AS waits, released, heir, accepted FROM site_owner ORDER BY site
"""
_PLACES = """
SELECT site, owner, token, places FROM site_owner
WHERE NOT released AND places <> '' AND until + stands_s * 1000000 > {now}
"""
_OFFERS = """
SELECT site, bequest FROM site_owner
WHERE heir = :worker AND NOT accepted AND NOT released AND until > {now}
"""
_TOKENS = (
    "SELECT site, token FROM site_owner WHERE site IN (SELECT value FROM {each}) ORDER BY site"
)


class SqlOwners(Linked):
    """Implements ``SiteOwners``."""

    def __init__(self, link: Transactions) -> None:
        super().__init__(link)
        self._tokens: Callable[[], Mapping[str, int]] | None = None

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
        if not sites:
            return {}
        known = places or {}
        rows = self._change(
            _CLAIM,
            pairs=json.dumps({site: " ".join(sorted(known.get(site, ()))) for site in sites}),
            worker=worker.id,
            place=worker.place,
            selection=worker.selection,
            lasts=_micros(lasts_s),
            stands=stands_s,
            grace=_micros(grace_s),
        )
        return {
            site: SiteClaim(site=site, token=token, waits_s=waits_s)
            for site, token, waits_s in rows
        }

    def overlaps(self, worker: str) -> dict[str, str]:
        """See ``SiteOwners``."""
        with self._link.reading() as session:
            rows = _run(session, _PLACES)
        return older_overlaps(worker, [(s, owner, token, p.split()) for s, owner, token, p in rows])

    def beat(self, worker: OwningWorker, lasts_s: float) -> dict[str, int]:
        """See ``SiteOwners``."""
        lasts = _micros(lasts_s)
        return dict(self._change(_BEAT, worker=worker.id, lasts=lasts))

    def reserve(self, worker: str, sites: Collection[str], stands_s: float) -> frozenset[str]:
        """See ``SiteOwners``."""
        return _sites(self._change(_RESERVE, sites, worker=worker, stands=stands_s))

    def settle(self, worker: str, sites: Collection[str]) -> None:
        """See ``SiteOwners``."""
        self._change(_SETTLE, sites, worker=worker)

    def owners(self) -> list[Ownership]:
        """See ``SiteOwners``."""
        with self._link.reading() as session:
            rows = session.connection().execute(_statement(session, _OWNERS)).all()
        return [
            Ownership(
                site=row.site,
                owner=row.owner,
                place=row.place,
                token=row.token,
                left_s=float(row.left_s),
                stands_s=row.stands_s,
                selection=row.selection,
                waits=bool(row.waits),
                released=bool(row.released),
                heir=row.heir,
                accepted=bool(row.accepted),
            )
            for row in rows
        ]

    def give_up(self, worker: str, sites: Collection[str]) -> None:
        """See ``SiteOwners``."""
        self._change(_GIVE_UP, sites, worker=worker)

    def offer(self, worker: str, heir: str, bequests: Mapping[str, str]) -> frozenset[str]:
        """See ``SiteOwners``."""
        with self._link.writing(durable=True) as session:
            rows = [
                row
                for site, bequest in bequests.items()
                for row in _run(session, _OFFER, [site], worker=worker, heir=heir, bequest=bequest)
            ]
        return _sites(rows)

    def offers(self, heir: str) -> dict[str, str]:
        """See ``SiteOwners``."""
        with self._link.reading() as session:
            return dict(_run(session, _OFFERS, worker=heir))

    def accept(self, heir: str, bequests: Mapping[str, str]) -> frozenset[str]:
        """See ``SiteOwners``."""
        with self._link.writing(durable=True) as session:
            rows = [
                row
                for site, bequest in bequests.items()
                for row in _run(session, _ACCEPT, [site], worker=heir, bequest=bequest)
            ]
        return _sites(rows)

    def withdraw(self, worker: str, sites: Collection[str]) -> frozenset[str]:
        """See ``SiteOwners``."""
        return _sites(self._change(_WITHDRAW, sites, worker=worker))

    def hand_over(self, worker: str, sites: Collection[str], lasts_s: float) -> frozenset[str]:
        """See ``SiteOwners``."""
        lasts = _micros(lasts_s)
        changed = self._change(_HAND_OVER, sites, worker=worker, lasts=lasts, presence=PRESENCE)
        return _sites(changed)

    def fence(self, tokens: Callable[[], Mapping[str, int]]) -> None:
        """See ``SiteOwners``."""
        self._tokens = tokens

    def _hold_fence(self, session: Session, sites: Iterable[str]) -> None:
        """Nobody takes these sites over before the transaction ends. Raises ``NotOwner`` where
        somebody has."""
        tokens = {} if self._tokens is None else self._tokens()
        asked = {site: tokens[site] for site in sites if site in tokens}
        if not asked:
            return
        statement = _TOKENS + _SHARED[session.get_bind().dialect.name]
        found = dict(_run(session, statement, asked))
        lost = frozenset(site for site, token in asked.items() if found.get(site) != token)
        if lost:
            raise NotOwner(lost)

    def _change(
        self, statement: str, sites: Collection[str] | None = None, **values: Any
    ) -> list[Any]:
        if sites is not None and not sites:
            return []
        with self._link.writing(durable=True) as session:
            return _run(session, statement, sites, **values)


def _run(
    session: Session, statement: str, sites: Collection[str] | None = None, **values: Any
) -> list[Any]:
    if sites is not None:
        values["sites"] = json.dumps(sorted(sites))
    return list(session.connection().execute(_statement(session, statement), values).all())


def _statement(session: Session, template: str) -> Any:
    name = session.get_bind().dialect.name
    parts = {"now": _NOW[name], "each": _EACH[name], "most": _MOST[name], "pairs": _PAIRS[name]}
    return text(template.format(mine=_MINE.format(**parts), **parts))


def _sites(rows: Iterable[Any]) -> frozenset[str]:
    return frozenset(row[0] for row in rows)


def _micros(seconds: float) -> int:
    return round(seconds * 1e6)
