"""The clocks of devices: read daily, set where that is allowed, and said when they are off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from bms.model.assets.device import Device
from bms.model.assets.site import Site
from bms.model.control.device_clock import MOST_DRIFT_S, NoTime, ShownTime
from bms.ports.drivers import ClockDriver, Drivers

log = logging.getLogger(__name__)

SET_ABOVE_S = 10.0
"""Drift [s] above which a clock that we may set is set: below, the way of the message counts."""
PATIENCE = 20.0
"""Time-outs of a device [1] after which a driver that does not come back is given up."""

ClockAnswer = ShownTime | NoTime


async def read_clocks(site: Site, *, drivers: Drivers, setting: bool) -> list[ClockAnswer]:
    """The clock of each BACnet device of a site, side by side.

    With ``setting`` those are set that are off by more than ``SET_ABOVE_S`` and whose site file
    allows it. Devices of protocols without clocks are left out.
    """
    asked = [_one(device, drivers, setting) for device in site.devices]
    return [answer for answer in await asyncio.gather(*asked) if answer is not None]


async def _one(device: Device, drivers: Drivers, setting: bool) -> ClockAnswer | None:
    patience = PATIENCE * device.timeout_s
    try:
        driver = drivers.driver(device)
        if not isinstance(driver, ClockDriver):
            return None
        async with asyncio.timeout(patience):
            seen = await driver.clock()
            off = isinstance(seen, ShownTime) and abs(seen.drift_s) > SET_ABOVE_S
            return await driver.set_clock() if off and setting and device.set_clock else seen
    except TimeoutError:
        return NoTime(device.id, f"it did not come back within {patience:.0f} s")
    except Exception as error:  # a driver with a bug must not take its neighbours along
        return NoTime(device.id, f"the driver failed: {error!r}")


@dataclass(slots=True)
class ClockWatch:
    """Says once when a clock goes wrong, and once when it is right again."""

    off: set[str] = field(default_factory=set)
    say: Callable[[str], None] = log.warning

    async def tick(self, site: Site, drivers: Drivers) -> list[ClockAnswer]:
        """Read the clocks of a site, set those that we may, and say what has changed."""
        found = await read_clocks(site, drivers=drivers, setting=True)
        for seen in found:
            if isinstance(seen, ShownTime):
                self._judge(seen)
        return found

    def _judge(self, seen: ShownTime) -> None:
        off = abs(seen.drift_s) > MOST_DRIFT_S
        if off and seen.device not in self.off:
            self.off.add(seen.device)
            self.say(
                f"the clock of {seen.device} is {seen.drift_s:+.0f} s off: its logs and schedules "
                f"are, too. `bms devices clock {seen.device.split('/', 1)[0]}` shows it again"
            )
        elif not off and seen.device in self.off:
            self.off.discard(seen.device)
            self.say(f"the clock of {seen.device} is right again ({seen.drift_s:+.0f} s)")
