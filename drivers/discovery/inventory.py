"""Devices and objects as a discovery or an EDE file describes them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bms.model.assets.device import Fingerprint, Framing, SerialLine


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundObject:
    """One object of a BACnet device, one named register of a Modbus device, or one record of an
    M-Bus meter, whose address in a site file is ``record``.

    ``unit`` is the protocol's name of the unit. ``commandable`` is None where it is unknown;
    ``slots`` are the occupied slots of its priority array. ``value`` is what was read; None with
    ``error`` as the reason where nothing was.
    """

    kind: str
    instance: int
    name: str | None = None
    description: str | None = None
    unit: str | None = None
    states: tuple[str, ...] = ()
    value: float | str | None = None
    commandable: bool | None = None
    slots: tuple[tuple[int, float | None], ...] = ()
    low: float | None = None
    high: float | None = None
    error: str | None = None
    record: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDevice:
    """A device. ``network`` and ``mac`` (hexadecimal) are its address behind a router.

    ``framing`` is that of Modbus, ``any_transaction`` that its gateway answers with transaction
    numbers of its own; on a serial line ``serial`` replaces host and port. ``template``
    is the likely device template. ``notes`` say what could not be found out; ``same_instance`` are
    the places of other devices that bear its instance.
    """

    protocol: str
    host: str
    port: int
    instance: int | None = None
    unit: int | None = None
    primary: int | None = None
    secondary: str | None = None
    network: int | None = None
    mac: str | None = None
    framing: Framing | None = None
    any_transaction: bool = False
    serial: SerialLine | None = None
    template: str | None = None
    name: str | None = None
    vendor: str | None = None
    vendor_id: int | None = None
    model: str | None = None
    firmware: str | None = None
    serial_number: str | None = None
    max_apdu: int | None = None
    segmentation: str | None = None
    objects: tuple[FoundObject, ...] = ()
    notes: tuple[str, ...] = ()
    same_instance: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> Fingerprint:
        """What the device says it is."""
        return Fingerprint(
            vendor=self.vendor, model=self.model, name=self.name, serial=self.serial_number
        )

    @property
    def place(self) -> str:
        """Its address in words; behind a router with network and MAC."""
        address = f"{self.host}:{self.port}" if self.serial is None else self.serial.path
        if self.network is None:
            return address
        return f"{self.mac} in network {self.network} behind {address}"

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)
