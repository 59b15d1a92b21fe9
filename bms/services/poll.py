"""Ask every device for its points and keep the readings."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from bms.model.reading import Ingested, Quality, Reading
from bms.model.site import Point, Site
from bms.ports import Drivers, Store


async def read_points(
    site: Site, points: Sequence[Point], drivers: Drivers, at: datetime
) -> list[Reading]:
    """One reading per point, stamped ``at``; the devices of the site are asked side by side."""
    by_device: dict[str, list[Point]] = defaultdict(list)
    for point in points:
        by_device[point.device].append(point)
    batches = await asyncio.gather(
        *(
            _read_device(site, device, theirs, drivers, at)
            for device, theirs in by_device.items()
        )
    )
    return [reading for batch in batches for reading in batch]


async def _read_device(
    site: Site, device: str, points: list[Point], drivers: Drivers, at: datetime
) -> list[Reading]:
    """A driver never raises for what a device does; if it has a bug, its neighbours live on."""
    try:
        readings = await drivers.driver(site.device(device)).read(points, at)
        return [_plausible(point, r) for point, r in zip(points, readings, strict=True)]
    except Exception as error:
        detail = f"driver failed: {error!r}"
        return [Reading(p.id, at, None, Quality.DEVICE_ERROR, at, detail) for p in points]


def _plausible(point: Point, reading: Reading) -> Reading:
    """A value outside the range that the point declares is kept out, and says so."""
    value = reading.value
    if value is None:
        return reading
    too_low = point.low is not None and value < point.low
    too_high = point.high is not None and value > point.high
    if not (too_low or too_high):
        return reading
    detail = f"{value} {point.unit} lies outside {point.low}..{point.high}"
    return Reading(
        reading.point, reading.time, None, Quality.OUT_OF_RANGE, reading.received, detail
    )


async def poll_site(site: Site, *, now: datetime, drivers: Drivers, store: Store) -> Ingested:
    """Read every point of a site and store what came, missing values with their reason."""
    readings = await read_points(site, site.points, drivers, now)
    return await asyncio.to_thread(store.add_readings, readings)
