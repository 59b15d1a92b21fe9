"""A BACnet/IP device of a simulated building, by bacpypes3, on a loopback port of its own.

Sensors are analog inputs; commandable objects have a priority array whose relinquish default
follows the building's own programme. bacpypes3 accepts more than real devices do, so that writes to
inputs, NaN and values out of range are refused here.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from bacpypes3.app import Application
from bacpypes3.basetypes import BinaryPV, DateTime, TimeStamp
from bacpypes3.errors import PropertyError
from bacpypes3.local.analog import AnalogInputObject, AnalogValueObject
from bacpypes3.local.binary import BinaryValueObject
from bacpypes3.local.cmd import Commandable
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.networkport import NetworkPortObject
from bacpypes3.pdu import IPv4Address
from bacpypes3.primitivedata import Null, Real

from bms.errors import ConfigError
from drivers.simulator.servers.bacnet_objects import INPUT, SWITCH, ObjectSpec
from drivers.simulator.servers.loopback_ports import HOST, probe_udp

VENDOR = 999
BIND_SECONDS = 5.0
logging.getLogger("bacpypes3").setLevel(logging.CRITICAL)


class Sensor(AnalogInputObject):  # type: ignore[misc]
    """An input that cannot be written while it is in service (ASHRAE 135, 12.2)."""

    async def write_property(self, attr: Any, *args: Any, **kwargs: Any) -> None:
        raise PropertyError("writeAccessDenied")


OnWrite = Callable[[str, int, float | None], Awaitable[bool]]
"""Told of every write that comes in: signal, slot (16 where none is named), value (None: NULL).
Where it answers False the write is acknowledged and does nothing."""


class _Bounded(Commandable):  # type: ignore[misc]
    """Refuses values outside ``_bounds`` before they are written to a slot."""

    _bounds = (0.0, 1.0)
    _on_write: Callable[[int, float | None], Awaitable[bool]] | None = None

    async def write_property(
        self, attr: Any, value: Any, index: int | None = None, priority: int | None = None
    ) -> None:
        name = self._property_identifier_class(attr).attr if isinstance(attr, int) else attr
        if name != "presentValue":
            raise PropertyError("writeAccessDenied")
        if priority is not None and not 1 <= priority <= 16:
            raise PropertyError("invalidArrayIndex")
        low, high = self._bounds
        if not isinstance(value, Null) and not _within(float(value), low, high):
            raise PropertyError("valueOutOfRange")
        wanted = None if isinstance(value, Null) else float(value)
        if self._on_write is not None and not await self._on_write(priority or 16, wanted):
            return
        await super().write_property(attr, value, index, priority)


class CommandableAnalogValue(_Bounded, AnalogValueObject):  # type: ignore[misc]
    """A commandable analog value."""


class CommandableBinaryValue(_Bounded, BinaryValueObject):  # type: ignore[misc]
    """A commandable binary value."""


def _encoded(target: Any, value: float) -> Any:
    return Real(value) if isinstance(target, CommandableAnalogValue) else BinaryPV(int(value))


def _within(value: float, low: float, high: float) -> bool:
    return math.isfinite(value) and low <= value <= high


class CommandableObject:
    """The control point of a commandable object (``drivers.simulator.control_points``)."""

    kind = "null"

    def __init__(self, target: Any) -> None:
        self._object = target
        self._own: float | None = None

    @property
    def effective(self) -> float:
        return float(self._object.presentValue)

    @property
    def command(self) -> float | None:
        return self.effective if self.held() else None

    def follow_programme(self, value: float) -> None:
        target = self._object
        if value != self._own:
            self._own = value
            target.relinquishDefault = (
                value if isinstance(target, CommandableAnalogValue) else int(value)
            )
            target.recalculating()

    def held(self) -> dict[str, float]:
        return {
            str(slot): float(getattr(entry, entry._choice))
            for slot, entry in enumerate(self._object.priorityArray, start=1)
            if entry.null is None
        }


class BacnetServer:
    """One device; make it in a running loop. ``control_points`` are its commandable objects."""

    def __init__(
        self,
        name: str,
        instance: int,
        specs: Sequence[ObjectSpec],
        on_write: OnWrite | None = None,
    ) -> None:
        self._name = name
        self._instance = instance
        self._objects = {spec.signal: _object(spec) for spec in specs}
        for signal, target in self._objects.items():
            if on_write is not None and isinstance(target, _Bounded):
                target._on_write = partial(on_write, signal)
        self._shown: dict[str, float] = {}
        self._app: Application | None = None
        self._device = self._described()
        self.control_points = {
            spec.signal: CommandableObject(self._objects[spec.signal])
            for spec in specs
            if spec.kind != INPUT
        }

    async def start(self, port: int) -> int:
        """Listen on ``port`` (0 = any free one) and return the port.

        Raises ``bms.errors.ConfigError`` when it is in use.
        """
        port = probe_udp(port)
        address = IPv4Address(f"{HOST}:{port}")
        self._app = Application.from_object_list(
            [self._device, _network_port(address), *self._objects.values()]
        )
        await self._bound(port)
        return port

    def restarted(self, at: datetime) -> None:
        """Show that the device has started anew at building time ``at``."""
        stamp = DateTime(date=at.date(), time=at.time())
        self._device.timeOfDeviceRestart = TimeStamp(dateTime=stamp)

    def _described(self) -> DeviceObject:
        return DeviceObject(
            objectIdentifier=("device", self._instance),
            objectName=self._name,
            vendorIdentifier=VENDOR,
            maxApduLengthAccepted=1476,
            segmentationSupported="segmentedBoth",
            maxSegmentsAccepted=64,
        )

    async def _bound(self, port: int) -> None:
        assert self._app is not None
        (link,) = self._app.link_layers.values()
        try:
            await asyncio.wait_for(link.server._local_transport_ready.wait(), BIND_SECONDS)
        except TimeoutError as error:
            self._app.close()
            raise ConfigError(f"port {port} is in use: bacnet cannot listen there") from error

    def refresh(self, sensors: Mapping[str, float]) -> None:
        """Update the inputs to the sensors' values, which notifies COV subscribers."""
        for signal, target in self._objects.items():
            value = sensors[signal]
            if signal not in self.control_points and value != self._shown.get(signal):
                self._shown[signal] = value
                target.presentValue = Real(value)

    async def close(self) -> None:
        """Close the socket."""
        if self._app is not None:
            self._app.close()
            await asyncio.sleep(0)


def _network_port(address: IPv4Address) -> NetworkPortObject:
    return NetworkPortObject(
        address,
        objectIdentifier=("network-port", 1),
        objectName="loopback",
        networkNumber=0,
        networkNumberQuality="unknown",
    )


def _object(spec: ObjectSpec) -> Any:
    named = {"objectIdentifier": (spec.kind, spec.instance), "objectName": spec.signal}
    state = {"statusFlags": [0, 0, 0, 0], "eventState": "normal", "outOfService": False}
    if spec.kind == SWITCH:
        return CommandableBinaryValue(
            **named, **state, presentValue="inactive", relinquishDefault="inactive"
        )
    analog = {**named, **state, "units": spec.unit, "covIncrement": spec.cov, "presentValue": 0.0}
    if spec.kind == INPUT:
        return Sensor(**analog)
    control_point = CommandableAnalogValue(**analog, relinquishDefault=0.0)
    control_point._bounds = (spec.low, spec.high)
    return control_point
