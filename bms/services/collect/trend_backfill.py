"""What devices logged by themselves while nobody asked them: gaps filled from their trend logs."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.readings.measurement import Ingested, Quality, Reading
from bms.model.readings.trend_log import LogAnswer, Logged, NotLogged
from bms.ports.drivers import Drivers, LogDriver
from bms.ports.storage.readings import ReadingStore
from bms.services.collect.plausibility import plausible
from bms.services.off_loop import off_loop

log = logging.getLogger(__name__)

LOOK_BACK = timedelta(days=31)
"""How far a process that starts looks for gaps; logs seldom reach further."""
ALONE = timedelta(days=1)
"""How long a log is left alone that cannot be read."""
MOST = 500
"""Entries [1] that are fetched from a device in one tick, about."""
PATIENCE = 20.0
"""Time-outs of a device [1] after which a driver that does not come back is given up."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without good readings; a good one stands at ``end``, and mostly at ``start``."""

    start: datetime
    end: datetime


def gap_of(readings: Iterable[Reading], start: datetime, longest: timedelta) -> Gap | None:
    """The first gap of more than ``longest`` that is over, from ``start`` on."""
    good = (reading.time for reading in readings if reading.quality is Quality.GOOD)
    for before, after in pairwise([start, *good]):
        if after - before > longest:
            return Gap(before, after)
    return None


@dataclass(slots=True)
class Backfill:
    """Fills gaps, and remembers for this process up to when each point was looked at.

    Nothing of that is kept: entries that are fetched once more meet their own readings.
    ``every`` is how often points are polled.
    """

    drivers: Drivers
    readings: ReadingStore
    every: timedelta
    most: int = MOST
    _looked: dict[str, datetime] = field(default_factory=dict)
    _alone: dict[str, datetime] = field(default_factory=dict)

    async def tick(self, site: Site, now: datetime) -> Ingested:
        """Fill what can be filled now; devices side by side, about ``most`` entries of each.

        Raises ``StoreUnavailable``.
        """
        by_device: dict[str, list[Point]] = defaultdict(list)
        for point in site.polled:
            if point.trend_log is not None and now >= self._alone.get(point.id, now):
                by_device[point.device].append(point)
        done = await asyncio.gather(
            *(self._device(site.device(id_), points, now) for id_, points in by_device.items())
        )
        return sum(done, Ingested())

    async def _device(self, device: Device, points: list[Point], now: datetime) -> Ingested:
        total, left = Ingested(), self.most
        for point in points:
            gap = await off_loop(self._gap, point, now)
            if gap is None or left <= 0:
                continue
            answer = await self._ask(device, point, gap, left)
            if isinstance(answer, NotLogged):
                self._not_logged(answer, now)
                if answer.retryable:
                    break  # the device is busy or gone: its other logs have to wait as well
                continue
            found = [plausible(point, reading) for reading in answer.readings]
            total += await off_loop(self.readings.add_readings, found)
            left -= len(answer.readings)
            self._looked[point.id] = answer.reached
            self._say(point, gap, answer)
        return total

    def _gap(self, point: Point, now: datetime) -> Gap | None:
        """The next gap of a point; without one it has been looked at up to its last reading."""
        start = self._looked.get(point.id, now - LOOK_BACK)
        readings = self.readings.readings(point.id, start, now + timedelta(microseconds=1))
        gap = gap_of(readings, start, 2 * self.every)
        if gap is None:
            good = [r.time for r in readings if r.quality is Quality.GOOD]
            self._looked[point.id] = max(good, default=start)
        return gap

    async def _ask(self, device: Device, point: Point, gap: Gap, most: int) -> LogAnswer:
        patience = PATIENCE * device.timeout_s
        try:
            driver = self.drivers.driver(device)
            if not isinstance(driver, LogDriver):
                return NotLogged(point.id, f"{device.protocol} knows no trend logs", False)
            async with asyncio.timeout(patience):
                return await driver.logged(point, gap.start, gap.end, most)
        except TimeoutError:
            text = f"{device.id} did not come back within {patience:.0f} s"
            return NotLogged(point.id, text, retryable=True)
        except Exception as error:  # a driver with a bug must not take its neighbours along
            return NotLogged(point.id, f"the driver of {device.id} failed: {error!r}", False)

    def _not_logged(self, answer: NotLogged, now: datetime) -> None:
        if answer.retryable:
            log.debug("%s: its log is tried again: %s", answer.point, answer.reason)
            return
        self._alone[answer.point] = now + ALONE
        log.warning("%s: its log is left alone for a day: %s", answer.point, answer.reason)

    def _say(self, point: Point, gap: Gap, answer: Logged) -> None:
        span = f"{gap.start.isoformat()} to {gap.end.isoformat()}"
        if answer.readings:
            count = len(answer.readings)
            log.info("%s: %d readings of %s came from its trend log", point.id, count, span)
        if answer.lost:
            log.warning(
                "%s: entries of its trend log are gone (emptied or overwritten); "
                "what is missing of %s stays a gap",
                point.id,
                span,
            )
        if answer.doubt is not None and answer.readings:
            log.warning(
                "%s: readings of %s are kept as uncertain: %s", point.id, span, answer.doubt
            )
