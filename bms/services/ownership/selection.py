"""Which sites a worker wants, and its fair share of them among the workers that live. Pure."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from bms.errors import ConfigError
from bms.model.control.ownership import PRESENCE, Ownership

SHARD = re.compile(r"(\d{1,4})/(\d{1,4})")


@dataclass(frozen=True, slots=True)
class Selection:
    """The sites that a worker wants: those of ``sites``, or (``shards`` above 1) those of one shard
    of many, counted from 1; or all."""

    sites: frozenset[str] = frozenset()
    shard: int = 1
    shards: int = 1

    @classmethod
    def of_shard(cls, text: str) -> Selection:
        """The second of five shards for ``2/5``. Raises ``ConfigError``."""
        match = SHARD.fullmatch(text.strip())
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise ConfigError(f"{text!r} is no shard; write 2/5 for the second of five")
        return cls(shard=int(match[1]), shards=int(match[2]))

    @classmethod
    def parse(cls, text: str) -> Selection:
        """The selection that ``str`` wrote; all where it cannot be read (another version)."""
        kind, _, rest = text.partition(":")
        if kind == "sites":
            return cls(sites=frozenset(rest.split(",")))
        return cls.of_shard(rest) if kind == "shard" and SHARD.fullmatch(rest) else cls()

    def __str__(self) -> str:
        if self.sites:
            return f"sites:{','.join(sorted(self.sites))}"
        return f"shard:{self.shard}/{self.shards}" if self.shards > 1 else "all"

    def covers(self, site: str) -> bool:
        """Whether it wants the site. The shard of a site is the CRC-32 of its id."""
        if self.sites:
            return site in self.sites
        return zlib.crc32(site.encode()) % self.shards == self.shard - 1


def few(sites: Collection[str]) -> str:
    """Some of the names, and how many there are, for a line of the log."""
    names = sorted(sites)
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def living(rows: Iterable[Ownership]) -> dict[str, Selection]:
    """The workers that live, and what they want."""
    return {
        row.owner: Selection.parse(row.selection)
        for row in rows
        if row.site.startswith(PRESENCE) and row.runs and not row.released
    }


def fair_share(worker: str, workers: Mapping[str, Selection], sites: Collection[str]) -> int:
    """How many of the sites a worker should have [1]: each is shared by those that want it."""
    wanted = [site for site in sites if workers[worker].covers(site)]
    parts = (1 / sum(each.covers(site) for each in workers.values()) for site in wanted)
    return math.ceil(sum(parts) - 1e-9)


def owned_by(worker: str, rows: Iterable[Ownership], sites: Collection[str]) -> list[str]:
    """The sites that a worker owns, those that are being handed to it counted, and those that it
    hands over not."""
    return [
        row.site
        for row in rows
        if row.site in sites and row.runs and not row.released and (row.heir or row.owner) == worker
    ]


def _given_by(worker: str, rows: Collection[Ownership], sites: Collection[str]) -> list[str]:
    """What a worker may hand over: not where values of an earlier owner may still stand, which the
    heir could not tell from somebody's word."""
    waiting = {row.site for row in rows if row.waits}
    return [site for site in owned_by(worker, rows, sites) if site not in waiting]


def known_sites(rows: Iterable[Ownership], sites: Iterable[str]) -> frozenset[str]:
    """The sites of the table, and these."""
    return frozenset(sites) | {row.site for row in rows if not row.site.startswith("@")}


def excess_of(
    worker: str, rows: Collection[Ownership], sites: Collection[str]
) -> dict[str, list[str]]:
    """What a worker should hand over: heirs with sites, to those that lack of their share and have
    two fewer at least; each as far as both then have as many."""
    workers = living(rows)
    mine = _given_by(worker, rows, sites) if worker in workers else []
    given: dict[str, list[str]] = {}
    for heir, wants in sorted(workers.items()):
        theirs = len(owned_by(heir, rows, sites))
        most = min(fair_share(heir, workers, sites) - theirs, (len(mine) - theirs) // 2)
        chosen = [site for site in mine if wants.covers(site)][: max(0, most)]
        if heir != worker and chosen:
            given[heir] = chosen
            mine = [site for site in mine if site not in chosen]
    return given


def heirs_of(
    worker: str, rows: Collection[Ownership], sites: Collection[str]
) -> dict[str, list[str]]:
    """To whom a worker that ends hands its sites: each to the one that has the fewest of those
    that want it; what nobody wants is missing."""
    workers = {id_: wants for id_, wants in living(rows).items() if id_ != worker}
    load = {id_: len(owned_by(id_, rows, sites)) for id_ in workers}
    given: dict[str, list[str]] = {}
    for site in _given_by(worker, rows, sites):
        able = [id_ for id_, wants in workers.items() if wants.covers(site)]
        if able:
            heir = min(able, key=lambda id_: (load[id_], id_))
            load[heir] += 1
            given.setdefault(heir, []).append(site)
    return given
