"""Changes of value as devices tell them, in live runs; the poll goes on as the backstop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from bms.errors import StoreError
from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.readings.measurement import Reading
from bms.ports.drivers import Drivers, WatchingDriver
from bms.ports.storage.readings import ReadingStore
from bms.services.collect.plausibility import plausible
from bms.services.off_loop import off_loop

log = logging.getLogger(__name__)

EVERY_S = 1.0
BATCH = 100
WAITING = 100_000
"""Readings [1] that wait for a database that is away; of more, the oldest are let go."""
MOST_OF_POINT = 10_000
"""Those of one point [1]: a device that tells without end crowds out nobody."""
FIRST_S, LONGEST_S = 1.0, 300.0


@contextlib.asynccontextmanager
async def watching(
    sites: Iterable[Site],
    *,
    drivers: Drivers,
    readings: ReadingStore,
    every_s: float = EVERY_S,
    first_s: float = FIRST_S,
    wanted: Callable[[str], bool] = lambda _: True,
) -> AsyncIterator[None]:
    """Listen to every device that has points with ``cov`` while the block runs.

    What comes in is stored every ``every_s`` [s], or as soon as ``BATCH`` readings are there; the
    last of it when the block ends. A watch that fails is taken up again after ``first_s`` [s], and
    later each time it fails again. Of a site that is not ``wanted`` now nothing is kept.
    """
    keeping = Keeping(readings, every_s, wanted=wanted)
    listened = [(device, points) for site in sites for device, points in told(site)]
    tasks = [asyncio.create_task(keeping.run())] if listened else []
    tasks += [
        asyncio.create_task(Watch(device, points, drivers, keeping, first_s).run())
        for device, points in listened
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await keeping.flush()


def told(site: Site) -> list[tuple[Device, tuple[Point, ...]]]:
    """The devices that are to tell of changes, with those points."""
    by_device: dict[str, list[Point]] = {}
    for point in site.polled:
        if point.cov:
            by_device.setdefault(point.device, []).append(point)
    return [(site.device(device), tuple(points)) for device, points in by_device.items()]


class Keeping:
    """Takes readings as they come and stores them in small batches."""

    def __init__(
        self,
        readings: ReadingStore,
        every_s: float,
        room: int = WAITING,
        wanted: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._wanted = wanted
        self._readings = readings
        self._every_s = every_s
        self._room = room
        self._waiting: deque[Reading] = deque()
        self._of_point: Counter[str] = Counter()
        self._enough = asyncio.Event()
        self._away = False
        self._lost = 0

    def take(self, reading: Reading) -> None:
        """Keep a reading until the next batch, where its site is ours to read."""
        if not self._wanted(reading.point.partition("/")[0]):
            return
        if self._of_point[reading.point] >= MOST_OF_POINT:
            self._lost += 1
            return
        if len(self._waiting) == self._room:
            self._lost += 1
            self._let_go()
        self._waiting.append(reading)
        self._of_point[reading.point] += 1
        if len(self._waiting) >= BATCH:
            self._enough.set()

    def _let_go(self) -> None:
        self._of_point[self._waiting.popleft().point] -= 1

    async def run(self) -> None:
        """Store what has come, until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._enough.wait(), self._every_s)
            self._enough.clear()
            await self.flush()
            if self._away:
                await asyncio.sleep(self._every_s)

    async def flush(self) -> None:
        """Store what waits. While the database refuses it goes on waiting, which is said once."""
        batch = list(self._waiting)
        if not batch:
            return
        try:
            await asyncio.shield(off_loop(self._readings.add_readings, batch))
        except StoreError as error:
            if not self._away:
                log.error("changes of value wait for the database: %s", error)
            self._away = True
            return
        # Meanwhile more may have come, and so many that the first were let go.
        stored = {id(reading) for reading in batch}
        while self._waiting and id(self._waiting[0]) in stored:
            self._let_go()
        if self._lost:
            told = "%d changes of value were lost: more came than could be stored"
            log.error(told, self._lost)
        self._away, self._lost = False, 0


class Watch:
    """Listens to one device, and begins again when listening fails."""

    def __init__(
        self,
        device: Device,
        points: Sequence[Point],
        drivers: Drivers,
        keeping: Keeping,
        first_s: float,
    ) -> None:
        self._device = device
        self._points = {point.id: point for point in points}
        self._drivers = drivers
        self._keeping = keeping
        self._first_s = first_s
        self._failures = 0

    async def run(self) -> None:
        """Listen until cancelled, or at once not at all where the protocol tells no changes."""
        while True:
            try:
                driver = self._drivers.driver(self._device)
                if not isinstance(driver, WatchingDriver):
                    log.info("%s tells no changes; it is polled", self._device.id)
                    return
                await driver.watch(tuple(self._points.values()), self._heard)
                return
            except Exception as error:  # a driver with a bug must not take its neighbours along
                self._failed(error)
            await asyncio.sleep(self._wait_s)

    @property
    def _wait_s(self) -> float:
        doublings = min(self._failures - 1, 30)
        return float(min(self._first_s * 2.0**doublings, LONGEST_S))

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        level = logging.ERROR if self._failures == 1 else logging.DEBUG
        text = "watching %s failed; it is polled, and watched again in a while: %r"
        log.log(level, text, self._device.id, error)

    def _heard(self, reading: Reading) -> None:
        if self._failures:
            log.warning("%s is watched again", self._device.id)
            self._failures = 0
        point = self._points.get(reading.point)
        if point is not None:
            self._keeping.take(plausible(point, reading))
