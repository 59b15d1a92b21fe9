"""What stands in front of each simulated building: its controllers, meters and their protocols."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bms.errors import ConfigError
from drivers.simulator.control_points import (
    Lever,
    LeverPanel,
    PlainRegister,
    RemoteSetpoint,
    TimetableRegister,
)
from drivers.simulator.interfaces import Physics
from drivers.simulator.servers.bacnet import BacnetServer
from drivers.simulator.servers.bacnet_objects import plant_objects, room_objects
from drivers.simulator.servers.modbus import ModbusServer
from drivers.simulator.servers.modbus_registers import (
    RegisterImage,
    UnitMap,
    electricity_meter,
    hall_controller,
    heat_meter,
    heat_pump,
)

_LEVERS: dict[str, Callable[[], Lever]] = {
    "setpoint": RemoteSetpoint,
    "run": TimetableRegister,
    "curve_shift": PlainRegister,
    "flow": PlainRegister,
    "supply_air_setpoint": PlainRegister,
}
INSTANCES = {"townhall": 1001, "school": 1002}


class SiteServers:
    """The servers of one site. Its levers are fitted to the panel as it is built."""

    def __init__(self, site: str, archetype: str, physics: Physics, panel: LeverPanel) -> None:
        zones = physics.zones(site)
        self._site = site
        self._physics = physics
        self._bacnet = _bacnet(site, archetype, zones)
        levers = {} if self._bacnet is None else dict[str, Lever](self._bacnet.levers)
        maps = _units(archetype, zones)
        levers |= {signal: lever for unit in maps for signal, lever in _levers(unit).items()}
        self._images = [RegisterImage(unit, levers) for unit in maps]
        for signal, lever in levers.items():
            panel.attach(site, signal, lever)
        self._modbus = ModbusServer(self._images) if self._images else None

    async def start(self, base_port: int) -> dict[str, int]:
        """Start on ``base_port`` (BACnet) and the one above (Modbus); 0 = any free ports.

        Returns the port of each protocol; raises ``bms.errors.ConfigError`` when one is in use.
        """
        ports = {}
        self.refresh()
        if self._bacnet is not None:
            ports["bacnet"] = await self._bacnet.start(base_port)
        if self._modbus is not None:
            ports["modbus"] = await self._modbus.start(base_port and base_port + 1)
        return ports

    def refresh(self) -> None:
        """Show what the sensors and meters see now."""
        sensors = self._physics.sensors(self._site)
        if self._bacnet is not None:
            self._bacnet.refresh(sensors)
        for image in self._images:
            image.refresh(sensors)

    async def close(self) -> None:
        if self._bacnet is not None:
            await self._bacnet.close()
        if self._modbus is not None:
            await self._modbus.close()


def _bacnet(site: str, archetype: str, zones: Sequence[str]) -> BacnetServer | None:
    if archetype not in INSTANCES:
        return None
    plant = plant_objects() if archetype == "townhall" else ()
    return BacnetServer(site, INSTANCES[archetype], (*room_objects(zones), *plant))


def _units(archetype: str, zones: Sequence[str]) -> tuple[UnitMap, ...]:
    if archetype == "townhall":
        return ()
    if archetype == "school":
        return (
            electricity_meter(1, "el"),
            heat_meter(2),
            heat_pump(3),
            electricity_meter(4, "hp"),
        )
    if archetype == "sportshall":
        return (hall_controller(1, zones), electricity_meter(2, "el"), heat_meter(3))
    raise ConfigError(f"no archetype {archetype!r}: townhall, school or sportshall")


def _levers(unit: UnitMap) -> dict[str, Lever]:
    signals = {knob.cell.signal for knob in unit.knobs}
    return {signal: _LEVERS[signal.rsplit(".", 1)[1]]() for signal in sorted(signals)}
