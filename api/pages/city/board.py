"""What the overview stands on, made beside the requests: how buildings stand and what they saved.

Nothing of it is in words, so that one serves every language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from api.pages.city.kept import Kept, while_running
from api.ports import ApiPorts
from bms.model.assets.site import Site
from bms.model.savings.avoided_use import SiteSavings
from bms.services.assessment.savings_cache import SavingsCache, SiteAssessment
from bms.services.overview.attention import Attention, AttentionSource, attention_now
from bms.services.overview.buildings import BuildingNow, buildings_now
from bms.services.overview.work_list import with_work


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingBoard:
    """Every building at ``at``, and what needs a person, worst first."""

    at: datetime
    buildings: tuple[BuildingNow, ...]
    matters: tuple[Attention, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingsBoard:
    """What every building saved, by its id, and all of them together."""

    sites: dict[str, SiteAssessment]
    total: SiteSavings


class CityBoard:
    """The newest of both. ``source`` makes the list of matters."""

    def __init__(
        self, ports: ApiPorts, cache: SavingsCache, source: AttentionSource = attention_now
    ) -> None:
        self._ports = ports
        self._cache = cache
        self._source = source
        seconds = ports.clock.monotonic
        self._standing = Kept(self._make_standing, seconds)
        self._savings = Kept(self._make_savings, seconds)

    def prepare(self) -> None:
        """Have both made side by side where they never were."""
        self._standing.prepare()
        self._savings.prepare()

    def standing(self) -> StandingBoard | None:
        """Returns how buildings stand; None while that is found out for the first time."""
        return self._standing.get()

    def savings(self) -> SavingsBoard | None:
        """Returns what buildings saved; None while that is computed for the first time."""
        return self._savings.get()

    def changed(self) -> None:
        """Say that somebody has changed how a building stands."""
        self._standing.changed()

    def _make_standing(self) -> StandingBoard:
        ports, now = self._ports, self._ports.clock.now()
        buildings = []
        for building in buildings_now(ports.sites.values(), ports.control, now):
            while_running()
            buildings.append(building)
        found = self._source(buildings, ports.control.drivers.health(), now)
        matters = with_work(found, ports.work.items(list(ports.sites)), now)
        return StandingBoard(at=now, buildings=tuple(buildings), matters=tuple(matters))

    def _make_savings(self) -> SavingsBoard:
        rows: list[SiteAssessment] = []
        for name, site in self._ports.sites.items():
            while_running()
            rows += self._cache.limited_to({name: site}).sites()
        return SavingsBoard(
            sites={row.savings.id: row for row in rows}, total=self._cache.portfolio(rows)
        )


class LimitedBoard(CityBoard):
    """The boards of a city, of some of its sites only."""

    def __init__(self, board: CityBoard, sites: Mapping[str, Site], cache: SavingsCache) -> None:
        self._board = board
        self._sites = sites
        self._cache = cache

    def prepare(self) -> None:
        """See ``CityBoard``."""
        self._board.prepare()

    def standing(self) -> StandingBoard | None:
        """See ``CityBoard``."""
        whole = self._board.standing()
        if whole is None:
            return None
        return replace(
            whole,
            buildings=tuple(one for one in whole.buildings if one.site.id in self._sites),
            matters=tuple(one for one in whole.matters if one.site in self._sites),
        )

    def savings(self) -> SavingsBoard | None:
        """See ``CityBoard``."""
        whole = self._board.savings()
        if whole is None:
            return None
        rows = {name: row for name, row in whole.sites.items() if name in self._sites}
        return SavingsBoard(sites=rows, total=self._cache.portfolio(list(rows.values())))
