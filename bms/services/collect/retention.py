"""How long readings are kept, by their class, and the rounds that let the others go."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType

from bms.model.assets.point import Point, Privacy
from bms.model.assets.site import Site
from bms.model.control.retention import Erased, Erasure, KeptClass
from bms.ports.storage.retention import RetentionStore
from bms.ports.storage.rollups import RollupStore
from bms.services.off_loop import off_loop
from bms.services.periods import local_date

log = logging.getLogger(__name__)

#: Days that readings are kept where the site file says nothing; None is for good.
#:
#: Personal ones (occupancy, CO2) for a season: long enough to see that the ventilation follows the
#: use of a room, too short to follow a person through a year. Internal ones for five years, as long
#: as bills are kept and a saving is followed up; their hours and days stay.
KEPT_DAYS: Mapping[Privacy, int | None] = MappingProxyType(
    {Privacy.PERSONAL: 90, Privacy.INTERNAL: 5 * 366, Privacy.OPEN: None}
)
UNCLAIMED = KeptClass(Privacy.PERSONAL, KEPT_DAYS[Privacy.PERSONAL])
ACTOR = "retention"
#: How often the files are scrubbed.
SCRUB_EVERY = timedelta(days=7)
_EPOCH = date(1970, 1, 1)


async def keep_rollups(site: Site, *, now: datetime, rollups: RollupStore) -> None:
    """Keep the roll-ups of the days that ended; before readings of them are deleted."""
    await off_loop(rollups.refresh_rollups, [point.id for point in site.points], now)


async def forget_old(site: Site, *, now: datetime, retention: RetentionStore) -> tuple[Erased, ...]:
    """Delete what is older than it may be; what was deleted, a line for each class and age."""
    return await off_loop(_forget, site, now, retention)


async def forget_unnamed(
    sites: Mapping[str, Site], *, now: datetime, timezone: str, retention: RetentionStore
) -> None:
    """Delete what is too old of points that no site file names any more, by the class that they
    had; ``timezone``: whose days are meant."""
    await off_loop(_forget_unnamed, sites, now, timezone, retention)


def _forget_unnamed(
    sites: Mapping[str, Site], now: datetime, timezone: str, retention: RetentionStore
) -> None:
    named = {point.id for site in sites.values() for point in site.points}
    unnamed = {p: kept for p, kept in retention.kept_classes().items() if p not in named}
    known = {point: kept for point, kept in unnamed.items() if kept is not None}
    _erase(unnamed_erasures(known, now, timezone), retention)
    # A worker with other site files may know them. What nobody has claimed until the next round
    # is taken for personal.
    retention.keep_classes({point: UNCLAIMED for point in unnamed if point not in known})


def unnamed_erasures(
    classes: Mapping[str, KeptClass], now: datetime, timezone: str
) -> list[Erasure]:
    """What is to be deleted of points by the class that is known of them."""
    groups: dict[tuple[str, KeptClass], list[str]] = defaultdict(list)
    for point, kept in sorted(classes.items()):
        groups[point.partition("/")[0], kept].append(point)
    today = local_date(now, timezone)
    return [
        _erasure(site, kept.privacy, kept.days, tuple(points), today, now)
        for (site, kept), points in groups.items()
        if kept.days is not None and today - timedelta(days=kept.days) > _EPOCH
    ]


def _forget(site: Site, now: datetime, retention: RetentionStore) -> tuple[Erased, ...]:
    retention.keep_classes(
        {point.id: KeptClass(point.privacy, kept_days(point)) for point in site.points}
    )
    return _erase(erasures(site, now), retention)


def _erase(wanted: Iterable[Erasure], retention: RetentionStore) -> tuple[Erased, ...]:
    erased = [retention.forget(erasure) for erasure in wanted]
    for gone in erased:
        if not gone.nothing:
            log.info(
                "%s: %d %s readings from before %s are deleted",
                gone.site,
                gone.readings,
                gone.privacy.value,
                gone.until.isoformat(),
            )
    return tuple(gone for gone in erased if not gone.nothing)


def kept_days(point: Point) -> int | None:
    """How many days the readings of a point are kept; None is for good."""
    return KEPT_DAYS[point.privacy] if point.retention_days is None else point.retention_days


def erasures(site: Site, now: datetime) -> list[Erasure]:
    """What is to be deleted of a site at ``now``: whole local days, once all of a day is too old.

    Points that are kept equally long go together. Roll-ups of personal points go with them.
    """
    today = local_date(now, site.timezone)
    groups: dict[tuple[Privacy, int], list[str]] = defaultdict(list)
    for point in site.points:
        days = kept_days(point)
        if days is not None and today - timedelta(days=days) > _EPOCH:
            groups[point.privacy, days].append(point.id)
    return [
        _erasure(site.id, privacy, days, tuple(points), today, now)
        for (privacy, days), points in sorted(groups.items())
    ]


def _erasure(
    site: str, privacy: Privacy, days: int, points: tuple[str, ...], today: date, now: datetime
) -> Erasure:
    return Erasure(
        site=site,
        privacy=privacy,
        points=points,
        before=today - timedelta(days=days),
        with_rollups=privacy is Privacy.PERSONAL,
        actor=ACTOR,
        at=now,
        reason=f"{privacy.value} readings are kept for {days} days",
    )
