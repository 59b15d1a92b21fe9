"""What a city of both protocols costs, half of the points each, as the drivers' benches saw it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bms.bench.fieldbus.bacnet import DEVICES as BACNET_DEVICES
from bms.bench.fieldbus.bacnet import POINTS as BACNET_POINTS
from bms.bench.fieldbus.modbus import MODBUS_MEMORY, MODBUS_PROCESSOR
from bms.bench.figure import Figure

BACNET_MEMORY = "memory of a BACnet point"
BACNET_PROCESSOR = f"{BACNET_DEVICES} BACnet devices x {BACNET_POINTS} points each minute, CPU"
POINTS = 100_000


def city_figures(figures: Sequence[Figure]) -> list[Figure]:
    """Both sums for 100 000 points. Raises KeyError when a figure of either protocol is missing."""
    seen: Mapping[str, float] = {figure.name: figure.value for figure in figures}
    share = seen[MODBUS_PROCESSOR] + seen[BACNET_PROCESSOR]
    megabytes = POINTS / 2 * (seen[MODBUS_MEMORY] + seen[BACNET_MEMORY]) / 1e6
    return [
        Figure(
            name=f"processor for {POINTS} points of both protocols each minute",
            value=round(share, 2),
            unit="% of a core",
            ok=share <= 50,
            at_least="<= 50",
            stretch="<= 20",
        ),
        Figure(
            name=f"memory for {POINTS} points of both protocols",
            value=round(megabytes, 1),
            unit="MB",
            ok=megabytes <= 500,
            at_least="<= 500",
            stretch="<= 200",
        ),
    ]
