"""Names of BACnet's numbers: object types, units, segmentation."""

from __future__ import annotations

from bacpypes3.basetypes import EngineeringUnits, Segmentation
from bacpypes3.primitivedata import ObjectType


def object_type(number: int) -> str:
    """``analog-value`` for 2; a number without a name stays one."""
    return str(ObjectType(number))


def object_type_number(name: str) -> int:
    """2 for ``analog-value``. Raises ValueError for an unknown name."""
    return int(ObjectType(name))


def unit(number: int) -> str:
    """``degrees-celsius`` for 62."""
    return str(EngineeringUnits(number))


def segmentation(number: int) -> str:
    """``segmented-both`` for 0."""
    return str(Segmentation(number))
