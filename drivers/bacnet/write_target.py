"""What may be written to a BACnet point, and which priority slot overrides a write. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bms.model.assets.address import BacnetAddress
from bms.model.assets.point import Point
from bms.model.assets.write_rule import ReleaseKind
from bms.model.control.command import Command, Overridden
from bms.model.control.reasons import Holder
from bms.model.fact import fact
from bms.model.readings.device_units import SAME, LinearScale
from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.services import Reference
from drivers.bacnet.link import property_reference

_OPERATOR = 8
_BINARY = (4, 5)

# How a present value is written, by object type (clause 12).
_WRITERS: dict[int, Callable[[float], bytes]] = {
    1: values.real,  # analog-output
    2: values.real,  # analog-value
    4: values.enumerated,  # binary-output
    5: values.enumerated,  # binary-value
    14: values.unsigned,  # multi-state-output
    19: values.unsigned,  # multi-state-value
    45: values.signed,  # integer-value
    46: values.double,  # large-analog-value
    48: values.unsigned,  # positive-integer-value
}


@dataclass(frozen=True, slots=True)
class WriteTarget:
    """A writable point: its properties, our priority, the encoder of what the object has, and how
    its numbers become values of the point."""

    present_value: Reference
    priority_array: Reference
    priority: int
    encoded: Callable[[float], bytes]
    scale: LinearScale = SAME

    def encode(self, value: float) -> bytes:
        """A value in the unit of the point, as the object takes it. Raises ValueError for what it
        cannot take."""
        return self.encoded(self.raw(value))

    def raw(self, value: float) -> float:
        """A value in the unit of the point as a number of the object."""
        return value if self.scale is SAME else self.scale.to_device(value)

    def shown(self, raw: float | None) -> float | None:
        """A number of the object in the unit of the point."""
        return raw if raw is None or self.scale is SAME else self.scale.to_point(raw)


def point_reference(point: Point) -> Reference:
    """The property of a point. Raises ValueError for another protocol and unknown names."""
    if not isinstance(point.address, BacnetAddress):
        raise ValueError("not a BACnet address")
    return property_reference(point.address)


def write_target(point: Point) -> WriteTarget:
    """The target of writes to a point. Raises ValueError when it cannot be written or released."""
    present_value = point_reference(point)
    rule = point.write
    if rule is None:
        raise ValueError("not a writable point")
    if rule.release.kind is ReleaseKind.REMOTE_ENABLE:
        raise ValueError(
            "the way back remote_enable is none of a BACnet point; use null, constant or timetable"
        )
    encoded = encoder(present_value)
    array = Reference(present_value.object_type, present_value.instance, codec.PRIORITY_ARRAY)
    return WriteTarget(present_value, array, rule.priority, encoded)


def encoder(reference: Reference) -> Callable[[float], bytes]:
    """The encoder of what a property takes. Raises ValueError for one that is not written."""
    found = _WRITERS.get(reference.object_type)
    if found is None or reference.property_id != codec.PRESENT_VALUE:
        raise ValueError("only the present value of an output or value object is written")
    return _binary if reference.object_type in _BINARY else found


def _binary(value: float) -> bytes:
    if value not in (0.0, 1.0):
        raise ValueError(f"{value} is neither of the two states of a binary object")
    return values.enumerated(value)


def overriding_slot(
    command: Command, target: WriteTarget, slots: Mapping[int, float | None]
) -> Overridden | None:
    """The outcome where a slot of a higher priority than ours is occupied, else None."""
    above = sorted(slot for slot in slots if slot < target.priority)
    if not above:
        return None
    by = Holder.OPERATOR if above[0] <= _OPERATOR else Holder.PROGRAM
    return Overridden(command, above[0], target.shown(slots[above[0]]), fact(by))
