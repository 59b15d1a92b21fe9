"""The M-Bus gateway in a simulated basement, with its meters."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from drivers.simulator.buildings.submeters import SUBMETERS, Submeter
from drivers.simulator.servers import mbus_telegrams as telegrams
from drivers.simulator.servers.mbus import LineMeter, MeterLine

_RECORDS: Mapping[str, Callable[[float], bytes]] = {
    "energy": lambda kwh: telegrams.bcd(b"\x05", round(kwh * 10)),
    "volume": lambda m3: telegrams.bcd(b"\x14", round(m3 * 100)),
    "power": lambda kw: telegrams.integer(b"\x2b", round(kw * 1000)),
    "supply_temp": lambda deg_c: telegrams.integer(b"\x5a", round(deg_c * 10), 2),
    "return_temp": lambda deg_c: telegrams.integer(b"\x5e", round(deg_c * 10), 2),
}


class BasementLine:
    """The meters of one building at primary addresses from 1 on, and what they show now."""

    def __init__(self, archetype: str) -> None:
        self._sensors: Mapping[str, float] = {}
        meters = enumerate(SUBMETERS.get(archetype, ()), start=1)
        self._line = MeterLine([self._meter(place, meter) for place, meter in meters])

    async def start(self, port: int) -> int:
        """Listen on loopback; the port. Raises ``ConfigError`` where it is in use."""
        return await self._line.start(port)

    def refresh(self, sensors: Mapping[str, float]) -> None:
        """Show these values from now on."""
        self._sensors = sensors

    async def close(self) -> None:
        """Close the gateway."""
        await self._line.close()

    def _meter(self, primary: int, meter: Submeter) -> LineMeter:
        who = telegrams.MeterIdentity(meter.number, meter.maker, meter.version, meter.medium)

        def shown() -> tuple[bytes, ...]:
            records = [
                _RECORDS[quantity](self._sensors[f"submeter_{meter.name}.{quantity}"])
                for quantity in meter.shares
            ]
            return telegrams.telegrams(who, records)

        return LineMeter(primary, who.secondary, shown)
