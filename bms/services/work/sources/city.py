"""What concerns the whole city: data of providers that are old, workers that are lost, and our own
connection."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from bms.errors import FeedError
from bms.model.assets.site import Site
from bms.model.control.evidence import CITY
from bms.model.control.ownership import PRESENCE, Ownership
from bms.model.fact import Fact, MessageCode, Moment, Term, TermCode, fact
from bms.model.planning.feed import FeedSeries
from bms.model.work.finding import Severity
from bms.model.work.item import Cause, WorkKind
from bms.ports.feeds import Feed
from bms.services.work.life import Look
from bms.services.work.ports import WorkPorts
from bms.services.work.sources.data import SILENT, DataCode

OLD = timedelta(hours=30)
"""A forecast of weather or prices that is older than a day and a little more is stale."""
LOOKED_AHEAD = timedelta(hours=6)
LOST = timedelta(minutes=10)
FEW, SHARE = 4, 0.5
"""From so many sites on [1], and of so many of them [1], their silence is our own."""
KINDS = frozenset({WorkKind.FEED_STALE, WorkKind.WORKER_LOST, WorkKind.DEVICE_SILENT})


class CityCode(MessageCode):
    """What is wrong with what the city relies on, and what to look for."""

    FEED_STALE = "work_feed_stale"
    FEED_GONE = "work_feed_gone"
    WORKER_LOST = "work_worker_lost"
    LOOK_AT_FEED = "look_at_feed"
    LOOK_AT_WORKER = "look_at_worker"


class ProviderTerm(TermCode):
    """What providers send."""

    WEATHER = "stale_weather"
    PRICES = "stale_prices"


def city_look(now: datetime, ports: WorkPorts) -> Look:
    """Alarms of the city."""
    causes = (*_feeds(now, ports), *_workers(ports.owners.owners(), now), *_silence(now, ports))
    return Look(causes=causes, kinds=KINDS)


def city_is_silent(ports: WorkPorts) -> bool:
    """Whether so many sites are silent at once that it is more likely us."""
    silent = sum(ports.silent.values())
    return len(ports.silent) >= FEW and silent > SHARE * len(ports.silent)


def _silence(now: datetime, ports: WorkPorts) -> Iterator[Cause]:
    if city_is_silent(ports):
        silent = tuple(sorted(site for site, each in ports.silent.items() if each))
        yield Cause(
            kind=WorkKind.DEVICE_SILENT,
            site=CITY,
            subject=CITY,
            what=fact(DataCode.CITY_SILENT, count=len(silent), sites=len(ports.silent)),
            look_for=fact(DataCode.LOOK_AT_OURSELVES),
            since=now,
            severity=Severity.HIGH,
            clears=SILENT / 2,
            follows=silent,
        )


def _feeds(now: datetime, ports: WorkPorts) -> Iterator[Cause]:
    site = next(iter(ports.sites.values()), None)
    if site is None:
        return
    for name, ask in ((ProviderTerm.WEATHER, _weather), (ProviderTerm.PRICES, _prices)):
        try:
            series = ask(site, now, ports.feed)
        except FeedError:
            yield _stale(name, fact(CityCode.FEED_GONE, feed=Term(name)), now - OLD)
            continue
        if now - series.issued_at > OLD:
            since = series.issued_at
            yield _stale(
                name, fact(CityCode.FEED_STALE, feed=Term(name), since=Moment(since)), since
            )
    for note in ports.tariffs.list_notes()[:1]:
        yield _stale("tariffs", note, now - OLD)


def _weather(site: Site, now: datetime, feed: Feed) -> FeedSeries:
    end = now + LOOKED_AHEAD
    return feed.weather(site.latitude, site.longitude, start=now, end=end, now=now).temp_out_c


def _prices(site: Site, now: datetime, feed: Feed) -> FeedSeries:
    return feed.spot(site.price_area, start=now, end=now + LOOKED_AHEAD, now=now)


def _stale(name: str, what: Fact, since: datetime) -> Cause:
    return Cause(
        kind=WorkKind.FEED_STALE,
        site=CITY,
        subject=name,
        what=what,
        look_for=fact(CityCode.LOOK_AT_FEED),
        since=since,
        severity=Severity.MEDIUM,
        delay=timedelta(hours=1),
        clears=timedelta(hours=1),
    )


def _workers(rows: Sequence[Ownership], now: datetime) -> Iterator[Cause]:
    """Workers whose sites nobody owns any more, with these sites."""
    lost: dict[str, list[Ownership]] = defaultdict(list)
    for row in rows:
        if not row.released and not row.runs and not row.site.startswith(PRESENCE):
            lost[row.place].append(row)
    for place, gone in lost.items():
        since = now + timedelta(seconds=max(row.left_s for row in gone))
        yield Cause(
            kind=WorkKind.WORKER_LOST,
            site=CITY,
            subject=place,
            what=fact(CityCode.WORKER_LOST, place=place, count=len(gone), since=Moment(since)),
            look_for=fact(CityCode.LOOK_AT_WORKER),
            since=since,
            severity=Severity.HIGH,
            delay=LOST,
            clears=timedelta(minutes=5),
            follows=tuple(sorted(row.site for row in gone)),
        )
