"""Read back what we hold. What is over or is not as we left it goes back to the building."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bms.model.assets.site import Site
from bms.model.assets.write_rule import ReleaseKind
from bms.model.clock_reading import ClockReading
from bms.model.control.command import Accepted, Failed, Lease
from bms.model.control.reasons import ReceiptReason
from bms.model.fact import Fact, fact
from bms.model.readings.measurement import Quality, Reading
from bms.ports.drivers import Drivers
from bms.services.collect.poll import read_points
from bms.services.control.decision import wrong_device
from bms.services.control.local_override import (
    agrees,
    overridden,
    record_local_override,
    shows_local_override,
)
from bms.services.control.ports import ControlPorts
from bms.services.control.release import as_accepted, keep_receipts, release_leases
from bms.services.control.write_path import Outcome, relinquish
from bms.services.off_loop import off_loop


@dataclass(frozen=True, slots=True)
class LeaseReading:
    """A lease with what was read back of its point."""

    lease: Lease
    reading: Reading

    @property
    def missing(self) -> Fact:
        """Why there is no value."""
        if self.reading.quality is Quality.WRONG_DEVICE:
            return wrong_device(self.lease.point, self.reading)
        return fact(ReceiptReason.NOT_READ_BACK)


async def verify_site(site: Site, *, now: datetime, ports: ControlPorts) -> list[Outcome]:
    """Look at every lease of a site. Can run as often as one likes, between the ticks of dispatch.

    A ``timetable`` register that its building has moved is left alone: it is at its own control
    already, and the next tick of dispatch writes again. What cannot be read proves nothing; its
    lease runs out. Matching points leave no receipt in the store.
    """
    held = await off_loop(ports.journal.leases)
    at = ClockReading(now, ports.clock.elapsed())
    leases = [lease for lease in held.values() if lease.point.site == site.id]
    ended = [as_accepted(lease, site) for lease in leases if lease.ended(at)]
    running = [lease for lease in leases if not lease.ended(at)]
    given_back, seen = await asyncio.gather(
        release_leases(ended, now=now, drivers=ports.drivers, journal=ports.journal),
        _look(site, running, ports.drivers, now),
    )
    outcomes: list[Outcome] = [*given_back]
    for item in seen:
        outcomes += await _judge(item, now, ports)
    await keep_receipts(ports.ledgers, (o for o in outcomes if not isinstance(o, Accepted)), now)
    return outcomes


async def _look(
    site: Site, leases: Sequence[Lease], drivers: Drivers, now: datetime
) -> list[LeaseReading]:
    known = {device.id for device in site.devices}
    there = [lease for lease in leases if lease.point.device in known]
    readings = await read_points(site, [lease.point for lease in there], drivers, now)
    by_point = {reading.point: reading for reading in readings}
    return [LeaseReading(lease, by_point[lease.point.id]) for lease in there]


async def _judge(seen: LeaseReading, now: datetime, ports: ControlPorts) -> list[Outcome]:
    lease, value = seen.lease, seen.reading.good_value
    command = lease.command
    if value is None:
        return [Failed(command, seen.missing, retryable=True)]
    if agrees(lease, value, command.value):
        return [Accepted(command, value)]
    if lease.point.write and lease.point.write.release.kind is ReleaseKind.TIMETABLE:
        return []
    if await off_loop(_local_override_recorded, lease, value, now, ports):
        yielded = await relinquish(lease, now=now, drivers=ports.drivers, journal=ports.journal)
        return [overridden(command, value), *yielded]
    changed = fact(ReceiptReason.CHANGED_SINCE, seen=value, wrote=command.value)
    released = await release_leases([lease], now=now, drivers=ports.drivers, journal=ports.journal)
    return [Failed(command, changed, retryable=False), *released]


def _local_override_recorded(
    lease: Lease, value: float, now: datetime, ports: ControlPorts
) -> bool:
    """Whether ``value`` shows that a person moved the point; if so, that is put on record."""
    moved = shows_local_override(lease, value, ports.ledgers)
    if moved:
        record_local_override(lease, value, now=now, decisions=ports.decisions)
    return moved
