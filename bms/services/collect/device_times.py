"""Minimum on and off times that objects have of their own (BACnet): read daily, for the plans.

The device keeps them whatever is written (slot 6 of its priority array, ASHRAE 135, 19.2.3); a plan
that does not know of them expects what will not happen.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.control.command_state import CommandState
from bms.model.epoch import EPOCH
from bms.model.readings.units import Unit
from bms.ports.drivers import Drivers

EVERY = timedelta(days=1)
PATIENCE = 20.0
"""Time-outs of a device [1] after which a driver that does not come back is given up."""


@dataclass(frozen=True, slots=True)
class LeastTimes:
    """How long an object stays on and off at least [min]."""

    on: float = 0.0
    off: float = 0.0


@dataclass(slots=True)
class DeviceTimes:
    """The times of the objects that switch, as their devices told them."""

    _known: dict[str, tuple[datetime, LeastTimes]] = field(default_factory=dict)

    @classmethod
    def told(cls, times: Mapping[str, LeastTimes]) -> DeviceTimes:
        """Times that another process has from the devices."""
        return cls({point: (EPOCH, each) for point, each in times.items()})

    def of(self, point: str) -> LeastTimes:
        """The times of a point; none where its device has not told any."""
        return self._known.get(point, (None, LeastTimes()))[1]

    async def tick(self, site: Site, now: datetime, drivers: Drivers) -> None:
        """Ask for what is not known, or has not been asked for a day; who is silent is asked again
        the next time."""
        due: dict[str, list[Point]] = defaultdict(list)
        for point in site.points:
            if point.write is not None and point.unit is Unit.ON_OFF and self._is_due(point, now):
                due[point.device].append(point)
        bacnet = {device.id: device for device in site.devices if device.protocol == "bacnet"}
        await asyncio.gather(
            *(
                self._ask(bacnet[device], points, now, drivers)
                for device, points in due.items()
                if device in bacnet
            )
        )

    def _is_due(self, point: Point, now: datetime) -> bool:
        known = self._known.get(point.id)
        return known is None or not timedelta(0) <= now - known[0] < EVERY

    async def _ask(
        self, device: Device, points: list[Point], now: datetime, drivers: Drivers
    ) -> None:
        try:
            async with asyncio.timeout(PATIENCE * device.timeout_s):
                states = await drivers.driver(device).command_states(points, now)
        except Exception:  # a driver with a bug must not take its neighbours along
            return
        for state in states:
            if isinstance(state, CommandState):
                times = LeastTimes(state.minimum_on_s / 60.0, state.minimum_off_s / 60.0)
                self._known[state.point] = (now, times)
