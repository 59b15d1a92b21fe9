"""Small real servers on loopback for the contract of drivers: one rig per way back.

A rig has four sensors of which one is refused by the device, and one setpoint that the building's
own control holds at ``own``. It can be stopped, started, and somebody can take the setpoint.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from datetime import UTC, datetime
from typing import Any, Protocol

from bacpypes3.app import Application
from bacpypes3.basetypes import PriorityValue
from bacpypes3.local.analog import AnalogInputObject
from bacpypes3.local.analog import AnalogValueObject as PlainAnalogValue
from bacpypes3.local.cmd import Commandable
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.networkport import NetworkPortObject
from bacpypes3.pdu import IPv4Address
from bacpypes3.primitivedata import Null, Real
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType as SimType
from pymodbus.simulator import SimData, SimDevice

from bms.model.assets.address import Address, BacnetAddress, DataType, ModbusAddress, Table
from bms.model.assets.device import Device
from bms.model.assets.point import Point, Role
from bms.model.assets.timetable import Period, WeekTimetable
from bms.model.assets.write_rule import Release, ReleaseKind, WriteRule
from bms.model.readings.units import Unit

OWN = 19.0
NIGHT = 17.5
# A Wednesday; 05:30 UTC is 06:30 in Copenhagen.
MORNING = datetime(2019, 1, 16, 5, 30, tzinfo=UTC)
TIMETABLE = WeekTimetable((Period(frozenset(range(7)), 6 * 60, 20 * 60, OWN),), NIGHT)
SENSORS = (20.1, 20.2, 20.4)


class AnalogValue(Commandable, PlainAnalogValue):
    """An analog value with a priority array."""


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def point(name: str, address: Address, write: WriteRule | None = None, **rest: Any) -> Point:
    return Point(
        id=f"site/{name}",
        site="site",
        device="site/controller",
        role=Role.OTHER,
        address=address,
        write=write,
        **{"unit": Unit.DEG_C, **rest},
    )


def rule(release: Release, **rest: Any) -> WriteRule:
    return WriteRule(minimum=15, maximum=23, release=release, hold_safe=(15, 22), **rest)


class Rig(Protocol):
    device: Device
    sensors: list[Point]
    refused: Point
    setpoint: Point

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def take(self, value: float) -> None:
        """Somebody takes the setpoint."""
        ...

    def held(self) -> bool:
        """Whether our value acts."""
        ...

    def effective(self) -> float: ...


class ModbusRig:
    """A pymodbus server whose setpoint has the way back ``kind``."""

    def __init__(self, kind: ReleaseKind) -> None:
        self.kind = kind
        self.remote = OWN
        self.enabled = 0
        self.local: float | None = None
        self.own = OWN
        self.deaf = False
        self.requests: list[tuple[int, int, int]] = []
        port = free_port()
        self.device = Device(
            id="site/controller",
            site="site",
            protocol="modbus",
            host="127.0.0.1",
            port=port,
            timeout_s=0.5,
        )
        where = ModbusAddress(table=Table.HOLDING, address=100, scale=0.1)
        enable = ModbusAddress(table=Table.HOLDING, address=150, type=DataType.UINT16)
        back = {
            ReleaseKind.REMOTE_ENABLE: Release(kind=kind, enable=enable),
            ReleaseKind.TIMETABLE: Release(kind=kind, timetable=TIMETABLE),
            ReleaseKind.CONSTANT: Release(kind=kind, value=OWN),
        }[kind]
        inputs = [ModbusAddress(table=Table.INPUT, address=a, scale=0.1) for a in (0, 1, 2, 3)]
        self.sensors = [point(f"temp{i}", inputs[i]) for i in (0, 1, 3)]
        self.refused = point("refused", inputs[2])
        self.setpoint = point("setpoint", where, rule(back))
        self._server: ModbusTcpServer | None = None

    async def start(self) -> None:
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
        bits = [SimData(0, values=[False] * 16, datatype=SimType.BITS)]
        holding = [SimData(a, values=0, datatype=SimType.REGISTERS) for a in (100, 150)]
        inputs = [SimData(0, values=[201, 202], datatype=SimType.REGISTERS)]
        inputs += [SimData(3, values=204, datatype=SimType.REGISTERS)]
        device = SimDevice(id=1, simdata=(bits, bits, holding, inputs), action=self._act)
        self._server = ModbusTcpServer([device], address=("127.0.0.1", self.device.port))
        await self._server.serve_forever(background=True)

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.shutdown()
            self._server = None

    async def take(self, value: float) -> None:
        self.local = value

    def held(self) -> bool:
        if self.kind is ReleaseKind.REMOTE_ENABLE:
            return bool(self.enabled)
        return self.remote != OWN

    def effective(self) -> float:
        if self.local is not None:
            return self.local
        acts = self.enabled or self.kind is not ReleaseKind.REMOTE_ENABLE
        return self.remote if acts else self.own

    async def _act(
        self, function: int, start: int, address: int, count: int, registers: Any, values: Any
    ) -> ExcCodes | None:
        self.requests.append((function, address, count))
        if function == 3:
            stored = {100: round(self.effective() * 10), 150: self.enabled}
            for register, number in stored.items():
                if address <= register < address + count:
                    registers[register - start] = number
        elif values is not None and not self.deaf:
            if address == 100:
                self.remote = values[0] / 10
            else:
                self.enabled = values[0]
        return None


class BacnetRig:
    """A bacpypes3 device with a commandable setpoint."""

    kind = ReleaseKind.NULL

    def __init__(self) -> None:
        self.device = Device(
            id="site/controller",
            site="site",
            protocol="bacnet",
            host="127.0.0.1",
            port=free_port(socket.SOCK_DGRAM),
            instance=1001,
            timeout_s=0.5,
        )
        where = [BacnetAddress(object_type="analog-input", instance=i) for i in (1, 2, 3, 4)]
        self.sensors = [point(f"temp{i}", where[i]) for i in (0, 1, 3)]
        self.refused = point("refused", where[2])
        self.setpoint = point(
            "setpoint",
            BacnetAddress(object_type="analog-value", instance=1),
            rule(Release(kind=ReleaseKind.NULL)),
        )
        self.value = AnalogValue(
            objectIdentifier=("analog-value", 1),
            objectName="setpoint",
            presentValue=Real(OWN),
            relinquishDefault=Real(OWN),
            units="degrees-celsius",
            covIncrement=0.1,
        )
        self.plain = PlainAnalogValue(
            objectIdentifier=("analog-value", 2),
            objectName="plain",
            presentValue=Real(OWN),
            units="degrees-celsius",
            covIncrement=0.1,
        )
        self._application: Any = None

    async def start(self) -> None:
        address = IPv4Address(f"127.0.0.1/32:{self.device.port}")
        objects: list[Any] = [
            DeviceObject(
                objectIdentifier=("device", 1001),
                objectName="controller",
                vendorIdentifier=999,
                maxApduLengthAccepted=1476,
                segmentationSupported="noSegmentation",
            ),
            NetworkPortObject(
                address,
                objectIdentifier=("network-port", 1),
                objectName="port",
                networkNumber=0,
                networkNumberQuality="unknown",
            ),
            self.value,
            self.plain,
        ]
        objects += [
            AnalogInputObject(
                objectIdentifier=("analog-input", instance),
                objectName=f"temp{instance}",
                presentValue=Real(value),
                units="degrees-celsius",
                covIncrement=0.1,
            )
            for instance, value in zip((1, 2, 4), SENSORS, strict=True)
        ]
        self._application = Application.from_object_list(objects)
        for link in self._application.link_layers.values():
            await asyncio.gather(*link.server._transport_tasks)

    async def stop(self) -> None:
        if self._application is not None:
            self._application.close()
            self._application = None
            await asyncio.sleep(0)

    async def take(self, value: float) -> None:
        await self.command(8, value)

    async def command(self, priority: int, value: float | None) -> None:
        """Somebody writes slot ``priority``, or relinquishes it with None."""
        written = Null(()) if value is None else Real(value)
        await self.value.write_property("presentValue", written, None, priority)

    def held(self) -> bool:
        slot: PriorityValue = self.value.priorityArray[12]
        return bool(slot._choice != "null")

    def effective(self) -> float:
        return float(self.value.presentValue)
