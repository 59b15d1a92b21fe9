"""What an answer rests on, as digests: two that are equal need no answer to be made anew."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np

from bms.errors import FeedError
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Site
from bms.model.epoch import to_micros
from bms.model.readings.rollup import Level, Rollups
from bms.model.readings.series import Series
from bms.model.savings.avoided_use import Span
from bms.model.savings.kept_answer import AnswerVersion
from bms.ports.feeds import Feed, Tariffs
from bms.ports.storage.ledgers import LedgerStore
from bms.ports.storage.rollups import RollupStore

FIRST, LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2199, 1, 1, tzinfo=UTC)
"""Years that roll-ups know."""
AROUND = timedelta(days=3)
"""Readings before a period that have a part in it (bms.services.consumption)."""
EDGE = timedelta(hours=3)
"""Readings after a period that have a part in its last hour: later ones of the same day change no
answer, so that a new hour everywhere makes none anew."""
LATE_WEATHER = timedelta(days=7)
"""Weather of so long before the end of a period may come late."""
LOOK = timedelta(days=3 * 366)
"""The days of so long are read once for all answers about a site."""
DAY = timedelta(days=1)
MOST_KEPT = 4096
WEATHER = "weather"
_BMS = Path(__file__).parents[2]
_CODE = ("savings", "metering", "services/assessment", "services/accounts", "services/*.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionPorts:
    """What versions are read from."""

    rollups: RollupStore
    ledgers: LedgerStore
    feed: Feed
    tariffs: Tariffs


@dataclass(frozen=True, slots=True, eq=False)
class _DaysRead:
    """Days of a site's meters from ``first`` to ``end``, and the hours after it."""

    first: datetime
    end: datetime
    days: Rollups
    edge: Rollups


class Versions:
    """Versions of what answers about sites rest on. Thread-safe."""

    def __init__(self, ports: VersionPorts) -> None:
        self._ports = ports
        self._shared: dict[tuple[object, ...], str] = {}
        self._sites: dict[str, tuple[Site, str]] = {}
        self._looks: dict[str, _DaysRead | None] = {}
        self._lock = threading.Lock()

    def of(self, site: Site, span: Span, calendar: str, *, ledger: bool = True) -> AnswerVersion:
        """The version of an answer about ``site`` over ``span``; ``calendar`` names the periods.
        ``ledger``: whether it rests on what people entered."""
        data = self.data(site, span)
        data[WEATHER] = self._weather(site, span)
        return AnswerVersion(
            data=data,
            calendar=calendar,
            ledger=self.ledger(site) if ledger else "",
            terms=self._terms(site, span),
            site=self.site(site),
            code=code_version(),
        )

    def data(self, site: Site, span: Span) -> dict[str, str]:
        """A digest by point of a site's meters, of their days in ``span`` and their hours at its
        end. It costs a row per meter and year."""
        points = [p.id for p in metered_points(site)]
        first, end = max(span.start - AROUND, FIRST), min(span.end, LAST)
        if not first < end or not points:
            return {}
        days, edge = self._buckets(site.id, points, first, end)
        begin = int(np.searchsorted(days.edges, to_micros(first), side="right")) - 1
        return {name: _digest(((days, begin), (edge, 0)), at) for at, name in enumerate(points)}

    def _buckets(
        self, site: str, points: list[str], first: datetime, end: datetime
    ) -> tuple[Rollups, Rollups]:
        """The days from ``first``, or from earlier on, until ``end``, and the hours after it."""
        known = self._looks.get(site)
        if known is not None and known.end == end and known.first <= first:
            return known.days, known.edge
        looking = site in self._looks
        begin = max(min(first, end - LOOK), FIRST) if looking else first
        rollups = self._ports.rollups
        days = rollups.rollups(points, begin, end, Level.DAY)
        edge = rollups.rollups(points, end, min(end + EDGE, LAST), Level.HOUR)
        if looking:
            self._looks[site] = _DaysRead(begin, end, days, edge)
        return days, edge

    @contextmanager
    def looking(self, site: str) -> Iterator[None]:
        """The days of a site's meters are read once for several versions inside of the block."""
        self._looks[site] = None
        try:
            yield
        finally:
            del self._looks[site]

    def ledger(self, site: Site) -> str:
        """Of the events, measures and baselines of a site, and of the beginning of control."""
        ledgers = self._ports.ledgers
        return f"{ledgers.ledger_entries(site.id)} {ledgers.control_start(site.id)}"

    def site(self, site: Site) -> str:
        """A digest of what the site file says of consumption: not of zones, devices and the points
        that are no meters."""
        known = self._sites.get(site.id)
        if known is not None and known[0] is site:
            return known[1]
        part = replace(
            site, devices=(), zones=(), ventilation=(), points=tuple(metered_points(site))
        )
        found = _hash(_canonical(part))
        self._sites[site.id] = site, found
        return found

    def _terms(self, site: Site, span: Span) -> str:
        """A digest of the tariffs and the emission factor of heat on the days of ``span``."""
        heat, power = site.heat_tariff, site.electricity_tariff
        n = max((span.end - span.start) // DAY, 1)

        def digest() -> str:
            tariffs = self._ports.tariffs
            rows = (
                tariffs.heat(heat, span.start, DAY, n),
                tariffs.heat_emissions(heat, span.start, DAY, n),
                tariffs.electricity(power, Series(span.start, DAY, np.zeros(n))),
            )
            rule = tariffs.cooling_rule(heat, span.end.date())
            return _hash(repr(rule), *(row.values.tobytes() for row in rows))

        return self._once(("terms", heat, power, span.start, span.end), digest)

    def _weather(self, site: Site, span: Span) -> str:
        """A digest of the last days' temperatures: they may come late, or not yet."""
        place = (site.latitude, site.longitude)
        start = max(span.end - LATE_WEATHER, span.start)

        def digest() -> str:
            try:
                found = self._ports.feed.weather(*place, start=start, end=span.end, now=span.end)
            except FeedError:
                return ""
            return _hash(found.temp_out_c.series.values.tobytes())

        found = self._once((WEATHER, *place, start, span.end), digest)
        if not found:  # it may be there at the next look
            with self._lock:
                self._shared.pop((WEATHER, *place, start, span.end), None)
        return found

    def _once(self, key: tuple[object, ...], digest: Callable[[], str]) -> str:
        with self._lock:
            known = self._shared.get(key)
        if known is not None:
            return known
        found = digest()
        with self._lock:
            if len(self._shared) >= MOST_KEPT:
                self._shared.clear()
            self._shared[key] = found
        return found


def metered_points(site: Site) -> list[Point]:
    """The points that a site's consumption is counted from."""
    return [p for p in site.points if p.meter is not None and p.role is not Role.METER_POWER]


def _digest(found: Iterable[tuple[Rollups, int]], row: int) -> str:
    """Of a point's buckets from the one of that number on. Any reading that came, went or changed
    changes the count or the mean of its day."""
    whole = hashlib.blake2b(digest_size=12)
    for each, begin in found:
        for part in (each.n, each.mean, each.minimum, each.maximum, each.first, each.last):
            whole.update(np.ascontiguousarray(part[row, begin:]).tobytes())
    return whole.hexdigest()


def _hash(*parts: str | bytes) -> str:
    whole = hashlib.blake2b(digest_size=12)
    for part in parts:
        whole.update(part.encode() if isinstance(part, str) else part)
    return whole.hexdigest()


def _canonical(value: object) -> str:
    """A text that is alike for nouns that are alike, in every process: sets have an order."""
    if is_dataclass(value) and not isinstance(value, type):
        parts = (_canonical(getattr(value, field.name)) for field in fields(value))
        return f"{type(value).__name__}({','.join(parts)})"
    if isinstance(value, (set, frozenset)):
        return f"{{{','.join(sorted(map(_canonical, value)))}}}"
    if isinstance(value, (tuple, list)):
        return f"({','.join(map(_canonical, value))})"
    return repr(value)


@cache
def code_version() -> str:
    """A digest of the code that answers are computed with."""
    files = [
        file
        for place in _CODE
        for file in (_BMS.glob(place) if "*" in place else (_BMS / place).rglob("*.py"))
    ]
    return _hash(*(file.read_bytes() for file in sorted(set(files))))
