"""The servers of one simulated building: its controllers and meters, by protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bms.errors import ConfigError
from drivers.simulator.buildings.submeters import SUBMETERS
from drivers.simulator.control_points import (
    ConstantRegister,
    ControlPoint,
    ControlPoints,
    RemoteSetpoint,
    TimetableRegister,
)
from drivers.simulator.interfaces import SimulatedBuildings
from drivers.simulator.servers.bacnet import BacnetServer
from drivers.simulator.servers.bacnet_objects import plant_objects, room_objects
from drivers.simulator.servers.basement import BasementLine
from drivers.simulator.servers.modbus import ModbusServer
from drivers.simulator.servers.modbus_registers import (
    RegisterImage,
    RegisterMap,
    electricity_meter,
    hall_controller,
    heat_meter,
    heat_pump,
)

_CONTROL_POINTS: dict[str, Callable[[], ControlPoint]] = {
    "setpoint": RemoteSetpoint,
    "run": TimetableRegister,
    "curve_shift": ConstantRegister,
    "flow": ConstantRegister,
    "supply_air_setpoint": ConstantRegister,
}
INSTANCES = {"townhall": 1001, "school": 1002}


class BuildingServers:
    """The servers of one site. Its levers are fitted to the panel as it is built."""

    def __init__(
        self, site: str, archetype: str, physics: SimulatedBuildings, points: ControlPoints
    ) -> None:
        zones = physics.zones(site)
        self._site = site
        self._physics = physics
        self._bacnet = _bacnet(site, archetype, zones)
        control_points = (
            {} if self._bacnet is None else dict[str, ControlPoint](self._bacnet.control_points)
        )
        maps = _units(archetype, zones)
        control_points |= {
            signal: control_point
            for unit in maps
            for signal, control_point in _control_points(unit).items()
        }
        self._images = [RegisterImage(unit, control_points) for unit in maps]
        for signal, control_point in control_points.items():
            points.attach(site, signal, control_point)
        self._modbus = ModbusServer(self._images) if self._images else None
        self._basement = BasementLine(archetype) if archetype in SUBMETERS else None

    async def start(self, base_port: int) -> dict[str, int]:
        """Start on ``base_port`` (BACnet) and the one above (Modbus, or the gateway of the meters
        in the basement); 0 = any free ports.

        Returns the port of each protocol; raises ``bms.errors.ConfigError`` when one is in use.
        """
        ports = {}
        self.refresh()
        if self._bacnet is not None:
            ports["bacnet"] = await self._bacnet.start(base_port)
        if self._modbus is not None:
            ports["modbus"] = await self._modbus.start(base_port and base_port + 1)
        if self._basement is not None:
            ports["mbus"] = await self._basement.start(base_port and base_port + 1)
        return ports

    def refresh(self) -> None:
        """Update all served values to those of the sensors and meters."""
        sensors = self._physics.sensors(self._site)
        if self._bacnet is not None:
            self._bacnet.refresh(sensors)
        for image in self._images:
            image.refresh(sensors)
        if self._basement is not None:
            self._basement.refresh(sensors)

    async def close(self) -> None:
        """Close the servers."""
        if self._bacnet is not None:
            await self._bacnet.close()
        if self._modbus is not None:
            await self._modbus.close()
        if self._basement is not None:
            await self._basement.close()


def _bacnet(site: str, archetype: str, zones: Sequence[str]) -> BacnetServer | None:
    if archetype not in INSTANCES:
        return None
    plant = plant_objects() if archetype == "townhall" else ()
    return BacnetServer(site, INSTANCES[archetype], (*room_objects(zones), *plant))


def _units(archetype: str, zones: Sequence[str]) -> tuple[RegisterMap, ...]:
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


def _control_points(unit: RegisterMap) -> dict[str, ControlPoint]:
    signals = {writable.cell.signal for writable in unit.writables}
    return {signal: _CONTROL_POINTS[signal.rsplit(".", 1)[1]]() for signal in sorted(signals)}
