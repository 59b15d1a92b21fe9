"""Which buildings and which days a report is about."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from bms.errors import ConfigError, NotFound
from bms.model.assets.site import Site
from bms.model.reporting.request import ReportRequest
from bms.model.reporting.table import LocalName
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.periods import local_date
from bms.services.site_lookup import site_named

YEARS = range(1990, 2100)
"""Years in which buildings have meters; others are slips of the pen."""
PERIOD = re.compile(r"([0-9]{4})(?:-(0[1-9]|1[0-2]))?")
DAYS = 365
DAY = timedelta(days=1)
TOGETHER = LocalName("Alle bygninger", "All buildings")
"""What all buildings together are called."""

Progress = Callable[[float], None]
"""Is told the share that is done, 0..1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a report is made of: ``first`` is its first local day and ``end`` the day after its
    last one. ``asked`` says whether somebody chose them; ``name`` is None for all buildings."""

    cache: SavingsCache
    sites: tuple[Site, ...]
    name: str | None
    first: date
    end: date
    asked: bool
    progress: Progress

    @property
    def timezone(self) -> str:
        """That of the buildings, which lie in one municipality."""
        return timezone_of(self.sites)

    @property
    def today(self) -> date:
        """The local day now."""
        return local_date(self.cache.ports.clock.now(), self.timezone)

    @property
    def until(self) -> date:
        """The day after the last one of the period that is over."""
        return max(min(self.end, self.today), self.first)


def name_of(site: Site) -> LocalName:
    """The name of a building."""
    return LocalName(site.name_da, site.name_en)


def timezone_of(sites: tuple[Site, ...]) -> str:
    """The time zone of the first building."""
    return sites[0].timezone if sites else "Europe/Copenhagen"


def scope_of(cache: SavingsCache, asked: ReportRequest, progress: Progress) -> Scope:
    """The buildings and days of a request. Without a period, the 365 days until today.

    Raises ``ConfigError`` for a period that is none, ``NotFound`` for an unknown building and a
    group without buildings.
    """
    sites = chosen_sites(cache.ports.sites, asked)
    today = local_date(cache.ports.clock.now(), timezone_of(sites))
    first, end = (today - DAYS * DAY, today) if asked.period is None else days_of(asked.period)
    return Scope(
        cache=cache,
        sites=sites,
        name=asked.site or asked.group,
        first=first,
        end=end,
        asked=asked.period is not None,
        progress=progress,
    )


def days_of(period: str) -> tuple[date, date]:
    """The first day of a month (``2026-10``) or year (``2026``), and the day after its last.

    Raises ``ConfigError``.
    """
    found = PERIOD.fullmatch(period)
    if found is None or int(found[1]) not in YEARS:
        raise ConfigError(
            f"{period!r} is no period; write a month as 2026-10 or a year as 2026, "
            f"from {YEARS.start} to {YEARS.stop - 1}"
        )
    year, month = int(found[1]), found[2]
    if month is None:
        return date(year, 1, 1), date(year + 1, 1, 1)
    first = date(year, int(month), 1)
    return first, (first + timedelta(days=32)).replace(day=1)


def chosen_sites(sites: Mapping[str, Site], asked: ReportRequest) -> tuple[Site, ...]:
    """The building that is asked for, those of a group, or all; of these, those that may be seen.
    A group is what buildings are used for.

    Raises ``NotFound`` for an unknown building and for a group that has none, ``ConfigError`` for
    both at once.
    """
    seen = {name: site for name, site in sites.items() if asked.only is None or name in asked.only}
    if asked.site is not None and asked.group is not None:
        raise ConfigError("ask for a site or for a group, not for both")
    if asked.site is not None:
        return (site_named(seen, asked.site),)
    if asked.group is None:
        return tuple(seen.values())
    found = tuple(each for each in seen.values() if each.use == asked.group)
    if not found:
        known = ", ".join(sorted({each.use for each in seen.values()})) or "none"
        raise NotFound(f"no building belongs to the group {asked.group!r}; there are: {known}")
    return found
