"""Look at points: who commands them, as their devices show it now, and what the book has then."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.control.command_state import CommandState, NoCommandState
from bms.model.control.lease import Lease
from bms.model.control.reasons import ReceiptReason
from bms.model.fact import fact
from bms.ports.drivers import Drivers
from bms.ports.safety import Journal
from bms.services.local_overrides.detection import Known
from bms.services.local_overrides.record import known_of
from bms.services.off_loop import off_loop

PATIENCE = 20.0
"""Time-outs of a device [1] after which a driver that does not come back is given up."""

LOOKS = 3
"""How often [1] a point is looked at again that is written or given back meanwhile."""

States = dict[str, CommandState | NoCommandState]


async def look(points: Iterable[tuple[Point, Device]], drivers: Drivers, at: datetime) -> States:
    """How each point stands, by its id; devices side by side. Whatever happens is an answer."""
    by_device: dict[str, list[tuple[Point, Device]]] = defaultdict(list)
    for point, device in points:
        by_device[device.id].append((point, device))
    found = await asyncio.gather(
        *(
            _look_at(items[0][1], [point for point, _ in items], drivers, at)
            for items in by_device.values()
        )
    )
    return {state.point: state for states in found for state in states}


async def look_by_book(
    point: Point,
    device: Device,
    state: CommandState,
    lease: Lease | None,
    *,
    drivers: Drivers,
    journal: Journal,
    at: datetime,
) -> tuple[CommandState | NoCommandState, Known]:
    """How a point stands that was just looked at, and what the book has of it, both of one moment:
    looked at again where the ``lease`` that was known before the look was written, read back or
    given back by somebody of us since. What was seen is older than the book then, and ours would
    be a stranger's, or our place emptied by one (W9)."""
    seen: CommandState | NoCommandState = state
    known = await off_loop(known_of, journal, point.id, lease)
    for _ in range(LOOKS):
        if isinstance(seen, NoCommandState) or _is_same(lease, known.lease):
            return seen, known
        lease = known.lease
        seen = (await look([(point, device)], drivers, at))[point.id]
        known = await off_loop(known_of, journal, point.id, lease)
    return NoCommandState(point.id, fact(ReceiptReason.WRITTEN_SINCE), retryable=True), known


def _is_same(held: Lease | None, known: Lease | None) -> bool:
    """Whether the book has the lease as it was before the look."""
    if held is None or known is None:
        return held is known
    return (held.command_id, held.read_back) == (known.command_id, known.read_back)


async def _look_at(
    device: Device, points: list[Point], drivers: Drivers, at: datetime
) -> list[CommandState | NoCommandState]:
    patience = PATIENCE * device.timeout_s
    try:
        async with asyncio.timeout(patience):
            return await drivers.driver(device).command_states(points, at)
    except TimeoutError:
        why = fact(ReceiptReason.DEVICE_SLOW, device=device.id, seconds=patience)
    except Exception as error:  # a driver with a bug must not take its neighbours along
        why = fact(ReceiptReason.DRIVER_FAILED, device=device.id, text=repr(error))
    return [NoCommandState(point.id, why) for point in points]
