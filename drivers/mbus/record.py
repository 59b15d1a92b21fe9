"""What a meter's answer says: its header, and its records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bms.model.assets.address import MbusFunction, MbusQuantity
from bms.model.assets.device import Fingerprint
from bms.model.readings.device_units import NO_UNITS

MEDIA = {
    0x00: "other", 0x01: "oil", 0x02: "electricity", 0x03: "gas", 0x04: "heat (return)",
    0x05: "steam", 0x06: "warm water", 0x07: "water", 0x08: "heat cost allocator",
    0x09: "compressed air", 0x0A: "cooling (return)", 0x0B: "cooling (flow)", 0x0C: "heat (flow)",
    0x0D: "heat and cooling", 0x0E: "bus system", 0x0F: "unknown", 0x15: "hot water",
    0x16: "cold water", 0x17: "dual water", 0x18: "pressure", 0x19: "converter",
}  # fmt: skip
"""Names of the medium octet (EN 13757-3, table 6)."""
_APPLICATION = {1: "the meter is busy", 2: "an error of its application"}
_LOW_POWER, _PERMANENT, _TEMPORARY = 0x04, 0x08, 0x10


@dataclass(frozen=True, slots=True)
class MeterHeader:
    """Who answers, and how it is. ``number`` are the eight digits of its identification,
    ``maker`` three letters. A short header says only how it is."""

    number: str = ""
    maker: str = ""
    version: int = 0
    medium: int = 0x0F
    access: int = 0
    status: int = 0
    encrypted: bool = False
    wire: bytes = b""
    """Its secondary address, eight octets as on the line."""

    @property
    def identified(self) -> bool:
        """Whether it says who answers."""
        return bool(self.wire)

    @property
    def secondary(self) -> str:
        """Its secondary address as sixteen digits, as site files have it."""
        return self.number + self.wire[4:].hex().upper()

    @property
    def medium_name(self) -> str:
        """What it measures, in words."""
        return MEDIA.get(self.medium, f"medium {self.medium:02X}")

    @property
    def fingerprint(self) -> Fingerprint:
        """What it says it is."""
        if not self.identified:
            return Fingerprint()
        model = f"{self.medium_name}, version {self.version}"
        return Fingerprint(vendor=self.maker, model=model, serial=self.number)

    @property
    def fault(self) -> str | None:
        """Why its values are in doubt, by its status octet (EN 13757-3, table 8); None: they are
        not."""
        found = [_APPLICATION.get(self.status & 0x03)]
        found.append("a permanent error" if self.status & _PERMANENT else None)
        found.append("a temporary error" if self.status & _TEMPORARY else None)
        said = [each for each in found if each is not None]
        return "the meter reports " + ", ".join(said) if said else None

    @property
    def warning(self) -> str | None:
        """What it reports that does not touch its values: a low battery, an alarm."""
        found = ["an alarm"] if self.status & 0x03 == 0x03 else []
        found += ["low power"] if self.status & _LOW_POWER else []
        return "the meter reports " + ", ".join(found) if found else None


@dataclass(frozen=True, slots=True)
class DataRecord:
    """One value. ``header`` are its DIF and VIF octets, ``number`` what stands behind them as it
    is, ``value`` that in ``unit``; both None with ``problem`` as the reason, or where it is a
    ``text``. A moment is ``at``."""

    header: bytes
    data: bytes
    quantity: MbusQuantity | None = None
    function: MbusFunction = MbusFunction.INSTANTANEOUS
    storage: int = 0
    tariff: int = 0
    subunit: int = 0
    modified: bool = False
    unit: str = NO_UNITS
    number: float | None = None
    value: float | None = None
    at: datetime | None = None
    text: str | None = None
    problem: str | None = None
