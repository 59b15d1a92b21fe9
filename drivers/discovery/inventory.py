"""What a discovery, or a list that a controls contractor handed over, says of devices."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bms.model.assets.device import Framing, SerialLine


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundObject:
    """One object of a BACnet device, or one named register of a Modbus device.

    ``unit`` is in the words of the protocol. ``commandable`` is None where it is not known;
    ``slots`` are the occupied slots of its priority array. ``value`` is what was read, None where
    nothing was, and ``error`` then says why.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDevice:
    """A device. ``network`` and ``mac`` (hexadecimal) say where it is behind a router.

    ``framing`` is how Modbus frames travel; on a serial line ``serial`` stands for host and port.
    ``template`` is the device template that most likely fits.
    ``notes`` tell a person what could not be found out.
    """

    protocol: str
    host: str
    port: int
    instance: int | None = None
    unit: int | None = None
    network: int | None = None
    mac: str | None = None
    framing: Framing | None = None
    serial: SerialLine | None = None
    template: str | None = None
    name: str | None = None
    vendor: str | None = None
    vendor_id: int | None = None
    model: str | None = None
    firmware: str | None = None
    max_apdu: int | None = None
    segmentation: str | None = None
    objects: tuple[FoundObject, ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)
