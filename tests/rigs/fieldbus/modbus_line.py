"""Units on a line for one master at a time."""

from __future__ import annotations

from bms.clock import VirtualClock
from bms.model.assets.address import DataType, ModbusAddress, Table
from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.write_rule import Release, ReleaseKind
from drivers.fieldbus.write_budget_log import MemoryWriteCounter
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.link import ModbusLink
from tests.rigs.fieldbus.driver_rigs import point
from tests.rigs.fieldbus.modbus_peer import Peer
from tests.rigs.steady_loop import now_s

TIMEOUT_S = 0.3
CONSTANT = Release(kind=ReleaseKind.CONSTANT, value=20.0)


def register(address: int, kind: DataType = DataType.INT16) -> Point:
    return point(f"r{address}", ModbusAddress(table=Table.HOLDING, address=address, type=kind))


class Quick(VirtualClock):
    """A clock whose wire time can be moved on, too."""

    ahead_s = 0.0

    def monotonic(self) -> float:
        return now_s() + self.ahead_s


def unit(
    peer: Peer, link: ModbusLink, clock: Quick, number: int = 1, **rest: object
) -> ModbusDriver:
    device = Device(
        id=f"site/unit{number}",
        site="site",
        protocol="modbus",
        host="127.0.0.1",
        port=peer.port,
        unit=number,
        timeout_s=TIMEOUT_S,
        **rest,  # type: ignore[arg-type]
    )
    return ModbusDriver(device, link, clock, "Europe/Copenhagen", MemoryWriteCounter())


def asked(peer: Peer) -> list[tuple[int, int]]:
    """What was asked since the last look: (address, count)."""
    found = [(address, count) for _, function, address, count in peer.bank.log if function == 3]
    peer.bank.log.clear()
    return found


def writes(peer: Peer) -> list[tuple[int, int]]:
    return [(function, a) for _, function, a, _ in peer.bank.log if function not in (1, 2, 3, 4)]
