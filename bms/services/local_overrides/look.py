"""Look at points: who commands them, as their devices show it now."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.control.command_state import CommandState, NoCommandState
from bms.model.control.reasons import ReceiptReason
from bms.model.fact import fact
from bms.ports.drivers import Drivers

PATIENCE = 20.0
"""Time-outs of a device [1] after which a driver that does not come back is given up."""

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
