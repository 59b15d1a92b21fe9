"""Ask every device for its points and keep the readings."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.readings.measurement import Ingested, Quality, Reading
from bms.ports.drivers import Drivers, QueuedDriver
from bms.ports.storage.readings import ReadingStore
from bms.services.collect.plausibility import plausible
from bms.services.off_loop import off_loop

PATIENCE = 20.0
"""Time-outs of a device [1] after which a driver that does not come back is given up."""


async def read_points(
    site: Site, points: Sequence[Point], drivers: Drivers, at: datetime
) -> list[Reading]:
    """One reading per point, stamped ``at``; the devices of the site are asked side by side.

    What a supplier delivers has no device that could be asked, and says so.
    """
    by_device: dict[str, list[Point]] = defaultdict(list)
    for point in points:
        by_device[point.device].append(point)
    delivered = [
        Reading(point.id, at, None, Quality.ABSENT, at, "comes from its supplier; no device to ask")
        for point in by_device.pop("", ())
    ]
    batches = await asyncio.gather(
        *(
            _read_device(site.device(device), theirs, drivers, at)
            for device, theirs in by_device.items()
        )
    )
    return [reading for batch in (*batches, delivered) for reading in batch]


async def _read_device(
    device: Device, points: list[Point], drivers: Drivers, at: datetime
) -> list[Reading]:
    """A driver never raises for what a device does; if it has a bug, its neighbours live on."""

    def nothing(quality: Quality, detail: str) -> list[Reading]:
        return [Reading(point.id, at, None, quality, at, detail) for point in points]

    patience = PATIENCE * device.timeout_s
    try:
        driver = drivers.driver(device)
        if isinstance(driver, QueuedDriver):
            patience = max(patience, driver.patience_s)
        async with asyncio.timeout(patience):
            readings = await driver.read(points, at)
        return [plausible(point, r) for point, r in zip(points, readings, strict=True)]
    except TimeoutError:
        return nothing(Quality.NO_REPLY, f"{device.id} did not come back within {patience:g} s")
    except Exception as error:
        return nothing(Quality.DEVICE_ERROR, f"driver failed: {error!r}")


async def poll_site(
    site: Site, *, now: datetime, drivers: Drivers, readings: ReadingStore
) -> Ingested:
    """Read the points of a site's devices and store what came, gaps with their reason."""
    found = await read_points(site, site.polled, drivers, now)
    return await off_loop(readings.add_readings, found)
