"""What an answer about a site's meters was computed from, as a short name that changes with it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from bms.model.assets.site import Role, Site
from bms.model.readings.rollup import Level, Rollups
from bms.ports.store import Store

HOUR_S = 3600
FIRST, LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2199, 1, 1, tzinfo=UTC)
"""Years that roll-ups know."""
AROUND = timedelta(days=3)
"""Readings before a period that have a part in it (bms.services.consumption)."""

Version = tuple[int, str, int]


def data_version(site: Site, store: Store, start: datetime, end: datetime) -> Version:
    """The hour of the newest reading of the site's meters, a digest of their days from ``start`` to
    ``end``, and how many entries the ledger has.

    So an answer that is kept by it is computed anew when a meter has brought a reading of a later
    hour, when a reading of the period came late or was corrected, and when somebody has entered
    an event. It costs a row per meter and year.
    """
    points = [p.id for p in site.points if p.meter is not None and p.role is not Role.METER_POWER]
    latest = store.latest(points).values()
    newest = max((r.time for r in latest), default=datetime.min.replace(tzinfo=UTC))
    first, last = max(start - AROUND, FIRST), min(end, LAST)
    digest = _digest(store.rollups(points, first, last, Level.DAY)) if first < last else ""
    return int(newest.timestamp() // HOUR_S), digest, len(store.events(site.id))


def _digest(days: Rollups) -> str:
    """Any reading that came, went or changed changes the count or the mean of its day."""
    whole = hashlib.blake2b(digest_size=16)
    for part in (days.n, days.mean, days.minimum, days.maximum, days.first, days.last):
        whole.update(part.tobytes())
    return whole.hexdigest()
