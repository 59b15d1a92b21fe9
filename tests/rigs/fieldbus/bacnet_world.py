"""A device that follows its own schedule, on virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from bms.clock import VirtualClock
from bms.model.assets.address import BacnetAddress
from bms.model.assets.write_rule import Release, ReleaseKind
from bms.model.control.command import (
    Command,
)
from drivers.bacnet.driver import BacnetDriver
from drivers.bacnet.link import BacnetLink
from tests.rigs.fieldbus.bacnet_responder import listening
from tests.rigs.fieldbus.bacnet_scheduling import (
    SchedulingDevice,
)
from tests.rigs.fieldbus.bacnet_session import device
from tests.rigs.fieldbus.driver_rigs import point, rule

NOW = datetime(2019, 1, 16, 9, 30, 20, tzinfo=UTC)  # 10:30:20 in Copenhagen, a Wednesday
LEASE = timedelta(minutes=30)
WAY = Release(kind=ReleaseKind.SCHEDULE, schedule=3)
SETPOINT = point("setpoint", BacnetAddress(object_type="analog-value", instance=1), rule(WAY))


class World:
    def __init__(self, responder: SchedulingDevice, clock: VirtualClock, port: int) -> None:
        self.responder, self.clock, self.port = responder, clock, port
        self.device = device(port, timeout_s=0.2)
        self.link = BacnetLink()
        self.driver = BacnetDriver(self.device, self.link, clock)

    def command(self, value: float = 21.5, lease: timedelta = LEASE) -> Command:
        now = self.clock.now()
        return Command(
            id=f"c{now.timestamp():.0f}",
            point=SETPOINT.id,
            value=value,
            issued_at=now,
            lease_end=now + lease,
            reason="test",
            actor="plan",
        )

    def after(self, **time: float) -> float:
        self.clock.advance(timedelta(**time))
        return self.responder.effective()


@asynccontextmanager
async def world(start: datetime = NOW) -> AsyncIterator[World]:
    clock = VirtualClock(start)
    responder = SchedulingDevice.at(clock)
    async with listening(responder) as port:
        made = World(responder, clock, port)
        try:
            yield made
        finally:
            await made.link.close()
