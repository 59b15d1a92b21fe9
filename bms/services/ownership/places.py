"""What a site writes to: site files of two homes may name one object under two names (W2). Pure."""

from __future__ import annotations

import hashlib

from bms.model.assets.address import BacnetAddress, ModbusAddress
from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.site import Site

DIGITS = 12


def places_of(site: Site) -> frozenset[str]:
    """A short digest for each register or object that the site writes to. Names of hosts are
    compared as they are written."""
    devices = {device.id: device for device in site.devices}
    return frozenset(
        hashlib.sha256(_place(devices[point.device], point).encode()).hexdigest()[:DIGITS]
        for point in site.points
        if point.write is not None and point.device in devices
    )


def _place(device: Device, point: Point) -> str:
    line = f"{device.host.lower()}:{device.port}" if device.serial is None else device.serial.path
    match point.address:
        case ModbusAddress(table=table, address=number, bit=bit, model=model):
            return f"modbus {line} {device.unit} {table.value} {model} {number} {bit}"
        case BacnetAddress(object_type=kind, instance=number, property=name):
            behind = f"{device.network} {device.mac}"
            return f"bacnet {line} {behind} {device.instance} {kind} {number} {name}"
        case other:
            return f"{device.protocol} {line} {other}"
