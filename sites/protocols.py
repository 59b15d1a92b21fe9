"""What a site file has to know of a protocol: one row each. A new one is a row here, the type of
its addresses in ``bms.model.assets.address``, and the key of them in ``sites.schema``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bms.model.assets.address import (
    BacnetAddress,
    MbusAddress,
    ModbusAddress,
    MqttAddress,
    NetworkAddress,
)


@dataclass(frozen=True, slots=True)
class ProtocolTraits:
    """``port`` is its usual one; None: it has none, so that the site file states it. ``numbers``
    are the keys of a device that tell it from others at one place. ``serial``: whether it runs on a
    serial line. ``own_keys``: keys of a device that go with no other protocol. ``commands``:
    whether anything is ever written."""

    name: str
    address: type[NetworkAddress]
    port: int | None
    numbers: tuple[str, ...]
    serial: bool
    own_keys: tuple[str, ...] = ()
    commands: bool = True


PROTOCOLS: Mapping[str, ProtocolTraits] = MappingProxyType(
    {
        "bacnet": ProtocolTraits(
            "BACnet",
            BacnetAddress,
            47808,
            ("instance", "network", "mac"),
            serial=False,
            own_keys=("network", "mac", "bbmd"),
        ),
        "modbus": ProtocolTraits("Modbus", ModbusAddress, 502, ("unit",), serial=True),
        "mbus": ProtocolTraits(
            "M-Bus",
            MbusAddress,
            None,
            ("primary", "secondary"),
            serial=True,
            own_keys=("primary", "secondary", "reads_per_day"),
            commands=False,
        ),
        "mqtt": ProtocolTraits(
            "MQTT",
            MqttAddress,
            1883,
            ("topic",),
            serial=False,
            own_keys=("topic", "mqtt"),
            commands=False,
        ),
    }
)


def protocol_of(address: NetworkAddress) -> str:
    """The protocol that an address is of."""
    return next(name for name, each in PROTOCOLS.items() if isinstance(address, each.address))
